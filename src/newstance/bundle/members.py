"""The fitted models of a bundle: numbers from passages and token vectors, and what each sentence moved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newstance.bundle.documents import Document, Passage
from newstance.bundle.networks import Encoded, Reader, Request
from newstance.bundle.terms import Terms

Array = NDArray[np.float64]
# As in newstance.evaluation.calibration.
FLOOR = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Unit:
    """An article, and the target where the task has them; `encoded` holds what the models asked for."""

    document: Document
    target: str
    encoded: Mapping[Request, Encoded]


def softmax(logits: Array) -> Array:
    """Return probabilities, shape (classes,)."""
    powers = np.exp(logits - logits.max())
    probabilities: Array = powers / powers.sum()
    return probabilities


def apply_temperature(probabilities: Array, temperature: float) -> Array:
    """Calibrate the probabilities of one unit; see `newstance.evaluation.calibration.apply_temperature`."""
    return softmax(np.log(np.clip(probabilities, FLOOR, 1)) / temperature)


class Member(ABC):
    """A fitted classifier; `columns` says which codes of the scheme its classes are."""

    columns: NDArray[np.intp]

    @abstractmethod
    def requests(self, document: Document, target: str) -> Iterator[Request]:
        """Yield what encoders must read."""

    @abstractmethod
    def probabilities(self, unit: Unit) -> Array:
        """Return the probability of each of its classes."""

    @abstractmethod
    def moves(self, unit: Unit, column: int, temperature: float = 1.0) -> Array:
        """Return by how much each sentence changed the probability of a code, to first order.

        Parameters
        ----------
        unit
            The article, and the target.
        column
            The code's column in the scheme.
        temperature
            With which the probabilities are calibrated.

        Returns
        -------
        ndarray of shape (sentences,)
        """


class Feature(ABC):
    """One block of a linear model's input: `weight` times the vector of a passage."""

    field: str

    def requests(self, document: Document, target: str) -> Iterator[Request]:
        """Yield what encoders must read: nothing, unless a feature says otherwise."""
        yield from ()

    def logits(self, unit: Unit) -> Array:
        """Return what the block adds to the logits, shape (classes,)."""
        passage = unit.document.passage(self.field, unit.target)
        return unit.document.remember((self, "logits", passage), lambda: self._logits(unit, passage))

    def pulls(self, unit: Unit) -> Mapping[int, Array]:
        """Return what of it each sentence adds, by the sentence's number."""
        passage = unit.document.passage(self.field, unit.target)
        return unit.document.remember((self, "pulls", passage), lambda: self._pulls(unit, passage))

    @abstractmethod
    def _logits(self, unit: Unit, passage: Passage) -> Array: ...

    @abstractmethod
    def _pulls(self, unit: Unit, passage: Passage) -> Mapping[int, Array]: ...


class TermFeature(Feature):
    """TF-IDF of a field; `coefficients` has shape (terms, classes) and holds the block's weight already."""

    def __init__(self, field: str, terms: Terms, coefficients: Array) -> None:
        self.field = field
        self._terms = terms
        self._coefficients = coefficients

    def _logits(self, unit: Unit, passage: Passage) -> Array:
        columns, values = self._terms.vector(self._terms.count(passage.text))
        total: Array = values @ self._coefficients[columns]
        return total

    def _pulls(self, unit: Unit, passage: Passage) -> Mapping[int, Array]:
        # What a term adds is shared among the sentences by how often each has it.
        counts = self._terms.count(passage.text)
        columns, values = self._terms.vector(counts)
        places = {int(column): place for place, column in enumerate(columns)}
        shares = np.zeros((len(passage.spans), len(places)))
        for row, (start, end) in zip(shares, passage.spans.values(), strict=True):
            for column, times in self._terms.count(passage.text[start:end]).items():
                if column in places:  # else a term over the end of a sentence made it
                    row[places[column]] = times / counts[column]
        return dict(zip(passage.spans, shares * values @ self._coefficients[columns], strict=True))


class EncoderFeature(Feature):
    """Mean token vector of a frozen encoder, at unit length; `coefficients` has shape (dimensions, classes).

    `center` is the mean vector of training articles: a sentence is said to pull by what sets it apart from them.
    """

    def __init__(self, field: str, reader: Reader, coefficients: Array, center: Array) -> None:
        self.field = field
        self._reader = reader
        self._coefficients = coefficients
        self._center = center

    def requests(self, document: Document, target: str) -> Iterator[Request]:
        """Yield the field's text."""
        yield self._reader.request(document.passage(self.field, target))

    def _logits(self, unit: Unit, passage: Passage) -> Array:
        mean = unit.encoded[self._reader.request(passage)].mean
        total: Array = mean.astype(np.float64) / np.linalg.norm(mean) @ self._coefficients
        return total

    def _pulls(self, unit: Unit, passage: Passage) -> Mapping[int, Array]:
        encoded = unit.encoded[self._reader.request(passage)]
        scale = len(encoded.states) * float(np.linalg.norm(encoded.mean))
        return encoded.by_sentence((encoded.states - self._center) @ self._coefficients / scale, passage)


