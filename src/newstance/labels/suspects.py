"""Likely label errors by confident learning (Northcutt et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray

SMALLEST = 1e-9


def judge(given: pd.Series[str], probabilities: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Judge labels by the probabilities of a model that didn't learn from them, a column a code.

    Returns
    -------
    dict of arrays, a value a label
        `suspected` (confident learning takes the label for an error), `quality` (the model's probability of the label
        given; lower is more suspicious) and `suggested` (the model's label).
    """
    suggested = probabilities.idxmax(axis=1).to_numpy(dtype=object)
    # A code that nobody gave has no threshold, so the methods are only told of those that occur.
    codes, numbers = np.unique(given.to_numpy(dtype=object), return_inverse=True)
    if len(codes) < 2:
        return {"suspected": np.zeros(len(given), bool), "quality": np.ones(len(given)), "suggested": suggested}
    shares = probabilities[codes].to_numpy() + SMALLEST
    shares /= shares.sum(axis=1, keepdims=True)
    return {
        "suspected": find_label_issues(numbers, shares, filter_by="both", n_jobs=1),
        "quality": get_label_quality_scores(numbers, shares),
        "suggested": suggested,
    }
