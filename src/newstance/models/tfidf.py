"""TF-IDF that reads each text once and saves quickly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from newstance.errors import NewstanceError


def distinct(texts: Iterable[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the distinct texts in order of appearance, and for each text its place among them."""
    places: dict[str, int] = {}
    rows = [places.setdefault(text, len(places)) for text in texts]
    return list(places), np.array(rows, dtype=np.intp)


class PlainTfidf(TfidfVectorizer):  # type: ignore[misc]
    """scikit-learn's `TfidfVectorizer` over distinct texts, with a vocabulary of Python's own integers.

    An article stands in the stance table once for each of its targets: it is one document and is read once.

    scikit-learn leaves NumPy's integers in the vocabulary, each of which skops writes as an array file of its own:
    saving takes many times as long (benchmarks/speed.py).
    """

    vocabulary_: dict[str, int]

    def fit(self, raw_documents: Iterable[str], y: Any = None) -> Self:
        """Learn vocabulary and weights."""
        self.fit_transform(raw_documents)
        return self

    def fit_transform(self, raw_documents: Iterable[str], y: Any = None) -> Any:
        """Learn vocabulary and weights; return the matrix, shape (documents, terms).

        Raises
        ------
        NewstanceError
            When no word is in as many texts as one must be in to count.
        """
        documents, rows = distinct(raw_documents)
        try:
            matrix = super().fit_transform(documents)
        except ValueError as error:
            raise NewstanceError(
                f"TF-IDF finds no words to count in {len(documents)} different texts ({error}); lower 'min_documents' "
                "of the experiment's features, or label more articles."
            ) from None
        self._make_plain()
        return matrix[rows]

    def transform(self, raw_documents: Iterable[str]) -> Any:
        """Return the matrix, shape (documents, terms)."""
        documents, rows = distinct(raw_documents)
        return super().transform(documents)[rows]

    def _make_plain(self) -> None:
        self.vocabulary_ = {str(term): int(column) for term, column in self.vocabulary_.items()}
