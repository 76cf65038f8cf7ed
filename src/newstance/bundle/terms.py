"""TF-IDF of one text, term by term: what scikit-learn's vectorizer computes, with what each term contributes.

scikit-learn itself would take a second of the server's start, and tells nothing of single terms.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from newstance.models.mentions import without_accents

WORD = re.compile(r"(?u)\b\w+\b")


@dataclass(frozen=True)
class Terms:
    """The vocabulary and weights of a fitted `newstance.models.tfidf.PlainTfidf` over words.

    Attributes
    ----------
    columns
        Column by term.
    idf
        Inverse document frequency by column.
    ngrams
        Shortest and longest n-gram.
    stop_words
        Words that are left out before n-grams are made.
    """

    columns: Mapping[str, int]
    idf: NDArray[np.float64]
    ngrams: tuple[int, int]
    stop_words: frozenset[str]

    def count(self, text: str) -> Counter[int]:
        """Count the known terms of a text by column."""
        words = [word for word in WORD.findall(without_accents(text.lower())) if word not in self.stop_words]
        terms = chain.from_iterable(_join(words, n) for n in range(self.ngrams[0], self.ngrams[1] + 1))
        counts = Counter(map(self.columns.get, terms))
        return Counter({column: times for column, times in counts.items() if column is not None})

    def vector(self, counts: Mapping[int, int]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return columns and values of the TF-IDF vector: sublinear frequency, unit length."""
        columns = np.fromiter(counts.keys(), dtype=np.intp, count=len(counts))
        frequencies = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        values = (1 + np.log(frequencies)) * self.idf[columns]
        length = np.linalg.norm(values)
        return columns, values / length if length else values


def _join(words: Sequence[str], n: int) -> Sequence[str]:
    return words if n == 1 else [" ".join(words[start : start + n]) for start in range(len(words) - n + 1)]
