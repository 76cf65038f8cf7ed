"""Metrics of outcomes.

Every metric is a function of sums over units: of the confusion matrix, of losses, and of the gaps between confidence
and correctness in each confidence bin. A bootstrap sample of articles weighs the articles' sums, so one product of
weights and sums gives the metrics of all samples, by the same functions that give the metric itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.evaluation.calibration import BINS, confidence_bins, label_losses
from newstance.evaluation.outcomes import Outcomes
from newstance.labels.agreement import macro_f1 as confusion_macro_f1
from newstance.labels.agreement import observed_agreement

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Sums over units, from which every metric follows.

    Attributes
    ----------
    sums
        Shape (..., classes ** 2 + 2 + 2 * bins): the confusion matrix (rows the true labels), the losses, the
        lenient hits, and confidence bins of correctness minus confidence after and before calibration.
    classes
        Number of classes.
    lenient
        Whether lenient hits are defined.
    """

    sums: Array
    classes: int
    lenient: bool

    @classmethod
    def by_article(cls, outcomes: Outcomes) -> Counts:
        """Sum over the units of each article; the first axis is the articles, sorted by id."""
        ids, article = np.unique(outcomes.articles, return_inverse=True)
        units, classes = outcomes.probabilities.shape
        cells = classes**2
        sums = np.zeros((len(ids), cells + 2 + 2 * BINS))
        np.add.at(sums, (article, outcomes.labels * classes + outcomes.predicted), 1)
        np.add.at(sums, (article, cells), label_losses(outcomes.probabilities, outcomes.labels))
        if outcomes.accepted is not None:
            np.add.at(sums, (article, cells + 1), outcomes.accepted[np.arange(units), outcomes.predicted])
        for number, probabilities in enumerate((outcomes.probabilities, outcomes.uncalibrated)):
            confidence = probabilities.max(axis=1)
            gap = (probabilities.argmax(axis=1) == outcomes.labels) - confidence
            np.add.at(sums, (article, cells + 2 + number * BINS + confidence_bins(confidence)), gap)
        return cls(sums, classes, outcomes.accepted is not None)

    def total(self) -> Counts:
        """Sum over the first axis."""
        return Counts(self.sums.sum(axis=0), self.classes, self.lenient)

    def weighted(self, weights: Array) -> Counts:
        """Sum over the articles by weights of shape (resamples, articles)."""
        return Counts(weights @ self.sums, self.classes, self.lenient)

    @property
    def confusion(self) -> Array:
        """Confusion matrices, shape (..., classes, classes)."""
        return self.sums[..., : self.classes**2].reshape(*self.sums.shape[:-1], self.classes, self.classes)

    @property
    def units(self) -> Array:
        """Number of units, shape (...)."""
        total: Array = self.sums[..., : self.classes**2].sum(axis=-1)
        return total

    def mean(self, position: int) -> Array:
        """Mean over units of the sum at a position after the confusion matrix."""
        mean: Array = self.sums[..., self.classes**2 + position] / self.units
        return mean

    def calibration_error(self, number: int) -> Array:
        """Return the expected calibration error after (0) or before (1) calibration."""
        first = self.classes**2 + 2 + number * BINS
        error: Array = np.abs(self.sums[..., first : first + BINS]).sum(axis=-1) / self.units
        return error


def accuracy(counts: Counts) -> Array:
    """Share of units whose most probable label is the true one."""
    return observed_agreement(counts.confusion)


def macro_f1(counts: Counts) -> Array:
    """Mean F1 of the labels that occur among true or predicted ones, as in scikit-learn."""
    return confusion_macro_f1(counts.confusion, counts.classes)


def balanced_accuracy(counts: Counts) -> Array:
    """Mean recall of the labels that occur among the true ones."""
    support = counts.confusion.sum(axis=-1)
    hits = np.diagonal(counts.confusion, axis1=-2, axis2=-1)
    score: Array = (hits / np.where(support > 0, support, np.inf)).sum(axis=-1) / (support > 0).sum(axis=-1)
    return score


def log_loss(counts: Counts) -> Array:
    """Mean negative log-probability of the true label, in nats; zeros are floored as in scikit-learn."""
    return counts.mean(0)


def lenient_accuracy(counts: Counts) -> Array:
    """Share of units whose most probable label is the primary or the secondary one; NaN without secondary labels."""
    return counts.mean(1) if counts.lenient else np.full(counts.sums.shape[:-1], np.nan)


def ece(counts: Counts) -> Array:
    """Compute the expected calibration error of the most probable label, in ten equal bins, after calibration."""
    return counts.calibration_error(0)


def ece_uncalibrated(counts: Counts) -> Array:
    """Compute the expected calibration error before calibration."""
    return counts.calibration_error(1)


METRICS: dict[str, Callable[[Counts], Array]] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "log_loss": log_loss,
    "ece": ece,
    "ece_uncalibrated": ece_uncalibrated,
    "lenient_accuracy": lenient_accuracy,
}


def class_scores(counts: Counts) -> dict[str, Array]:
    """Precision, recall and F1 of each class, shape (..., classes).

    As in scikit-learn with ``zero_division=0``, but NaN where a class occurs neither as true nor as predicted label.
    """
    support, predicted = counts.confusion.sum(axis=-1), counts.confusion.sum(axis=-2)
    hits = np.diagonal(counts.confusion, axis1=-2, axis2=-1)
    used = support + predicted > 0
    parts = {"precision": (hits, predicted), "recall": (hits, support), "f1": (2 * hits, support + predicted)}
    return {
        name: np.where(used, numerator / np.where(denominator > 0, denominator, np.inf), np.nan)
        for name, (numerator, denominator) in parts.items()
    }


def scores(outcomes: Outcomes) -> dict[str, float]:
    """Compute `METRICS` of outcomes; `lenient_accuracy` only where the scheme has a secondary label."""
    counts = Counts.by_article(outcomes).total()
    return {
        name: float(metric(counts)) for name, metric in METRICS.items() if name != "lenient_accuracy" or counts.lenient
    }


def per_class(outcomes: Outcomes) -> pd.DataFrame:
    """Compute the scores of each class.

    Returns
    -------
    DataFrame
        Columns label, support (units with this true label), precision, recall, f1; see `class_scores`.
    """
    counts = Counts.by_article(outcomes).total()
    support = counts.confusion.sum(axis=-1).astype(int)
    return pd.DataFrame({"label": outcomes.codes, "support": support, **class_scores(counts)})
