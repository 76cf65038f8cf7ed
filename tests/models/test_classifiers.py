import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.svm import LinearSVC

from newstance.models.classifiers import ProbabilisticLinearSVC

X, NUMBERS = load_iris(return_X_y=True)
Y = np.array(["setosa", "versicolor", "virginica"])[NUMBERS]
BINARY = NUMBERS > 0
SETS = {"three classes": (X, Y), "two classes": (X[BINARY], Y[BINARY])}
FITTED = {name: ProbabilisticLinearSVC(random_state=1).fit(*data) for name, data in SETS.items()}


@pytest.mark.parametrize("name", SETS)
def test_the_most_probable_class_is_the_one_that_the_machine_predicts(name):
    samples, y = SETS[name]
    plain = LinearSVC(random_state=1).fit(samples, y)
    probabilities = FITTED[name].predict_proba(samples)
    assert FITTED[name].classes_[probabilities.argmax(axis=1)].tolist() == plain.predict(samples).tolist()
    assert (plain.predict(samples) == y).mean() > 0.9


@pytest.mark.parametrize("name", SETS)
@given(samples=arrays(np.float64, (5, 4), elements=st.floats(-1e6, 1e6)))
@settings(max_examples=50)
def test_rows_are_probabilities_however_far_the_margins(name, samples):
    probabilities = FITTED[name].predict_proba(samples)
    assert probabilities.shape == (5, len(FITTED[name].classes_))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_the_second_of_two_classes_gains_with_the_margin():
    model = FITTED["two classes"]
    order = np.argsort(model.decision_function(X))
    assert (np.diff(model.predict_proba(X)[order, 1]) >= 0).all()


def test_two_classes_get_the_softmax_of_opposite_margins():
    model = FITTED["two classes"]
    margins = model.decision_function(X[:1])[0] * np.array([-1, 1])
    assert np.allclose(model.predict_proba(X[:1]), np.exp(margins) / np.exp(margins).sum())


def test_it_is_cloned_with_its_parameters():
    copy = clone(ProbabilisticLinearSVC(C=0.25, class_weight="balanced", random_state=3))
    assert isinstance(copy, ProbabilisticLinearSVC)
    assert (copy.C, copy.class_weight, copy.random_state) == (0.25, "balanced", 3)
