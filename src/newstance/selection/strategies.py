"""Strategies of what to label next; each ranks the units of a pool and says why.

The abstract idea is that of small-text's query strategies (Schröder et al. 2023): a strategy sees what a model thinks
of the pool, and never a label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from newstance.errors import NewstanceError

Array = NDArray[np.float64]
SMALLEST = 1e-9


class Pool(Protocol):
    """Units to choose from, and what a strategy may ask about them; only what is asked for is computed."""

    @property
    def size(self) -> int:
        """Number of units."""

    @property
    def codes(self) -> list[str]:
        """The labels; the columns of all probabilities."""

    def probabilities(self) -> Array:
        """Return a model's probabilities, shape (units, labels)."""

    def committee(self) -> Mapping[str, Array]:
        """Return the probabilities of several models by their names, each of shape (units, labels)."""

    def embeddings(self) -> tuple[Array, Array]:
        """Return unit-length embeddings of the units and of what is labelled, shapes (…, dimensions)."""

    def given(self) -> NDArray[np.object_]:
        """Return the label that each unit has already, shape (units,)."""

    def names(self) -> list[str]:
        """Return a name of each labelled unit, in the order of their embeddings."""


@dataclass(frozen=True)
class Choice:
    """Chosen units, the first to label first.

    Attributes
    ----------
    rows
        Their places in the pool, shape (chosen,).
    scores
        Higher is more wanted, shape (chosen,).
    reasons
        One a unit, for the person who labels it.
    """

    rows: NDArray[np.intp]
    scores: Array
    reasons: list[str]


Strategy = Callable[[Pool, int, np.random.Generator], Choice]


def random(pool: Pool, count: int, generator: np.random.Generator) -> Choice:
    """Draw units, each with the same chance: what the others are measured against, and the one that is unbiased."""
    scores = generator.random(pool.size)
    rows = _highest(scores, count)
    return Choice(rows, scores[rows], ["drawn at random"] * len(rows))


def uncertainty(pool: Pool, count: int, _generator: np.random.Generator) -> Choice:
    """Choose the smallest margin between the two likeliest labels (breaking ties; Luo et al. 2005).

    The score is 1 minus the margin.
    """
    probabilities = pool.probabilities()
    ranking = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    top = np.take_along_axis(probabilities, ranking, axis=1)
    scores = 1 - (top[:, 0] - top[:, 1])
    rows = _highest(scores, count)
    reasons = [
        " or ".join(f"{pool.codes[code]} {probabilities[row, code]:.2f}" for code in ranking[row]) for row in rows
    ]
    return Choice(rows, scores[rows], reasons)


def diversity(pool: Pool, count: int, _generator: np.random.Generator) -> Choice:
    """Choose the unit that is least like all labelled and chosen ones, again and again (greedy core-set).

    Sener and Savarese (2018). The score is the cosine distance to the nearest of those. Where nothing is labelled,
    the first one is the unit nearest to the mean.
    """
    units, labelled = pool.embeddings()
    names = [f"the labelled {name}" for name in pool.names()]
    nearest, similarity = np.zeros(len(units), dtype=np.intp), np.full(len(units), -1.0)
    if len(labelled):
        similarities = units @ labelled.T
        nearest, similarity = similarities.argmax(axis=1), similarities.max(axis=1)
    rows: list[int] = []
    scores, reasons = [], []
    for rank in range(min(count, len(units))):
        if rank == 0 and not len(labelled):
            row = int((units @ units.mean(axis=0)).argmax())
            reasons.append("nearest to the middle of all")
        else:
            row = int(similarity.argmin())
            reasons.append(f"its nearest, {names[nearest[row]]}, is at cosine {similarity[row]:.2f}")
        rows.append(row)
        scores.append(1 - similarity[row])
        names.append(f"number {rank + 1} of this list")
        closer = units @ units[row]
        nearest = np.where(closer > similarity, len(names) - 1, nearest)
        similarity = np.maximum(similarity, closer)
        similarity[rows] = np.inf
    return Choice(np.array(rows, dtype=np.intp), np.array(scores), reasons)


def disagreement(pool: Pool, count: int, _generator: np.random.Generator) -> Choice:
    """Choose where the models of a committee differ most.

    The score is the Jensen-Shannon divergence of their probabilities (McCallum and Nigam 1998), in nats.
    """
    committee = pool.committee()
    opinions = np.stack(list(committee.values()))
    scores = entr(opinions.mean(axis=0)).sum(axis=1) - entr(opinions).sum(axis=2).mean(axis=0)
    rows = _highest(scores, count)
    said = {name: np.array(pool.codes)[found.argmax(axis=1)] for name, found in committee.items()}
    reasons = ["; ".join(f"{name}: {labels[row]}" for name, labels in said.items()) for row in rows]
    return Choice(rows, scores[rows], reasons)


def suspects(pool: Pool, count: int, _generator: np.random.Generator) -> Choice:
    """Choose labels that are probably wrong, to be labelled anew (confident learning; Northcutt et al. 2021).

    Those that cleanlab takes for errors come first, then the others, each by the probability of the label given,
    smallest first. The score is 1 minus that probability, and 1 more for a suspect.
    """
    from cleanlab.filter import find_label_issues  # noqa: PLC0415  (imports half a second of code)

    probabilities = pool.probabilities()
    # A code that nobody gave has no threshold, so the method is only told of those that occur.
    given, numbers = np.unique(pool.given(), return_inverse=True)
    if len(given) < 2:
        raise NewstanceError(f"All labels are '{given[0]}', so none can be suspected; label more first.")
    columns = [pool.codes.index(code) for code in given]
    shares = probabilities[:, columns] + SMALLEST
    shares /= shares.sum(axis=1, keepdims=True)
    own = shares[np.arange(len(numbers)), numbers]
    scores = 1 - own + find_label_issues(numbers, shares, filter_by="both", n_jobs=1)
    rows = _highest(scores, count)
    likeliest = probabilities.argmax(axis=1)
    reasons = [
        f"labelled {given[numbers[row]]} with probability {own[row]:.2f}; likeliest is "
        f"{pool.codes[likeliest[row]]}, {probabilities[row, likeliest[row]]:.2f}"
        for row in rows
    ]
    return Choice(rows, scores[rows], reasons)


def _highest(scores: Array, count: int) -> NDArray[np.intp]:
    """Return the places of the highest scores, the earlier ones first where they tie."""
    return np.argsort(-scores, kind="stable")[:count]


# `suspects` ranks units that have a label already, the others units that have none.
NEW_LABELS: dict[str, Strategy] = {
    "random": random,
    "uncertainty": uncertainty,
    "diversity": diversity,
    "disagreement": disagreement,
}
STRATEGIES: dict[str, Strategy] = {**NEW_LABELS, "suspects": suspects}
