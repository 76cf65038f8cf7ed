import io
import json
import logging

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.progress import Progress

from newstance.errors import NewstanceError
from newstance.serving.batch_prediction import Job, predict_to_file, run
from newstance.serving.batch_prediction.reading import STANDARD_INPUT
from serving.batch_prediction.fake_bundle import FakeBundle

SILENT = Progress(disable=True)


def line(number: int, **values) -> str:
    return json.dumps({"article_id": number, "title": f"Title {number}", "text": "Some words of text", **values}) + "\n"


def job(*paths, kind=None, targets=None, evidence=None) -> Job:
    return Job.of(
        paths,
        None if kind != "parquet" else paths[0].with_name("out.parquet"),
        kind=kind or "jsonl",
        targets=targets,
        evidence=evidence,
    )


def interrupt_after(articles: int):
    def on_predict(answered, _):
        if answered >= articles:
            raise KeyboardInterrupt

    return on_predict


@pytest.fixture
def small(monkeypatch):
    """Chunks of two rows, parts of four."""
    monkeypatch.setattr(run, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run, "PART_ROWS", 4)


@pytest.fixture
def ten(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(line(number) for number in range(10)))
    return path


def stopped(path, out, after=7, **options):
    with pytest.raises(KeyboardInterrupt):
        predict_to_file(job(path), FakeBundle(on_predict=interrupt_after(after)), SILENT, out, **options)


def test_the_output_has_the_rows_of_the_input_and_nothing_else_is_left(tmp_path, ten):
    out = tmp_path / "new" / "out.jsonl"
    summary = predict_to_file(job(ten), FakeBundle(), SILENT, out)
    assert [json.loads(text)["article_id"] for text in out.read_text().splitlines()] == [str(n) for n in range(10)]
    assert (summary.rows, summary.errors) == (10, 0)
    assert list(out.parent.iterdir()) == [out]


