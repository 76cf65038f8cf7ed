import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.bundle.answers import Article
from newstance.notebooks.outlet_names import (
    EDITS,
    PLACEBO,
    REMOVED,
    REPLACED,
    changes_table,
    charts,
    edit_outlets,
    moves,
    name_spans,
    replaced,
    verdict,
)
from newstance.notebooks.samples import without
from newstance.settings import EvaluationSettings
from notebooks.asked_bundle import AskedBundle

SETTINGS = EvaluationSettings(resamples=200)
BUNDLE = AskedBundle()


def table(
    outlets: list[str], text: str = "{} said that the bridge is closed, and that many people wait."
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "article_id": [f"n{number}" for number in range(len(outlets))],
            "outlet": outlets,
            "title": [f"The bridge, by {outlet}" for outlet in outlets],
            "text": [text.format(outlet) for outlet in outlets],
            "target": "bridge",
        }
    )


@pytest.mark.parametrize(
    ("outlet", "text", "named"),
    [
        ("BBC", "The BBC's man told BBC News.", ["BBC", "BBC"]),
        ("BBC", "The BBCs and aBBC are others.", []),
        ("RTE", "He told RTÉ and wrote to RTE.", ["RTÉ", "RTE"]),
        (
            "HuffPost",
            "She told The Huffington Post, not the Huffington Post.",
            ["The Huffington Post", "Huffington Post"],
        ),
        ("C. N.", "It is C. N. and not CoNo.", ["C. N."]),
    ],
)
def test_an_outlet_is_found_under_its_names_as_whole_words(outlet, text, named):
    assert [text[start:end] for _, start, end in name_spans(Article("", text), outlet)] == named


@given(st.lists(st.sampled_from(["BBC", "told", "the", "News"]), max_size=12))
def test_a_removed_name_is_nowhere_left_and_a_replaced_one_is_where_it_was(words):
    article = Article("BBC", " ".join(words))
    spans = name_spans(article, "BBC")
    assert name_spans(without(article, spans), "BBC") == []
    assert replaced(article, spans, "TASS") == Article("TASS", article.text.replace("BBC", "TASS"), None)


def test_answers_that_depend_on_the_name_change_with_it_and_not_with_other_words():
    edits = edit_outlets(BUNDLE, table(["BBC"] * 8 + ["TASS"] * 4), BUNDLE.schemes, SETTINGS)
    topic = edits[(edits["task"] == "topic") & (edits["outlet"] == "BBC")].set_index("edit")
    assert topic.loc[REMOVED, "changed"].all()
    assert topic.loc[REPLACED, "changed"].all()
    assert not topic.loc[PLACEBO, "changed"].any()
    assert topic.loc[REMOVED, "change"].tolist() == pytest.approx([-0.6] * 8)
    assert set(topic.loc[REMOVED, "new_label"]) == {"economy"}
    assert not edits.loc[edits["task"] == "stance", "changed"].any()


def test_only_articles_that_name_their_outlet_are_edited():
    mixed = pd.concat([table(["BBC"]), table(["TASS"], "Nobody said anything.").assign(title="T", article_id="m")])
    assert set(edit_outlets(BUNDLE, mixed, BUNDLE.schemes, SETTINGS)["article_id"]) == {"n0"}


def test_the_summary_has_the_share_of_changed_labels_and_the_mean_change():
    edits = edit_outlets(BUNDLE, table(["BBC"] * 3 + ["TASS"]), BUNDLE.schemes, SETTINGS)
    found = moves(edits, SETTINGS)
    assert list(found) == [(task, edit) for task in BUNDLE.schemes for edit in EDITS]
    assert found["topic", REMOVED].changed.value == 0.75
    assert found["topic", REMOVED].change.value == pytest.approx(0.45)
    (chart,) = charts(edits, SETTINGS)
    assert chart.title.startswith("Taking the outlet's name away changes 75")
    assert chart.figure.axes[0].get_xlabel() == "share of changed labels,\nwith 95 % interval"


def test_the_verdict_compares_the_name_with_other_words():
    edits = edit_outlets(BUNDLE, table(["BBC"] * 6), BUNDLE.schemes, SETTINGS)
    lines = verdict(edits, SETTINGS).splitlines()
    assert (
        lines[0] == "- topic, name removed: the probability moves more than with other words (+0.600 [+0.600, +0.600])"
    )
    assert lines[-1].startswith("- stance, ")
    assert "no more, as far as this shows" in lines[-1]


def test_the_largest_changes_are_shown_with_short_titles():
    edits = edit_outlets(BUNDLE, table(["BBC"] * 2).assign(title="word " * 30), BUNDLE.schemes, SETTINGS)
    lines = changes_table(edits).splitlines()
    assert "0.90 → 0.30" in lines[2]
    assert "| sport |" in lines[2]
    assert "| economy |" in lines[2]
    assert lines[2].count("word") == 12
    assert any("stance toward bridge" in line for line in lines[2:])


def test_without_a_name_there_is_nothing_to_edit_and_no_figure():
    edits = edit_outlets(BUNDLE, table(["BBC"], "Nothing.").assign(title="T"), BUNDLE.schemes, SETTINGS)
    assert edits.empty
    assert charts(edits, SETTINGS) == []
    assert "nothing to edit" in verdict(edits, SETTINGS)
    assert np.isclose(len(changes_table(edits)), len("*(no rows)*"))
