"""How far two samples of embeddings lie apart: a domain classifier and the energy distance, each beside chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import rankdata
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from newstance.settings import EvaluationSettings

Array = NDArray[np.float64]
FOLDS = 5
PERMUTATIONS = 999


@dataclass(frozen=True)
class Domain:
    """A classifier that tries to tell new articles from those of the reference.

    Attributes
    ----------
    auc, low, high
        Area under the ROC curve of held-out articles with its bootstrap interval; 0.5 is chance.
    chance
        What the classifier reaches at most, at the level of the interval, where the two are shuffled.
    p
        Share of shuffles that reach as much.
    """

    auc: float
    low: float
    high: float
    chance: float
    p: float


@dataclass(frozen=True)
class Distance:
    """Energy distance as a share of the mean distance between the samples: 0 where they are alike, at most 1."""

    value: float
    chance: float
    p: float


def domain_classifier(reference: Array, new: Array, settings: EvaluationSettings) -> Domain:
    """Cross-validate a ridge classifier (Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests").

    Parameters
    ----------
    reference, new
        Embeddings, shape (articles, dimensions), at least `FOLDS` of each.
    settings
        Level, resamples and seed of the interval; the seed shuffles, too.
    """
    vectors = np.vstack([reference, new])
    generator = np.random.default_rng(settings.seed)
    divisions = _divisions(len(reference), len(new), generator)
    scores = _held_out_scores(vectors, divisions, settings.seed)
    aucs = _aucs(scores, divisions)
    own, is_new = scores[0], divisions[0] > 0
    resampled = _resampled_auc(own[is_new], own[~is_new], settings.resamples, generator)
    low, high = np.quantile(resampled, [(1 - settings.confidence) / 2, (1 + settings.confidence) / 2])
    chance = float(np.quantile(aucs[1:], settings.confidence))
    return Domain(float(aucs[0]), float(low), float(high), chance, _p_value(aucs))


def _divisions(reference: int, new: int, generator: np.random.Generator) -> Array:
    """Return who is new (1) or not (0), then the same shuffled again and again; shape (divisions, articles)."""
    observed = np.repeat([0.0, 1.0], [reference, new])
    shuffled = generator.permuted(np.tile(observed, (PERMUTATIONS, 1)), axis=1)
    return np.vstack([observed, shuffled])


def _held_out_scores(vectors: Array, divisions: Array, seed: int) -> Array:
    """Predict each article's side by models that did not see it, for all divisions at once."""
    # Least squares with several outputs share one decomposition. The folds know nothing of the sides, so that the
    # observed division is treated as the shuffled ones are.
    model = make_pipeline(StandardScaler(), Ridge(alpha=vectors.shape[1]))
    scores: Array = cross_val_predict(model, vectors, divisions.T, cv=KFold(FOLDS, shuffle=True, random_state=seed)).T
    return scores


def _aucs(scores: Array, divisions: Array) -> Array:
    """Return the area under the ROC curve of each row."""
    positives = divisions.sum(axis=1)
    above = (rankdata(scores, axis=1) * divisions).sum(axis=1) - positives * (positives + 1) / 2
    areas: Array = above / (positives * (divisions.shape[1] - positives))
    return areas


def _resampled_auc(new: Array, reference: Array, resamples: int, generator: np.random.Generator) -> Array:
    """Draw articles of each side again and again; shape (resamples,)."""
    wins = (new[:, None] > reference) + 0.5 * (new[:, None] == reference)
    drawn = [
        generator.multinomial(len(side), np.full(len(side), 1 / len(side)), resamples) for side in (new, reference)
    ]
    total: Array = ((drawn[0] @ wins) * drawn[1]).sum(axis=1) / wins.size
    return total


def energy_distance(reference: Array, new: Array, settings: EvaluationSettings) -> Distance:
    """Compare distances between the samples with those within (Székely and Rizzo 2013, "Energy statistics").

    Parameters
    ----------
    reference, new
        Embeddings, shape (articles, dimensions).
    settings
        Level and seed of the shuffles.
    """
    vectors = np.vstack([reference, new])
    divisions = _divisions(len(reference), len(new), np.random.default_rng(settings.seed))
    values = _energy(cdist(vectors, vectors), divisions)
    return Distance(float(values[0]), float(np.quantile(values[1:], settings.confidence)), _p_value(values))


def _energy(distances: Array, chosen: Array) -> Array:
    """Return the normalised energy distance of each row of 0 and 1 in `chosen`, shape (divisions, articles)."""
    first = chosen.sum(axis=1)
    second = chosen.shape[1] - first
    within = ((chosen @ distances) * chosen).sum(axis=1)
    between = chosen @ distances.sum(axis=1) - within
    rest = distances.sum() - 2 * between - within
    mean = between / (first * second)
    energy: Array = (2 * mean - within / first**2 - rest / second**2) / (2 * mean)
    return energy


def _p_value(values: Array) -> float:
    # The observed division, the first, is one of those that chance could have made.
    return float((values >= values[0]).mean())
