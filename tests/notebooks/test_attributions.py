from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from newstance.models import persistence
from newstance.models.transformer import TransformerClassifier
from newstance.notebooks import attributions
from newstance.notebooks.attributions import (
    FoundTransformer,
    attribute,
    completeness_charts,
    draw_leads,
    find_transformer,
    in_words,
    word_deletions,
    words_charts,
)
from newstance.settings import EvaluationSettings
from tiny_backbone import write_tiny_backbone

SETTINGS = EvaluationSettings(resamples=200)
SIGNS = {"transport": "ferry", "education": "school"}


def news(articles: int = 24) -> pd.DataFrame:
    """Articles whose label is the one of a single word."""
    labels = [list(SIGNS)[number % 2] for number in range(articles)]
    texts = [f"The old {SIGNS[label]}, and the new {SIGNS[label]}: more of it today!" for label in labels]
    return pd.DataFrame({"title": ["The mayor"] * articles, "text": texts, "topic": labels})


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> FoundTransformer:
    import torch

    torch.set_num_threads(1)
    backbone = write_tiny_backbone(tmp_path_factory.mktemp("models") / "backbone")
    table = news()
    model = TransformerClassifier(
        backbone, frozen_layers=1, epochs=12, batch_size=8, max_tokens=64, learning_rate=0.005, seed=1
    )
    return FoundTransformer("Tiny", model.fit(table, table["topic"]))


@pytest.fixture(scope="module")
def attributed(found):
    return attribute(found.model, news(3), steps=48)


def test_words_stand_where_they_are_said_to_and_punctuation_is_none(attributed):
    one = attributed[0]
    fields = {"title": one.article.title, "text": one.article.text}
    assert [fields[field][start:end] for field, start, end in one.spans] == one.words
    assert one.words == "The mayor The old ferry and the new ferry more of it today".split()
    assert [field for field, _, _ in one.spans].count("title") == 2


def test_the_attributions_add_up_to_the_change_of_the_log_probability(attributed):
    for one in attributed:
        assert one.total == pytest.approx(one.change, abs=0.02 * abs(one.change) + 1e-3)


def test_label_and_probability_are_the_model_s(found, attributed):
    table = news(3)
    assert [one.label for one in attributed] == found.model.predict(table).tolist()
    assert [one.probability for one in attributed] == pytest.approx(found.model.predict_proba(table).max(axis=1))


def test_the_word_that_makes_the_label_pulls_most(attributed):
    learnt = max(attributed, key=lambda one: one.change)  # of the other label the masked text is already sure
    assert learnt.strongest.index[0] == SIGNS[learnt.label]


def test_a_word_s_places_are_added_up():
    one = SimpleNamespace(words=["The", "ferry", "the"], pulls=np.array([0.1, 0.5, 0.2]))
    strongest = attributions.Attribution.strongest.fget(one)
    assert strongest.to_dict() == pytest.approx({"ferry": 0.5, "the": 0.3})


def test_the_model_is_left_as_it_was(found):
    before = found.model.predict_proba(news(3))
    attribute(found.model, news(1), steps=4)
    assert found.model.network_.frozen_layers == 1
    np.testing.assert_array_equal(found.model.predict_proba(news(3)), before)


def test_deleting_the_named_words_lowers_the_label_more_than_deleting_others(found):
    several = attribute(found.model, news(9), steps=16)
    deleted = word_deletions(found, several, SETTINGS)
    assert len(deleted) == 9 * len(attributions.DELETED)
    three = deleted[deleted["deleted"] == 3]
    assert three["named"].mean() > three["others"].mean() + 0.1
    pd.testing.assert_frame_equal(deleted, word_deletions(found, several, SETTINGS))


def test_articles_with_too_few_words_and_projects_without_a_transformer_have_no_deletions(found):
    short = attribute(found.model, pd.DataFrame({"title": ["The"], "text": ["school."]}), steps=4)
    assert word_deletions(found, short, SETTINGS)["deleted"].tolist() == [1]
    assert word_deletions(None, [], SETTINGS).empty


def test_the_figures_tell_the_words_and_whether_they_add_up(found, attributed):
    (words,) = words_charts(found, attributed)
    assert all(f"“{one.strongest.index[0]}” for {one.label}" in words.title for one in attributed)
    assert len(words.figure.axes) == len({one.label for one in attributed})
    (complete,) = completeness_charts(attributed)
    assert complete.title.startswith("Attributions add up")
    off = [attributions.Attribution(**{**vars(one), "total": one.total + 9}) for one in attributed]
    assert "do not quite add up" in completeness_charts(off)[0].title


def test_the_surest_decision_of_each_label_is_shown_the_surest_label_first(found, attributed):
    sure = {"a": 0.9, "b": 0.6, "c": 0.95, "d": 0.7}
    many = [
        attributions.Attribution(**{**vars(attributed[0]), "label": label, "probability": value})
        for label, highest in sure.items()
        for value in (0.5, highest, 0.55)
    ]
    (chart,) = words_charts(found, many)
    titles = [axes.get_title(loc="left") for axes in chart.figure.axes]
    assert titles == ["c (0.95)", "a (0.90)", "d (0.70)"]


def test_without_a_transformer_nothing_is_drawn_and_it_is_said():
    assert words_charts(None, []) == []
    assert completeness_charts([]) == []
    assert in_words(None, []).startswith("No fine-tuned transformer")


def test_it_is_said_how_much_is_explained(found, attributed):
    text = in_words(found, attributed)
    assert text.startswith("Explained: 3 test articles, each cut after 40 words of its text (13 words with the title, ")
    assert text.endswith("as Tiny labels them.")


def test_the_best_transformer_without_targets_is_found_where_its_run_has_a_model(found, tmp_path):
    persistence.save(found.model, tmp_path / "tuned/seeds/2/model")
    rows = [("svm", "linear"), ("lost", "transformer"), ("tuned", "transformer")]
    ranked = pd.DataFrame(rows, columns=["experiment", "kind"]).assign(title="Tuned")

    def project(*, targets: bool) -> SimpleNamespace:
        results = SimpleNamespace(scheme=SimpleNamespace(has_targets=targets), ranked=ranked)
        return SimpleNamespace(
            results={"topic": results}, settings=SimpleNamespace(run_folder=lambda name: tmp_path / name)
        )

    loaded = find_transformer(project(targets=False))
    assert loaded.title == "Tuned"
    np.testing.assert_allclose(loaded.model.predict_proba(news(3)), found.model.predict_proba(news(3)), atol=1e-6)
    assert find_transformer(project(targets=True)) is None


def test_leads_are_short():
    table = pd.DataFrame({"article_id": ["a", "b"], "split": "test", "title": "T", "text": "word " * 90})
    project = SimpleNamespace(prepared=lambda task: table, settings=SimpleNamespace(evaluation=SETTINGS))
    assert {len(text.split()) for text in draw_leads(project, "topic")["text"]} == {attributions.LEAD_WORDS}
