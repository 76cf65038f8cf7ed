"""Means and shares with their intervals, drawn and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from statsmodels.stats.proportion import proportion_confint

from newstance.evaluation.intervals import article_weights, percentile_interval
from newstance.reporting import words
from newstance.reporting.drawing import score_axis
from newstance.settings import EvaluationSettings


class Mean(NamedTuple):
    """A mean or a share, with its interval."""

    value: float
    low: float
    high: float

    @property
    def score(self) -> str:
        """Three decimals and the interval."""
        text = words.with_interval({"mean": self.value, "mean_low": self.low, "mean_high": self.high}, "mean")
        return text.replace("-0.000", "0.000").replace("-", "−")

    @property
    def signed(self) -> str:
        """Three decimals and the interval, all with their signs: a difference."""
        return f"{words.signed(self.value)} [{words.signed(self.low)}, {words.signed(self.high)}]"

    @property
    def percent(self) -> str:
        """Whole per cents and the interval."""
        if np.isnan(self.value):
            return words.MISSING
        shown = f"{100 * self.value:.0f}\xa0%\xa0[{100 * self.low:.0f},\xa0{100 * self.high:.0f}]"
        return shown.replace("[-0,", "[0,").replace("-", "−")

    def excludes(self, value: float) -> bool:
        """Say whether a value lies outside the interval."""
        return value < self.low or value > self.high


def mean_of(values: ArrayLike, articles: ArrayLike, settings: EvaluationSettings) -> Mean:
    """Average over units, with the bootstrap interval that draws articles with all their units.

    Parameters
    ----------
    values, articles
        One a unit, shape (units,); without any, the mean is NaN.
    settings
        Of the bootstrap.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return Mean(np.nan, np.nan, np.nan)
    ids, place = np.unique(np.asarray(articles), return_inverse=True)
    sums = np.zeros((len(ids), 2))
    np.add.at(sums, place, np.stack([numbers, np.ones_like(numbers)], axis=1))
    totals = article_weights(len(ids), settings) @ sums
    return Mean(float(numbers.mean()), *percentile_interval(totals[:, 0] / totals[:, 1], settings.confidence))


def share_of(count: float, units: float, confidence: float) -> Mean:
    """Return a share with Wilson's interval, for units that are independent."""
    if not units:
        return Mean(np.nan, np.nan, np.nan)
    low, high = proportion_confint(count, units, alpha=1 - confidence, method="wilson")
    # Rounding puts the ends of shares of 0 and 1 a hair beside them.
    return Mean(count / units, min(float(low), count / units), max(float(high), count / units))


def share_axis(axes: Axes, label: str) -> None:
    """Label a horizontal axis of shares from 0 to 1, with room for the marks of none and all."""
    score_axis(axes, label)
    axes.set_xlim(-0.02, 1.02)


def draw_means(axes: Axes, means: Sequence[Mean], rows: ArrayLike, **style: Any) -> None:
    """Draw points with horizontal intervals."""
    table = np.array(means, dtype=np.float64).reshape(-1, 3)
    lengths = np.clip(np.nan_to_num(np.abs(table[:, [1, 2]] - table[:, [0]])), 0, None)
    axes.errorbar(table[:, 0], rows, xerr=lengths.T, linestyle="none", elinewidth=1.6, **style)
