"""What the champions say of new articles, beside what they say of the reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import PermutationMethod, chi2_contingency
from statsmodels.stats.proportion import proportion_confint

from newstance.bundle.answers import Answer
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

SHUFFLES = 999
PREDICTION_COLUMNS = ["article_id", "target", "label", "probability"]
SHIFT_COLUMNS = ["task", "label", "reference", "reference_low", "reference_high", "new", "new_low", "new_high"]
TASK_COLUMNS = ["task", "p", "reference", "reference_low", "reference_high", "new", "new_low", "new_high"]


def predictions(ids: Sequence[str], answers: Sequence[Answer], scheme: Scheme) -> pd.DataFrame:
    """Return a task's decisions, columns `PREDICTION_COLUMNS`; none for articles on which the champions abstain."""
    rows = []
    for article_id, answer in zip(ids, answers, strict=True):
        if scheme.has_targets:
            found = [(one.target, one.labels[scheme.name]) for one in answer.targets]
        else:
            found = [("", answer.labels[scheme.name])] if answer.labels else []
        rows += [[article_id, target, decision.label, decision.probability] for target, decision in found]
    table = pd.DataFrame(rows, columns=PREDICTION_COLUMNS)
    return table.astype({"article_id": "str", "target": "str", "label": "str", "probability": "float64"})


def label_shift(
    reference: pd.DataFrame, new: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings
) -> pd.DataFrame:
    """Compare the shares of the predicted labels, with Wilson intervals; columns `SHIFT_COLUMNS`.

    Of an article with several targets the first decision counts, so that all are independent.
    """
    sides = [_first(part)["label"].value_counts().reindex(scheme.codes, fill_value=0) for part in (reference, new)]
    rows = []
    for code in scheme.codes:
        cells: list[float] = []
        for counts in sides:
            cells += share(int(counts[code]), int(counts.sum()), settings.confidence)
        rows.append([scheme.name, code, *cells])
    return pd.DataFrame(rows, columns=SHIFT_COLUMNS)


def task_shift(
    reference: pd.DataFrame, new: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings
) -> pd.DataFrame:
    """Test whether labels shift (chi-square of shuffled articles), and compare the mean confidence.

    Returns
    -------
    DataFrame
        One row, columns `TASK_COLUMNS`: `p` of the labels, and the mean probability of the label that was given with
        bootstrap intervals. Missing where a side has no decision.
    """
    sides = [_first(reference), _first(new)]
    cells: list[float] = []
    for side in sides:
        cells += _mean(side["probability"].to_numpy(), settings)
    p = _p_value(sides[0]["label"], sides[1]["label"], settings.seed)
    return pd.DataFrame([[scheme.name, p, *cells]], columns=TASK_COLUMNS)


def share(hits: int, count: int, confidence: float) -> list[float]:
    """Return a share with its Wilson interval; missing where there is nothing to share."""
    if not count:
        return [np.nan] * 3
    low, high = proportion_confint(hits, count, 1 - confidence, method="wilson")
    return [hits / count, float(low), float(high)]


def _first(decisions: pd.DataFrame) -> pd.DataFrame:
    return decisions.drop_duplicates("article_id")


def _mean(values: NDArray[np.float64], settings: EvaluationSettings) -> list[float]:
    if not len(values):
        return [np.nan] * 3
    generator = np.random.default_rng(settings.seed)
    means = generator.choice(values, (settings.resamples, len(values))).mean(axis=1)
    low, high = np.quantile(means, [(1 - settings.confidence) / 2, (1 + settings.confidence) / 2])
    return [float(values.mean()), float(low), float(high)]


def _p_value(reference: pd.Series[str], new: pd.Series[str], seed: int) -> float:
    codes = sorted({*reference, *new})
    table = np.array([side.value_counts().reindex(codes, fill_value=0) for side in (reference, new)])
    if len(codes) < 2 or not table.sum(axis=1).all():
        return 1.0 if table.sum(axis=1).all() else np.nan
    method = PermutationMethod(n_resamples=SHUFFLES, rng=np.random.default_rng(seed))
    return float(chi2_contingency(table, correction=False, method=method).pvalue)
