"""The outcomes of one model on one set of units: true labels, probabilities and the articles that units belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.errors import NewstanceError
from newstance.scheme import Scheme

Array = NDArray[np.float64]
UNIT = ["article_id", "target"]
UNCALIBRATED, CALIBRATED = "raw_", "prob_"


def prediction_columns(codes: Sequence[str]) -> list[str]:
    """Return the columns of a predictions table: where a unit is, its label, then every code's probabilities."""
    return ["seed", "protocol", "fold", "split", *UNIT, "label", *probability_columns(codes)]


def probability_columns(codes: Sequence[str]) -> list[str]:
    """Return the columns of a predictions table that hold probabilities, uncalibrated and calibrated."""
    return [prefix + code for code in codes for prefix in (UNCALIBRATED, CALIBRATED)]


@dataclass(frozen=True)
class Outcomes:
    """One model (one seed) on one set of units.

    Attributes
    ----------
    codes
        The label codes in the scheme's order; labels are numbers into it.
    articles
        Article ids, shape (units,). The units of one article are not independent.
    labels
        True labels, shape (units,).
    probabilities, uncalibrated
        After and before temperature scaling, shape (units, classes).
    accepted
        The labels that the lenient score accepts (primary and secondary), shape (units, classes); None where the
        scheme has no secondary label.
    """

    codes: list[str]
    articles: NDArray[Any]
    labels: NDArray[np.intp]
    probabilities: Array
    uncalibrated: Array
    accepted: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, predictions: pd.DataFrame, units: pd.DataFrame, scheme: Scheme, source: str) -> Outcomes:
        """Match one seed's predictions of one protocol and split to the units of prepared data.

        Parameters
        ----------
        predictions
            Columns `prediction_columns`, one row a unit, in any order.
        units
            The rows of the prepared table (`newstance.corpus.prepared.read_prepared`); their order becomes the
            outcomes' order, so the outcomes of different models over the same units can be compared by position.
        scheme
            The task's scheme.
        source
            What an error message names: where the predictions came from.

        Raises
        ------
        NewstanceError
            When predictions and units are not the same units with the same labels, or a row is no probability
            distribution.
        """
        rows = _rows_of(predictions, units, scheme, source)
        labels = _numbers(units[scheme.name], scheme.codes)
        if not np.array_equal(_numbers(rows["label"], scheme.codes), labels):
            raise NewstanceError(f"{source}: the predictions' labels are not those of the prepared data; run it again.")
        accepted = None
        if scheme.secondary:
            secondary = _numbers(units[scheme.secondary], scheme.codes)
            accepted = np.arange(len(scheme.codes)) == labels[:, None]
            accepted |= np.arange(len(scheme.codes)) == secondary[:, None]
        probabilities, uncalibrated = (
            _distributions(rows, prefix, scheme.codes, source) for prefix in (CALIBRATED, UNCALIBRATED)
        )
        articles = units["article_id"].to_numpy(dtype=str)
        return cls(scheme.codes, articles, labels, probabilities, uncalibrated, accepted)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """The most probable label of each unit, shape (units,)."""
        predicted: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return predicted

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the most probable label is the true one, shape (units,)."""
        correct: NDArray[np.bool_] = self.predicted == self.labels
        return correct

    def only(self, chosen: NDArray[np.bool_]) -> Outcomes:
        """Return the outcomes of the chosen units; `chosen` has shape (units,)."""
        return Outcomes(
            self.codes,
            self.articles[chosen],
            self.labels[chosen],
            self.probabilities[chosen],
            self.uncalibrated[chosen],
            None if self.accepted is None else self.accepted[chosen],
        )


def outcomes_by_seed(
    predictions: pd.DataFrame, units: pd.DataFrame, scheme: Scheme, source: str
) -> dict[int, Outcomes]:
    """Match the predictions of every seed to the same units; see `Outcomes.of`."""
    seeds = sorted(predictions["seed"].unique())
    return {
        int(seed): Outcomes.of(predictions[predictions["seed"] == seed], units, scheme, f"{source}, seed {seed}")
        for seed in seeds
    }


def _rows_of(predictions: pd.DataFrame, units: pd.DataFrame, scheme: Scheme, source: str) -> pd.DataFrame:
    """Return the predictions in the order of the units, of which each must have exactly one."""
    wanted = units[scheme.unit].assign(**({} if scheme.has_targets else {"target": ""}))[UNIT]
    repeated = predictions.duplicated(UNIT)
    if repeated.any():
        raise NewstanceError(f"{source}: {_named(predictions[repeated])} is predicted twice; run it again.")
    rows = wanted.merge(predictions, on=UNIT, how="outer", indicator=True)
    for side, problem in (("left_only", "has no prediction"), ("right_only", "is no unit of the prepared data")):
        odd = rows[rows["_merge"] == side]
        if len(odd):
            more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
            raise NewstanceError(f"{source}: {_named(odd)} {problem}{more}; run it again on these data.")
    return wanted.merge(predictions, on=UNIT, how="left")


def _named(rows: pd.DataFrame) -> str:
    article, target = rows.iloc[0][UNIT]
    return f"article '{article}'" + (f" with target '{target}'" if target else "")


def _numbers(labels: pd.Series[Any], codes: list[str]) -> NDArray[np.intp]:
    """Turn codes into their numbers; a missing or unknown one is -1."""
    return pd.Categorical(labels, categories=codes).codes.astype(np.intp)


def _distributions(rows: pd.DataFrame, prefix: str, codes: list[str], source: str) -> Array:
    probabilities = rows[[prefix + code for code in codes]].to_numpy(dtype=np.float64)
    # NaN fails both comparisons.
    valid = (probabilities >= 0).all(axis=1) & (np.abs(probabilities.sum(axis=1) - 1) < 1e-6)
    if not valid.all():
        place = _named(rows[~valid])
        raise NewstanceError(f"{source}: the columns {prefix}* of {place} are no probabilities that sum to 1.")
    return probabilities
