from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from newstance import tracking
from newstance.files import read_json
from runs import settings_of, write_run
from tracking.contents import everything, found, run_live

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


def test_a_live_run_shows_its_state_while_it_goes(client: MlflowClient, folder: Path) -> None:
    with tracking.live(settings_of(), read_json(folder / "run.json")) as run:
        run.seed_started(1)
        run.log_seed_metric(1, "search/macro_f1", 0.25, 0)
        run.seed_finished(1, {"test": {"macro_f1": 0.5}})
        run.seed_started(2)
        parent, nested = found(client, folder)
        assert (parent.info.status, nested[1].info.status, nested[2].info.status) == ("RUNNING", "FINISHED", "RUNNING")
        assert parent.data.params["model/family"] == "tfidf"
        assert nested[1].data.metrics == {"search/macro_f1": 0.25, "test/macro_f1": 0.5}
    parent, nested = found(client, folder)
    assert {parent.info.status, nested[2].info.status} == {"FINISHED"}
    assert "newstance.complete" not in parent.data.tags


@pytest.mark.parametrize("candidates", [1, 2])
def test_a_live_run_logged_again_from_its_folder_is_as_one_logged_once(
    client: MlflowClient, tmp_path: Path, use_another_store: Callable[[], MlflowClient], candidates: int
) -> None:
    folder = write_run(tmp_path / "runs/stance-tfidf", candidates=candidates, curves=True)
    run_live(folder)
    ended = found(client, folder)[0].info.end_time
    assert tracking.track(folder).created
    assert found(client, folder)[0].info.end_time == ended
    completed = everything(client, folder)
    other = use_another_store()
    tracking.track(folder)
    assert completed == everything(other, folder)


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "KILLED"), (ValueError("no words"), "FAILED"), (SystemExit(1), "FAILED")],
)
def test_a_live_run_that_stops_is_marked_and_reopened_by_the_same_id(
    client: MlflowClient, folder: Path, error: BaseException, status: str
) -> None:
    def stops() -> None:
        with tracking.live(settings_of(folder.name), read_json(folder / "run.json")) as run:
            run.seed_started(1)
            raise error

    with pytest.raises(type(error)):
        stops()
    parent, nested = found(client, folder)
    assert (parent.info.status, nested[1].info.status) == (status, status)

    run_live(folder)
    again, nested = found(client, folder)
    assert again.info.run_id == parent.info.run_id
    assert {run.info.status for run in (again, *nested.values())} == {"FINISHED"}


def test_a_store_that_fails_while_an_experiment_runs_does_not_stop_it(
    client: MlflowClient, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise ConnectionError("server went away")

    settings, identity = settings_of(folder.name), read_json(folder / "run.json")
    with monkeypatch.context() as patch, tracking.live(settings, identity) as run:
        patch.setattr(MlflowClient, "create_run", fails)
        run.seed_started(1)
        run.log_seed_metric(1, "loss", 1.0, 0)
        run.seed_finished(1, {"test": {"macro_f1": 0.5}})
    assert [record.levelname for record in caplog.records if "server went away" in record.message] == ["WARNING"]
    tracking.track(folder)
    assert found(client, folder)[0].info.status == "FINISHED"
