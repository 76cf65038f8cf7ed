import json

import pandas as pd
import pytest

from newstance.corpus.table import read
from newstance.errors import NewstanceError
from newstance.settings import CorpusSettings
from newstance.tables import ARTICLE_COLUMNS

ROWS = [
    {"article_id": "007", "title": "Ferry sails", "text": "The ferry sails – at last.", "published": "2026-03-14"},
    {"article_id": "12", "title": "NA", "text": "Nobody knew.", "published": ""},
]


def write(folder, suffix: str, rows=ROWS):
    path = folder / f"corpus{suffix}"
    table = pd.DataFrame(rows)
    if suffix == ".csv":
        table.to_csv(path, index=False)
    elif suffix == ".parquet":
        table.to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_path(path):
    return read(CorpusSettings(source="table", path=path), path.parent)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".ndjson", ".parquet"])
def test_every_format_gives_the_same_articles_with_missing_columns_filled(tmp_path, suffix):
    table = read_path(write(tmp_path, suffix))
    assert tuple(table.columns) == ARTICLE_COLUMNS
    assert table["article_id"].tolist() == ["007", "12"]
    assert table["title"].tolist() == ["Ferry sails", "NA"]
    assert table["text"].iloc[0] == "The ferry sails – at last."
    assert table[["outlet", "url", "subtitle"]].eq("").all(axis=None)
    assert table["published"].iloc[0] == pd.Timestamp("2026-03-14")
    assert pd.isna(table["published"].iloc[1])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_numbers_as_ids_become_text(tmp_path, suffix):
    rows = [{"article_id": 9007199254740993, "title": "a", "text": "b"}, {"article_id": 7, "title": "c", "text": "d"}]
    assert read_path(write(tmp_path, suffix, rows))["article_id"].tolist() == ["9007199254740993", "7"]


def test_timestamps_and_missing_cells_of_parquet_are_read(tmp_path):
    rows = [
        {
            "article_id": "a",
            "title": "t",
            "text": "x",
            "outlet": None,
            "published": pd.Timestamp("2026-03-14", tz="CET"),
        },
        {"article_id": "b", "title": "t", "text": "x", "outlet": "Courier", "published": None},
    ]
    table = read_path(write(tmp_path, ".parquet", rows))
    assert table["outlet"].tolist() == ["", "Courier"]
    assert table["published"].iloc[0] == pd.Timestamp("2026-03-13 23:00")
    assert pd.isna(table["published"].iloc[1])


def test_other_columns_and_their_order_do_not_matter(tmp_path):
    table = read_path(write(tmp_path, ".csv", [{"text": "x", "note": "n", "title": "t", "article_id": "a"}]))
    assert tuple(table.columns) == ARTICLE_COLUMNS


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"article_id": ""}, "row 2, column 'article_id'"),
        ({"article_id": "007"}, "row [12], column 'article_id'"),
        ({"published": "14.3."}, "row 2, column 'published': '14.3.' is no date; write it as YYYY-MM-DD"),
    ],
)
def test_wrong_cells_are_refused_with_their_place(tmp_path, suffix, change, message):
    with pytest.raises(NewstanceError, match=rf"corpus\{suffix}: {message}"):
        read_path(write(tmp_path, suffix, [ROWS[0], {**ROWS[1], **change}]))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_missing_required_columns_are_named(tmp_path, suffix):
    with pytest.raises(NewstanceError, match=r"lacks the column\(s\) title, text; it needs article_id, title, text"):
        read_path(write(tmp_path, suffix, [{"article_id": "a"}]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "can't be read as UTF-8 CSV"),
        ("a.csv", b"article_id,title,text\n1,a,\xff\n", "can't be read as UTF-8 CSV"),
        ("a.csv", b'article_id,title,text\n1,a,"b\n', "can't be read as UTF-8 CSV"),
        ("a.csv", b"article_id,title,text\n1,a,b\n1,2,3,4\n", "can't be read as UTF-8 CSV"),
        ("a.jsonl", b'{"article_id": "1"}\n{"title"\n', "line 2 is not valid JSON"),
        ("a.jsonl", b"[1]\n", "line 1 must be an object"),
        ("a.jsonl", b"\xff", "is not UTF-8"),
        ("a.jsonl", b'{"article_id": "1", "title": ["a"], "text": "b"}', r"row 1, column 'title': \['a'\] is neither"),
        ("a.parquet", b"no parquet", "can't be read as Parquet"),
        ("a.xlsx", b"", r"the suffix must be one of \.csv, \.jsonl, \.ndjson, \.parquet"),
    ],
)
def test_broken_files_are_one_clear_error(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NewstanceError, match=message):
        read_path(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NewstanceError, match=r"nowhere\.csv does not exist; correct the setting 'corpus\.path'"):
        read_path(tmp_path / "nowhere.csv")
