from types import SimpleNamespace

import pandas as pd
import pytest

from fake_bundle import FakeBundle
from newstance.files import read_parquet
from newstance.notebooks import scoring
from newstance.notebooks.scoring import (
    Scored,
    against_reference,
    compared,
    first_rows,
    score,
    topics_by_outlet,
    write_articles,
)
from newstance.serving.batch_prediction import Summary
from newstance.settings import Settings

SCHEMES = FakeBundle().schemes
TOPICS = pd.DataFrame(
    [
        ["n1", "Post", "Vote", "The mayor lost the vote.", "politics", "test"],
        ["n2", "Times", "Strike", "The crews walked out.", "labour", "test"],
        ["n3", "", "Fog", "Fog.", "weather", "test"],
        ["n4", "Post", "Old", "Old news here.", "sport", "train"],
    ],
    columns=["article_id", "outlet", "title", "text", "topic", "split"],
)
STANCES = pd.DataFrame(
    [["n1", "Mayor", "neutral", "test"], ["n1", "Union", "favor", "test"], ["n4", "Mayor", "favor", "train"]],
    columns=["article_id", "target", "stance", "split"],
)


@pytest.fixture
def project(tmp_path, monkeypatch) -> SimpleNamespace:
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(
        settings=Settings(), schemes=SCHEMES, prepared=lambda task: {"topic": TOPICS, "stance": STANCES}[task]
    )


@pytest.fixture
def scored(project) -> Scored:
    write_articles(project)
    bundle = FakeBundle()
    bundle.predict([])
    return score(bundle)


def rows(*values) -> Scored:
    columns = ["row", "article_id", "scheme", "target", "label", "probability", "abstain"]
    return Scored(Summary(), pd.DataFrame(values, columns=columns))


def test_the_file_has_test_articles_with_the_targets_of_their_labels(project):
    written = write_articles(project, most=10)
    assert sorted(written["article_id"]) == ["n1", "n2", "n3"]
    found = read_parquet(scoring.ARTICLES).set_index("article_id")["targets"]
    assert [list(found[name]) for name in ("n1", "n2")] == [["Mayor", "Union"], []]
    assert len(write_articles(project, most=2)) == 2


def test_a_scored_file_has_a_row_a_question_and_can_be_made_again(scored, project):
    assert str(scored.summary) == "3 rows: 2 labelled, 1 abstained from"
    assert (
        scored.command == "newstance predict build/notebooks/articles.parquet --output build/notebooks/scored.parquet"
    )
    assert scored.rows.groupby("article_id").size().to_dict() == {"n1": 3, "n2": 1, "n3": 1}
    bundle = FakeBundle()
    bundle.predict([])
    assert score(bundle).rows.equals(scored.rows)


def test_the_first_rows_end_with_an_article_that_was_refused():
    table = first_rows(
        rows(
            [1, "n1", "topic", None, "politics", 0.876, None],
            [2, "n2", "topic", None, "sport", 0.5, None],
            [3, "n3", "topic", None, "sport", 0.5, None],
            [4, "n4", None, None, None, None, "too-short"],
            [5, "n5", None, None, None, None, "not-english"],
        )
    )
    assert table["article_id"].tolist() == ["n1", "n2", "n4"]
    assert table["probability"].tolist() == ["0.88", "0.50", ""]
    assert table["abstain"].tolist() == ["", "", "too-short"]


def test_topics_are_counted_by_outlet_the_most_frequent_first(scored):
    chart = topics_by_outlet(scored, TOPICS, SCHEMES["topic"])
    assert chart.title == ("Of 2 scored articles, 2 get the topic “politics”, the most frequent one in 2 of 2 outlets")
    axes = chart.figure.axes[0]
    assert sorted(label.get_text() for label in axes.get_yticklabels()) == ["Post (1)", "Times (1)"]
    assert [text.get_text() for text in axes.texts] == ["1", "1"]


def test_where_nothing_was_labelled_there_is_nothing_to_count():
    empty = rows([1, "n1", None, None, None, None, "too-short"])
    assert "nothing to draw" in topics_by_outlet(empty, TOPICS, SCHEMES["topic"])


def test_articles_of_no_outlet_are_counted_too():
    chart = topics_by_outlet(rows([1, "n3", "topic", None, "human_interest", 0.9, None]), TOPICS, SCHEMES["topic"])
    assert chart.title == "Of 1 scored article, 1 gets the topic “human interest”"
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["(no outlet) (1)"]


def test_answers_are_compared_with_labels_of_the_same_article_and_target(scored, project):
    assert compared(scored, TOPICS, SCHEMES["topic"])["correct"].tolist().count(True) == 1
    assert compared(scored, STANCES, SCHEMES["stance"])["correct"].tolist() == [True, False]
    text = against_reference(scored, project)
    assert "**topic**: 50\xa0%" in text
    assert "answers about 2 articles" in text
    assert "answers about 2 pairs of an article and a target" in text


def test_without_labels_nothing_is_compared(project):
    nothing = rows([1, "x", "topic", None, "sport", 0.9, None])
    assert against_reference(nothing, project) == "The labelled articles have no labels to compare with."
