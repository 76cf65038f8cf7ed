"""Run folders as `newstance run` writes them, small and quick: for the tests of what reads them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from newstance.evaluation.calibration import apply_temperature
from newstance.files import write_json, write_parquet
from newstance.models import persistence

UNITS = pd.DataFrame(
    [
        ["Ferry fares", "The council praised the ferry and wants more of it.", "ferry", "favor"],
        ["Ferry noise", "Residents condemned the ferry and want it gone.", "ferry", "against"],
        ["Ferry times", "The ferry leaves the pier every hour.", "ferry", "neutral"],
        ["Bridge opens", "Drivers praised the bridge on its first day.", "bridge", "favor"],
        ["Bridge cost", "Auditors condemned the bridge as a waste.", "bridge", "against"],
        ["Bridge length", "The bridge is two kilometres long.", "bridge", "neutral"],
    ],
    columns=["title", "text", "target", "stance"],
)
STANCES = ["favor", "neutral", "against"]
TEMPERATURE = 1.7
# What a transformer's training leaves, with more digits than MLflow is given.
CURVES = {
    "best_epoch": 2,
    "curve": [
        {"step": 1, "loss": 1.09861229, "learning_rate": 0.00012346},
        {"step": 3, "loss": 0.70710678, "learning_rate": 0.00000012},
    ],
    "epochs": [
        {"epoch": 1, "step": 2, "macro_f1": 0.33333333, "log_loss": 1.01234567},
        {"epoch": 2, "step": 4, "macro_f1": 0.66666667, "log_loss": 0.87654321},
    ],
}


def fitted(columns: Sequence[str]) -> Pipeline:
    """Fit a small classifier on the text columns."""
    vectors = ColumnTransformer([(name, TfidfVectorizer(), name) for name in columns])
    return make_pipeline(vectors, LogisticRegression()).fit(UNITS, UNITS["stance"])


def write_run(
    folder: Path,
    seeds: Sequence[int] = (1, 2),
    *,
    targets: bool = True,
    codes: Sequence[str] = STANCES,
    identity: str | None = None,
    model: Any = None,
    candidates: int = 3,
    curves: bool = False,
) -> Path:
    """Write a whole run folder of a real, small model; return it.

    `model`: one that was fitted on `UNITS`. `candidates`: how many were tried a seed. `curves`: say in training.json
    how a transformer was trained.
    """
    if model is None:
        model = fitted(["title", "text", "target"] if targets else ["title", "text"])
    raw = pd.DataFrame(model.predict_proba(UNITS), columns=model.classes_).reindex(columns=codes, fill_value=0.0)
    scores = {"validation": {"accuracy": 0.75}, "test": {"accuracy": 0.5, "macro_f1": 0.4, "lenient_accuracy": None}}
    write_json(folder / "settings.json", settings_of(folder.name, seeds))
    write_json(folder / "run.json", run_of(identity))
    write_json(folder / "metrics.json", scores)
    write_json(
        folder / "scores.json",
        {
            "seeds": {str(seed): {"chosen": {"C": 0.5 * seed}, "temperature": TEMPERATURE, **scores} for seed in seeds},
            "search": [
                {"seed": seed, "settings": {"C": 0.5 * number}, "macro_f1": 0.1 * number, "log_loss": 1 / number}
                for seed in seeds
                for number in range(1, candidates + 1)
            ],
        },
    )
    training = {"units": len(UNITS), "pruned": 1, **(CURVES if curves else {})}
    write_json(folder / "training.json", {str(seed): training for seed in seeds})
    write_json(folder / "timing.json", {"fit_seconds": 12.5, "predict_seconds_per_unit": 0.001, "threads": 2})
    packages = {"numpy": np.__version__, "pandas": pd.__version__, "torch": "2.9.0+cpu", "newstance": "0.1.0"}
    write_json(
        folder / "environment.json",
        {"python": "3.11", "platform": "Linux", "packages": packages, "hardware": "2 cores, Model 9"},
    )
    write_parquet(folder / "predictions.parquet", _predictions(raw, seeds, targets=targets))
    for seed in seeds:
        persistence.save(model, folder / f"seeds/{seed}/model")
        write_json(folder / f"seeds/{seed}/calibration.json", {"temperature": TEMPERATURE})
    return folder


def settings_of(experiment: str = "stance-tfidf", seeds: Sequence[int] = (1, 2)) -> dict[str, object]:
    """Return the content of a settings.json."""
    return {
        "experiment": experiment,
        "title": "TF-IDF + logistic regression",
        "task": "stance",
        "role": "baseline",
        "seeds": list(seeds),
        "protocols": ["standard"],
        "model": {"family": "tfidf", "classifier": {"kind": "logistic", "balanced": True}},
        "grid": {"C": [0.5, 1.0]},
        "data": "0123456789abcdef" * 4,
    }


def run_of(identity: str | None = None) -> dict[str, object]:
    """Return the content of a run.json."""
    return {
        "id": identity or uuid.uuid4().hex,
        "created": "2017-03-30T12:00:00+00:00",
        "git_commit": "c0ffee" * 6 + "c0ff",
        "dvc_stage": "experiment@stance-tfidf",
    }


def _predictions(raw: pd.DataFrame, seeds: Sequence[int], *, targets: bool) -> pd.DataFrame:
    calibrated = pd.DataFrame(apply_temperature(raw.to_numpy(), TEMPERATURE), columns=raw.columns)
    units = pd.DataFrame(
        {
            "protocol": "standard",
            "fold": "standard",
            "split": "test",
            "article_id": [str(number) for number in range(len(UNITS))],
            "target": UNITS["target"] if targets else "",
            "label": UNITS["stance"],
        }
    )
    table = pd.concat([units, raw.add_prefix("raw_"), calibrated.add_prefix("prob_")], axis=1)
    return pd.concat([table.assign(seed=seed) for seed in seeds])[["seed", *table.columns]]
