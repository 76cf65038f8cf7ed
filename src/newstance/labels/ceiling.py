"""What the annotators' agreement says: over time, and about how high a model's score can be."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from newstance.labels.agreement import (
    AGREEMENT_COLUMNS,
    Array,
    Pair,
    agreement_table,
    observed_agreement,
    percentile_interval,
)
from newstance.labels.history import TIME
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings


def agreement_over_time(
    annotations: pd.DataFrame, articles: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings
) -> pd.DataFrame:
    """Compute agreement by the week in which the second of two annotators decided.

    Parameters
    ----------
    annotations
        The rows that count, with `labelled_at`; those without a time are left out.
    articles, scheme, settings
        As for `newstance.labels.agreement.agreement_table`.

    Returns
    -------
    DataFrame
        Columns `AGREEMENT_COLUMNS`; `slice` is ``week`` and `value` an ISO week such as ``2026-W48``.
    """
    timed = annotations[annotations[TIME] != ""]
    parts = [pd.DataFrame(columns=AGREEMENT_COLUMNS)]
    for pair in combinations(timed["annotator"].unique(), 2):
        first, second = (timed.loc[timed["annotator"] == name, [*scheme.unit, TIME]] for name in pair)
        both = first.merge(second, on=scheme.unit)
        moment = pd.to_datetime(both[[f"{TIME}_x", f"{TIME}_y"]].max(axis=1))
        for week, units in both.groupby(moment.dt.strftime("%G-W%V")):
            rows = timed[timed["annotator"].isin(pair)].merge(units[scheme.unit], on=scheme.unit)
            table = agreement_table(rows, articles, scheme, settings)
            parts.append(table[table["slice"] == "overall"].assign(slice="week", value=week))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


@dataclass(frozen=True)
class Ceiling:
    """How right two independent annotators must be to agree as they do.

    Attributes
    ----------
    pair
        The annotators.
    units
        That both labelled.
    agreement
        Share of these on which they agree, with its interval.
    accuracy
        Share of labels of one annotator that are right, with its interval: what a model that is always right would
        reach when it is scored by such labels.
    """

    pair: tuple[str, str]
    units: int
    agreement: tuple[float, float, float]
    accuracy: tuple[float, float, float]


def ceiling(
    annotations: pd.DataFrame, articles: pd.DataFrame, scheme: Scheme, reference: str, settings: EvaluationSettings
) -> Ceiling | None:
    """Estimate the ceiling from the two annotators, other than the reference, with most units in common.

    Assumes that they err independently of each other, equally often, and toward all other labels alike. Where both
    fall for the same difficulty, they are less right than they seem.

    Returns
    -------
    Ceiling or None
        None where no two such annotators share a unit.
    """
    names = [name for name in annotations["annotator"].unique() if name != reference]
    found = [(Pair.of(annotations, articles, scheme, *both), both) for both in combinations(names, 2)]
    shared = [(pair, both) for pair, both in found if pair is not None]
    if not shared:
        return None
    pair, both = max(shared, key=lambda one: one[0].matrices.sum())
    share = observed_agreement(pair.matrices.sum(axis=0))
    low, high = percentile_interval(observed_agreement(pair.resampled(settings)), settings.confidence)
    agreement = (float(share), low, high)
    accuracy = right_share(np.array(agreement), len(scheme.codes))
    return Ceiling(both, int(pair.matrices.sum()), agreement, (accuracy[0], accuracy[1], accuracy[2]))


def right_share(agreement: Array, classes: int) -> list[float]:
    """Solve agreement = a² + (1 − a)² / (classes − 1) for the share a of right labels; chance at least."""
    beyond = np.clip((classes - 1) * (classes * agreement - 1), 0, None)
    right: list[float] = ((1 + np.sqrt(beyond)) / classes).tolist()
    return right