def test_targets_are_for_the_rows_that_name_none(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(line(1) + line(2, targets=["Sweden"]) + line(3, targets=[]) + line(4, targets=None))
    bundle = FakeBundle()
    predict_to_file(job(path, targets=["Norway", " "]), bundle, SILENT, tmp_path / "out.jsonl")
    assert [list(article.targets) for article in bundle.asked] == [["Norway"], ["Sweden"], [], ["Norway"]]


@pytest.mark.parametrize(("targets", "asked"), [(None, None), ([], None), ([""], ())])
def test_without_targets_the_bundle_proposes_and_a_blank_one_asks_for_none(tmp_path, ten, targets, asked):
    bundle = FakeBundle()
    predict_to_file(job(ten, targets=targets), bundle, SILENT, tmp_path / "out.jsonl")
    assert {article.targets for article in bundle.asked} == {asked}


@pytest.mark.parametrize(
    ("kind", "evidence", "asked"), [("jsonl", None, 3), ("jsonl", 1, 1), ("table", None, 0), ("parquet", None, 0)]
)
def test_evidence_is_worked_out_only_for_an_output_that_shows_it(tmp_path, ten, kind, evidence, asked):
    bundle = FakeBundle()
    predict_to_file(job(ten, kind=kind, evidence=evidence), bundle, SILENT, tmp_path / "out")
    assert bundle.evidence == {asked}


def test_bad_rows_are_counted_and_never_reach_the_bundle(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("{\n" * 40 + line(1) + "[]\n")
    bundle = FakeBundle()
    summary = predict_to_file(job(path), bundle, SILENT, tmp_path / "out.jsonl")
    assert (summary.rows, summary.errors, len(bundle.asked)) == (42, 41, 1)


def test_an_output_that_exists_is_replaced_only_when_asked(tmp_path, ten):
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(NewstanceError, match=r"out\.jsonl exists; name another file, or add --overwrite"):
        predict_to_file(job(ten), FakeBundle(), SILENT, out)
    assert out.read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == [ten, out]
    predict_to_file(job(ten), FakeBundle(), SILENT, out, overwrite=True)
    assert len(out.read_text().splitlines()) == 10


def test_an_input_is_never_overwritten(tmp_path, ten):
    with pytest.raises(NewstanceError, match=r"in\.jsonl is one of the inputs"):
        predict_to_file(job(tmp_path), FakeBundle(), SILENT, ten, overwrite=True)
    assert len(ten.read_text().splitlines()) == 10


def test_a_folder_in_the_place_of_the_parts_is_left_alone(tmp_path, ten):
    theirs = tmp_path / "out.jsonl.parts" / "thesis.doc"
    theirs.parent.mkdir()
    theirs.touch()
    with pytest.raises(NewstanceError, match=r"out\.jsonl\.parts is in the way"):
        predict_to_file(job(ten), FakeBundle(), SILENT, tmp_path / "out.jsonl", overwrite=True)
    assert list(theirs.parent.iterdir()) == [theirs]


def test_a_place_that_cant_be_written_is_one_sentence(tmp_path, ten):
    with pytest.raises(NewstanceError, match=r"out\.jsonl\.parts can't be written: Not a directory"):
        predict_to_file(job(ten), FakeBundle(), SILENT, ten / "out.jsonl")


def test_two_runs_dont_write_the_same_output(tmp_path, ten):
    out = tmp_path / "out.jsonl"

    def run_again(answered, articles):
        predict_to_file(job(ten), FakeBundle(), SILENT, out, resume=True)

    with pytest.raises(NewstanceError, match=r"out\.jsonl is being written by another run"):
        predict_to_file(job(ten), FakeBundle(on_predict=run_again), SILENT, out)


def test_an_interrupted_run_keeps_its_chunks_and_says_how_to_go_on(tmp_path, ten, small, caplog):
    out = tmp_path / "out.jsonl"
    with caplog.at_level(logging.WARNING, "newstance"):
        stopped(ten, out)
    assert "8 rows are kept in" in caplog.text
    assert "--resume" in caplog.text
    assert not out.exists()
    bundle = FakeBundle()
    summary = predict_to_file(job(ten), bundle, SILENT, out, resume=True)
    assert [article.title for article in bundle.asked] == ["Title 8", "Title 9"]
    assert summary.rows == 10
    assert sorted(tmp_path.iterdir()) == [ten, out]


def test_an_unfinished_run_is_not_lost_by_mistake(tmp_path, ten, small):
    out = tmp_path / "out.jsonl"
    stopped(ten, out)
    with pytest.raises(NewstanceError, match=r"holds an unfinished run; add --resume to go on with it, or --overwrite"):
        predict_to_file(job(ten), FakeBundle(), SILENT, out)
    bundle = FakeBundle()
    predict_to_file(job(ten), bundle, SILENT, out, overwrite=True)
    assert len(bundle.asked) == 10


def test_a_run_that_overwrites_keeps_the_old_output_until_it_is_done(tmp_path, ten, small):
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    stopped(ten, out, overwrite=True)
    assert out.read_text() == "old"
    predict_to_file(job(ten), FakeBundle(), SILENT, out, resume=True, overwrite=True)
    assert len(out.read_text().splitlines()) == 10


@pytest.mark.parametrize("different", ["inputs", "bundle", "targets", "evidence"])
def test_a_run_is_not_resumed_with_something_else(tmp_path, ten, small, different):
    out = tmp_path / "out.jsonl"
    stopped(ten, out)
    if different == "inputs":
        ten.write_text(ten.read_text().replace("Title 1", "Title 0"))
    again = job(
        ten, targets=["Norway"] if different == "targets" else None, evidence=1 if different == "evidence" else 3
    )
    bundle = FakeBundle("fake-2" if different == "bundle" else "fake-1")
    with pytest.raises(NewstanceError, match=rf"was begun with other {different}, so it can't be resumed"):
        predict_to_file(again, bundle, SILENT, out, resume=True)
    assert bundle.asked == []


def test_a_part_that_is_gone_is_noticed(tmp_path, ten, small):
    out = tmp_path / "out.jsonl"
    stopped(ten, out)
    min((tmp_path / "out.jsonl.parts").glob("*.part")).unlink()
    with pytest.raises(NewstanceError, match="lacks a part"):
        predict_to_file(job(ten), FakeBundle(), SILENT, out, resume=True)


def test_a_run_stopped_while_the_output_was_put_together_does_not_predict_again(tmp_path, ten, small, monkeypatch):
    out = tmp_path / "out.jsonl"

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "file_writer", interrupt)
    with pytest.raises(KeyboardInterrupt):
        predict_to_file(job(ten), FakeBundle(), SILENT, out)
    monkeypatch.undo()
    bundle = FakeBundle()
    assert predict_to_file(job(ten), bundle, SILENT, out, resume=True).rows == 10
    assert bundle.asked == []


def test_the_rows_before_an_unforeseen_failure_are_kept(tmp_path, ten, small):
    out = tmp_path / "out.jsonl"

    def fail(answered, articles):
        if answered >= 5:
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError):
        predict_to_file(job(ten), FakeBundle(on_predict=fail), SILENT, out)
    bundle = FakeBundle()
    assert predict_to_file(job(ten), bundle, SILENT, out, resume=True).rows == 10
    assert len(bundle.asked) == 4


