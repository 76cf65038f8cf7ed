from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from experiment.running import fail_at, transformer, write_experiment, yaml_of
from newstance import tracking
from newstance.errors import NewstanceError
from newstance.experiment import run as run_module
from newstance.experiment import run_experiment
from newstance.experiment.fit import fit
from newstance.files import read_json
from newstance.models.transformer.training import _NewsTrainer
from newstance.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


@pytest.fixture
def client(project: Settings, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A client of the project's own, new store."""
    from mlflow import MlflowClient

    shutil.copy(empty_database, "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return MlflowClient(tracking_uri=f"sqlite:///{Path.cwd() / 'mlflow.db'}")


def test_a_run_resumed_and_tracked_again_is_one_parent_with_one_nested_run_a_seed(
    project: Settings, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, 2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_experiment(yaml_of("subject-svm"), project)
    monkeypatch.setattr(run_module, "fit", fit)
    folder = run_experiment(yaml_of("subject-svm"), project)
    again = tracking.track(folder)
    assert not again.created

    (experiment,) = [one for one in client.search_experiments() if one.name == "newstance-subject"]
    runs = client.search_runs([experiment.experiment_id])
    nested = [one for one in runs if one.data.tags.get("mlflow.parentRunId") == again.run_id]
    assert len(runs) == 3
    assert sorted(one.data.params["seed"] for one in nested) == ["1", "2"]
    assert {one.info.status for one in runs} == {"FINISHED"}
    parent = client.get_run(again.run_id)
    assert parent.data.tags["newstance.run_id"] == read_json(folder / "run.json")["id"]
    metrics = read_json(folder / "metrics.json")
    assert parent.data.metrics["test/macro_f1"] == pytest.approx(metrics["test"]["macro_f1"])
    for one in nested:
        points = client.get_metric_history(one.info.run_id, "search/macro_f1")
        assert [point.step for point in points] == [0, 1]


def test_the_curves_of_a_training_show_live_and_once(
    tiny: Settings, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_experiment("subject-tiny", "subject", transformer(epochs=3))
    with monkeypatch.context() as interrupted:
        save = _NewsTrainer._save_checkpoint

        def interrupt(trainer: _NewsTrainer, *arguments: Any) -> None:
            save(trainer, *arguments)
            if trainer.state.global_step == 10:
                raise KeyboardInterrupt

        interrupted.setattr(_NewsTrainer, "_save_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_experiment(path, tiny)
    (experiment,) = [one for one in client.search_experiments() if one.name == "newstance-subject"]
    (seed,) = [one for one in client.search_runs([experiment.experiment_id]) if "seed" in one.data.params]
    points = {name: client.get_metric_history(seed.info.run_id, f"training/{name}") for name in ("loss", "macro_f1")}
    assert [point.step for point in points["macro_f1"]] == [5, 10], "the curve is there before the run is whole"

    training = read_json(run_experiment(path, tiny) / "training.json")["1"]
    for part, names in {"curve": ("loss", "learning_rate"), "epochs": ("macro_f1", "log_loss")}.items():
        for name in names:
            history = client.get_metric_history(seed.info.run_id, f"training/{name}")
            found = [(point.step, point.value) for point in history]
            assert found == [(point["step"], round(point[name], 6)) for point in training[part]], name


def test_a_store_that_fails_at_the_end_leaves_a_whole_folder_to_be_tracked_later(
    project: Settings, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(folder: Path) -> None:
        raise NewstanceError("The tracking store went away; run `newstance track` again.")

    with monkeypatch.context() as broken:
        broken.setattr(tracking, "track", failing)
        folder = run_experiment(yaml_of("subject-majority"), project)
    assert "store went away" in caplog.text
    assert "runs/subject-majority is whole" in caplog.text
    (experiment,) = [one for one in client.search_experiments() if one.name == "newstance-subject"]
    before = {one.info.run_id for one in client.search_runs([experiment.experiment_id])}
    assert tracking.track(folder).created
    assert {one.info.run_id for one in client.search_runs([experiment.experiment_id])} == before


def test_a_machine_without_mlflow_runs_all_the_same(project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "mlflow" else real(name, *rest)
    )
    folder = run_experiment(yaml_of("subject-majority"), project)
    assert (folder / "metrics.json").is_file()
    assert not list(Path.cwd().glob("mlflow.db*"))
