import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.strategies import random_outcomes
from newstance.evaluation.intervals import (
    Estimate,
    article_weights,
    basic_interval,
    evaluate,
    percentile_interval,
    seed_mean,
)
from newstance.evaluation.metrics import per_class, scores
from newstance.evaluation.outcomes import Outcomes
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=100)


@pytest.fixture(scope="module")
def two_seeds() -> list[Outcomes]:
    """Two models on the same units."""
    first, second = (random_outcomes(seed, units=30, classes=3, articles=8) for seed in (1, 2))
    return [
        first,
        Outcomes(first.codes, first.articles, first.labels, second.probabilities, second.uncalibrated, first.accepted),
    ]


def test_the_bootstrap_equals_a_loop_over_resampled_articles(two_seeds):
    evaluation = evaluate(two_seeds, SETTINGS)
    ids = np.unique(two_seeds[0].articles)
    for number, weights in enumerate(article_weights(len(ids), SETTINGS)):
        drawn = np.repeat(ids, weights.astype(int))
        rows = np.concatenate([np.flatnonzero(two_seeds[0].articles == name) for name in drawn])
        samples = [one.only(rows) for one in two_seeds]
        by_seed = [scores(sample) for sample in samples]
        for name, estimate in evaluation.metrics.items():
            assert estimate.resampled[number] == pytest.approx(np.mean([one[name] for one in by_seed])), name
        f1 = np.array([per_class(sample)["f1"] for sample in samples])
        np.testing.assert_allclose(evaluation.classes["f1"].resampled[number], seed_mean(f1))


def test_a_value_is_the_mean_over_seeds(two_seeds):
    evaluation = evaluate(two_seeds, SETTINGS)
    by_seed = [scores(one) for one in two_seeds]
    for name, estimate in evaluation.metrics.items():
        assert estimate.value == pytest.approx(np.mean([one[name] for one in by_seed]))
        np.testing.assert_allclose(estimate.by_seed, [one[name] for one in by_seed])
    assert evaluation.confusion.sum() == pytest.approx(30)


def test_the_order_of_the_units_changes_no_resample(two_seeds):
    order = np.random.default_rng(4).permutation(30)
    shuffled = evaluate([one.only(order) for one in two_seeds], SETTINGS)
    for name, estimate in evaluate(two_seeds, SETTINGS).metrics.items():
        np.testing.assert_allclose(shuffled.metrics[name].resampled, estimate.resampled)


def test_weights_draw_as_many_articles_as_there_are_and_depend_on_the_seed_only():
    weights = article_weights(12, SETTINGS)
    assert weights.shape == (100, 12)
    assert (weights.sum(axis=1) == 12).all()
    np.testing.assert_array_equal(weights, article_weights.__wrapped__(12, SETTINGS))
    assert (weights != article_weights(12, EvaluationSettings(resamples=100, seed=1))).any()


def test_units_that_stand_or_fall_with_their_article_widen_the_interval():
    generator = np.random.default_rng(3)
    right = np.repeat(generator.random(40) < 0.6, 10)
    probabilities = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
    widths = []
    for articles in (np.repeat(np.arange(40), 10), np.arange(400)):
        outcomes = Outcomes(["a", "b"], articles.astype(str), np.zeros(400, dtype=int), probabilities, probabilities)
        columns = evaluate([outcomes], SETTINGS).metrics["accuracy"].columns("accuracy", 0.95)
        assert columns["accuracy_low"] <= columns["accuracy"] <= columns["accuracy_high"]
        widths.append(columns["accuracy_high"] - columns["accuracy_low"])
    assert widths[0] > 2 * widths[1]


def test_percentiles_leave_out_undefined_resamples():
    values = np.r_[np.linspace(0, 1, 101), np.nan]
    assert percentile_interval(values, 0.9) == pytest.approx((0.05, 0.95))
    assert np.isnan(percentile_interval(np.array([np.nan]), 0.9)).all()


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_interval_of_an_error_contains_it_and_is_not_negative(value, resampled):
    low, high = basic_interval(value, np.array(resampled), 0.95)
    assert 0 <= low <= value <= high


def test_the_basic_interval_of_a_calibrated_models_calibration_error_reaches_zero_where_percentiles_never_do():
    generator = np.random.default_rng(8)
    lows = []
    for _ in range(20):
        probabilities = generator.dirichlet(np.ones(4), size=300)
        labels = (probabilities.cumsum(axis=1) > generator.random((300, 1))).argmax(axis=1)
        articles = np.arange(300).astype(str)
        estimate = evaluate([Outcomes(list("abcd"), articles, labels, probabilities, probabilities)], SETTINGS)
        errors = estimate.metrics["ece"]
        lows.append([percentile_interval(errors.resampled, 0.95)[0], errors.columns("ece", 0.95)["ece_low"]])
    percentile, basic = np.array(lows).T
    assert percentile.min() > 0.01
    assert (basic == 0).mean() > 0.5


def test_a_seed_in_which_a_score_is_undefined_does_not_count():
    estimate = Estimate.of([np.array([0.5, np.nan]), np.array([np.nan, np.nan])], [np.array([[0.5, 0.1]])])
    np.testing.assert_array_equal(estimate.value, [0.5, np.nan])
