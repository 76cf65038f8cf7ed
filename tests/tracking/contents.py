"""What MLflow holds of a run folder, for comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from newstance import tracking
from newstance.files import read_json
from newstance.tracking.folder import Identity
from newstance.tracking.store import Store


def found(client: MlflowClient, folder: Path) -> tuple[Run, dict[int, Run]]:
    """Return the only parent run of a folder, and its nested runs."""
    experiment = client.get_experiment_by_name("newstance-stance")
    identity = Identity.model_validate(read_json(folder / "run.json"))
    assert experiment is not None
    parent, nested = Store(client, experiment.experiment_id).runs(identity)
    assert parent is not None
    assert len(client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)) == 1 + len(nested)
    return parent, nested


def artifacts(client: MlflowClient, run: Run, path: str | None = None) -> list[str]:
    files = client.list_artifacts(run.info.run_id, path)
    return sorted(
        name for file in files for name in (artifacts(client, run, file.path) if file.is_dir else [file.path])
    )


def everything(client: MlflowClient, folder: Path) -> dict[str, Any]:
    """Return all that MLflow holds of a folder, without MLflow's own ids."""
    parent, nested = found(client, folder)
    content: dict[str, Any] = {"models": len(client.search_logged_models([parent.info.experiment_id]))}
    for name, run in {"parent": parent, **nested}.items():
        points = [client.get_metric_history(run.info.run_id, key) for key in sorted(run.data.metrics)]
        outputs = client.get_run(run.info.run_id).outputs.model_outputs
        content[str(name)] = {
            "metrics": [(point.key, point.value, point.step) for history in points for point in history],
            "params": run.data.params,
            "tags": {key: value for key, value in run.data.tags.items() if key != "mlflow.parentRunId"},
            "data": [(data.dataset.name, data.dataset.digest) for data in run.inputs.dataset_inputs],
            "artifacts": artifacts(client, run),
            "status": run.info.status,
            "model": [
                (model.status, sorted((metric.key, metric.value) for metric in model.metrics))
                for model in (client.get_logged_model(output.model_id) for output in outputs)
            ],
        }
    return content


def run_live(folder: Path) -> None:
    """Do what an experiment does while it runs."""
    scores, training = read_json(folder / "scores.json"), read_json(folder / "training.json")
    with tracking.live(read_json(folder / "settings.json"), read_json(folder / "run.json")) as run:
        for seed, values in scores["seeds"].items():
            run.seed_started(int(seed))
            candidates = [tried for tried in scores["search"] if tried["seed"] == int(seed)]
            for point in (*training[seed].get("curve", ()), *training[seed].get("epochs", ())):
                for name in ("loss", "learning_rate", "macro_f1", "log_loss"):
                    if name in point and len(candidates) == 1:
                        run.log_seed_metric(int(seed), f"training/{name}", round(point[name], 6), point["step"])
            for step, tried in enumerate(candidates):
                run.log_seed_metric(int(seed), "search/macro_f1", tried["macro_f1"], step)
            run.seed_finished(int(seed), {"test": values["test"]})
