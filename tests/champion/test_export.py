from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from newstance.bundle.manifest import read_manifest
from newstance.champion.export import export
from newstance.errors import NewstanceError
from newstance.tracking import registry
from tiny_bundle import CHAMPIONS, TinyBundles, sign_again


@pytest.fixture
def registered(tiny_bundles: TinyBundles, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Where the registry's champions are, by task; a test may put others there."""
    champions = dict(tiny_bundles.single)

    def fetch_bundle(task: str, folder: Path) -> Path:
        if task not in champions:
            raise NewstanceError(f"Task '{task}' has no champion.")
        return Path(shutil.copytree(champions[task], folder / "bundle"))

    monkeypatch.setattr(registry, "fetch_bundle", fetch_bundle)
    return champions


def test_the_champions_of_all_tasks_become_one_bundle_that_is_loaded(
    registered: dict[str, Path], tiny_bundles: TinyBundles, tmp_path: Path
) -> None:
    bundle = export(list(CHAMPIONS), tmp_path / "out/bundle")
    manifest, version = read_manifest(tmp_path / "out/bundle")
    assert (bundle.about, bundle.version) == (manifest, version)
    assert version == read_manifest(tiny_bundles.merged)[1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bundle"]


def test_a_new_export_takes_the_place_of_the_old_one(registered: dict[str, Path], tmp_path: Path) -> None:
    export(["view"], tmp_path / "bundle")
    assert set(export(["leaning"], tmp_path / "bundle").schemes) == {"leaning"}
    assert set(read_manifest(tmp_path / "bundle")[0].tasks) == {"leaning"}


def test_when_a_task_has_no_champion_the_old_bundle_stays(registered: dict[str, Path], tmp_path: Path) -> None:
    _, version = export(["view"], tmp_path / "bundle"), read_manifest(tmp_path / "bundle")[1]
    del registered["subject"]
    with pytest.raises(NewstanceError, match="Task 'subject' has no champion"):
        export(["view", "subject"], tmp_path / "bundle")
    assert read_manifest(tmp_path / "bundle")[1] == version


@pytest.mark.parametrize("signed", [False, True])
def test_when_a_registered_bundle_was_changed_or_does_not_load_the_old_bundle_stays(
    signed: bool, registered: dict[str, Path], tiny_bundles: TinyBundles, tmp_path: Path
) -> None:
    version = export(["view"], tmp_path / "bundle").version
    changed = Path(shutil.copytree(tiny_bundles.single["leaning"], tmp_path / "changed"))
    (changed / "tasks/leaning/model.json").write_text("{}", encoding="utf-8")
    if signed:
        sign_again(changed)
    registered["leaning"] = changed
    problem = r"'temperature' is missing.*export" if signed else r"model\.json is not the file that was exported"
    with pytest.raises(NewstanceError, match=problem):
        export(["view", "leaning"], tmp_path / "bundle")
    assert read_manifest(tmp_path / "bundle")[1] == version
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "changed"]


def test_an_empty_registry_says_which_task_has_no_champion_and_what_to_do(client: MlflowClient, tmp_path: Path) -> None:
    with pytest.raises(NewstanceError, match=r"Task 'view' has no champion .*newstance champion"):
        export(["view"], tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
