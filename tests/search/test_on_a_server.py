"""Searches beyond one machine: their runs go to an MLflow server, their trials to PostgreSQL.

Experiments, champions and notebooks on such a server are the smoke pipeline's.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from experiment.running import write_experiment
from mlflow_server import running_mlflow
from newstance.settings import Settings, load_settings
from newstance.tracking.store import PARENT
from postgres import Postgres
from projects import prepare, write_project
from search.searching import MODEL, RANGES, find, start, trials_of

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Operation with range")]


@dataclass(frozen=True)
class Place:
    """A project whose runs go to a server."""

    folder: Path
    settings: Settings
    client: MlflowClient


@pytest.fixture(scope="module")
def place(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A small project after a search."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, leaning=True)
    prepare(folder)
    with (
        running_mlflow(postgres.create("search_runs"), tmp_path_factory.mktemp("mlflow")) as uri,
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(folder),
    ):
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")  # seconds: both cores may be busy
        settings = load_settings()
        find(write_experiment("leaning-wide", "leaning", MODEL, search=RANGES), 3, settings)
        yield Place(folder, settings, MlflowClient(tracking_uri=uri))


def test_the_server_holds_a_search_and_its_trials(place: Place, postgres: Postgres) -> None:
    experiment = place.client.get_experiment_by_name("newstance-leaning")
    runs = place.client.search_runs([experiment.experiment_id])
    (parent,) = [one for one in runs if PARENT not in one.data.tags]
    assert parent.info.run_name == "leaning-wide-search"
    assert [one.data.tags[PARENT] for one in runs if one is not parent] == [parent.info.run_id] * 3
    assert {one.info.status for one in runs} == {"FINISHED"}
    assert postgres.ask("search_runs", "SELECT COUNT(*) FROM runs") == [(4,)]
    assert not list(place.folder.glob("mlflow.db*")), "nothing goes to a file beside it"


def test_two_processes_search_on_one_database(place: Place, postgres: Postgres) -> None:
    url = postgres.create("search").replace("+psycopg2", "")  # as people write it
    path = write_experiment("leaning-shared", "leaning", MODEL, search=RANGES)
    arguments = ("search", str(path), "--trials", "6", "--storage", url)
    processes = [start("search.beside", *arguments) for _ in range(2)]
    said = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert all(postgres.password not in one for one in said)
    table = trials_of("leaning-shared")
    assert len(table) == 6
    assert not table.duplicated(subset=list(RANGES)).any()
    assert len(set(Path("owners.txt").read_text().split())) == 2, "both had some"
    kept = postgres.ask("search", "SELECT COUNT(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')")
    assert kept == [(6,)]


def test_a_trial_left_on_a_database_is_tried_again_when_its_process_is_silent(
    place: Place, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newstance.search.storage.HEARTBEAT", 1)
    monkeypatch.setattr("newstance.search.storage.SILENCE", 3)
    url = postgres.create("left")
    path = write_experiment("leaning-left", "leaning", MODEL, search=RANGES)
    killed = start("search.killed", "search", str(path), "--trials", "3", "--storage", url)
    assert killed.wait(timeout=240) == -signal.SIGKILL
    table = find(path, 3, place.settings, url).table
    assert len(table) == 3
    assert postgres.ask("left", "SELECT COUNT(*) FROM trials WHERE state = 'FAIL'") == [(1,)]
