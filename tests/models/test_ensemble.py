import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.evaluation.calibration import apply_temperature
from newstance.models.ensemble import EnsembleClassifier

TABLE = pd.DataFrame({"title": ["Fares", "Budget"], "text": ["The ferry is old.", "It rained."]})


class Fixed:
    """Gives the same probabilities whatever the input."""

    def __init__(self, **probabilities):
        self.classes_ = np.array(sorted(probabilities), dtype=object)
        self.row = [probabilities[name] for name in self.classes_]

    def predict_proba(self, table):
        return np.array([self.row] * len(table))


def test_probabilities_are_averaged_by_weight():
    members = [Fixed(against=0.1, favor=0.9), Fixed(against=0.6, favor=0.4)]
    both = EnsembleClassifier(members, [0.75, 0.25], [1.0, 1.0])
    assert np.allclose(both.predict_proba(TABLE), [[0.225, 0.775]] * 2)
    assert both.predict(TABLE).tolist() == ["favor", "favor"]
    assert EnsembleClassifier(members, [0.1, 0.9], [1.0, 1.0]).predict(TABLE).tolist() == ["against", "against"]


def test_each_member_is_calibrated_with_its_own_temperature_before_that():
    members = [Fixed(against=0.1, favor=0.9), Fixed(against=0.6, favor=0.4)]
    both = EnsembleClassifier(members, [0.5, 0.5], [2.0, 0.5])
    flat, sharp = (apply_temperature(np.array([row]), heat)[0] for row, heat in (([0.1, 0.9], 2.0), ([0.6, 0.4], 0.5)))
    assert flat[1] < 0.9
    assert sharp[0] > 0.6
    assert np.allclose(both.predict_proba(TABLE), (flat + sharp) / 2)


def test_a_label_that_a_member_does_not_know_gets_nothing_from_it():
    both = EnsembleClassifier([Fixed(favor=0.5, neutral=0.5), Fixed(against=1.0)], [0.6, 0.4], [1.0, 1.0])
    assert both.classes_.tolist() == ["against", "favor", "neutral"]
    assert np.allclose(both.predict_proba(TABLE), [[0.4, 0.3, 0.3]] * 2)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.05, 100), st.floats(0.1, 1)), min_size=2, max_size=5))
def test_probabilities_sum_to_one_and_lie_between_those_of_the_members(members):
    total = sum(weight for _, _, weight in members)
    fixed = [Fixed(against=share, favor=1 - share) for share, _, _ in members]
    weights = [weight / total for _, _, weight in members]
    heats = [heat for _, heat, _ in members]
    found = EnsembleClassifier(fixed, weights, heats).predict_proba(TABLE)
    assert np.allclose(found.sum(axis=1), 1)
    alone = [apply_temperature(one.predict_proba(TABLE), heat)[0, 0] for one, heat in zip(fixed, heats, strict=True)]
    assert min(alone) - 1e-9 <= found[0, 0] <= max(alone) + 1e-9


def test_as_many_weights_as_members_are_needed():
    with pytest.raises(ValueError, match="zip"):
        EnsembleClassifier([Fixed(against=1.0)], [0.5, 0.5], [1.0]).predict_proba(TABLE)
