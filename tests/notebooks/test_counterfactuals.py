import pandas as pd
import pytest

from newstance.notebooks import counterfactuals
from newstance.notebooks.counterfactuals import (
    ABSENT,
    DIFFERENT,
    OWN,
    SAME,
    answers_table,
    ask_about_targets,
    first_article,
    swaps,
    swaps_in_words,
    target_browser,
    target_findings,
    targets_chart,
)
from newstance.settings import EvaluationSettings
from notebooks.asked_bundle import STANCES, AskedBundle

SETTINGS = EvaluationSettings(resamples=200)
BUNDLE = AskedBundle()
STANCE = BUNDLE.schemes["stance"]
ALIASES = {"Ada Brink": ["Brink"]}


def pairs(articles: int = 12) -> pd.DataFrame:
    """Articles that praise one target and scold another; each has two of its own that no other article has."""
    rows = []
    for number in range(articles):
        liked, hated = chr(ord("A") + number) * 6, chr(ord("M") + number) * 6
        text = f"The council praised {liked}. Nobody scolded {hated} for the bridge."
        rows += [(f"n{number}", "BBC", "The vote", text, liked, "favor")]
        rows += [(f"n{number}", "BBC", "The vote", text, hated, "against")]
    return pd.DataFrame(rows, columns=["article_id", "outlet", "title", "text", "target", "stance"])


@pytest.fixture
def asked() -> pd.DataFrame:
    return ask_about_targets(BUNDLE, pairs(), STANCE, ALIASES, SETTINGS)


def test_each_article_is_asked_about_its_own_targets_and_one_that_it_does_not_mention(asked):
    own, absent = asked[asked["kind"] == OWN], asked[asked["kind"] == ABSENT]
    assert len(own) == 24
    assert absent["article_id"].is_unique
    assert len(absent) == 12
    assert not any(target in text for target, text in zip(absent["target"], absent["text"], strict=True))
    assert own["answer"].tolist() == own["label"].tolist()
    assert set(absent["answer"]) == {"neutral"}
    assert absent["neutral"].tolist() == [0.6] * 12


def test_a_target_that_is_called_by_another_name_is_mentioned():
    table = pairs(2).assign(text="Brink came.", target=["Ada Brink", "Ada Brink", "Otto", "Otto"])
    found = ask_about_targets(BUNDLE, table, STANCE, ALIASES, SETTINGS)
    assert set(found.loc[found["kind"] == ABSENT, "target"]) == {"Otto"}


def test_where_every_target_is_mentioned_no_absent_one_is_asked_about():
    table = pairs(1)
    found = ask_about_targets(BUNDLE, table, STANCE, ALIASES, SETTINGS)
    assert set(found["kind"]) == {OWN}
    assert targets_chart(found, SETTINGS).title.startswith("Neutral answers about an article's own targets: 0")


def test_more_articles_than_asked_for_are_not_asked_about(monkeypatch):
    monkeypatch.setattr(counterfactuals, "ASKED", 3)
    found = ask_about_targets(BUNDLE, pairs(), STANCE, ALIASES, SETTINGS)
    assert found["article_id"].nunique() == 3


def test_answers_are_compared_between_the_targets_of_an_article(asked):
    found = swaps(asked.assign(label=["favor", *asked["label"].iloc[1:]]))
    assert len(found) == 12
    assert set(found["kind"]) == {DIFFERENT}
    assert found["changed"].all()
    same = swaps(asked.assign(label="favor", answer="neutral"))
    assert set(same["kind"]) == {SAME}
    assert not same["changed"].any()


def test_the_shares_are_those_of_the_answers(asked):
    found = target_findings(asked, SETTINGS)
    assert found.neutral[OWN].value == 0
    assert found.neutral[ABSENT].value == 1
    assert found.labelled.value == 0
    assert found.more_neutral == (1, 1, 1)
    assert found.changed[DIFFERENT].value == 1


def test_the_title_says_whether_absent_targets_get_neutral_answers_more_often(asked):
    assert "is neutral more often than about its own: 100" in targets_chart(asked, SETTINGS).title
    alike = targets_chart(asked.assign(answer="neutral"), SETTINGS)
    assert "no more often" in alike.title
    opposite = asked.assign(answer=asked["kind"].map({OWN: "neutral", ABSENT: "favor"}))
    assert "less often" in targets_chart(opposite, SETTINGS).title


def test_swaps_are_told_in_words_with_their_numbers(asked):
    text = swaps_in_words(asked, SETTINGS)
    assert "where stances differ (12 pairs of targets), the answers differ in 100" in text
    assert "none could be swapped" in swaps_in_words(asked.drop_duplicates("article_id"), SETTINGS)


def test_the_table_has_the_probability_of_each_label_by_target(asked):
    text = answers_table(BUNDLE, STANCE, first_article(asked).assign(title="word " * 20))
    about, _, *lines = text.splitlines()
    assert about == f"About “{'word ' * 12}…” (BBC):"
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == ["target", *STANCES]
    assert len(lines) == 2 + 3
    assert lines[2].endswith("| 0.80 | 0.10 | 0.10 |")


def test_the_reader_s_own_target_is_answered_beside_those_of_the_article(asked):
    browser = target_browser(BUNDLE, STANCE, asked)
    choice, target, shown = browser.children
    assert "0.80" in shown.outputs[0]["data"]["text/markdown"]
    target.value = "Mayor Lund"
    assert "| Mayor Lund | 0.20 | 0.60 | 0.20 |" in shown.outputs[0]["data"]["text/markdown"]
    choice.value = "n1"
    assert len(shown.outputs) == 1
    assert asked.loc[asked["article_id"] == "n1", "target"].iloc[0] in shown.outputs[0]["data"]["text/markdown"]
