import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.progress import Progress

from newstance.serving.batch_prediction import Job, predict_to_file
from newstance.serving.batch_prediction.reading import read_rows
from newstance.serving.ray_prediction.inputs import Part, Source, survey
from newstance.serving.ray_prediction.output import Output
from newstance.serving.ray_prediction.stream import Worker, read_parts
from serving.batch_prediction.fake_bundle import FakeBundle

SILENT = Progress(disable=True)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
ROWS = st.fixed_dictionaries(
    {"title": st.one_of(st.none(), TEXT), "text": TEXT},
    optional={
        "article_id": st.one_of(TEXT, st.integers()),
        "targets": st.one_of(st.none(), st.lists(TEXT, max_size=2)),
    },
)


@pytest.fixture
def ten(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"title": f"Title {row}", "text": "Some words"}) + "\n" for row in range(10)))
    return path


def pieces_of(path, piece_rows=100):
    return survey(0, Source(str(path), str(path)), piece_rows).pieces


@settings(max_examples=30)
@given(st.lists(st.one_of(ROWS, st.integers()), min_size=1, max_size=6))
def test_articles_reach_the_bundle_as_the_local_engine_reads_them(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bundle = FakeBundle()
    worker = Worker(lambda: bundle, Output(str(folder)), None)
    for piece in pieces_of(folder / "in.jsonl"):
        for part in read_parts(piece, set(), 4):
            worker(part)
    read = [row.article for row in read_rows([folder / "in.jsonl"])]
    assert bundle.asked == [article for article in read if article is not None]


def test_parts_that_are_done_are_read_over(ten):
    (piece,) = pieces_of(ten)
    parts = [part.to_pylist()[0] for part in read_parts(piece, {Part(0, 4, 8)}, 4)]
    assert [(part["first"], part["stop"], len(part["rows"])) for part in parts] == [(0, 4, 4), (8, 10, 2)]


def test_a_part_that_is_there_is_not_labelled_again(tmp_path, ten):
    bundle = FakeBundle()
    worker = Worker(lambda: bundle, Output(str(tmp_path)), None)
    (piece,) = pieces_of(ten)
    (part,) = read_parts(piece, set(), 10)
    first, again = worker(part), worker(part)
    assert len(bundle.asked) == 10
    assert first.to_pylist() == again.to_pylist()
    assert first.to_pylist() == [
        {"file": 0, "first": 0, "stop": 10, "damage": None, "rows": 10, "abstentions": 10, "errors": 0}
    ]


def test_where_a_file_has_become_shorter_the_rest_of_its_piece_is_damage(ten):
    first, second = pieces_of(ten, 5)
    ten.write_text("".join(ten.read_text().splitlines(keepends=True)[:8]))
    assert [part.to_pylist()[0]["damage"] for part in read_parts(first, set(), 2)] == [None] * 3
    *_, last = (part.to_pylist()[0] for part in read_parts(second, set(), 2))
    assert (last["first"], last["stop"], last["damage"]) == (7, 10, f"{ten} has become shorter.")


def test_targets_of_the_run_are_for_rows_that_name_none(tmp_path, ten):
    ten.write_text('{"title": "A", "text": "a b c"}\n{"title": "B", "text": "a b c", "targets": []}\n')
    bundle = FakeBundle()
    (piece,) = pieces_of(ten)
    (part,) = read_parts(piece, set(), 10)
    Worker(lambda: bundle, Output(str(tmp_path)), ("Norway",))(part)
    local = FakeBundle()
    job = Job.of([ten], None, kind="jsonl", targets=["Norway"], evidence=0)
    predict_to_file(job, local, SILENT, tmp_path / "local.jsonl")
    assert bundle.asked == local.asked
    assert [list(article.targets) for article in bundle.asked] == [["Norway"], []]
