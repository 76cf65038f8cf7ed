from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from newstance.bundle.answers import Abstention, Answer
from newstance.files import write_json
from newstance.models import persistence
from newstance.models.build import build
from newstance.models.settings import LinearModel
from newstance.notebooks.explanations import (
    FIELDS,
    deletions_chart,
    deletions_in_words,
    evidence_browser,
    evidence_table,
    linear_terms,
    sentence_deletions,
    terms_charts,
    terms_shown,
)
from newstance.settings import EvaluationSettings
from notebooks.asked_bundle import AskedBundle
from projects import LINEAR_SVM, LOGISTIC_REGRESSION

SETTINGS = EvaluationSettings(resamples=200)
BUNDLE = AskedBundle()
NO_WORDS = pd.DataFrame(columns=["article", "deleted", "named", "others"])


def table(articles: int = 8) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "article_id": [f"n{number}" for number in range(articles)],
            "outlet": "TASS",
            "title": "The match",
            "text": "It rained. The late goal was cheered in the stadium, and nobody in the town slept. All left.",
            "target": "Mayor Lund",
        }
    )


def test_deleting_the_evidence_lowers_the_label_and_deleting_another_sentence_does_not():
    found = sentence_deletions(BUNDLE, table(), SETTINGS)
    assert set(found["task"]) == {"topic"}  # decisions on stance name no evidence
    assert found["named"].tolist() == pytest.approx([0.6] * 8)
    assert found["others"].tolist() == pytest.approx([0.0] * 8)


def test_articles_of_one_sentence_and_without_evidence_are_left_out():
    alone = table(2).assign(title="", text=["A goal.", "It rained. It snowed."])

    class Untitled(AskedBundle):
        def sentences(self, article):
            return super().sentences(article)[1:]

    found = sentence_deletions(Untitled(), alone, SETTINGS)
    assert found.empty
    assert list(found.columns) == ["article", "task", "named", "others"]


def test_the_figure_says_that_the_explanations_are_faithful_when_all_are():
    words = pd.DataFrame({"article": range(8), "deleted": 3, "named": 0.7, "others": 0.2})
    sentences = sentence_deletions(BUNDLE, table(), SETTINGS)
    chart = deletions_chart(sentences, words, SETTINGS)
    assert chart.title.startswith("What explanations name moves the answer more than other text does; most for topic")
    assert "0.600 [0.600, 0.600], else by 0.000 [0.000, 0.000]" in chart.title
    labels = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert labels == ["topic: one sentence", "transformer: 3 words"]
    assert "- transformer: 3 words: difference +0.500 [+0.500, +0.500]" in deletions_in_words(
        sentences, words, SETTINGS
    )


def test_the_figure_counts_the_faithful_ones_when_not_all_are():
    words = pd.DataFrame({"article": range(8), "deleted": 1, "named": 0.1, "others": [0.0, 0.2] * 4})
    chart = deletions_chart(sentence_deletions(BUNDLE, table(), SETTINGS), words, SETTINGS)
    assert "in\xa01\xa0of\xa02\xa0comparisons" in chart.title


def test_without_a_transformer_the_figure_has_the_sentences_alone():
    chart = deletions_chart(sentence_deletions(BUNDLE, table(), SETTINGS), NO_WORDS, SETTINGS)
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["topic: one sentence"]
    assert "transformer" not in chart.caption


def test_evidence_is_quoted_in_short_with_decision_and_weight():
    about, _, *lines = evidence_table(BUNDLE, table(1)).splitlines()
    assert about == "“The match” (TASS):"
    (row,) = lines[2:]
    assert row.startswith("| topic: sport (0.90) | +0.50 | text | “The late goal")
    assert row.endswith("nobody in the …” |")


def test_an_article_that_the_bundle_refuses_is_said_to_be():
    class Refusing(AskedBundle):
        def predict(self, articles, *, evidence=3):
            why = Abstention(reason="too-short", detail="It is short.")
            return [Answer(labels={}, targets=[], abstain=why, version="1")]

    assert evidence_table(Refusing(), table(1)) == "“The match” (TASS): not labelled. It is short."


