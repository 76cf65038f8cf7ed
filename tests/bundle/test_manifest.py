import json
import shutil

import pytest

from newstance.bundle.manifest import FORMAT, MANIFEST, Manifest, TaskInfo, file_hashes, read_manifest, write_manifest
from newstance.errors import NewstanceError

TASK = TaskInfo(
    experiment="topic-svm",
    run_id="0" * 32,
    seed=1,
    title="TF-IDF + linear SVM",
    kind="linear",
    metrics={"test/macro_f1": 0.5},
    data="0" * 64,
    precision="fp32",
)
TERMS = "tasks/topic/terms.json"


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    (folder / "tasks/topic").mkdir(parents=True)
    (folder / TERMS).write_text('["ferry"]', encoding="utf-8")
    (folder / "targets.json").write_text("{}", encoding="utf-8")
    write_manifest(folder, Manifest(package="0.1.0", tasks={"topic": TASK}, files=file_hashes(folder)))
    return folder


def change(folder, **keys):
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(content | keys), encoding="utf-8")


def refusal(folder):
    with pytest.raises(NewstanceError) as caught:
        read_manifest(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_whole_bundle_is_read_with_its_tasks_and_a_version(bundle):
    manifest, version = read_manifest(bundle)
    assert manifest.tasks == {"topic": TASK}
    assert set(manifest.files) == {TERMS, "targets.json"}
    assert len(version) == 12


def test_the_version_stays_in_another_place_and_changes_with_the_content(bundle, tmp_path):
    _, version = read_manifest(bundle)
    shutil.copytree(bundle, tmp_path / "copy")
    assert read_manifest(tmp_path / "copy")[1] == version
    (bundle / TERMS).write_text('["tram"]', encoding="utf-8")
    write_manifest(bundle, Manifest(package="0.1.0", tasks={"topic": TASK}, files=file_hashes(bundle)))
    assert read_manifest(bundle)[1] != version


@pytest.mark.parametrize("name", [TERMS, "targets.json"])
def test_a_changed_file_is_refused_by_name_even_when_its_size_is_the_same(bundle, name):
    content = bytearray((bundle / name).read_bytes())
    content[0] ^= 1
    (bundle / name).write_bytes(content)
    message = refusal(bundle)
    assert str(bundle / name) in message
    assert "not the file that was exported" in message


@pytest.mark.parametrize("name", [TERMS, "targets.json"])
def test_a_missing_file_is_refused_by_name(bundle, name):
    (bundle / name).unlink()
    message = refusal(bundle)
    assert str(bundle / name) in message
    assert "is missing" in message


@pytest.mark.parametrize("name", ["model.pkl", "tasks/topic/more.json", "tasks/manifest.json"])
def test_a_file_that_the_manifest_does_not_name_is_refused_by_name(bundle, name):
    (bundle / name).write_text("{}", encoding="utf-8")
    message = refusal(bundle)
    assert str(bundle / name) in message
    assert "not named" in message


@pytest.mark.parametrize("found", [FORMAT + 1, "1", None])
def test_another_format_is_refused_with_both_numbers(bundle, found):
    change(bundle, format=found)
    message = refusal(bundle)
    assert str(bundle / MANIFEST) in message
    assert f"format is {found!r}" in message
    assert f"reads {FORMAT}" in message


@pytest.mark.parametrize("content", ["[]", "null", "3"])
def test_a_manifest_that_is_no_mapping_is_refused(bundle, content):
    (bundle / MANIFEST).write_text(content, encoding="utf-8")
    assert str(bundle / MANIFEST) in refusal(bundle)


def test_a_manifest_cut_short_is_refused(bundle):
    whole = (bundle / MANIFEST).read_text(encoding="utf-8")
    (bundle / MANIFEST).write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert "not valid JSON" in refusal(bundle)


@pytest.mark.parametrize(
    ("keys", "named"), [({"tasks": {}}, "tasks"), ({"files": ["a"]}, "files"), ({"extra": 1}, "extra")]
)
def test_a_wrong_key_is_named(bundle, keys, named):
    change(bundle, **keys)
    assert named in refusal(bundle)


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_a_manifest_is_no_bundle_and_the_command_that_writes_one_is_named(tmp_path, there):
    folder = tmp_path / "bundle"
    if there:
        folder.mkdir()
    message = refusal(folder)
    assert str(folder) in message
    assert "newstance export" in message
