from pathlib import Path

import pandas as pd
import pytest

from labels.small_schemes import MOOD, TOPIC
from newstance.errors import NewstanceError
from newstance.labels.annotations import check_against_corpus, read_annotations, resolve, skipped_ids
from newstance.scheme import Label, Scheme

LEANING = Scheme(
    name="leaning",
    kind="single-label",
    title="Leaning",
    annotations="leanings.csv",
    labels=tuple(Label(code=code, name=code, definition=code) for code in ("left", "center", "right")),
)

TOPICS = """article_id,annotator,topic,second
1,A,politics,sport
1,B,sport,
own-one,own,weather,
2,A,skip,
2,B,politics,
"""


@pytest.fixture
def topics(tmp_path: Path) -> pd.DataFrame:
    (tmp_path / "topics.csv").write_text(TOPICS, encoding="utf-8")
    return read_annotations(TOPIC, tmp_path)


def test_reading_keeps_ids_as_text_and_empty_secondary_as_missing(topics):
    assert list(topics.columns) == ["article_id", "annotator", "topic", "second"]
    assert topics["article_id"].tolist() == ["1", "1", "own-one", "2", "2"]
    assert topics["second"].isna().tolist() == [False, True, True, True, True]


def test_columns_may_come_in_any_order_with_white_space_and_a_byte_order_mark(tmp_path):
    (tmp_path / "moods.csv").write_text("\ufeffmood, target ,annotator,article_id\nsport, Tall  ships ,A, 7\n", "utf-8")
    assert read_annotations(MOOD, tmp_path).iloc[0].tolist() == ["7", "A", "Tall  ships", "sport"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("article_id,annotator,topic\n", r"topics\.csv, row 1: lacks the column\(s\) second"),
        ("article_id,annotator,topic,second,note\n", r"topics\.csv, row 1: has surplus column\(s\) note"),
        ("article_id,annotator,topic,second,topic\n", r"topics\.csv, row 1: has surplus column\(s\) topic, topic"),
        ("", r"topics\.csv, row 1: lacks the column"),
        ("article_id,annotator,topic,second\n1,A,sport\n", r"topics\.csv, row 2: 3 cells, but 4 columns"),
        ("article_id,annotator,topic,second\n\n1,A,sprot,\n", r"row 3, column 'topic': 'sprot' is no label"),
        ("article_id,annotator,topic,second\n1,A,,\n", r"row 2, column 'topic': '' is no label"),
        ("article_id,annotator,topic,second\n1,A,sport,skip\n", r"row 2, column 'second': 'skip' is no label"),
        ("article_id,annotator,topic,second\n1,A,sport,sport\n", r"row 2, column 'second': 'sport' repeats"),
        ("article_id,annotator,topic,second\n,A,sport,\n", r"row 2, column 'article_id': '' must not be empty"),
        ("article_id,annotator,topic,second\n1,,sport,\n", r"row 2, column 'annotator': '' must not be empty"),
        (
            "article_id,annotator,topic,second\n1,A,sport,\n1,B,sport,\n1,A,weather,\n",
            r"row 4, column 'article_id': '1' is labelled a second time",
        ),
        ('article_id,annotator,topic,second\n1,A,"sport,\n', r"topics\.csv can't be read as UTF-8 CSV"),
    ],
)
def test_a_wrong_single_label_file_is_refused_with_its_place(tmp_path, text, place):
    (tmp_path / "topics.csv").write_text(text, encoding="utf-8")
    with pytest.raises(NewstanceError, match=place):
        read_annotations(TOPIC, tmp_path)


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ("1,A,  ,sport", r"moods\.csv, row 2, column 'target': '' must not be empty"),
        ("1,A,Oslo,sport\n1,A,Rome,sport\n1,A,Oslo,weather", r"row 4, column 'target': 'Oslo' is labelled a second"),
        ('1,A,"the\nlake",sport\n1,A,Rome,skip', r"row 4, column 'mood': 'skip' is no label"),
    ],
)
def test_a_wrong_target_dependent_file_is_refused_with_the_line_of_the_file(tmp_path, rows, place):
    (tmp_path / "moods.csv").write_text(f"article_id,annotator,target,mood\n{rows}\n", encoding="utf-8")
    with pytest.raises(NewstanceError, match=place):
        read_annotations(MOOD, tmp_path)


def test_a_missing_file_and_a_foreign_encoding_are_refused(tmp_path):
    with pytest.raises(NewstanceError, match=r"topics\.csv is missing"):
        read_annotations(TOPIC, tmp_path)
    (tmp_path / "topics.csv").write_bytes("article_id,annotator,topic,second\n1,Zoë,sport,\n".encode("latin-1"))
    with pytest.raises(NewstanceError, match="UTF-8"):
        read_annotations(TOPIC, tmp_path)


def test_labels_of_dropped_articles_are_counted_and_left_out(topics):
    kept, dropped = check_against_corpus(topics, {"1", "2", "3", "own-one"}, {"1", "3", "own-one"}, "topics.csv")
    assert kept["article_id"].tolist() == ["1", "1", "own-one"]
    assert dropped == 2


def test_the_first_label_of_an_unknown_article_is_named(topics):
    with pytest.raises(NewstanceError, match=r"topics\.csv, column 'article_id': the corpus has no article 'own-one'"):
        check_against_corpus(topics, {"1"}, {"1"}, "topics.csv")


def test_labels_outside_a_sample_are_left_out_and_not_counted(topics):
    kept, dropped = check_against_corpus(topics, {"1"}, {"1"}, "topics.csv", sampled=True)
    assert set(kept["article_id"]) == {"1"}
    assert dropped == 0


def test_the_first_annotator_in_the_order_counts_and_skipped_units_go(topics):
    resolved = resolve(topics, ("A", "own"), TOPIC)
    assert list(resolved.columns) == ["article_id", "topic", "second", "annotator"]
    assert resolved[["article_id", "topic", "annotator"]].to_numpy().tolist() == [
        ["1", "politics", "A"],
        ["own-one", "weather", "own"],
    ]
    turned = resolve(topics, ("B", "A"), TOPIC)
    assert turned[["article_id", "topic", "annotator"]].to_numpy().tolist() == [
        ["1", "sport", "B"],
        ["2", "politics", "B"],
    ]


def test_skipped_articles_are_those_that_the_counting_annotator_skipped(topics):
    assert skipped_ids(topics, TOPIC, ("A", "B")) == {"2"}
    assert skipped_ids(topics, TOPIC, ("B", "A")) == set()


def test_targets_are_resolved_one_by_one(tmp_path):
    rows = "1,B,Rome,sport\n1,A,Oslo,weather\n1,B,Oslo,politics\n"
    (tmp_path / "moods.csv").write_text(f"article_id,annotator,target,mood\n{rows}", encoding="utf-8")
    resolved = resolve(read_annotations(MOOD, tmp_path), ("A", "B"), MOOD)
    assert resolved.to_numpy().tolist() == [["1", "Rome", "sport", "B"], ["1", "Oslo", "weather", "A"]]


def test_a_scheme_without_secondary_skip_or_reference_works(tmp_path):
    (tmp_path / "leanings.csv").write_text("article_id,annotator,leaning\na,A,left\nb,A,center\n", encoding="utf-8")
    leanings = read_annotations(LEANING, tmp_path)
    assert resolve(leanings, ("A", "own"), LEANING)["leaning"].tolist() == ["left", "center"]
    nothing = resolve(leanings, ("gold",), LEANING)
    assert nothing.empty
    assert list(nothing.columns) == ["article_id", "leaning", "annotator"]
    assert skipped_ids(leanings, LEANING, ("A",)) == set()
