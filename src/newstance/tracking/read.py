"""Reading a run back: from MLflow, or from its folder where the store doesn't have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from newstance.files import read_json
from newstance.tracking.folder import Identity, Scores, Settings, Timing, numbers, parse, texts
from newstance.tracking.store import COMPLETE, TRACK, Store, load_mlflow, opened_to_read

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(frozen=True)
class FoundRun:
    """A run as MLflow has it.

    Attributes
    ----------
    source
        Where it was found: ``MLflow`` or ``run folder``.
    experiment
        The MLflow experiment that holds it.
    name
        Its name, which is the experiment's.
    params
        The experiment's settings, flat; values as text.
    metrics
        Means over seeds, flat.
    seeds
        The parameters of each nested run, which say what that seed chose from the grid.
    """

    source: str
    experiment: str
    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    seeds: dict[int, dict[str, str]]


def find_run(folder: Path) -> FoundRun | None:
    """Find the run of a run folder in MLflow, by the `id` in its run.json.

    Returns
    -------
    FoundRun or None
        None where the store doesn't have it whole, or isn't there yet.

    Raises
    ------
    NewstanceError
        When the folder is damaged, mlflow isn't installed, or the store can't be read.
    """
    identity = parse(Identity, read_json(folder / "run.json"), folder / "run.json")
    name = f"newstance-{_settings(folder).task}"
    load_mlflow()
    with opened_to_read(f"{TRACK} {folder}") as client:
        experiment = client.get_experiment_by_name(name) if client else None
        if client is None or experiment is None:
            return None
        parent, nested = Store(client, experiment.experiment_id).runs(identity)
    if parent is None or parent.data.tags.get(COMPLETE) != "true":
        return None
    return _found(name, parent, nested)


def _found(experiment: str, parent: Run, nested: dict[int, Run]) -> FoundRun:
    params = {seed: dict(run.data.params) for seed, run in sorted(nested.items())}
    return FoundRun("MLflow", experiment, parent.info.run_name, parent.data.params, parent.data.metrics, params)


def read_folder(folder: Path) -> FoundRun:
    """Read from a run folder what `newstance.tracking.track` logs of it; its models need not be there.

    Raises
    ------
    NewstanceError
        When a file is missing or damaged.
    """
    settings = _settings(folder)
    metrics = numbers(read_json(folder / "metrics.json"), folder / "metrics.json")
    timing = parse(Timing, read_json(folder / "timing.json"), folder / "timing.json").model_dump()
    scores = parse(Scores, read_json(folder / "scores.json"), folder / "scores.json").seeds
    seeds = {seed: texts({"seed": seed, **values.get("chosen", {})}) for seed, values in scores.items()}
    name, experiment = settings.experiment, f"newstance-{settings.task}"
    return FoundRun("run folder", experiment, name, texts(settings.model_dump()), metrics | timing, seeds)


def _settings(folder: Path) -> Settings:
    return parse(Settings, read_json(folder / "settings.json"), folder / "settings.json")
