"""Finished experiments to choose from: small run folders with the validation scores that a test wants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from newstance.files import read_json, write_json
from newstance.settings import LabelSettings, Settings
from runs import write_run

SEEDS = Path(__file__).parents[2] / "seeds"


def write_finished(
    name: str,
    macro_f1: float | Mapping[int, float],
    *,
    log_loss: float = 0.5,
    test: float = 0.4,
    **settings: object,
) -> Path:
    """Write ``runs/NAME``, a stance experiment.

    `macro_f1`: on validation, of the only seed or by seed. `test`: macro-F1 there. `settings`: keys of settings.json.
    """
    by_seed = macro_f1 if isinstance(macro_f1, Mapping) else {1: macro_f1}
    folder = write_run(Path("runs") / name, seeds=list(by_seed))
    known = {"refit": True, "train_share": 1.0, "aspects": [], "model": {"kind": "linear"}}
    write_json(folder / "settings.json", read_json(folder / "settings.json") | known | settings)
    write_json(folder / "metrics.json", _parts(mean(by_seed.values()), log_loss, test))
    scores = read_json(folder / "scores.json")
    for seed, value in by_seed.items():
        scores["seeds"][str(seed)] |= _parts(value, log_loss, test)
    write_json(folder / "scores.json", scores)
    return folder


def _parts(macro_f1: float, log_loss: float, test: float) -> dict[str, Any]:
    return {
        "validation": {"accuracy": 0.75, "macro_f1": macro_f1, "log_loss": log_loss},
        "test": {"accuracy": 0.5, "macro_f1": test, "log_loss": 1.0},
    }


def settings_for(*names: str, **more: Any) -> Settings:
    """Return settings under which these stance experiments are compared."""
    labels = LabelSettings(directory=SEEDS, schemes=("stance",))
    return Settings(labels=labels, experiments=dict.fromkeys(names, "stance"), **more)
