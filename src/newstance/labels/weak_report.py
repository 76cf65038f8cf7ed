"""How far weak labels reach and how right they are, against labels that people gave."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from newstance.labels.weak import COMBINATIONS, WeakSettings, combine, votes
from newstance.scheme import SPLITS, Scheme

EVERY_LABEL = "(all)"
WEAK_COLUMNS = ["task", "split", "function", "label", "articles", "coverage", "overlap", "conflict"]
WEAK_COLUMNS += ["accuracy", "accuracy_low", "accuracy_high", "used"]


def weak_report(
    data: Mapping[str, pd.DataFrame], scheme: Scheme, settings: WeakSettings, confidence: float
) -> pd.DataFrame:
    """Measure every labelling function, and every way to combine them, on each split by itself.

    Parameters
    ----------
    data
        Prepared tables by split; their labels judge, and teach nothing.
    scheme
        The task's.
    settings
        The seed words.
    confidence
        Of the Wilson intervals of accuracy.

    Returns
    -------
    DataFrame
        Columns `WEAK_COLUMNS`; of each function a row for all its labels and one a label that it gives. `articles`:
        how many it labels; `coverage`: their share of the split; `overlap`: share of these that another function
        labels too; `conflict`: share of these that another function labels otherwise. `used` marks the combination
        that the settings name.
    """
    rows = []
    for split in SPLITS:
        table = data[split].reset_index(drop=True)
        said = votes(table, settings)
        for name in said:
            rows += _rows(split, str(name), said[name], said.drop(columns=name), table[scheme.name], confidence)
        for name in COMBINATIONS:
            label = combine(said, name).reindex(said.index)
            measured = _rows(split, name, label, said[[]], table[scheme.name], confidence)
            rows += [row | {"used": name == settings.combination} for row in measured]
    return pd.DataFrame(rows).assign(task=scheme.name)[WEAK_COLUMNS]


def _rows(
    split: str,
    name: str,
    given: pd.Series[str],
    others: pd.DataFrame,
    truth: pd.Series[str],
    confidence: float,
) -> list[dict[str, object]]:
    labels = [EVERY_LABEL, *sorted(given.dropna().unique())]
    return [
        {"split": split, "function": name, "label": label, "used": False}
        | _measures(given.where((given == label) | (label == EVERY_LABEL)), others, truth, confidence)
        for label in labels
    ]


def _measures(
    given: pd.Series[str], others: pd.DataFrame, truth: pd.Series[str], confidence: float
) -> dict[str, object]:
    there = given.notna()
    covered = int(there.sum())
    known = others[there].notna()
    otherwise = known & others[there].ne(given[there], axis=0)
    right = int((given[there] == truth[there]).sum())
    low, high = proportion_confint(right, covered, 1 - confidence, "wilson") if covered else (np.nan, np.nan)
    share = max(covered, 1)
    return {
        "articles": covered,
        "coverage": covered / max(len(given), 1),
        "overlap": known.any(axis=1).sum() / share,
        "conflict": otherwise.any(axis=1).sum() / share,
        "accuracy": right / covered if covered else np.nan,
        "accuracy_low": low,
        "accuracy_high": high,
    }
