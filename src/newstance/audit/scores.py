"""Scores of the audit's models on test, of parts of test and of differences, all on the same bootstrap samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newstance.evaluation.intervals import Estimate, article_weights, percentile_interval
from newstance.evaluation.metrics import Counts, accuracy, macro_f1
from newstance.evaluation.outcomes import Outcomes
from newstance.settings import EvaluationSettings

Array = NDArray[np.float64]
METRICS: dict[str, Callable[[Counts], Array]] = {"accuracy": accuracy, "macro_f1": macro_f1}


@dataclass(frozen=True)
class Scored:
    """One model's outcomes on the test units.

    Attributes
    ----------
    counts
        By article, sorted by id.
    articles
        The ids, shape (articles,).
    settings
        Of the bootstrap, which draws articles with all their units.
    """

    counts: Counts
    articles: NDArray[Any]
    settings: EvaluationSettings

    @classmethod
    def of(cls, outcomes: Outcomes, settings: EvaluationSettings) -> Scored:
        """Sum the outcomes by article."""
        return cls(Counts.by_article(outcomes), np.unique(outcomes.articles), settings)

    def only(self, articles: NDArray[Any]) -> Scored:
        """Return the same on some articles alone; samples still draw from all of them, so that sizes vary."""
        chosen = np.isin(self.articles, articles)
        sums = self.counts.sums * chosen[:, None]
        return Scored(Counts(sums, self.counts.classes, self.counts.lenient), self.articles, self.settings)

    @property
    def units(self) -> int:
        """How many units were tested."""
        return int(self.counts.total().units)

    def estimate(self, metric: str) -> Estimate:
        """Return a metric of `METRICS` on the units and on every bootstrap sample."""
        weights = article_weights(len(self.articles), self.settings)
        score = METRICS[metric]
        # A sample may have none of a part's few articles: the score is undefined there.
        with np.errstate(invalid="ignore"):
            return Estimate.of([score(self.counts.total())], [score(self.counts.weighted(weights))])

    def columns(self) -> dict[str, float]:
        """Return all metrics with intervals as table columns."""
        columns: dict[str, float] = {}
        for metric in METRICS:
            columns |= self.estimate(metric).columns(metric, self.settings.confidence)
        return columns


def difference(one: Scored, other: Scored, metric: str = "accuracy") -> tuple[float, float, float]:
    """Return one's score minus the other's, and the ends of its interval over the samples that they share."""
    first, second = one.estimate(metric), other.estimate(metric)
    low, high = percentile_interval(first.resampled - second.resampled, one.settings.confidence)
    return float(first.value - second.value), low, high
