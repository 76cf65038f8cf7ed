"""Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") and reliability of confidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

Array = NDArray[np.float64]
BINS = 10
# The floor that scikit-learn's log loss has for doubles: a zero costs about 36 nats and not infinity.
FLOOR = float(np.finfo(np.float64).eps)
# Validation data that a model labels without error ask for a temperature of zero, which no test data bear out. The
# upper bound is wide enough to turn the floored zeros of a majority classifier into any shares.
LOG_TEMPERATURE_BOUNDS = (-3.0, 5.0)


def label_losses(probabilities: Array, labels: NDArray[np.intp]) -> Array:
    """Return the negative log-probability of each true label, shape (units,); probabilities are floored at `FLOOR`."""
    of_label = probabilities[np.arange(len(labels)), labels]
    losses: Array = -np.log(np.clip(of_label, FLOOR, 1))
    return losses


def apply_temperature(probabilities: Array, temperature: float) -> Array:
    """Divide log-probabilities by the temperature and normalise; the most probable label stays the same.

    Parameters
    ----------
    probabilities
        Shape (units, classes); rows sum to 1, zeros are allowed.
    temperature
        Above 1 flattens, below 1 sharpens.

    Returns
    -------
    ndarray of shape (units, classes)
    """
    scaled: Array = softmax(np.log(np.clip(probabilities, FLOOR, 1)) / temperature, axis=1)
    return scaled


def fit_temperature(probabilities: Array, labels: NDArray[np.intp]) -> float:
    """Find the temperature with the least log loss.

    Parameters
    ----------
    probabilities
        Shape (units, classes), of units that the model wasn't trained on.
    labels
        Numbers of the true classes, shape (units,).

    Returns
    -------
    float
        Between exp(-3) and exp(5); 1 where no other temperature is better, as with constant, equal probabilities.
    """

    def loss(log_temperature: float) -> float:
        return float(label_losses(apply_temperature(probabilities, float(np.exp(log_temperature))), labels).mean())

    # The loss is convex in 1 / temperature, so it has one valley over the logarithm too.
    found = minimize_scalar(loss, bounds=LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x)) if found.fun < loss(0.0) else 1.0


def confidence_bins(confidence: Array) -> NDArray[np.intp]:
    """Return the number of the bin of each confidence (units,): `BINS` bins of equal width, closed on the right."""
    return np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)


def reliability(probabilities: Array, labels: NDArray[np.intp]) -> pd.DataFrame:
    """Compare the confidence in the most probable label with how often it is right.

    Parameters
    ----------
    probabilities
        Shape (units, classes).
    labels
        Numbers of the true classes, shape (units,).

    Returns
    -------
    DataFrame
        Columns bin (0 to 9), confidence and accuracy (means), units; empty bins are left out.
    """
    confidence = probabilities.max(axis=1)
    table = pd.DataFrame(
        {
            "bin": confidence_bins(confidence),
            "confidence": confidence,
            "accuracy": (probabilities.argmax(axis=1) == labels).astype(np.float64),
        }
    )
    bins = table.groupby("bin")
    return bins.mean().assign(units=bins.size()).reset_index()