class LinearMember(Member):
    """A linear model over features side by side; the softmax of its margins are the probabilities."""

    def __init__(self, columns: NDArray[np.intp], features: Sequence[Feature], intercept: Array) -> None:
        self.columns = columns
        self._features = features
        self._intercept = intercept

    def requests(self, document: Document, target: str) -> Iterator[Request]:
        """Yield what its features need."""
        for feature in self._features:
            yield from feature.requests(document, target)

    def probabilities(self, unit: Unit) -> Array:
        """Add up the blocks."""
        blocks: Array = np.sum([feature.logits(unit) for feature in self._features], axis=0)
        return softmax(blocks + self._intercept)

    def moves(self, unit: Unit, column: int, temperature: float = 1.0) -> Array:
        """Add up what the blocks' sentences pull."""
        pulls = np.zeros((len(unit.document.sentences), len(self.columns)))
        for feature in self._features:
            for number, pull in feature.pulls(unit).items():
                pulls[number] += pull
        calibrated = apply_temperature(self.probabilities(unit), temperature)
        return first_order(calibrated, pulls / temperature, self.columns, column)


class TransformerMember(Member):
    """A fine-tuned encoder with mean pooling and a linear head, `weights` of shape (dimensions, classes)."""

    def __init__(self, columns: NDArray[np.intp], reader: Reader, weights: Array, bias: Array, center: Array) -> None:
        self.columns = columns
        self._reader = reader
        self._weights = weights
        self._bias = bias
        self._center = center

    def _request(self, document: Document) -> Request:
        return self._reader.request(document.passage("article", ""))

    def requests(self, document: Document, target: str) -> Iterator[Request]:
        """Yield the article."""
        yield self._request(document)

    def probabilities(self, unit: Unit) -> Array:
        """Multiply the mean token vector with the head."""
        return softmax(unit.encoded[self._request(unit.document)].mean @ self._weights + self._bias)

    def moves(self, unit: Unit, column: int, temperature: float = 1.0) -> Array:
        """Add up what each token adds to the mean, by sentence."""
        encoded = unit.encoded[self._request(unit.document)]
        passage = unit.document.passage("article", "")
        pulls = np.zeros((len(unit.document.sentences), len(self.columns)))
        tokens = (encoded.states - self._center) @ self._weights / len(encoded.states)
        for number, pull in encoded.by_sentence(tokens, passage).items():
            pulls[number] = pull
        calibrated = apply_temperature(self.probabilities(unit), temperature)
        return first_order(calibrated, pulls / temperature, self.columns, column)


class EnsembleMember(Member):
    """The weighted mean of its members' calibrated probabilities."""

    def __init__(self, members: Sequence[Member], weights: Sequence[float], temperatures: Sequence[float]) -> None:
        self.columns = np.unique(np.concatenate([member.columns for member in members]))
        self._parts = list(zip(members, weights, temperatures, strict=True))

    def requests(self, document: Document, target: str) -> Iterator[Request]:
        """Yield what its members need."""
        for member, _, _ in self._parts:
            yield from member.requests(document, target)

    def probabilities(self, unit: Unit) -> Array:
        """Average."""
        total = np.zeros(len(self.columns))
        for member, weight, temperature in self._parts:
            places = np.searchsorted(self.columns, member.columns)
            total[places] += weight * apply_temperature(member.probabilities(unit), temperature)
        return total

    def moves(self, unit: Unit, column: int, temperature: float = 1.0) -> Array:
        """Average what the members' sentences moved. The mean's own temperature changes all by nearly one factor."""
        moved: Array = np.sum([weight * member.moves(unit, column, own) for member, weight, own in self._parts], axis=0)
        return moved


def first_order(probabilities: Array, pulls: Array, columns: NDArray[np.intp], column: int) -> Array:
    """Return the change of a class's probability by first order: the softmax's gradient times each sentence's pull.

    Parameters
    ----------
    probabilities
        Shape (classes,).
    pulls
        What each sentence adds to the logits, shape (sentences, classes).
    columns, column
        The classes' columns in the scheme, and the one that is asked about.
    """
    place = np.flatnonzero(columns == column)
    if not len(place):
        return np.zeros(len(pulls))
    moved: Array = probabilities[place[0]] * (pulls[:, place[0]] - pulls @ probabilities)
    return moved
