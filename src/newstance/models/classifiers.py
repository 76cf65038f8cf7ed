"""Classifiers that scikit-learn doesn't have in the form the contract asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.svm import LinearSVC


class ProbabilisticLinearSVC(LinearSVC):  # type: ignore[misc]
    """A linear support vector machine with `predict_proba`: the softmax of its margins.

    The most probable class is the one that the machine predicts. The probabilities are not calibrated by themselves:
    every experiment fits a temperature on validation, which for margins is temperature scaling (Guo et al. 2017).
    """

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities, shape (rows, classes)."""
        margins = self.decision_function(X)
        if margins.ndim == 1:
            positive = expit(2 * margins)
            return np.column_stack([1 - positive, positive])
        probabilities: NDArray[np.float64] = softmax(margins, axis=1)
        return probabilities
