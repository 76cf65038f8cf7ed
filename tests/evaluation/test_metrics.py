import warnings

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from evaluation.strategies import outcomes_strategy, random_outcomes
from newstance.evaluation.calibration import reliability
from newstance.evaluation.metrics import METRICS, Counts, per_class, scores
from newstance.evaluation.outcomes import Outcomes


@given(outcomes_strategy)
def test_scores_equal_scikit_learn(outcomes):
    found = scores(outcomes)
    truth, guess = outcomes.labels, outcomes.predicted
    with warnings.catch_warnings():
        # It warns of predicted classes that do not occur, which is the case to test.
        warnings.simplefilter("ignore", UserWarning)
        expected = {
            "accuracy": accuracy_score(truth, guess),
            "macro_f1": f1_score(truth, guess, average="macro"),
            "balanced_accuracy": balanced_accuracy_score(truth, guess),
            "log_loss": log_loss(truth, outcomes.probabilities, labels=range(len(outcomes.codes))),
        }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


@given(outcomes_strategy)
def test_the_calibration_error_is_the_mean_gap_of_the_reliability_table(outcomes):
    found = scores(outcomes)
    for name, probabilities in (("ece", outcomes.probabilities), ("ece_uncalibrated", outcomes.uncalibrated)):
        table = reliability(probabilities, outcomes.labels)
        gaps = (table["accuracy"] - table["confidence"]).abs()
        assert found[name] == pytest.approx((gaps * table["units"]).sum() / len(outcomes.labels))


@given(outcomes_strategy)
def test_the_lenient_score_counts_accepted_predictions(outcomes):
    hits = [outcomes.accepted[unit, label] for unit, label in enumerate(outcomes.predicted)]
    assert scores(outcomes)["lenient_accuracy"] == pytest.approx(np.mean(hits))


def test_without_secondary_labels_there_is_no_lenient_score():
    outcomes = random_outcomes(1, units=20, classes=3, articles=5)
    strict = Outcomes(outcomes.codes, outcomes.articles, outcomes.labels, outcomes.probabilities, outcomes.uncalibrated)
    assert set(METRICS) - set(scores(strict)) == {"lenient_accuracy"}
    assert np.isnan(METRICS["lenient_accuracy"](Counts.by_article(strict).total()))


@given(outcomes_strategy)
def test_class_scores_equal_scikit_learn_and_are_missing_for_unused_classes(outcomes):
    classes = range(len(outcomes.codes))
    expected = precision_recall_fscore_support(outcomes.labels, outcomes.predicted, labels=classes, zero_division=0)
    table = per_class(outcomes)
    used = np.isin(classes, [*outcomes.labels, *outcomes.predicted])
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(table.loc[used, name], values[used])
    assert table.loc[~used, ["precision", "recall", "f1"]].isna().all(axis=None)
    assert table["label"].tolist() == outcomes.codes


@given(outcomes_strategy)
def test_weights_count_an_article_as_often_as_they_say(outcomes):
    ids = np.unique(outcomes.articles)
    weights = np.arange(1, len(ids) + 1)
    weighted = Counts.by_article(outcomes).weighted(weights[None].astype(float))
    times = weights[np.searchsorted(ids, outcomes.articles)]
    repeated = Counts.by_article(
        Outcomes(
            outcomes.codes,
            *(
                np.repeat(part, times, axis=0)
                for part in (
                    outcomes.articles,
                    outcomes.labels,
                    outcomes.probabilities,
                    outcomes.uncalibrated,
                    outcomes.accepted,
                )
            ),
        )
    ).total()
    for name, metric in METRICS.items():
        assert metric(weighted)[0] == pytest.approx(metric(repeated)), name
