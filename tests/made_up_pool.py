"""A pool in memory, for tests of what chooses from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class MadeUpPool:
    """What a strategy may ask; nothing is computed."""

    codes: list[str]
    size: int
    shares: np.ndarray | None = None
    opinions: dict[str, np.ndarray] = field(default_factory=dict)
    units: np.ndarray | None = None
    labelled: np.ndarray | None = None
    labels: list[str] = field(default_factory=list)

    def probabilities(self):
        return self.shares

    def committee(self):
        return self.opinions

    def embeddings(self):
        return self.units, self.labelled

    def given(self):
        return np.array(self.labels, dtype=object)

    def names(self):
        return [f"text {number}" for number in range(len(self.labelled))]
