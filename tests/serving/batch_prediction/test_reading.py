import csv
import io
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.bundle.answers import Article
from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.reading import STANDARD_INPUT, Row, count_rows, expand, read_rows

FERRY = {"title": "Ferry returns", "text": "The ferry to the island sails again on Monday."}


def rows(*paths):
    return list(read_rows(expand(paths)))


def errors(*paths):
    return [row.error for row in rows(*paths)]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def standard_input(monkeypatch, content: bytes):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    return rows(STANDARD_INPUT)


def test_a_text_file_is_one_article_named_after_the_file(tmp_path):
    path = write(tmp_path / "ferry.txt", "outlet: Island Post\n\nFerry returns\n\nThe ferry sails again.\n")
    assert rows(path) == [Row(str(path), 1, "ferry", Article("Ferry returns", "The ferry sails again."))]


def test_a_text_file_without_text_is_a_row_with_an_error(tmp_path):
    path = write(tmp_path / "ferry.txt", "Ferry returns\n")
    assert rows(path) == [
        Row(str(path), 1, error=f"{path} has a title but no text; add the text under it, after an empty line.")
    ]


def test_a_file_name_that_is_not_unicode_is_shown_with_a_replacement(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    write(path, "Cafe opens\n\nIt serves waffles.\n")
    broken = write(tmp_path / os.fsdecode(b"th\xe9.txt"), "Tea\n")
    article, error = rows(path, broken)
    assert article.article_id == "caf�"
    assert error.error.startswith(f"{tmp_path}/th�.txt has a title but no text")


def test_every_table_format_gives_the_same_rows(tmp_path):
    targets = [["Norway", "the ferry"], None, ["Norway"]]
    ids = ["7", "b", None]
    titles, texts = ["One", "Two, three", ""], ["First\ntext.", 'He said "no".', "Third."]
    columns = {"article_id": ids, "title": titles, "text": texts, "targets": targets, "outlet": ["x", "y", "z"]}
    parquet(tmp_path / "a.parquet", **columns)
    lines = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    write(tmp_path / "a.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns))
        writer.writeheader()
        writer.writerows({**line, "targets": "; ".join(line["targets"] or [])} for line in lines)
    expected = [(id_, Article(*rest)) for id_, *rest in zip(ids, titles, texts, targets, strict=True)]
    for suffix in ("csv", "jsonl", "parquet"):
        found = rows(tmp_path / f"a.{suffix}")
        assert [(row.article_id, row.article) for row in found] == expected
        assert [(row.source, row.number) for row in found] == [(str(tmp_path / f"a.{suffix}"), n) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "The line is not valid JSON (Expecting property name"),
        (b"[" * 100_000, "The line is not valid JSON (maximum recursion depth"),
        (b'{"title": "caf\xe9", "text": "x"}', "The line is not UTF-8 (byte 14)."),
        (b'["Ferry", "It sails."]', "The line is no JSON object"),
        (b'{"title": "Ferry"}', "The line lacks the key(s) text."),
        (b'{"title": "Ferry", "text": ["It sails."]}', "text must be text, and is ['It sails.']."),
        (b'{"title": "Ferry", "text": "\\ud800"}', "text has bytes or escapes that are no valid UTF-8."),
        (b'{"title": "Ferry", "text": "x", "article_id": true}', "article_id must be text, and is True."),
        (b'{"title": "Ferry", "text": "x", "targets": {"a": 1}}', "targets must be a list of texts"),
        (b'{"title": "Ferry", "text": "x", "targets": [1]}', "targets must be text, and is 1."),
    ],
)
def test_a_bad_line_is_an_error_in_its_place_and_harms_no_other(tmp_path, line, problem):
    good = json.dumps(FERRY).encode()
    found = rows(write(tmp_path / "a.jsonl", b"\n".join([good, line, good])))
    assert [row.number for row in found] == [1, 2, 3]
    assert found[0].article == found[2].article == Article(**FERRY)
    assert found[1].article is None
    assert found[1].error.startswith(problem)


def test_an_error_keeps_the_id_of_its_row(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"article_id": 12, "title": "Ferry", "text": 3}')
    assert rows(path)[0].article_id == "12"


def test_blank_lines_and_a_byte_order_mark_are_passed_over_and_lines_keep_their_numbers(tmp_path):
    content = b"\xef\xbb\xbf" + json.dumps(FERRY).encode() + b"\r\n\r\n" + json.dumps(FERRY).encode()
    found = rows(write(tmp_path / "a.ndjson", content))
    assert [(row.number, row.article) for row in found] == [(1, Article(**FERRY)), (3, Article(**FERRY))]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"Ferry", "The row has 1 cell(s), but the heading has 2."),
        (b"Ferry,It sails.,again", "The row has 3 cell(s), but the heading has 2."),
        (b"caf\xe9,It sails.", "title has bytes or escapes that are no valid UTF-8."),
    ],
)
def test_a_bad_csv_row_is_an_error_in_its_place_and_harms_no_other(tmp_path, line, problem):
    found = rows(write(tmp_path / "a.csv", b"\xef\xbb\xbftitle,text\nOne,First.\n" + line + b"\n\nTwo,Second.\n"))
    assert [row.number for row in found] == [1, 2, 3]
    assert [row.error for row in found] == [None, problem, None]
    assert found[2].article == Article("Two", "Second.")