def test_the_evidence_of_the_chosen_article_is_shown():
    some = table(2).assign(title=["The match", "The storm"])
    choice, shown = evidence_browser(BUNDLE, some).children
    assert "The match" in shown.outputs[0]["data"]["text/markdown"]
    choice.value = "n1"
    assert len(shown.outputs) == 1
    assert "The storm" in shown.outputs[0]["data"]["text/markdown"]


def fitted(classifier: dict, fields: list[str], labels: list[str]) -> tuple[LinearModel, object]:
    features = [{"kind": "tfidf", "field": field, "min_documents": 1, "ngrams": [1, 1]} for field in fields]
    settings = LinearModel(kind="linear", features=features, classifier=classifier)
    texts = {"favor": "praised", "neutral": "listed", "against": "scolded"}
    rows = [("Vote", f"The mayor {texts[label]} the ferry.", "the ferry") for label in labels * 4]
    return settings, build(settings, {}, 1).fit(pd.DataFrame(rows, columns=["title", "text", "target"]), labels * 4)


def project_with(folder, classifier: dict, fields: list[str], labels: list[str]) -> SimpleNamespace:
    settings, model = fitted(classifier, fields, labels)
    write_json(folder / "words/settings.json", {"model": settings.model_dump(mode="json")})
    persistence.save(model, folder / "words/seeds/1/model")
    mixed = {"features": [{"kind": "tfidf"}, {"kind": "encoder"}]}
    write_json(folder / "mixed/settings.json", {"model": mixed})
    ranked = pd.DataFrame({"experiment": ["mixed", "words"], "kind": "linear", "role": "baseline", "title": "Words"})
    results = SimpleNamespace(ranked=ranked, scheme=SimpleNamespace(codes=["favor", "neutral", "against"]))
    return SimpleNamespace(results={"stance": results}, settings=SimpleNamespace(run_folder=lambda name: folder / name))


@pytest.mark.parametrize("classifier", [LINEAR_SVM, LOGISTIC_REGRESSION])
@pytest.mark.parametrize("labels", [["favor", "neutral", "against"], ["against", "favor"]])
def test_the_strongest_term_of_a_label_is_the_word_that_goes_with_it(tmp_path, classifier, labels):
    found = linear_terms(project_with(tmp_path, classifier, ["article"], labels), "stance")
    first = found.weights.groupby("label", sort=False).first()
    expected = {"favor": "praised", "neutral": "listed", "against": "scolded"}
    assert first["term"].to_dict() == {label: expected[label] for label in expected if label in labels}
    assert (first["weight"] > 0).all()


def test_terms_are_those_of_the_sentences_about_the_target_where_the_model_reads_them(tmp_path):
    project = project_with(tmp_path, LINEAR_SVM, ["article", "target", FIELDS[0]], ["favor", "neutral", "against"])
    found = linear_terms(project, "stance")
    assert found.field == "masked_sentences"
    assert "ferry" not in set(found.weights["term"])
    assert found.weights.groupby("label", sort=False)["term"].first().tolist() == ["praised", "listed", "scolded"]


def test_terms_are_drawn_and_written(tmp_path):
    project = project_with(tmp_path, LINEAR_SVM, ["article"], ["favor", "neutral", "against"])
    (chart,) = terms_charts(project, "stance")
    assert (
        chart.title == "The strongest terms of Words: “praised” for favor, “listed” for neutral, “scolded” for against"
    )
    assert "| favor | praised, " in terms_shown(project, "stance")


def test_without_a_model_of_words_alone_there_are_no_terms(tmp_path):
    project = project_with(tmp_path, LINEAR_SVM, ["article"], ["favor", "neutral", "against"])
    project.results["stance"].ranked = project.results["stance"].ranked.head(1)
    assert linear_terms(project, "stance") is None
    assert terms_charts(project, "stance") == []
    assert terms_shown(project, "stance") == "No linear model of words alone was among the experiments on stance."


def test_a_difference_is_paired_by_article():
    words = pd.DataFrame({"article": range(20), "deleted": 1, "named": np.arange(20) / 20})
    words["others"] = words["named"] - 0.01
    text = deletions_in_words(pd.DataFrame(columns=["article", "task", "named", "others"]), words, SETTINGS)
    assert text.endswith("- transformer: 1 word: difference +0.010 [+0.010, +0.010]")
