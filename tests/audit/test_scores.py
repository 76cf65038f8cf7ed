from __future__ import annotations

import numpy as np
import pytest

from newstance.audit.scores import Scored, difference
from newstance.evaluation.outcomes import Outcomes
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=200)
ARTICLES = np.array([f"a{number:02}" for number in range(40)])
LABELS = np.arange(40) % 2


def _tested(predicted: np.ndarray) -> Scored:
    probabilities = np.eye(2)[predicted]
    return Scored.of(Outcomes(["no", "yes"], ARTICLES, LABELS, probabilities, probabilities), SETTINGS)


def test_a_part_is_scored_on_its_own_articles() -> None:
    tested = _tested(np.where(np.arange(40) < 10, LABELS, 1 - LABELS))

    assert tested.columns()["accuracy"] == pytest.approx(0.25)
    assert tested.only(ARTICLES[:10]).columns()["accuracy"] == 1.0
    assert tested.only(ARTICLES[:20]).columns()["accuracy"] == pytest.approx(0.5)
    assert tested.only(ARTICLES[:20]).units == 20


def test_the_difference_of_a_model_and_itself_is_surely_zero() -> None:
    tested = _tested(np.zeros(40, dtype=int))

    assert difference(tested, tested) == (0.0, 0.0, 0.0)


def test_the_difference_of_right_and_wrong_parts_is_one() -> None:
    tested = _tested(np.where(np.arange(40) < 20, LABELS, 1 - LABELS))

    assert difference(tested.only(ARTICLES[:20]), tested.only(ARTICLES[20:])) == (1.0, 1.0, 1.0)
