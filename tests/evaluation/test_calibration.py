import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from evaluation.strategies import outcomes_strategy
from newstance.evaluation.calibration import (
    apply_temperature,
    confidence_bins,
    fit_temperature,
    label_losses,
    reliability,
)

temperatures = st.floats(0.05, 20)


@given(outcomes_strategy, temperatures)
def test_a_temperature_keeps_the_most_probable_label_and_sums_of_one(outcomes, temperature):
    scaled = apply_temperature(outcomes.uncalibrated, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    rows = np.arange(len(scaled))
    # By value and not by position: the two largest may come to be equal in floating point.
    np.testing.assert_allclose(scaled[rows, outcomes.uncalibrated.argmax(axis=1)], scaled.max(axis=1))


@given(outcomes_strategy)
def test_a_temperature_of_one_changes_nothing(outcomes):
    np.testing.assert_allclose(apply_temperature(outcomes.uncalibrated, 1.0), outcomes.uncalibrated, atol=1e-14)


@given(outcomes_strategy)
def test_the_fitted_temperature_never_raises_the_log_loss_it_was_fitted_on(outcomes):
    raw, labels = outcomes.uncalibrated, outcomes.labels
    temperature = fit_temperature(raw, labels)
    before, after = (label_losses(values, labels).mean() for values in (raw, apply_temperature(raw, temperature)))
    assert after <= before + 1e-12
    assert np.exp(-3) <= temperature <= np.exp(5)


def test_a_temperature_equals_that_of_scikit_learn():
    X, y = make_classification(1200, n_features=20, n_informative=6, n_classes=4, flip_y=0.2, random_state=3)
    model = LogisticRegression(C=1000).fit(X[:100], y[:100])
    calibrated = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(X[100:600], y[100:600])
    temperature = fit_temperature(model.predict_proba(X[100:600]), y[100:600])
    assert temperature > 1.2
    ours = apply_temperature(model.predict_proba(X[600:]), temperature)
    np.testing.assert_allclose(ours, calibrated.predict_proba(X[600:]), atol=1e-4)


def test_a_temperature_that_was_applied_is_found_again():
    generator = np.random.default_rng(5)
    true = generator.dirichlet(np.ones(4), size=5000)
    labels = (true.cumsum(axis=1) > generator.random((5000, 1))).argmax(axis=1)
    assert fit_temperature(apply_temperature(true, 1 / 2.5), labels) == pytest.approx(2.5, rel=0.05)


def test_constant_probabilities_can_be_calibrated():
    labels = np.array([0, 0, 1, 2])
    uniform = np.full((4, 3), 1 / 3)
    assert fit_temperature(uniform, labels) == 1
    majority = np.tile([1.0, 0.0, 0.0], (4, 1))
    flattened = apply_temperature(majority, fit_temperature(majority, labels))
    np.testing.assert_allclose(flattened[0], [0.5, 0.25, 0.25], atol=1e-4)


def test_a_validation_set_without_errors_does_not_ask_for_certainty():
    confident = np.tile([0.6, 0.4], (10, 1))
    temperature = fit_temperature(confident, np.zeros(10, dtype=int))
    assert temperature == pytest.approx(np.exp(-3), rel=1e-3)


@given(outcomes_strategy)
def test_the_losses_equal_scikit_learn(outcomes):
    classes = range(len(outcomes.codes))
    for probabilities in (outcomes.probabilities, outcomes.uncalibrated):
        expected = log_loss(outcomes.labels, probabilities, labels=classes)
        assert label_losses(probabilities, outcomes.labels).mean() == pytest.approx(expected)


def test_bins_are_closed_on_the_right():
    assert confidence_bins(np.array([0.0, 0.05, 0.1, 0.1001, 0.5, 0.95, 1.0])).tolist() == [0, 0, 0, 1, 4, 9, 9]


def test_reliability_compares_confidence_with_accuracy_bin_by_bin():
    probabilities = np.array([[0.95, 0.05], [0.91, 0.09], [0.25, 0.75]])
    table = reliability(probabilities, np.array([0, 1, 1]))
    assert table.columns.tolist() == ["bin", "confidence", "accuracy", "units"]
    np.testing.assert_allclose(table.to_numpy(dtype=float), [[7, 0.75, 1, 1], [9, 0.93, 0.5, 2]])