def test_resume_with_nothing_to_resume_begins(tmp_path, ten):
    assert predict_to_file(job(ten), FakeBundle(), SILENT, tmp_path / "out.jsonl", resume=True).rows == 10


def test_standard_input_is_not_resumed_and_leaves_no_parts(tmp_path, monkeypatch):
    content = (line(1) * 100).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(NewstanceError, match="Standard input can't be read a second time"):
        predict_to_file(job(STANDARD_INPUT), FakeBundle(), SILENT, tmp_path / "out.jsonl", resume=True)
    stopped(STANDARD_INPUT, tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "output", "expected"),
    [
        (None, "a.parquet", "parquet"),
        (None, "a.NDJSON", "jsonl"),
        (None, "a.txt", "table"),
        ("jsonl", "a.txt", "jsonl"),
        (None, None, "table"),
    ],
)
def test_the_suffix_of_the_output_says_the_format_unless_it_is_named(tmp_path, ten, kind, output, expected):
    made = Job.of([ten], output and tmp_path / output, kind=kind, targets=None, evidence=None)
    assert made.format == expected


def test_contradicting_options_are_refused(tmp_path, ten):
    with pytest.raises(NewstanceError, match="Parquet is not for the terminal; name a file with --output"):
        Job.of([ten], None, kind="parquet", targets=None, evidence=None)
    with pytest.raises(
        NewstanceError, match=r"Evidence is not in a table; leave --evidence out, or take --format jsonl\."
    ):
        Job.of([ten], None, kind="table", targets=None, evidence=2)


ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "article_id": st.one_of(st.none(), st.text(max_size=5), st.integers()),
            "title": st.text(max_size=20),
            "text": st.text(max_size=30),
            "targets": st.one_of(st.none(), st.lists(st.text(max_size=5), max_size=3)),
        },
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(
    rows=ROWS,
    chunk=st.integers(1, 7),
    chunks_a_part=st.integers(1, 3),
    stops=st.lists(st.integers(0, 30), max_size=3),
    kind=st.sampled_from(["jsonl", "table", "parquet"]),
)
def test_rows_keep_their_order_and_a_run_stopped_anywhere_and_resumed_gives_the_same_bytes(
    tmp_path_factory, rows, chunk, chunks_a_part, stops, kind
):
    folder = tmp_path_factory.mktemp("any")
    # Two files of different formats, one after the other.
    first, second = folder / "1.jsonl", folder / "2.parquet"
    half = len(rows) // 2
    first.write_text("".join(json.dumps(row) + "\n" for row in rows[:half]))
    columns = {
        name: pa.array([str(row.get(name) or "") for row in rows[half:]], pa.string())
        for name in ("article_id", "title", "text")
    }
    pq.write_table(pa.table(columns), second)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "CHUNK_ROWS", chunk)
        patch.setattr(run, "PART_ROWS", chunk * chunks_a_part)
        whole, resumed = folder / "whole.out", folder / "resumed.out"
        summary = predict_to_file(job(first, second, kind=kind), FakeBundle(), SILENT, whole)
        for stop in stops:
            try:
                predict_to_file(
                    job(first, second, kind=kind),
                    FakeBundle(on_predict=interrupt_after(stop)),
                    SILENT,
                    resumed,
                    resume=True,
                )
                break
            except KeyboardInterrupt:
                assert not resumed.exists()
        if not resumed.exists():
            again = predict_to_file(job(first, second, kind=kind), FakeBundle(), SILENT, resumed, resume=True)
            assert again == summary
    assert resumed.read_bytes() == whole.read_bytes()
    places = [(str(first), n) for n in range(1, half + 1)] + [(str(second), n) for n in range(1, len(rows) - half + 1)]
    assert summary.rows == len(rows)
    if kind == "jsonl":
        found = [json.loads(text) for text in whole.read_bytes().splitlines()]
        assert [(row["source"], row["row"]) for row in found] == places
        assert [bool(row["error"]) for row in found[:half]] == [
            not {"title", "text"} <= set(row) for row in rows[:half]
        ]
    elif kind == "parquet":
        table = pd.read_parquet(whole)
        assert list(dict.fromkeys(zip(table["source"], table["row"], strict=True))) == places
    else:
        assert whole.read_bytes().count(b"\n") == len(rows) + 1
