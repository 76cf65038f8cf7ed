from types import SimpleNamespace

import pandas as pd

from newstance.notebooks import display, duplicates
from newstance.notebooks.display import report
from newstance.settings import NearDuplicateSettings

ARTICLES = pd.DataFrame(
    {
        "article_id": ["1", "2", "3", "4", "5", "6"],
        "group": ["1", "1", "1", "4", "4", "6"],
        "outlet": ["Post", "Post", "Times", "Times", "Times", "Post"],
        "title": ["Ferry late", "Ferry very late", "Ferry cancelled", "Bridge opens", "Bridge is open", "Tram " * 20],
        "published": pd.to_datetime(["2017-02-01", "2017-02-01", "2017-02-09", "2017-03-01", "NaT", "2017-03-05"]),
    }
)
PAIRS = pd.DataFrame({"first": [1, 4, 2], "second": [2, 5, 3], "similarity": [0.9, 0.4, 0.25]})
NO_PAIRS = PAIRS.head(0)


def read(pairs: pd.DataFrame) -> pd.DataFrame:
    return duplicates.read_pairs(SimpleNamespace(table=lambda _: pairs), ARTICLES)


def test_pairs_know_both_articles_and_their_group():
    pairs = read(PAIRS)
    assert pairs["first"].tolist() == ["1", "4", "2"]
    assert pairs["second_title"].tolist() == ["Ferry very late", "Bridge is open", "Ferry cancelled"]
    assert pairs["group"].tolist() == ["1", "4", "1"]


def test_groups_are_counted_and_described():
    text = duplicates.groups_in_words(ARTICLES, read(PAIRS)).replace("\N{NO-BREAK SPACE}", " ")
    assert text == (
        "**3 pairs of near-duplicates** tie 5 articles into 2 groups; the largest has 3 articles. 66.7 % of the pairs "
        "are from one outlet, and 50.0 % were published within a day of each other."
    )


def test_the_figure_of_similarities_divides_pairs_by_outlet():
    chart = duplicates.similarities(read(PAIRS), 0.2)
    assert chart.title == (
        "Most near-duplicates are from one outlet (2 of 3 pairs); 1 of them share half of their word sequences or more"
    )
    heights = [sum(bar.get_height() for bar in bars) for bars in chart.figure.axes[0].containers]
    assert heights == [2, 1]


def test_the_finding_turns_where_most_pairs_are_from_two_outlets():
    assert "from two outlets (1 of 1 pair); none" in duplicates.similarities(read(PAIRS.tail(1)), 0.2).title


def test_titles_are_quoted_from_the_most_to_the_least_similar_pair_one_a_group():
    table = duplicates.quoted_pairs(read(PAIRS))
    assert table["similarity"].tolist() == ["0.90", "0.40"]
    assert table["the other"].tolist() == ["Post: Ferry very late", "Times: Bridge is open"]
    assert table["days apart"].tolist() == ["0", "–"]


def test_a_long_title_is_cut():
    pairs = read(pd.DataFrame({"first": [1], "second": [6], "similarity": [0.3]}))
    assert len(duplicates.quoted_pairs(pairs)["the other"].iloc[0].split()) == len(["Post:", *["Tram"] * 12, "…"])


def test_without_near_duplicates_sentences_take_the_place_of_figures():
    pairs = read(NO_PAIRS)
    assert duplicates.similarities(pairs, 0.2) == duplicates.NONE_FOUND
    assert "No two articles" in duplicates.groups_in_words(ARTICLES, pairs)
    assert duplicates.quoted_pairs(pairs).empty


def test_the_definition_has_the_settings():
    text = duplicates.defined_in_words(NearDuplicateSettings(shingle_words=7, similarity=0.35))
    assert "7 words" in text
    assert "0.35" in text


def test_a_figure_is_shown_and_a_sentence_said(monkeypatch):
    done = []
    monkeypatch.setattr(display, "show", lambda chart: done.append(chart.title))
    monkeypatch.setattr(display, "say", done.append)
    chart = duplicates.similarities(read(PAIRS), 0.2)
    report(chart)
    report("Nothing to see.")
    assert done == [chart.title, "Nothing to see."]
