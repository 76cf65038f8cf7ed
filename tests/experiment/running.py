"""Running the experiments of a project, and looking at what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

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


def write_experiment(name: str, task: str, model: dict[str, Any], **keys: Any) -> Path:
    """Write an experiment of the working directory's project, with one seed and the standard protocol alone."""
    settings = {"title": name, "task": task, "refit": False, "protocols": ["standard"], "model": model, **keys}
    yaml_of(name).write_text(yaml.safe_dump(settings))
    return yaml_of(name)


def transformer(**keys: Any) -> dict[str, Any]:
    """Return a model for `write_experiment`: the tiny encoder, a second or two of training."""
    tiny = {"backbone": "backbone", "max_tokens": 64, "epochs": 2, "batch_size": 8, "learning_rate": 0.003}
    return {"kind": "transformer", **tiny, **keys}


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
