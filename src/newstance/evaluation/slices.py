"""Scores on slices of a test set: by outlet, single label, article length and how often training has the target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from newstance.evaluation.intervals import article_weights, percentile_interval
from newstance.evaluation.metrics import scores
from newstance.evaluation.outcomes import Outcomes
from newstance.settings import EvaluationSettings

SLICE_COLUMNS = ["slice", "value", "units", "accuracy", "accuracy_low", "accuracy_high", "macro_f1"]
NONE = "(none)"
LENGTHS = {0: "under 200", 200: "200-399", 400: "400-799", 800: "800 and over"}
FREQUENCIES = {0: "unseen", 1: "1-4", 5: "5-19", 20: "20 and over"}


def slice_values(units: pd.DataFrame, training: pd.DataFrame, single_label: Iterable[str]) -> pd.DataFrame:
    """Say in which slices each unit lies.

    Parameters
    ----------
    units
        Rows of a prepared table.
    training
        The prepared data that models are fitted on (train and validation), in which targets are counted.
    single_label
        Names of the schemes whose label says what an article is about, such as ``topic``.

    Returns
    -------
    DataFrame
        One row a unit, one ordered categorical column a slice: outlet, the single labels (where the data have them),
        length (words of the text), target_frequency (pairs of training with the unit's target; target-dependent
        tasks only). A missing outlet or label is ``(none)``.
    """
    values = {name: _named(units[name]) for name in ("outlet", *single_label) if name in units}
    values["length"] = _ranges(units["text"].map(lambda text: len(text.split())), LENGTHS)
    if "target" in units:
        occurrences = units["target"].map(training["target"].value_counts()).fillna(0)
        values["target_frequency"] = _ranges(occurrences, FREQUENCIES)
    return pd.DataFrame({name: series.reset_index(drop=True) for name, series in values.items()})


def _named(names: pd.Series[str]) -> pd.Series[Any]:
    named = names.fillna("").replace("", NONE)
    return named.astype(pd.CategoricalDtype(sorted(set(named)), ordered=True))


def _ranges(numbers: pd.Series[Any], names: Mapping[int, str]) -> pd.Series[Any]:
    """Name the range, from its first number up to the next range's, in which each number lies."""
    return pd.cut(numbers, [*names, np.inf], right=False, labels=list(names.values()))


def slice_scores(outcomes: Sequence[Outcomes], values: pd.DataFrame, settings: EvaluationSettings) -> pd.DataFrame:
    """Score every slice that has units.

    Parameters
    ----------
    outcomes
        One a seed, over the same units in the same order; scores are means over seeds.
    values
        As `slice_values` returns it for these units.
    settings
        The intervals' bootstrap draws from all articles, so a slice's size varies over the resamples, as it would
        over other samples of articles.

    Returns
    -------
    DataFrame
        Columns `SLICE_COLUMNS`; `macro_f1` is NaN where all units have one label (a topic's slice of the topic task),
        of which it would only count the wrong guesses.
    """
    members = {
        (name, value): (values[name] == value).to_numpy() for name in values for value in values[name].cat.categories
    }
    members = {key: chosen for key, chosen in members.items() if chosen.any()}
    ids, article = np.unique(outcomes[0].articles, return_inverse=True)
    correct = np.mean([one.correct for one in outcomes], axis=0)
    membership = np.stack(list(members.values()), axis=1).astype(np.float64)
    sums = np.zeros((2, len(ids), len(members)))
    np.add.at(sums[0], article, membership * correct[:, None])
    np.add.at(sums[1], article, membership)
    hits, counts = article_weights(len(ids), settings) @ sums
    with np.errstate(invalid="ignore"):
        resampled = hits / counts
    rows = []
    for number, ((name, value), chosen) in enumerate(members.items()):
        low, high = percentile_interval(resampled[:, number], settings.confidence)
        several = len(set(outcomes[0].labels[chosen])) > 1
        f1 = float(np.mean([scores(one.only(chosen))["macro_f1"] for one in outcomes])) if several else np.nan
        rows.append([name, value, int(chosen.sum()), float(correct[chosen].mean()), low, high, f1])
    return pd.DataFrame(rows, columns=SLICE_COLUMNS)
