"""Paired tests of experiments against a reference on the same units.

Two tests stand side by side. The paired bootstrap draws articles and averages over seeds. McNemar's test (1947) is
exact, but it treats units as independent, which the stances of one article are not, and it sees the first seed only:
for target-dependent tasks its p-values tend to be too small, so go by the bootstrap there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from newstance.evaluation.intervals import Evaluation, percentile_interval

Array = NDArray[np.float64]
METRICS = ("macro_f1", "accuracy")
PAIRED_COLUMNS = ["experiment", "reference", "metric", "difference", "low", "high"]
PAIRED_COLUMNS += ["p_bootstrap", "p_bootstrap_holm", "p_mcnemar", "p_mcnemar_holm"]


def bootstrap_p_value(differences: Array) -> float:
    """Two-sided p-value that a difference is zero, from its bootstrap distribution (resamples,).

    Twice the smaller share of resamples on either side of zero; one is added to both counts, so that no finite number
    of resamples gives zero (Davison and Hinkley 1997, sec. 4.2).
    """
    smaller = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (smaller + 1) / (len(differences) + 1)))


def mcnemar_p_value(correct: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Exact McNemar test that two models are equally often right on the same units; both have shape (units,)."""
    only_one, only_other = int((correct & ~reference).sum()), int((~correct & reference).sum())
    if only_one + only_other == 0:
        return 1.0
    return float(binomtest(only_one, only_one + only_other).pvalue)


def paired_tests(evaluations: Mapping[str, Evaluation], reference: str, confidence: float) -> pd.DataFrame:
    """Test every experiment against the reference; p-values are corrected over the experiments (Holm 1979).

    Parameters
    ----------
    evaluations
        By experiment; all over the same units in the same order.
    reference
        One of the experiments.
    confidence
        Of the interval of the difference.

    Returns
    -------
    DataFrame
        Columns `PAIRED_COLUMNS`, a row a metric and experiment other than the reference. `difference` is the
        experiment minus the reference. McNemar's test is about accuracy, so it is NaN on the other rows.
    """
    base = evaluations[reference]
    rows = []
    for metric in METRICS:
        for name, evaluation in evaluations.items():
            if name == reference:
                continue
            estimate, base_estimate = evaluation.metrics[metric], base.metrics[metric]
            differences = estimate.resampled - base_estimate.resampled
            correct, base_correct = evaluation.outcomes[0].correct, base.outcomes[0].correct
            rows.append(
                {
                    "experiment": name,
                    "reference": reference,
                    "metric": metric,
                    "difference": float(estimate.value - base_estimate.value),
                    **dict(zip(("low", "high"), percentile_interval(differences, confidence), strict=True)),
                    "p_bootstrap": bootstrap_p_value(differences),
                    "p_mcnemar": mcnemar_p_value(correct, base_correct) if metric == "accuracy" else np.nan,
                }
            )
    table = pd.DataFrame(rows, columns=PAIRED_COLUMNS).astype(dict.fromkeys(PAIRED_COLUMNS[3:], float))
    for test in ("p_bootstrap", "p_mcnemar"):
        table[f"{test}_holm"] = table.groupby("metric")[test].transform(holm)
    return table


def holm(p_values: pd.Series[float]) -> pd.Series[float]:
    """Correct p-values for their number (Holm 1979); all are NaN where one is."""
    if p_values.isna().any():
        return p_values * np.nan
    return pd.Series(multipletests(p_values, method="holm")[1], index=p_values.index)
