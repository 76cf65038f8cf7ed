"""Hypothesis strategies of outcomes."""

import numpy as np
from hypothesis import strategies as st
from scipy.special import softmax

from newstance.evaluation.outcomes import Outcomes


def random_outcomes(seed: int, units: int, classes: int, articles: int, zeros: bool = False) -> Outcomes:
    """Make outcomes of random labels and probabilities, some of them exactly zero if wished."""
    generator = np.random.default_rng(seed)
    uncalibrated, probabilities = softmax(2 * generator.normal(size=(2, units, classes)), axis=2)
    if zeros:
        uncalibrated = np.where(uncalibrated < uncalibrated.max(axis=1, keepdims=True), 0.0, 1.0)
    labels = generator.integers(classes, size=units)
    accepted = np.arange(classes) == labels[:, None]
    accepted |= generator.random((units, classes)) < 0.2
    ids = np.array([f"a{number}" for number in generator.integers(articles, size=units)])
    return Outcomes([f"c{n}" for n in range(classes)], ids, labels, probabilities, uncalibrated, accepted)


outcomes_strategy = st.builds(
    random_outcomes,
    seed=st.integers(0, 2**32 - 1),
    units=st.integers(1, 40),
    classes=st.integers(2, 6),
    articles=st.integers(1, 12),
    zeros=st.booleans(),
)
