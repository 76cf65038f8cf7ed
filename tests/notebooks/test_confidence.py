from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_bundle import ABOUT, FakeBundle
from newstance.notebooks.confidence import (
    Threshold,
    accepted,
    answers_on_test,
    bands,
    reliability,
    reliability_in_words,
    right,
    thresholds,
)
from newstance.notebooks.estimates import share_of
from newstance.notebooks.serving import Champion
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=200)


def answers(confidence, correct, articles=None) -> pd.DataFrame:
    ids = [f"n{number}" for number in range(len(confidence))] if articles is None else articles
    return pd.DataFrame({"article_id": ids, "confidence": confidence, "correct": correct})


def test_answers_are_those_of_the_champions_seed_on_test_under_the_standard_protocol():
    codes = FakeBundle().schemes["stance"].codes
    rows = pd.DataFrame(
        [
            ["standard", "test", 1, "n1", "favor", 0.7, 0.2, 0.1],
            ["standard", "test", 1, "n2", "favor", 0.1, 0.2, 0.7],
            ["standard", "test", 2, "n1", "favor", 0.1, 0.2, 0.7],
            ["standard", "validation", 1, "n3", "favor", 0.7, 0.2, 0.1],
            ["unseen-target", "test", 1, "n1", "favor", 0.1, 0.2, 0.7],
        ],
        columns=["protocol", "split", "seed", "article_id", "label", *(f"prob_{code}" for code in codes)],
    )
    project = SimpleNamespace(schemes=FakeBundle().schemes, predictions=lambda name: rows)
    found = answers_on_test(project, [Champion("stance", ABOUT.tasks["stance"], None)])["stance"]
    assert found["article_id"].tolist() == ["n1", "n2"]
    assert found["confidence"].tolist() == [0.7, 0.7]
    assert found["correct"].tolist() == [True, False]


def test_answers_about_single_articles_have_wilsons_interval():
    assert right(answers([0.9] * 10, [True] * 8 + [False] * 2), SETTINGS) == share_of(8, 10, SETTINGS.confidence)


def test_answers_about_the_same_articles_have_a_wider_interval():
    correct = np.arange(40) % 4 > 0
    alone = right(answers([0.9] * 40, np.sort(correct)), SETTINGS)
    together = right(answers([0.9] * 40, np.sort(correct), [f"n{number // 10}" for number in range(40)]), SETTINGS)
    assert together.value == alone.value
    assert together.high - together.low > alone.high - alone.low


def test_where_all_answers_are_right_the_interval_still_has_a_width():
    share = right(answers([0.9] * 6, [True] * 6, ["n1", "n1", "n2", "n2", "n3", "n3"]), SETTINGS)
    assert share.value == 1
    assert share.low == pytest.approx(share_of(3, 3, SETTINGS.confidence).low)


@given(st.lists(st.floats(0.05, 1), min_size=1, max_size=40))
def test_every_answer_is_in_one_band_that_holds_its_probability(confidence):
    table = bands(answers(confidence, [True] * len(confidence)), SETTINGS)
    assert table["units"].sum() == len(confidence)
    assert (
        (table["confidence"] > table["band"] / 10 - 1e-9) & (table["confidence"] < (table["band"] + 1.001) / 10)
    ).all()
    assert table["band"].is_unique


def test_the_title_says_how_many_answers_of_a_band_are_right():
    found = {"topic": answers([0.85] * 10 + [0.95], [True] * 9 + [False] * 2)}
    chart = reliability(found, SETTINGS)
    assert chart.title.startswith("Of topic answers with a probability of 80–90\xa0%, 90\xa0%\xa0[60,\xa098] are right")
    assert {text.get_text() for text in chart.figure.axes[0].texts} == {"10", "1"}


def test_without_that_band_the_title_takes_the_one_with_most_answers():
    found = {"topic": answers([0.45, 0.45, 0.65], [True] * 3), "stance": answers([0.85], [True])}
    chart = reliability(found, SETTINGS)
    assert "of 40–50\xa0%" in chart.title
    assert "of stance answers with a probability of 80–90\xa0%" in chart.title
    assert len(chart.figure.axes) == 2


def test_answers_that_are_too_sure_are_counted():
    sure = answers([0.95] * 50 + [0.55] * 50, [True] * 20 + [False] * 30 + [True] * 27 + [False] * 23)
    assert "in 1 of 2 bands the interval misses the mean probability (too sure in 1, not sure enough in 0)" in (
        reliability_in_words({"topic": sure}, SETTINGS)
    )


def test_a_threshold_keeps_what_is_at_least_as_probable():
    found = answers([0.9, 0.89, 0.95, 0.2], [True, False, False, False])
    share, correct = accepted(found, 0.9, SETTINGS)
    assert (share, correct.value) == (0.5, 0.5)
    table = thresholds({"topic": found}, SETTINGS)
    assert table["topic: kept"].tolist()[:2] == ["100.0\xa0%", "75.0\xa0%"]
    assert table["probability"].tolist()[:2] == ["any", "at least 0.5"]


def test_a_threshold_above_all_answers_keeps_none_and_claims_nothing():
    share, correct = accepted(answers([0.3], [True]), 0.9, SETTINGS)
    assert share == 0
    assert correct.percent == "–"


def test_the_slider_says_what_its_threshold_does():
    found = {"topic": answers([0.95, 0.6], [True, False]), "stance": answers([0.5] * 4, [False] * 4)}
    pane = Threshold(found, SETTINGS)
    assert "at least 0.90, 50.0\xa0% of the topic answers" in pane.says
    pane.least.value = 0.5
    assert "at least 0.50, 100.0\xa0% of the topic answers" in pane.outcome.value
    pane.task.value = "stance"
    assert "100.0\xa0% of the stance answers on test are kept; 0\xa0%" in pane.outcome.value
