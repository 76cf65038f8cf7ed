"""Run folders as the comparison reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from newstance.errors import NewstanceError
from newstance.files import describe_problems, read_json, read_parquet

ModelT = TypeVar("ModelT", bound=BaseModel)


class _Record(BaseModel):
    """Part of a JSON file: what else the file holds is not the comparison's concern."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ModelSettings(_Record):
    """What kind of model it is, the second label that it learns beside the first, and what it combines."""

    kind: str
    auxiliary: str | None = None
    members: tuple[str, ...] = ()


class RunSettings(_Record):
    """What settings.json says of the experiment; `data` is the SHA-256 of the prepared data."""

    experiment: str = Field(min_length=1)
    title: str
    task: str
    role: str
    model: ModelSettings
    refit: bool
    train_share: float
    aspects: tuple[str, ...]
    seeds: tuple[int, ...] = Field(min_length=1)
    data: str


class Timing(_Record):
    """What timing.json says: medians over seeds; prediction is measured on one core, the fit on all `threads`."""

    fit_seconds: float
    predict_seconds_per_unit: float
    threads: int


class Environment(_Record):
    """What environment.json says of the machine."""

    hardware: str


class SeedTraining(_Record):
    """How many units a seed was fitted on; an ensemble is fitted on none."""

    units: int | None = None


class Training(RootModel[dict[str, SeedTraining]]):
    """What training.json says, by seed."""

    @property
    def units(self) -> float:
        """Units fitted on, mean over seeds; NaN where none was."""
        found = [seed.units for seed in self.root.values() if seed.units is not None]
        return float(np.mean(found)) if found else np.nan


class AuxiliaryScores(_Record):
    """The scores of a second label on one split."""

    accuracy: float
    macro_f1: float


class Metrics(_Record):
    """What metrics.json says that predictions.parquet doesn't: the second label's scores, by split."""

    auxiliary: dict[str, AuxiliaryScores] = Field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """The contents of one run folder."""

    folder: Path
    settings: RunSettings
    timing: Timing
    environment: Environment
    training: Training
    metrics: Metrics
    predictions: pd.DataFrame

    @property
    def hardware(self) -> str:
        """What the run was made on; the number of threads belongs to it, for times and for rounding."""
        threads = self.timing.threads
        return f"{self.environment.hardware}, {threads} {'thread' if threads == 1 else 'threads'}"


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read run folders, which must be of distinct experiments.

    Raises
    ------
    NewstanceError
        When there is no folder, when one is missing or damaged, or when two hold the same experiment.
    """
    if not folders:
        raise NewstanceError("There is no run to compare; run an experiment first (newstance run).")
    runs: dict[str, Run] = {}
    for folder in folders:
        run = _read_run(folder)
        name = run.settings.experiment
        if name in runs:
            raise NewstanceError(f"{runs[name].folder} and {folder} hold the same experiment '{name}'; compare one.")
        runs[name] = run
    return list(runs.values())


def _read_run(folder: Path) -> Run:
    if not folder.is_dir():
        raise NewstanceError(f"Run folder {folder} is missing; run its experiment (newstance run or dvc repro) first.")
    settings = _read_record(folder / "settings.json", RunSettings)
    predictions = read_parquet(folder / "predictions.parquet")
    if "seed" not in predictions or set(predictions["seed"]) != set(settings.seeds):
        raise NewstanceError(
            f"{folder / 'predictions.parquet'} does not hold the seeds of settings.json "
            f"({', '.join(map(str, settings.seeds))}); run the experiment again."
        )
    return Run(
        folder,
        settings,
        _read_record(folder / "timing.json", Timing),
        _read_record(folder / "environment.json", Environment),
        _read_record(folder / "training.json", Training),
        _read_record(folder / "metrics.json", Metrics),
        predictions,
    )


def _read_record(path: Path, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate(read_json(path))
    except ValidationError as error:
        raise NewstanceError(f"{path}: {describe_problems(error)}; run the experiment again.") from None
