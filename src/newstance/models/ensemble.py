"""Several fitted classifiers of one task as one: the weighted mean of their calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from newstance.evaluation.calibration import apply_temperature


class EnsembleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Average fitted classifiers; there is nothing to fit.

    Parameters
    ----------
    members
        Fitted classifiers.
    weights
        One a member; they sum to 1.
    temperatures
        With which each member's probabilities are calibrated (Guo et al. 2017) before they are averaged.
    """

    def __init__(self, members: Sequence[Any], weights: Sequence[float], temperatures: Sequence[float]) -> None:
        self.members = members
        self.weights = weights
        self.temperatures = temperatures

    @property
    def classes_(self) -> NDArray[np.object_]:
        """All labels that a member knows, sorted."""
        return np.unique(np.concatenate([member.classes_ for member in self.members]))

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return probabilities, shape (rows, classes); a label that a member doesn't know gets 0 from it."""
        classes = self.classes_
        total = np.zeros((len(X), len(classes)))
        for member, weight, temperature in zip(self.members, self.weights, self.temperatures, strict=True):
            columns = np.searchsorted(classes, member.classes_)
            total[:, columns] += weight * apply_temperature(member.predict_proba(X), temperature)
        return total

    def predict(self, X: pd.DataFrame) -> NDArray[np.object_]:
        """Return the likeliest label of each row."""
        chosen: NDArray[np.object_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen
