import numpy as np
import pandas as pd
import pytest

from evaluation.synthetic_runs import make_schemes
from newstance.errors import NewstanceError
from newstance.evaluation.outcomes import Outcomes, outcomes_by_seed, prediction_columns

SCHEMES = make_schemes(topics=3)
TOPIC, STANCE = SCHEMES["topic"], SCHEMES["stance"]


@pytest.fixture
def units() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "article_id": ["7", "8", "9"],
            "topic": ["topic00", "topic02", "topic01"],
            "secondary_topic": pd.Series([None, "topic01", None], dtype="str"),
        }
    )


@pytest.fixture
def predictions(units) -> pd.DataFrame:
    """The units in another order."""
    table = pd.DataFrame({"seed": 1, "protocol": "standard", "fold": "standard", "split": "test"}, index=[0, 1, 2])
    table = table.assign(article_id=units["article_id"], target="", label=units["topic"])
    for prefix in ("raw_", "prob_"):
        for number, code in enumerate(TOPIC.codes):
            table[prefix + code] = [[0.7, 0.1, 0.5][number], [0.2, 0.5, 0.3][number], [0.1, 0.8, 0.1][number]]
    table[["raw_topic00", "raw_topic01", "raw_topic02"]] = [[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5]]
    table[["prob_topic00", "prob_topic01", "prob_topic02"]] = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5]]
    return table[prediction_columns(TOPIC.codes)].iloc[[2, 0, 1]].reset_index(drop=True)


def test_predictions_are_matched_to_the_units_in_their_order(predictions, units):
    outcomes = Outcomes.of(predictions, units, TOPIC, "run")
    assert outcomes.articles.tolist() == ["7", "8", "9"]
    assert outcomes.labels.tolist() == [0, 2, 1]
    assert outcomes.probabilities[1].tolist() == [0.1, 0.6, 0.3]
    assert outcomes.uncalibrated[2].tolist() == [0, 0.5, 0.5]
    assert outcomes.predicted.tolist() == [0, 1, 2]
    assert outcomes.correct.tolist() == [True, False, False]


def test_the_lenient_score_accepts_primary_and_secondary_labels(predictions, units):
    accepted = Outcomes.of(predictions, units, TOPIC, "run").accepted
    assert accepted.tolist() == [[True, False, False], [False, True, True], [False, True, False]]


def test_a_choice_of_units_keeps_every_part_of_them(predictions, units):
    outcomes = Outcomes.of(predictions, units, TOPIC, "run")
    chosen = outcomes.only(np.array([False, True, True]))
    again = Outcomes.of(predictions[predictions["article_id"] != "7"], units[1:], TOPIC, "run")
    assert chosen.codes == again.codes
    for name in ("articles", "labels", "probabilities", "uncalibrated", "accepted"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(again, name))


def test_units_of_a_target_dependent_task_are_matched_by_article_and_target():
    units = pd.DataFrame(
        {"article_id": ["7", "7"], "target": ["the tram", "the ferry"], "stance": ["favor", "neutral"]}
    )
    key = {"seed": 1, "protocol": "standard", "fold": "standard", "split": "test", "article_id": "7"}
    first = pd.DataFrame({**key, "target": ["the ferry", "the tram"], "label": ["neutral", "favor"]})
    for prefix in ("raw_", "prob_"):
        first[[prefix + code for code in STANCE.codes]] = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    by_seed = outcomes_by_seed(pd.concat([first.assign(seed=2), first]), units, STANCE, "run")
    assert list(by_seed) == [1, 2]
    assert by_seed[2].correct.tolist() == [True, True]
    assert by_seed[2].accepted is None


def test_a_unit_without_a_prediction_is_an_error(predictions, units):
    with pytest.raises(NewstanceError, match=r"run: article '7' has no prediction \(and 1 more\)"):
        Outcomes.of(predictions[predictions["article_id"] == "8"], units, TOPIC, "run")


def test_a_prediction_without_a_unit_is_an_error(predictions, units):
    with pytest.raises(NewstanceError, match="run: article '7' is no unit of the prepared data; run it again"):
        Outcomes.of(predictions, units[1:], TOPIC, "run")


def test_a_unit_predicted_twice_is_an_error(predictions, units):
    with pytest.raises(NewstanceError, match="run: article '9' is predicted twice"):
        Outcomes.of(pd.concat([predictions, predictions[:1]]), units, TOPIC, "run")


def test_other_labels_than_the_prepared_ones_are_an_error(predictions, units):
    with pytest.raises(NewstanceError, match="run: the predictions' labels are not those of the prepared data"):
        Outcomes.of(predictions.assign(label="topic00"), units, TOPIC, "run")


@pytest.mark.parametrize("value", [np.nan, -0.1, 0.9])
def test_rows_that_are_no_distribution_are_an_error(predictions, units, value):
    predictions.loc[0, "raw_topic01"] = value
    with pytest.raises(NewstanceError, match=r"run: the columns raw_\* of article '9' are no probabilities"):
        Outcomes.of(predictions, units, TOPIC, "run")
