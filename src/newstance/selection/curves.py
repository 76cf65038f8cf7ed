"""Learning curves of the strategies, the area under them, and their difference to random, with intervals.

A bootstrap sample draws test articles and seeds, each with replacement, the same for all strategies: an interval
covers what is drawn for test and which units a curve starts from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from newstance.evaluation.intervals import article_weights, percentile_interval
from newstance.evaluation.paired import bootstrap_p_value, holm
from newstance.labels.agreement import macro_f1
from newstance.selection.simulation import World, counts
from newstance.selection.tables import AREA_COLUMNS, CURVE_COLUMNS, RANDOM
from newstance.settings import EvaluationSettings, SelectionSettings

Array = NDArray[np.float64]


def curve_tables(
    predicted: Mapping[str, Mapping[str, Any]],
    world: World,
    settings: SelectionSettings,
    evaluation: EvaluationSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score what `newstance.selection.simulation.simulate` returned.

    Returns
    -------
    DataFrame, DataFrame
        `CURVE_COLUMNS` and `AREA_COLUMNS` without the task. The area is the mean macro-F1 along a curve.
    """
    points, areas = [], []
    for budget, by_strategy in predicted.items():
        scores = {name: resampled_scores(said, world, evaluation) for name, said in by_strategy.items()}
        sizes = counts(budget, settings, len(world.labels))
        rows = []
        for name, score in scores.items():
            gain = score - scores[RANDOM]
            for place, size in enumerate(sizes):
                values = _columns("macro_f1", score[place], evaluation) | _gain(name, gain[place], evaluation)
                points.append({"budget": budget, "strategy": name, "labels": size, **values})
            area, area_gain = (_area(values, sizes) for values in (score, gain))
            row = {"budget": budget, "strategy": name, **_columns("area", area, evaluation)}
            p_value = bootstrap_p_value(area_gain[1:]) if name != RANDOM else np.nan
            rows.append(row | _gain(name, area_gain, evaluation) | {"p_bootstrap": p_value})
        table = pd.DataFrame(rows)
        others = table["strategy"] != RANDOM
        table.loc[others, "p_bootstrap_holm"] = holm(table.loc[others, "p_bootstrap"])
        areas.append(table)
    area_table = pd.concat(areas, ignore_index=True)
    return pd.DataFrame(points, columns=CURVE_COLUMNS[1:]), area_table[AREA_COLUMNS[1:]]


def resampled_scores(said: Any, world: World, settings: EvaluationSettings) -> Array:
    """Return macro-F1 on test and on its bootstrap samples.

    Parameters
    ----------
    said
        Shape (seeds, points, test units).
    world
        Knows the labels of test.
    settings
        Of the bootstrap.

    Returns
    -------
    ndarray of shape (points, 1 + resamples)
        The first column is the score itself.
    """
    ids, articles = np.unique(world.test_articles, return_inverse=True)
    weights = np.vstack([np.ones(len(ids)), article_weights(len(ids), settings)])
    # Another stream, so that the draw of seeds doesn't follow that of articles.
    drawn = article_weights(len(said), settings.model_copy(update={"seed": settings.seed + 1}))
    shares = np.vstack([np.ones(len(said)), drawn]) / len(said)
    truth = np.array([world.codes.index(code) for code in world.test_labels])
    size = len(world.codes)
    scores = np.zeros((said.shape[1], len(weights)))
    for seed, curve in enumerate(said):
        for point, labels in enumerate(curve):
            cells = truth * size + np.array([world.codes.index(code) for code in labels])
            table = csr_array((np.ones(len(cells)), (cells, articles)), shape=(size**2, len(ids)))
            confusion = (table @ weights.T).T.reshape(-1, size, size)
            scores[point] += shares[:, seed] * macro_f1(confusion, size)
    return scores


def _area(values: Array, sizes: list[int]) -> Array:
    """Return the mean along a curve, shape (1 + resamples,); a curve of one point is that point."""
    if len(sizes) == 1:
        first: Array = values[0]
        return first
    area: Array = np.asarray(np.trapezoid(values, sizes, axis=0)) / (sizes[-1] - sizes[0])
    return area


def _columns(name: str, values: Array, settings: EvaluationSettings) -> dict[str, float]:
    low, high = percentile_interval(values[1:], settings.confidence)
    return {name: float(values[0]), f"{name}_low": low, f"{name}_high": high}


def _gain(strategy: str, values: Array, settings: EvaluationSettings) -> dict[str, float]:
    """Return the columns of the difference to random, which random itself hasn't."""
    if strategy == RANDOM:
        return dict.fromkeys(("difference", "difference_low", "difference_high"), np.nan)
    return _columns("difference", values, settings)
