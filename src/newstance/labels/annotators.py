"""Annotators who differ from the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.labels.agreement import Array, cohen_kappa, percentile_interval
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

LEAST_DIFFERENCE = 0.1  # of kappa: less is not worth a word, however sure it is
FEWEST = 20  # comparisons; with fewer nobody is judged
DIFFERENCE_COLUMNS = ["task", "annotator", "comparisons", "kappa", "kappa_low", "kappa_high", "others"]
DIFFERENCE_COLUMNS += ["others_low", "others_high", "difference", "difference_low", "difference_high", "differs"]


def annotator_differences(annotations: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings) -> pd.DataFrame:
    """Compare each annotator's agreement with the others to that of the others among themselves.

    Both are Cohen's kappa of all comparisons taken together, over the units that the annotator labelled. The rule: an
    annotator differs where the others agree with each other by at least `LEAST_DIFFERENCE` more, and the bootstrap
    interval (articles are drawn) of this difference lies above 0. With two annotators nobody can be judged.

    Parameters
    ----------
    annotations
        The rows that count (`newstance.labels.history.counting`), of annotators who decided on their own: not of a
        reference that settles what others disagree on.
    scheme, settings
        Labels; level, resamples and seed.

    Returns
    -------
    DataFrame
        Columns `DIFFERENCE_COLUMNS`, a row an annotator who can be judged.
    """
    columns = [*scheme.unit, "annotator", scheme.name]
    pairs = annotations[columns].merge(annotations[columns], on=scheme.unit)
    pairs = pairs[pairs["annotator_x"] != pairs["annotator_y"]]
    rows = []
    for name in annotations["annotator"].unique():
        own = pairs[pairs["annotator_x"] == name]
        units = own[scheme.unit].drop_duplicates()
        rest = pairs[(pairs["annotator_x"] != name) & (pairs["annotator_y"] != name)].merge(units, on=scheme.unit)
        if len(own) >= FEWEST and len(rest) >= FEWEST:
            rows.append([scheme.name, name, len(own), *_compared(own, rest, scheme, settings)])
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def _compared(
    own: pd.DataFrame, rest: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings
) -> list[float | bool]:
    articles = own["article_id"].unique()
    generator = np.random.default_rng(settings.seed)
    drawn = generator.multinomial(len(articles), np.full(len(articles), 1 / len(articles)), settings.resamples)
    weights = np.vstack([np.ones(len(articles)), drawn.astype(np.float64)])
    kappas = [cohen_kappa(_confusions(side, articles, scheme, weights)) for side in (own, rest)]
    cells: list[float | bool] = []
    for values in (*kappas, kappas[1] - kappas[0]):
        cells += [float(values[0]), *percentile_interval(values[1:], settings.confidence)]
    difference, low = cells[6], cells[7]
    return [*cells, bool(difference >= LEAST_DIFFERENCE and low > 0)]


def _confusions(pairs: pd.DataFrame, articles: NDArray[np.object_], scheme: Scheme, weights: Array) -> Array:
    """Count pairs of labels with articles weighted; shape (weightings, labels, labels)."""
    codes = [*scheme.codes, scheme.skip] if scheme.skip else scheme.codes
    matrices = np.zeros((len(articles), len(codes), len(codes)))
    article = pd.Categorical(pairs["article_id"], categories=articles).codes
    row, column = (pd.Categorical(pairs[scheme.name + side], categories=codes).codes for side in ("_x", "_y"))
    np.add.at(matrices, (article, row, column), 1)
    counted: Array = (weights @ matrices.reshape(len(articles), -1)).reshape(-1, len(codes), len(codes))
    return counted
