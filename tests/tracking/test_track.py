from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from newstance import tracking
from newstance.errors import NewstanceError
from newstance.files import read_json, write_json
from runs import TEMPERATURE, UNITS, run_of, settings_of, write_run
from tracking.contents import artifacts, everything, found

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


def test_a_folder_becomes_a_parent_run_with_one_nested_run_a_seed(client: MlflowClient, folder: Path) -> None:
    (folder / "figures").mkdir()
    (folder / "figures/confusion.svg").write_text("<svg/>")
    tracked = tracking.track(folder)
    parent, nested = found(client, folder)

    assert tracked == tracking.Tracked(parent.info.run_id, created=True)
    assert sorted(nested) == [1, 2]
    identity = read_json(folder / "run.json")
    expected = {
        "newstance.run_id": identity["id"],
        "newstance.experiment": "stance-tfidf",
        "newstance.task": "stance",
        "newstance.role": "baseline",
        "newstance.dvc_stage": "experiment@stance-tfidf",
        "newstance.hardware": "2 cores, Model 9",
        "newstance.complete": "true",
        "mlflow.source.git.commit": identity["git_commit"],
        "mlflow.runName": "stance-tfidf",
    }
    assert expected.items() <= parent.data.tags.items()
    assert parent.data.params["model/classifier/kind"] == "logistic"
    assert parent.data.params["grid/C"] == "[0.5, 1.0]"
    assert parent.data.metrics == {
        "validation/accuracy": 0.75,
        "test/accuracy": 0.5,
        "test/macro_f1": 0.4,
        "fit_seconds": 12.5,
        "predict_seconds_per_unit": 0.001,
    }
    names = ["environment", "metrics", "scores", "settings", "timing", "training"]
    assert artifacts(client, parent) == sorted([*(f"{name}.json" for name in names), "figures/confusion.svg"])
    assert parent.info.status == "FINISHED"
    assert parent.info.end_time - parent.info.start_time == 25_000

    second = nested[2]
    assert second.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert second.data.params == {"seed": "2", "C": "1.0", "training/units": "6", "training/pruned": "1"}
    assert second.data.metrics["test/macro_f1"] == 0.4
    assert second.data.metrics["temperature"] == TEMPERATURE
    history = client.get_metric_history(second.info.run_id, "search/macro_f1")
    assert [(point.step, point.value) for point in history] == [(0, 0.1), (1, 0.2), (2, pytest.approx(0.3))]
    assert second.info.start_time - parent.info.start_time == 12_500


def curve(client: MlflowClient, run: Run, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, f"training/{name}")]


def test_a_seeds_run_has_the_curves_of_its_training(client: MlflowClient, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs/stance-transformer", candidates=1, curves=True)
    tracking.track(folder)
    for run in found(client, folder)[1].values():
        assert curve(client, run, "loss") == [(1, 1.098612), (3, 0.707107)]
        assert curve(client, run, "learning_rate") == [(1, 0.000123), (3, 0.0)]
        assert curve(client, run, "macro_f1") == [(2, 0.333333), (4, 0.666667)]
        assert curve(client, run, "log_loss") == [(2, 1.012346), (4, 0.876543)]
        assert run.data.params["training/best_epoch"] == "2"
        assert not [name for name in run.data.params if "curve" in name or "epochs" in name]


def test_trainings_of_several_candidates_are_not_mixed_into_one_curve(client: MlflowClient, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs/stance-transformer", candidates=2, curves=True)
    tracking.track(folder)
    for run in found(client, folder)[1].values():
        assert not [name for name in run.data.metrics if name.startswith("training/")]
        assert [point.step for point in client.get_metric_history(run.info.run_id, "search/macro_f1")] == [0, 1]


def test_what_an_ensemble_is_made_of_is_a_parameter(client: MlflowClient, folder: Path) -> None:
    made_of = {"members": ["stance-tfidf-svm", "stance-pair"], "weights": [0.25, 0.75]}
    write_json(folder / "training.json", {"1": made_of, "2": made_of})
    tracking.track(folder)
    params = found(client, folder)[1][1].data.params
    assert params["training/weights"] == "[0.25, 0.75]"
    assert params["training/members"] == '["stance-tfidf-svm", "stance-pair"]'


def test_scores_of_a_second_label_are_metrics_by_their_path(client: MlflowClient, folder: Path) -> None:
    scores, metrics = read_json(folder / "scores.json"), read_json(folder / "metrics.json")
    scores["seeds"]["2"]["auxiliary"] = {"validation": {"accuracy": 0.6}, "test": {"accuracy": 0.75, "macro_f1": 0.5}}
    write_json(folder / "scores.json", scores)
    write_json(folder / "metrics.json", metrics | {"auxiliary": {"test": {"macro_f1": 0.25}}})
    tracking.track(folder)
    parent, nested = found(client, folder)
    assert parent.data.metrics["auxiliary/test/macro_f1"] == 0.25
    second = {name: value for name, value in nested[2].data.metrics.items() if name.startswith("auxiliary")}
    assert second == {
        "auxiliary/validation/accuracy": 0.6,
        "auxiliary/test/accuracy": 0.75,
        "auxiliary/test/macro_f1": 0.5,
    }
    assert not [name for name in nested[1].data.metrics if name.startswith("auxiliary")]


def test_the_data_set_is_an_input_by_its_hash_and_without_its_texts(client: MlflowClient, folder: Path) -> None:
    tracking.track(folder)
    (data,) = found(client, folder)[0].inputs.dataset_inputs
    fingerprint = str(settings_of()["data"])
    assert fingerprint.startswith(data.dataset.digest)
    assert (data.dataset.name, len(data.dataset.digest)) == ("stance", 36)
    assert data.dataset.source == '{"uri": "data/prepared/stance"}'
    assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "training")]
    logged = [path.read_bytes() for path in Path("mlartifacts").rglob("*") if path.is_file()]
    assert not any(text.encode() in content for text in UNITS["text"] for content in [*logged, _database()])


