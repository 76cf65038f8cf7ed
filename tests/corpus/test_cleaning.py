import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstance.corpus.cleaning import clean_articles
from newstance.errors import NewstanceError
from newstance.tables import check_articles


def corpus(ids, text="The ferry sails again today.", **columns) -> pd.DataFrame:
    table = pd.DataFrame(
        {"article_id": list(ids), "text": text, "outlet": "Herald", "url": "u", "title": "t"}, dtype="str"
    )
    table["subtitle"] = ""
    table["published"] = pd.Timestamp("2026-03-14").as_unit("ns")
    return check_articles(table.assign(**columns), "test")


def report_of(report: pd.DataFrame) -> dict[str, tuple[int, int, int]]:
    return {row.rule: (row.dropped, row.changed, row.rows_left) for row in report.itertuples()}


def test_every_rule_says_what_it_did():
    raw = corpus("abcde", outlet=["Herald", "", "", "Herald", "Herald"])
    raw["text"] = [
        'They didn"t  sail today.',
        "Two words",
        "The ferry\u00a0sails today.",
        "A programme for tonight",
        "One two three four",
    ]
    raw.loc[4, "published"] = pd.NaT
    articles, report = clean_articles(raw, min_words=4, skipped={"d", "x"})
    assert report_of(report) == {
        "read": (0, 0, 5),
        "encoding repaired": (0, 1, 5),
        "white space normalised": (0, 2, 5),
        "outlet missing": (0, 2, 5),
        "date missing or unreadable": (0, 1, 5),
        "under 4 words": (1, 0, 4),
        "skipped in the labels": (1, 0, 3),
    }
    assert articles["article_id"].tolist() == ["a", "c", "e"]
    assert articles["text"].tolist() == ["They didn't sail today.", "The ferry sails today.", "One two three four"]


def test_a_text_of_exactly_the_least_number_of_words_stays():
    raw = corpus("ab")
    raw["text"] = ["one two three", "one two"]
    assert clean_articles(raw, min_words=3, skipped=())[0]["article_id"].tolist() == ["a"]


def test_input_is_left_as_it_was():
    raw = corpus("ab", text=' didn"t ')
    before = raw.copy()
    clean_articles(raw, min_words=0, skipped=())
    pd.testing.assert_frame_equal(raw, before)


@settings(max_examples=30)
@given(st.permutations([str(number) for number in range(12)]), st.integers(1, 14), st.integers(0, 3))
def test_a_sample_depends_on_ids_only_grows_and_keeps_own_articles(ids, size, own):
    always = set(ids[:own])
    rest = [name for name in ids if name not in always]

    def sampled(order, size):
        articles, report = clean_articles(corpus(order), min_words=1, skipped=(), sample=size, always_keep=always)
        assert report["rule"].iloc[-1] == "outside the sample"
        assert report["rows_left"].iloc[-1] == len(articles)
        return articles["article_id"].tolist()

    chosen = sampled(ids, size)
    assert chosen == [name for name in ids if name in chosen]
    assert set(chosen) == set(sampled(sorted(ids), size))
    assert set(chosen) <= set(sampled(ids, size + 1))
    assert always <= set(chosen)
    assert len(chosen) == own + min(size, len(rest))


def test_ids_that_occur_twice_are_refused():
    twice = pd.concat([corpus("ab"), corpus("b")], ignore_index=True)
    with pytest.raises(NewstanceError, match="Article id 'b' occurs twice"):
        clean_articles(twice, min_words=1, skipped=())


def test_a_corpus_of_which_nothing_is_left_is_refused():
    with pytest.raises(NewstanceError, match=r"Cleaning leaves no article; lower 'corpus\.min_words'"):
        clean_articles(corpus("ab"), min_words=50, skipped=())
