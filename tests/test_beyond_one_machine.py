"""Experiments, a search, a champion and its bundle against an MLflow server with PostgreSQL as its store.

Only a variable differs from work on one machine. The stages before (corpus, labels, splits) and after (comparison,
report) don't touch MLflow; the smoke pipeline runs them.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from experiment.running import write_experiment
from mlflow_server import running_mlflow
from newstance import load_champion, tracking
from newstance.bundle.answers import Article
from newstance.champion.export import export
from newstance.champion.register import register_champions
from newstance.experiment import run_experiment
from newstance.files import read_json
from newstance.settings import Settings, load_settings
from newstance.tracking import registry
from postgres import Postgres, running_postgres
from projects import LOGISTIC_REGRESSION, prepare, write_project
from search.searching import MODEL, RANGES, find, start, trials_of
from tiny_backbone import write_tiny_backbone
from tiny_bundle import small_novelty

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Operation with range")]
MAJORITY = {"kind": "majority"}
GOOD, POOR = "leaning-words", "leaning-majority"


@dataclass(frozen=True)
class Place:
    """A project whose runs go to a server."""

    folder: Path
    settings: Settings
    postgres: Postgres
    uri: str

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as found:
        yield found


@pytest.fixture(scope="module")
def place(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A small project after its experiments, a search, the choice of the champion and the export."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, leaning=True)
    prepare(folder)
    write_tiny_backbone(folder / "backbone", layers=2)
    with (
        running_mlflow(postgres.create("mlflow"), tmp_path_factory.mktemp("mlflow")) as uri,
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(folder),
        small_novelty(),
    ):
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        for name, model, seeds in ((GOOD, {**MODEL, "classifier": LOGISTIC_REGRESSION}, [1, 2]), (POOR, MAJORITY, [1])):
            write_experiment(name, "leaning", model, seeds=seeds, **({} if name == GOOD else {"role": "majority"}))
        params = yaml.safe_load(Path("params.yaml").read_text())
        Path("params.yaml").write_text(
            yaml.safe_dump({**params, "experiments": dict.fromkeys((GOOD, POOR), "leaning")})
        )
        settings = load_settings()
        for name in (GOOD, POOR):
            run_experiment(Path(f"experiments/{name}.yaml"), settings)
        find(write_experiment("leaning-wide", "leaning", MODEL, search=RANGES), 3, settings)
        register_champions(["leaning"], settings)
        export(["leaning"], Path("bundle"))
        yield Place(folder, settings, postgres, uri)


def test_the_database_holds_a_parent_and_its_nested_runs_whole(place: Place) -> None:
    client = place.client
    experiment = client.get_experiment_by_name("newstance-leaning")
    runs = client.search_runs([experiment.experiment_id])
    parents = {one.info.run_name: one for one in runs if "mlflow.parentRunId" not in one.data.tags}
    assert set(parents) == {GOOD, POOR, "leaning-wide-search"}
    nested = dict.fromkeys(parents, 0)
    for one in runs:
        if parent := one.data.tags.get("mlflow.parentRunId"):
            nested[client.get_run(parent).info.run_name] += 1
    assert nested == {GOOD: 2, POOR: 1, "leaning-wide-search": 3}
    assert {one.info.status for one in runs} == {"FINISHED"}
    metrics = read_json(place.folder / "runs" / GOOD / "metrics.json")
    assert parents[GOOD].data.metrics["test/macro_f1"] == pytest.approx(metrics["test"]["macro_f1"])
    assert place.postgres.ask("mlflow", "SELECT COUNT(*) FROM runs") == [(len(runs),)]
    assert not list(place.folder.glob("mlflow.db*")), "nothing goes to a file beside it"


def test_a_run_is_logged_once_and_its_artifacts_lie_with_the_server(place: Place) -> None:
    tracked = tracking.track(place.folder / "runs" / GOOD)
    assert not tracked.created
    names = {file.path for file in place.client.list_artifacts(tracked.run_id)}
    assert {"settings.json", "metrics.json", "figures"} <= names
    assert not (place.folder / "mlartifacts").exists()


def test_the_champion_is_registered_and_its_bundle_answers(place: Place) -> None:
    version = place.client.get_model_version_by_alias(registry.model_name("leaning"), "champion")
    assert version.tags["newstance.experiment"] == GOOD
    bundle = load_champion(place.folder / "bundle")
    assert {task: info.experiment for task, info in bundle.about.tasks.items()} == {"leaning": GOOD}
    assert bundle.probabilities("leaning", [Article("The union", "The union and its wages won the rent.")]).shape == (
        1,
        3,
    )


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
