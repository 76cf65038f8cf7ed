"""Running the experiments of a project, and looking at what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newstance.corpus.splits import Fold
from newstance.experiment import run as run_module
from newstance.experiment import run_experiment
from newstance.experiment.fit import Setup, fit
from newstance.settings import Settings

DETERMINISTIC = ("settings.json", "metrics.json", "scores.json", "predictions.parquet")
UNFINISHED = Path("data/cache/unfinished")


def yaml_of(name: str) -> Path:
    return Path("experiments") / f"{name}.yaml"


def run(name: str, settings: Settings) -> Path:
    return run_experiment(yaml_of(name), settings, track=False)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def fail_at(monkeypatch: pytest.MonkeyPatch, seed: int, error: BaseException) -> None:
    """Let the fit of one seed fail; the ones before it go through."""

    def failing(setup: Setup, fold: Fold, number: int, *rest: Any) -> Any:
        if number == seed:
            raise error
        return fit(setup, fold, number, *rest)

    monkeypatch.setattr(run_module, "fit", failing)
