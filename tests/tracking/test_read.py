from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from newstance import tracking
from newstance.errors import NewstanceError
from newstance.tracking.read import find_run, read_folder
from newstance.tracking.store import COMPLETE
from runs import write_run
from tracking.contents import found

pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


def test_a_store_that_is_not_there_yet_has_no_run_and_is_not_made(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert find_run(folder) is None
    assert not (tmp_path / "none.db").exists()


def test_a_store_without_the_experiment_has_no_run(client: MlflowClient, folder: Path) -> None:
    assert find_run(folder) is None


def test_a_tracked_run_is_found_with_what_its_folder_says(client: MlflowClient, folder: Path) -> None:
    tracking.track(folder)
    tracked, recorded = find_run(folder), read_folder(folder)
    assert tracked is not None
    assert (tracked.source, recorded.source) == ("MLflow", "run folder")
    assert tracked.experiment == recorded.experiment == "newstance-stance"
    assert tracked.name == recorded.name == "stance-tfidf"
    assert tracked.params == recorded.params
    assert tracked.metrics == recorded.metrics
    assert list(tracked.seeds) == list(recorded.seeds) == [1, 2]
    for seed, params in recorded.seeds.items():
        assert params.items() <= tracked.seeds[seed].items()
        assert params["C"] in ("0.5", "1.0")


def test_a_run_that_is_not_logged_whole_does_not_count(client: MlflowClient, folder: Path) -> None:
    tracking.track(folder)
    parent, _ = found(client, folder)
    client.delete_tag(parent.info.run_id, COMPLETE)
    assert find_run(folder) is None


def test_another_run_of_the_same_experiment_is_not_taken_for_it(client: MlflowClient, folder: Path) -> None:
    tracking.track(folder)
    assert find_run(write_run(folder.parent / "again")) is None


def test_a_folder_is_read_without_its_models(folder: Path) -> None:
    before = read_folder(folder)
    for model in folder.glob("seeds/*/model"):
        for part in sorted(model.rglob("*"), reverse=True):
            part.unlink() if part.is_file() else part.rmdir()
    assert read_folder(folder) == before


def test_a_damaged_folder_is_named(folder: Path) -> None:
    (folder / "metrics.json").unlink()
    with pytest.raises(NewstanceError, match=r"metrics\.json is missing"):
        read_folder(folder)
