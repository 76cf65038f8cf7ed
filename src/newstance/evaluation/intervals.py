"""Bootstrap intervals over articles: a sample draws articles with all their units, since these are not independent.

An interval says how far a score would vary over other samples of articles, with the models as they are. Several
seeds of an experiment are scored on the same samples and averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from newstance.evaluation.metrics import METRICS, Counts, class_scores
from newstance.evaluation.outcomes import Outcomes
from newstance.settings import EvaluationSettings

Array = NDArray[np.float64]
CALIBRATION_ERRORS = ("ece", "ece_uncalibrated")


@lru_cache(maxsize=4)
def article_weights(articles: int, settings: EvaluationSettings) -> Array:
    """Draw how often each article occurs in each bootstrap sample, shape (resamples, articles).

    Equal numbers of articles get equal weights, which is what pairs the samples of all experiments on a test set.
    """
    generator = np.random.default_rng(settings.seed)
    drawn = generator.multinomial(articles, np.full(articles, 1 / articles), size=settings.resamples)
    weights = drawn.astype(np.float64)
    weights.flags.writeable = False
    return weights


def percentile_interval(values: Array, confidence: float) -> tuple[float, float]:
    """Return the two-sided percentile interval of values (resamples,); undefined ones (NaN) don't count."""
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def basic_interval(value: float, values: Array, confidence: float) -> tuple[float, float]:
    """Return the basic interval (Davison and Hinkley 1997, sec. 5.2) of an error that is at least 0.

    The calibration error is a sum of absolute values: noise adds to it, in the sample as well as in every resample of
    that sample, so that percentiles of the resamples lie too high (of a perfectly calibrated model they never reach
    the truth). The basic interval takes off what resampling added. It is made to contain the value itself.

    Parameters
    ----------
    value
        The error on the units themselves.
    values
        The error on every resample, shape (resamples,).
    confidence
        Nominal coverage.
    """
    low, high = percentile_interval(values, confidence)
    return min(value, max(0.0, 2 * value - high)), max(value, 2 * value - low)


def seed_mean(values: Sequence[Array]) -> Array:
    """Mean over seeds of arrays of one shape; a seed in which a score is undefined doesn't count."""
    stack = np.stack(values)
    defined = np.isfinite(stack)
    with np.errstate(invalid="ignore"):
        mean: Array = np.where(defined, stack, 0).sum(axis=0) / defined.sum(axis=0)
    return mean


@dataclass(frozen=True)
class Estimate:
    """A score, averaged over seeds.

    Attributes
    ----------
    value
        On the units themselves, shape () or (classes,).
    resampled
        On every bootstrap sample, shape (resamples,) or (resamples, classes).
    by_seed
        On the units themselves, one a seed, shape (seeds,) or (seeds, classes).
    """

    value: Array
    resampled: Array
    by_seed: Array

    @classmethod
    def of(cls, points: Sequence[Array], resampled: Sequence[Array]) -> Estimate:
        """Average the scores of the seeds."""
        return cls(seed_mean(points), seed_mean(resampled), np.stack(points))

    def columns(self, metric: str, confidence: float) -> dict[str, float]:
        """Return the value and its interval as the table columns ``METRIC``, ``METRIC_low`` and ``METRIC_high``."""
        value = float(self.value)
        if metric in CALIBRATION_ERRORS:
            low, high = basic_interval(value, self.resampled, confidence)
        else:
            low, high = percentile_interval(self.resampled, confidence)
        return {metric: value, f"{metric}_low": low, f"{metric}_high": high}


@dataclass(frozen=True)
class Evaluation:
    """An experiment on one set of units.

    Attributes
    ----------
    outcomes
        One a seed, over the same units in the same order.
    confusion
        Confusion matrix, mean over seeds, shape (classes, classes), rows the true labels.
    metrics
        The estimate of each of `newstance.evaluation.metrics.METRICS`.
    classes
        The estimates of precision, recall and f1 by class.
    """

    outcomes: tuple[Outcomes, ...]
    confusion: Array
    metrics: Mapping[str, Estimate]
    classes: Mapping[str, Estimate]


def evaluate(outcomes: Sequence[Outcomes], settings: EvaluationSettings) -> Evaluation:
    """Score the seeds of one experiment on a set of units and on its bootstrap samples.

    Parameters
    ----------
    outcomes
        One a seed, over the same units in the same order.
    settings
        Seed and number of the bootstrap samples.
    """
    by_article = [Counts.by_article(one) for one in outcomes]
    weights = article_weights(len(by_article[0].sums), settings)
    points = [counts.total() for counts in by_article]
    resampled = [counts.weighted(weights) for counts in by_article]
    metrics = {
        name: Estimate.of([metric(point) for point in points], [metric(sample) for sample in resampled])
        for name, metric in METRICS.items()
    }
    point_classes, resampled_classes = ([class_scores(counts) for counts in part] for part in (points, resampled))
    classes = {
        name: Estimate.of([scores[name] for scores in point_classes], [scores[name] for scores in resampled_classes])
        for name in point_classes[0]
    }
    return Evaluation(tuple(outcomes), seed_mean([point.confusion for point in points]), metrics, classes)
