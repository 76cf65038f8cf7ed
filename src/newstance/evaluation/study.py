"""What belongs to the study: the experiments of one aspect beside each other, and learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from newstance.corpus.splits import STANDARD
from newstance.evaluation.experiments import Experiment
from newstance.evaluation.paired import paired_tests

LEARNING_CURVE = "learning-curve"
ABLATION_COLUMNS = ["aspect", "experiment", "reference", "validation_macro_f1"]
ABLATION_COLUMNS += ["macro_f1", "macro_f1_low", "macro_f1_high", "difference", "difference_low", "difference_high"]
ABLATION_COLUMNS += ["p_bootstrap", "p_bootstrap_holm", "training_minutes", "predict_seconds_per_unit"]
CURVE_COLUMNS = ["kind", "experiment", "train_share", "train_units", "validation_macro_f1"]
CURVE_COLUMNS += ["macro_f1", "macro_f1_low", "macro_f1_high"]


def ablations(experiments: Sequence[Experiment], minutes: Mapping[str, float], confidence: float) -> pd.DataFrame:
    """Compare the experiments of each aspect with the best of them on validation.

    Parameters
    ----------
    experiments
        Of one task, in order of rank.
    minutes
        As `newstance.evaluation.cost.training_minutes` returns them.
    confidence
        Of the intervals.

    Returns
    -------
    DataFrame
        Columns `ABLATION_COLUMNS`: scores on test, the paired bootstrap of macro-F1 against the reference (missing
        for the reference itself), p corrected over the aspect (Holm), and cost. An aspect that only one experiment
        has is left out.
    """
    parts = []
    for aspect in sorted({aspect for one in experiments for aspect in one.run.settings.aspects}):
        having = [one for one in experiments if aspect in one.run.settings.aspects]
        if len(having) < 2:
            continue
        reference = having[0].name
        tests = paired_tests({one.name: one.evaluations[STANDARD] for one in having}, reference, confidence)
        tests = tests[tests["metric"] == "macro_f1"].rename(
            columns={"low": "difference_low", "high": "difference_high"}
        )
        rows = [_scored(one, confidence) | _costs(one, minutes) for one in having]
        table = pd.DataFrame(rows).merge(tests.drop(columns="reference"), on="experiment", how="left")
        parts.append(table.assign(aspect=aspect, reference=reference)[ABLATION_COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=ABLATION_COLUMNS)


def _scored(one: Experiment, confidence: float) -> dict[str, object]:
    estimate = one.evaluations[STANDARD].metrics["macro_f1"]
    scores = estimate.columns("macro_f1", confidence)
    return {"experiment": one.name, "validation_macro_f1": one.validation["macro_f1"], **scores}


def _costs(one: Experiment, minutes: Mapping[str, float]) -> dict[str, object]:
    seconds = one.run.timing.predict_seconds_per_unit
    return {"training_minutes": minutes[one.name], "predict_seconds_per_unit": seconds}


def learning_curve(experiments: Sequence[Experiment], confidence: float) -> pd.DataFrame:
    """List the scores of the experiments of the learning curves by kind of model and size of training.

    Returns
    -------
    DataFrame
        Columns `CURVE_COLUMNS`; a kind with one size only makes no curve and is left out.
    """
    rows = [
        {
            "kind": one.kind,
            "train_share": one.run.settings.train_share,
            "train_units": one.run.training.units,
            **_scored(one, confidence),
        }
        for one in experiments
        if LEARNING_CURVE in one.run.settings.aspects
    ]
    table = pd.DataFrame(rows, columns=CURVE_COLUMNS)
    sizes = table.groupby("kind")["train_share"].transform("nunique")
    return table[sizes > 1].sort_values(["kind", "train_units", "experiment"])
