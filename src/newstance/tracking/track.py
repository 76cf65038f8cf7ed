"""Logging a finished run folder in MLflow, exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from newstance.tracking.folder import RunFolder
from newstance.tracking.model import link_model, log_model
from newstance.tracking.store import COMPLETE, HARDWARE, Store, load_mlflow, opened
from newstance.tracking.values import log_metrics, log_params, log_parent

if TYPE_CHECKING:
    from mlflow.entities import Run

ARTIFACTS = ("settings.json", "metrics.json", "scores.json", "training.json", "timing.json", "environment.json")


@dataclass(frozen=True)
class Tracked:
    """Where a run folder is in MLflow.

    Attributes
    ----------
    run_id
        MLflow's id of the parent run.
    created
        Whether this call made or completed it; False where it was complete before.
    """

    run_id: str
    created: bool


def track(folder: Path) -> Tracked:
    """Log a run folder in MLflow, unless it is there.

    A folder is known by the `id` in its run.json, so a copy is the same run. What an earlier attempt or a live run
    logged stays and what is missing is added; the tag ``newstance.complete`` is set last.

    Raises
    ------
    NewstanceError
        When a file is missing or damaged, mlflow isn't installed, or the store fails.
    """
    content = RunFolder.read(folder)
    load_mlflow()
    with opened(content.settings.task) as store:
        parent, nested = store.runs(content.identity)
        if parent is not None and parent.data.tags.get(COMPLETE) == "true":
            return Tracked(parent.info.run_id, created=False)
        parent = parent or store.create_parent(content.settings, content.identity)
        models = [_log_seed(store, parent, nested.get(seed), content, seed) for seed in content.settings.seeds]
        _log_experiment(store, parent, content, models[0])
        return Tracked(parent.info.run_id, created=True)


def _log_seed(store: Store, parent: Run, run: Run | None, folder: RunFolder, seed: int) -> str:
    """Complete the nested run of a seed; return its model's id."""
    start, end = folder.times(seed)
    run = run or store.create_nested(parent, seed, start)
    run_id = run.info.run_id
    model_id = log_model(store, run, folder, seed)
    training = {"training": folder.training[seed].model_extra or {}}
    log_params(store, run_id, {"seed": seed, **folder.scores.seeds[seed].get("chosen", {}), **training})
    scores = [(name, value, 0) for name, value in folder.seed_metrics(seed).items()]
    log_metrics(store, run_id, scores, folder.identity, model_id)
    log_metrics(store, run_id, folder.curves(seed), folder.identity)
    _finish(store, run, end)
    return model_id


def _log_experiment(store: Store, parent: Run, folder: RunFolder, model_id: str) -> None:
    """Complete the parent run, its tag last."""
    run_id = parent.info.run_id
    log_parent(store, parent, folder.settings)
    store.client.set_tag(run_id, HARDWARE, folder.environment.hardware)
    values = folder.metrics | folder.timing.model_dump()
    log_metrics(store, run_id, [(name, value, 0) for name, value in values.items()], folder.identity)
    for name in ARTIFACTS:
        store.client.log_artifact(run_id, str(folder.path / name))
    figures = folder.path / "figures"
    if figures.is_dir():
        store.client.log_artifacts(run_id, str(figures), "figures")
    link_model(store, parent, model_id)
    _finish(store, parent, folder.times(folder.settings.seeds[-1])[1])
    store.client.set_tag(run_id, COMPLETE, "true")


def _finish(store: Store, run: Run, end: int) -> None:
    """End a run; one that was shown live keeps the time at which it did end."""
    store.client.set_terminated(run.info.run_id, "FINISHED", run.info.end_time or end)