def _database() -> bytes:
    return Path("mlflow.db").read_bytes()


def test_local_files_are_the_database_and_mlartifacts_only(client: MlflowClient, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    tracking.track(folder)
    assert sorted(path.name for path in Path().iterdir()) == ["mlartifacts", "mlflow.db", "mlflow.db.lock", "runs"]
    assert sorted(folder.rglob("*")) == before


def test_logging_again_or_a_copy_makes_no_second_run(client: MlflowClient, folder: Path, tmp_path: Path) -> None:
    first = tracking.track(folder)
    content = everything(client, folder)
    copy = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
    for again in (tracking.track(folder), tracking.track(copy)):
        assert again == tracking.Tracked(first.run_id, created=False)
    assert everything(client, folder) == content


def test_a_run_that_someone_deleted_is_made_again_whole(client: MlflowClient, folder: Path) -> None:
    first = tracking.track(folder)
    client.delete_run(first.run_id)
    second = tracking.track(folder)
    assert second.created
    experiment = client.get_experiment_by_name("newstance-stance")
    runs = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{second.run_id}'")
    assert sorted(run.data.tags["newstance.seed"] for run in runs) == ["1", "2"]


def test_another_execution_of_an_experiment_is_another_run(client: MlflowClient, folder: Path) -> None:
    first = tracking.track(folder)
    write_json(folder / "run.json", run_of())
    second = tracking.track(folder)
    assert second.created
    assert second.run_id != first.run_id


@pytest.mark.parametrize(
    "death",
    [
        ("create_run", 2),
        ("log_model_artifacts", 1),
        ("finalize_logged_model", 2),
        ("log_outputs", 3),
        ("log_batch", 2),
        ("log_batch", 8),
        ("log_artifact", 3),
        ("set_terminated", 1),
        ("set_tag", 1),
        ("set_tag", 2),
    ],
)
def test_an_attempt_that_died_half_way_is_completed_and_not_doubled(
    client: MlflowClient,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    use_another_store: Callable[[], MlflowClient],
    death: tuple[str, int],
) -> None:
    step, call = death
    original = getattr(MlflowClient, step)
    calls = iter(range(1, 1000))

    def dies(self: MlflowClient, *args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, dies)
        with pytest.raises(KeyboardInterrupt):
            tracking.track(folder)
    assert found(client, folder)[0].data.tags.get("newstance.complete") is None

    assert tracking.track(folder).created
    completed = everything(client, folder)
    other = use_another_store()
    tracking.track(folder)
    assert completed == everything(other, folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("settings.json", None, r"settings\.json is missing"),
        ("run.json", {"id": "not hexadecimal", "created": "2017-03-30T12:00:00Z"}, r"run\.json: key 'id'"),
        ("metrics.json", {"test": {"macro_f1": "high"}}, r"metrics\.json: metric 'test/macro_f1' must be a number"),
        ("scores.json", {"seeds": {"1": {}}, "search": []}, r"scores\.json lacks seed 2"),
        ("training.json", None, r"training\.json is missing"),
        ("training.json", {"1": {}}, r"training\.json lacks seed 2"),
        (
            "training.json",
            {"1": {"curve": [{"step": 1, "loss": 2}]}},
            r"training\.json: key '1\.curve\.0\.learning_rate'",
        ),
        ("training.json", [], r"training\.json: key"),
        ("environment.json", {"packages": {}}, r"environment\.json: key 'hardware' is missing"),
        ("seeds/1/calibration.json", None, r"calibration\.json is missing"),
        ("predictions.parquet", {}, r"predictions\.parquet is missing or damaged"),
    ],
)
def test_a_damaged_folder_is_an_error_before_anything_is_logged(
    client: MlflowClient, folder: Path, name: str, content: object, message: str
) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        write_json(folder / name, content)
    with pytest.raises(NewstanceError, match=message):
        tracking.track(folder)
    assert client.get_experiment_by_name("newstance-stance") is None


def test_a_path_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewstanceError, match="no run folder"):
        tracking.track(tmp_path / "nowhere")