def test_a_long_csv_cell_is_read_and_an_endless_one_is_an_error(tmp_path, monkeypatch):
    assert errors(write(tmp_path / "a.csv", "title,text\nLong," + "word " * 100_000)) == [None]
    before = csv.field_size_limit(1000)
    try:
        endless = 'title,text\nOpen,"' + "never closed " * 100
        assert errors(write(tmp_path / "b.csv", endless)) == [
            "The row is no valid CSV (field larger than field limit (1000))."
        ]
    finally:
        csv.field_size_limit(before)


def test_missing_parquet_cells_are_empty_and_numbers_as_ids_become_text(tmp_path):
    path = parquet(tmp_path / "a.parquet", title=[None], text=["It sails."], article_id=pa.array([7], pa.int64()))
    assert [(row.article_id, row.article) for row in rows(path)] == [("7", Article("", "It sails."))]


def test_standard_input_may_be_json_lines(monkeypatch):
    found = standard_input(monkeypatch, b"\n" + json.dumps(FERRY).encode() + b"\n{\n")
    assert [(row.source, row.number, row.article) for row in found] == [("-", 2, Article(**FERRY)), ("-", 3, None)]


def test_standard_input_may_be_one_plain_text_article(monkeypatch):
    found = standard_input(
        monkeypatch, b"\xef\xbb\xbfFerry returns\n\nThe ferry to the island sails again on Monday.\n"
    )
    assert found == [Row("-", 1, None, Article(**FERRY))]


def test_empty_standard_input_has_no_rows_and_a_lone_title_is_an_error(monkeypatch):
    assert standard_input(monkeypatch, b" \n\n") == []
    (row,) = standard_input(monkeypatch, b"Ferry returns\n")
    assert row.error == "Standard input has a title but no text; add the text under it, after an empty line."


def test_a_folder_stands_for_the_files_in_it_in_the_order_of_their_names(tmp_path):
    for name in ("b.txt", "a/c.txt", "a.CSV", ".hidden/d.txt", "a/.e.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, "title,text\n")
    assert expand([tmp_path]) == [tmp_path / name for name in ("a/c.txt", "a.CSV", "b.txt")]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("gone.jsonl", None, "does not exist."),
        ("a.docx", b"", ": the suffix must be one of .txt, .jsonl, .ndjson, .csv, .parquet; it says the format."),
        ("a.csv", b"", " lacks the column(s) title, text; it needs title, text."),
        ("a.csv", b"title;text\nFerry;It sails.\n", " lacks the column(s) title, text; it needs title, text."),
        ("a.parquet", b"PAR1", " can't be read as Parquet: "),
        ("folder/a.md", b"", " has no file to read; their suffixes must be one of .txt, "),
    ],
)
def test_a_file_that_cant_be_read_is_refused_before_anything_is_read(tmp_path, name, content, problem):
    path = tmp_path / name
    if content is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    first = write(tmp_path / "first.txt", "Ferry returns\n\nIt sails.\n")
    with pytest.raises(NewstanceError) as refused:
        expand([first, path.parent if name.startswith("folder") else path])
    assert problem in str(refused.value)
    assert str(tmp_path / name.split("/")[0]) in str(refused.value)


def test_a_parquet_file_without_texts_is_refused(tmp_path):
    with pytest.raises(NewstanceError, match=r"lacks the column\(s\) text"):
        expand([parquet(tmp_path / "a.parquet", title=["One"])])


def test_a_parquet_file_that_breaks_off_is_an_error_that_names_file_and_row(tmp_path):
    path = parquet(tmp_path / "a.parquet", title=["One"] * 500, text=[f"{n}" * 50 for n in range(500)])
    content = bytearray(path.read_bytes())
    content[200:2000] = bytes(1800)
    path.write_bytes(content)
    with pytest.raises(NewstanceError, match=r"a\.parquet is damaged after row \d+: "):
        rows(path)


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_give_as_many_rows_as_lines_that_are_not_blank(tmp_path_factory, lines):
    lines = [line.replace(b"\n", b"") for line in lines]
    path = write(tmp_path_factory.mktemp("any") / "a.jsonl", b"\n".join(lines))
    found = rows(path)
    numbers = [number for number, line in enumerate(lines, start=1) if line.removeprefix(b"\xef\xbb\xbf").strip()]
    assert len(found) == count_rows([path]) <= len(lines)
    assert {row.number for row in found} <= {number for number, line in enumerate(lines, start=1) if line.strip()}
    assert [row.number for row in found if row.number > 1] == [number for number in numbers if number > 1]
    assert all((row.article is None) == bool(row.error) for row in found)
