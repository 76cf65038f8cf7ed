from __future__ import annotations

import uuid
from typing import Any

import pytest
from mlflow import MlflowClient

from newstance.tracking.folder import Identity, Settings
from newstance.tracking.search import LiveSearch
from newstance.tracking.store import opened
from runs import settings_of

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


@pytest.fixture
def identity() -> Identity:
    run = {"id": uuid.uuid4().hex, "created": "2026-01-02T03:04:05Z", "git_commit": None, "dvc_stage": None}
    return Identity.model_validate(run)


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(settings_of())


@pytest.mark.parametrize("first_is_second", [False, True])
def test_machines_that_start_a_search_at_the_same_moment_end_with_one_parent(
    client: MlflowClient,
    identity: Identity,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    first_is_second: bool,
) -> None:
    ids = ("b" * 32, "a" * 32) if first_is_second else ("a" * 32, "b" * 32)
    names = iter(ids)
    made = MlflowClient.create_run

    def create_run(self: MlflowClient, *given: Any, **settings: Any) -> Any:
        with monkeypatch.context() as patched:
            if "mlflow.parentRunId" not in settings["tags"]:
                fixed = uuid.UUID(next(names))
                patched.setattr("mlflow.store.tracking.sqlalchemy_store.uuid.uuid4", lambda: fixed)
            return made(self, *given, **settings)

    monkeypatch.setattr(MlflowClient, "create_run", create_run)
    find = LiveSearch._find
    looked = [None]
    one, other = LiveSearch(identity), LiveSearch(identity)
    one.start(settings)
    one.trial_started(0, {"C": 1.0})
    # The other has looked before the first made its parent.
    monkeypatch.setattr(LiveSearch, "_find", lambda self, *given: looked.pop() if looked else find(self, *given))
    other.start(settings)
    other.trial_started(1, {"C": 2.0})
    one.trial_started(2, {"C": 3.0})
    for search in (one, other):
        search.end("FINISHED", {"macro_f1": 0.5})
    runs = client.search_runs([client.get_experiment_by_name("newstance-stance").experiment_id])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.run_id == min(ids)
    assert parent.info.status == "FINISHED"
    below = {run.data.tags["newstance.trial"]: run.data.tags["mlflow.parentRunId"] for run in runs if run != parent}
    assert below == dict.fromkeys("012", parent.info.run_id)


def test_an_experiment_that_another_machine_makes_at_the_same_moment_is_taken(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.create_experiment("newstance-frame")
    seen = MlflowClient.get_experiment_by_name
    looks: list[str] = []

    def look(self: MlflowClient, name: str) -> Any:
        looks.append(name)
        return None if len(looks) == 1 else seen(self, name)

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", look)
    with opened("frame") as store:
        assert store.experiment_id == made


def test_a_search_whose_run_was_deleted_goes_on_without_it_and_says_so(
    client: MlflowClient, identity: Identity, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    search = LiveSearch(identity)
    search.start(settings)
    assert search.parent is not None
    client.delete_run(search.parent.info.run_id)
    search.trial_started(0, {"C": 1.0})
    assert "gone" in caplog.text
    assert search.store is None
