import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.reading import read_rows
from newstance.serving.ray_prediction.inputs import Part, Source, find_sources, survey
from newstance.serving.ray_prediction.run import RayJob

LINE = b'{"title": "Ferry returns", "text": "It sails again."}\n'


def source(path) -> Source:
    return Source(str(path), str(path))


def all_rows(found):
    return [row for piece in found.pieces for row in piece.rows()]


def write_parquet(path, rows=10, group=3, **more):
    table = pa.table({"title": [f"Title {row}" for row in range(rows)], "text": ["A text."] * rows, **more})
    pq.write_table(table, path, row_group_size=group)


def test_a_folder_stands_for_its_files_with_a_known_suffix_in_order(tmp_path):
    for name in ("b.jsonl", "a.parquet", "notes.md", ".hidden.jsonl", "deep/c.ndjson"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_sources([str(tmp_path)])
    assert [one.name for one in found] == [str(tmp_path / name) for name in ("a.parquet", "b.jsonl", "deep/c.ndjson")]


def test_a_relative_path_keeps_its_name_and_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (one,) = find_sources(["a.jsonl"])
    assert one == Source("a.jsonl", str(tmp_path / "a.jsonl"))
    monkeypatch.chdir("/")
    assert [row.source for row in all_rows(survey(0, one, 4))] == ["a.jsonl"]


@pytest.mark.parametrize("inside", ["memory://articles", "memory://articles/2017/a.jsonl"])
def test_a_url_is_read_like_a_file(inside):
    files = MemoryFileSystem()
    files.pipe("/articles/2017/a.jsonl", LINE * 3)
    files.pipe("/articles/.hidden/b.jsonl", LINE)
    try:
        (one,) = find_sources([inside])
        found = survey(0, one, 4)
        assert one.name.endswith("articles/2017/a.jsonl")
        assert [(row.source, row.number, row.article.title) for row in all_rows(found)] == [
            (one.name, number, "Ferry returns") for number in (1, 2, 3)
        ]
        files.pipe("/articles/2017/a.jsonl", LINE * 4)
        assert survey(0, one, 4).fingerprint != found.fingerprint
    finally:
        files.rm("/articles", recursive=True)


def test_parquet_behind_a_url_is_read_like_a_file(tmp_path):
    write_parquet(tmp_path / "a.parquet")
    (one,) = find_sources([f"file://{tmp_path}"])
    assert one.name == f"file://{tmp_path}/a.parquet"
    assert [row.number for row in all_rows(survey(0, one, 4))] == list(range(1, 11))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gone.jsonl", "gone.jsonl does not exist."),
        ("notes.txt", "notes.txt: the engine ray reads .jsonl, .ndjson, .parquet; the suffix says the format."),
        ("-", "-: the engine ray reads .jsonl, .ndjson, .parquet; the suffix says the format."),
        ("empty", "empty has no file to read; their suffixes must be one of .jsonl, .ndjson, .parquet."),
        ("memory://nowhere", "memory://nowhere has no file to read; their suffixes must be one of"),
        ("nothing://at/all", "nothing://at/all can't be reached: Protocol not known: nothing."),
    ],
)
def test_an_input_that_cant_be_found_is_one_sentence(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(NewstanceError) as error:
        find_sources([given])
    assert str(error.value).startswith(message)


def test_a_folder_with_files_that_only_the_local_engine_reads_is_refused(tmp_path):
    for name in ("a.jsonl", "b.txt", "deep/c.CSV", ".hidden.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for folder in (str(tmp_path), f"file://{tmp_path}"):
        with pytest.raises(NewstanceError) as error:
            find_sources([folder])
        assert str(error.value) == (
            f"{folder} has 2 file(s) with the suffix .csv or .txt, which the engine ray does not read; leave "
            "--engine ray out, or name the files with .jsonl, .ndjson, .parquet themselves."
        )


def test_a_file_that_is_named_several_times_is_read_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(LINE)
    found = find_sources(["b.jsonl", str(tmp_path), "deep/../a.jsonl", f"file://{tmp_path}/b.jsonl"])
    assert [one.name for one in found] == ["b.jsonl", str(tmp_path / "a.jsonl")]


@pytest.mark.parametrize("output", ["articles", "articles/out", "link/out", "deep/../articles/out", "{url}/out"])
def test_an_output_in_an_input_folder_is_refused(tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    for name in ("articles", "deep"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("articles")
    (tmp_path / "articles/a.jsonl").write_bytes(LINE)
    output = output.format(url=f"file://{tmp_path}/articles")
    for folder in ("articles", "link"):
        with pytest.raises(NewstanceError, match=f"^The output .* is in the input {folder}, where its results would"):
            RayJob.of([folder], output)
    assert RayJob.of(["articles"], "articles-out").sources[0].name == "articles/a.jsonl"


def test_whatever_a_file_system_behind_a_url_raises_is_one_sentence(broken_storage):
    one = Source("broken://bucket/a.jsonl", "broken://bucket/a.jsonl")
    with pytest.raises(NewstanceError, match=r"^broken://bucket/a\.jsonl can't be reached: Unable to locate keys\.$"):
        find_sources([one.location])
    with pytest.raises(NewstanceError, match=r"^broken://bucket/a\.jsonl can't be read: Unable to locate keys\.$"):
        one.fingerprint()
    with pytest.raises(NewstanceError, match=r"^broken://bucket/a\.jsonl can't be read: Unable to locate keys\.$"):
        one.open().__enter__()


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from([LINE, b"\n", b"  \r\n", b"{\n", b"\xff\n", b"[]\n", b'{"title": "A", "text": 3}\n']),
        max_size=25,
    ),
    st.booleans(),
)
def test_pieces_of_lines_have_the_rows_of_the_whole_file(tmp_path_factory, lines, mark):
    path = tmp_path_factory.mktemp("lines") / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" * mark + b"".join(lines).removesuffix(b"\n"))
    found = survey(2, source(path), 4)
    assert all_rows(found) == list(read_rows([path]))
    wholes = [piece.whole for piece in found.pieces]
    assert wholes == list(Part(2, 0, len(all_rows(found))).divided(4))


@pytest.mark.parametrize("group", [1, 3, 100])
def test_pieces_of_row_groups_have_the_rows_of_the_whole_file(tmp_path, group):
    path = tmp_path / "in.parquet"
    write_parquet(path, group=group, article_id=[f"id-{row}" for row in range(10)], targets=[["Norway"], None] * 5)
    found = survey(0, source(path), 4)
    assert all_rows(found) == list(read_rows([path]))
    assert [piece.whole.first for piece in found.pieces[1:]] == [piece.whole.stop for piece in found.pieces[:-1]]


@pytest.mark.parametrize(("name", "content"), [("in.jsonl", b""), ("in.jsonl", b"\n\n"), ("in.parquet", None)])
def test_a_file_without_rows_has_no_pieces(tmp_path, name, content):
    path = tmp_path / name
    write_parquet(path, rows=0) if content is None else path.write_bytes(content)
    assert survey(0, source(path), 4).pieces == ()


def test_a_file_that_is_no_parquet_is_a_finding(tmp_path):
    (tmp_path / "in.parquet").write_bytes(b"PAR1 and nothing more")
    found = survey(0, source(tmp_path / "in.parquet"), 4)
    assert found.pieces == ()
    assert found.damage.startswith(f"{tmp_path}/in.parquet can't be read as Parquet: ")


def test_a_table_without_a_text_is_refused(tmp_path):
    pq.write_table(pa.table({"title": ["A"]}), tmp_path / "in.parquet")
    with pytest.raises(NewstanceError, match=r"in\.parquet lacks the column\(s\) text"):
        survey(0, source(tmp_path / "in.parquet"), 4)


def test_a_copy_has_the_fingerprint_of_the_file_and_a_changed_one_another(tmp_path):
    for name, text in {"a": LINE, "b": LINE, "c": LINE + LINE}.items():
        (tmp_path / f"{name}.jsonl").write_bytes(text)
    a, b, c = (source(tmp_path / f"{name}.jsonl").fingerprint() for name in "abc")
    assert a == b != c


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"title": "A", "text": "B"}))
    found = survey(0, source(tmp_path / "in.jsonl"), 4)
    (tmp_path / "in.jsonl").unlink()
    with pytest.raises(NewstanceError, match=r"in\.jsonl does not exist\."):
        all_rows(found)
