import pandas as pd
import pytest

from fake_bundle import FakeBundle
from newstance.bundle.abstention import TextCheck
from newstance.files import write_csv
from newstance.notebooks.refusals import (
    FRESH,
    TEXTS,
    read_measured,
    refusals_in_words,
    refused_by_kind,
    tried_in_words,
    try_texts,
)

COLUMNS = "source is_news part texts too_short not_english not_news_like out_of_distribution".split()
COLUMNS += "refused refused_low refused_high".split()


def measured(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


NEWS = ["articles", True, "test", 750, 0, 0, 0, 0.02, 0.02, 0.01, 0.031]
CODE = ["Python files", False, "test", 60, 0, 0, 1.0, 0, 1.0, 0.94, 1.0]
SKIPPED = ["captions", False, "test", 27, 0, 0, 0, 0.1, 0.1, 0.04, 0.28]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("two sentences of news", "too-short"),
        ("news in German", "not-english"),
        ("a program", "not-news-like"),
        ("a recipe", "not-news-like"),
    ],
)
def test_the_texts_are_what_they_are_called(kind, reason):
    assert TextCheck().check(*TEXTS[kind]).reason == reason


def test_the_fresh_article_and_prose_of_other_kinds_look_like_english_sentences():
    others = [TEXTS[kind] for kind in ("terms of a contract", "a fairy tale")]
    assert [TextCheck().check(*text) for text in [(FRESH.title, FRESH.text), *others]] == [None] * 3


def test_what_is_answered_all_the_same_is_named():
    bundle = FakeBundle()
    bundle.predict([])
    table = try_texts(bundle)
    assert table["text"].tolist() == list(TEXTS)
    assert table["what comes back"].str.startswith("answered: politics (0.90)").all()
    text = tried_in_words(table)
    assert text.startswith("0 of 6 texts are refused; not so two sentences of news, ")
    assert tried_in_words(table.assign(**{"what comes back": "refused: too-short"})) == "6 of 6 texts are refused."


def test_only_texts_that_had_no_part_in_the_limits_are_read(tmp_path):
    path = tmp_path / "abstention.csv"
    assert read_measured(path) is None
    write_csv(path, measured(NEWS, [*NEWS[:2], "validation", *NEWS[3:]]))
    assert read_measured(path)["part"].tolist() == ["test"]


def test_the_title_says_how_many_news_are_refused_and_how_many_kinds_wholly():
    chart = refused_by_kind(measured(CODE, NEWS, SKIPPED))
    assert chart.title == (
        "Of news articles 2.0\xa0% [1.0, 3.1] are refused; 1 of 2 kinds of other texts are refused without exception"
    )
    axes = chart.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["articles", "captions", "Python files"]
    assert [text.get_text() for text in axes.texts] == ["n = 750", "n = 27", "n = 60"]


def test_without_measurements_there_is_a_sentence_instead_of_a_figure():
    assert "nothing measured to draw" in refused_by_kind(None)
    assert "benchmarks/abstention.py" in refusals_in_words(None)


def test_kinds_that_are_not_always_refused_are_named():
    assert refusals_in_words(measured(NEWS, CODE, SKIPPED)) == (
        "Not every text of another kind is refused: “captions” (10\xa0%\xa0[4,\xa028] refused)."
    )
    assert "No text of another kind" in refusals_in_words(measured(NEWS, CODE))
