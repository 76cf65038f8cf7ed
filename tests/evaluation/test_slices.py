import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from newstance.evaluation.intervals import article_weights
from newstance.evaluation.outcomes import Outcomes
from newstance.evaluation.slices import SLICE_COLUMNS, slice_scores, slice_values
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=300)
TRAIN = pd.DataFrame({"target": ["tram"] * 4 + ["ferry"] * 5 + ["bridge"] * 20})


def test_every_unit_has_its_slices():
    units = pd.DataFrame(
        {
            "outlet": ["Hill Times", "", "Hill Times", "Harbour Post"],
            "topic": pd.array(["sport", None, "arts", "sport"], dtype="str"),
            "target": ["castle", "tram", "ferry", "bridge"],
            "text": ["row " * words for words in (199, 200, 799, 800)],
        },
        index=[5, 6, 7, 8],
    )
    values = slice_values(units, TRAIN, ["topic"])
    assert values.astype(str).to_dict("list") == {
        "outlet": ["Hill Times", "(none)", "Hill Times", "Harbour Post"],
        "topic": ["sport", "(none)", "arts", "sport"],
        "length": ["under 200", "200-399", "400-799", "800 and over"],
        "target_frequency": ["unseen", "1-4", "5-19", "20 and over"],
    }


def test_slices_that_the_data_lack_are_left_out():
    units = pd.DataFrame({"outlet": ["Hill Times"], "text": ["Rowers row."]})
    assert slice_values(units, units, ["topic"]).columns.tolist() == ["outlet", "length"]


@pytest.fixture
def outcomes() -> Outcomes:
    labels = np.array([0, 0, 1, 1, 0, 1])
    probabilities = np.where(np.array([1, 0, 1, 1, 0, 0])[:, None] == labels[:, None], [0.8, 0.2], [0.2, 0.8])
    probabilities[labels == 1] = probabilities[labels == 1]
    return Outcomes(["a", "b"], np.array(["3", "3", "1", "2", "2", "1"]), labels, probabilities, probabilities)


@pytest.fixture
def values() -> pd.DataFrame:
    units = pd.DataFrame({"outlet": ["x", "x", "y", "x", "x", "y"], "text": "Rowers row."})
    return slice_values(units, units, [])


def test_scores_of_a_slice_are_those_of_its_units(outcomes, values):
    table = slice_scores([outcomes], values, SETTINGS)
    assert table.columns.tolist() == SLICE_COLUMNS
    assert table[["slice", "value", "units"]].to_numpy().tolist() == [
        ["outlet", "x", 4],
        ["outlet", "y", 2],
        ["length", "under 200", 6],
    ]
    chosen = (values["outlet"] == "x").to_numpy()
    truth, guess = outcomes.labels[chosen], outcomes.predicted[chosen]
    assert table.loc[0, "accuracy"] == pytest.approx((truth == guess).mean())
    assert table.loc[0, "macro_f1"] == pytest.approx(f1_score(truth, guess, average="macro"))
    assert np.isnan(table.loc[1, "macro_f1"])


def test_intervals_of_a_slice_equal_a_loop_over_resampled_articles(outcomes, values):
    shares = []
    for weights in article_weights(3, SETTINGS):
        times = weights[np.searchsorted(["1", "2", "3"], outcomes.articles)] * (values["outlet"] == "x")
        shares.append((times * outcomes.correct).sum() / times.sum() if times.sum() else np.nan)
    low, high = np.nanquantile(shares, [0.025, 0.975])
    row = slice_scores([outcomes], values, SETTINGS).iloc[0]
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx((low, high))


def test_scores_of_several_seeds_are_their_means(outcomes, values):
    wrong = Outcomes(
        outcomes.codes, outcomes.articles, outcomes.labels, outcomes.probabilities[:, ::-1], outcomes.uncalibrated
    )
    table = slice_scores([outcomes, wrong], values, SETTINGS)
    assert table["accuracy"].tolist() == [0.5, 0.5, 0.5]
    assert table["accuracy_low"].tolist() == [0.5, 0.5, 0.5]
