import pickle

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from newstance.bundle.answers import Article
from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.predictions import Prediction, Summary
from newstance.serving.batch_prediction.reading import Row
from newstance.serving.batch_prediction.writing import TIDY_SCHEMA, TidyParquet
from newstance.serving.ray_prediction.inputs import Part
from newstance.serving.ray_prediction.output import Output
from serving.batch_prediction.fake_bundle import FakeBundle

PART = Part(3, 512, 514)
NAME = "part-00003-000000000512-000000000514.parquet"


def predictions():
    row = Row("in.jsonl", 1, "a", Article("Ferry returns", "It sails again.", ["Norway", "Sweden"]))
    (answer,) = FakeBundle().predict([row.article])
    return [Prediction.of(row, answer), Prediction.failed(Row("in.jsonl", 2, error="no text"), "fake-1")]


def test_a_part_has_the_rows_that_the_local_engine_writes(tmp_path):
    assert Output(str(tmp_path)).write(PART, predictions()) == Summary(rows=2, abstentions=0, errors=1)
    with TidyParquet(tmp_path / "local") as writer:
        writer.write(predictions())
    written = pq.read_table(tmp_path / NAME)
    assert written.schema.equals(TIDY_SCHEMA)
    assert written.equals(pq.read_table(tmp_path / "local"))


def test_what_is_there_is_found_and_what_is_broken_is_removed(tmp_path):
    output = Output(str(tmp_path))
    output.write(PART, predictions())
    broken = tmp_path / "part-00000-000000000000-000000000512.parquet"
    broken.write_bytes((tmp_path / NAME).read_bytes()[:-20])
    assert output.parts() == {PART: Summary(rows=2, abstentions=0, errors=1)}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_writing_a_part_twice_leaves_it_once(tmp_path):
    output = pickle.loads(pickle.dumps(Output(str(tmp_path))))
    output.write(PART, predictions())
    output.write(PART, predictions())
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_finished_folder_is_read_as_one_table_and_nothing_unfinished_is_in_it(tmp_path):
    output = Output(str(tmp_path / "new"))
    with output.locked():
        output.begin({"bundle": "fake-1"})
        output.write(PART, predictions())
        output.write(Part(3, 514, 516), predictions())
        (tmp_path / "new" / ".unfinished-0123").write_bytes(b"half")
        assert not output.is_finished
        output.finish({"rows": 4})
    assert output.is_finished
    assert (output.state, len(pd.read_parquet(tmp_path / "new"))) == ({"bundle": "fake-1"}, 8)
    assert not (tmp_path / "new" / ".unfinished-0123").exists()


def test_beginning_anew_removes_the_earlier_results(tmp_path):
    output = Output(str(tmp_path))
    output.write(PART, predictions())
    output.finish({})
    output.begin({"bundle": "fake-2"})
    assert (output.parts(), output.is_finished) == ({}, False)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(NewstanceError, match=r"holds thesis\.doc, which is no result; name another folder"):
        Output(str(tmp_path)).locked().__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_two_runs_dont_write_the_same_folder(tmp_path):
    with (
        Output(str(tmp_path)).locked(),
        pytest.raises(NewstanceError, match="is being written by another run"),
    ):
        Output(str(tmp_path)).locked().__enter__()


def test_a_place_that_cant_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NewstanceError, match=r"file/new can't be written: "):
        Output(str(tmp_path / "file" / "new")).locked().__enter__()


def test_whatever_storage_behind_a_url_raises_is_one_sentence(broken_storage):
    output = Output("broken://bucket/new")
    with pytest.raises(NewstanceError, match=r"^broken://bucket/new can't be written: Unable to locate keys\.$"):
        output.locked().__enter__()
    with pytest.raises(NewstanceError, match=r"^broken://bucket/new can't be written: Unable to locate keys\.$"):
        output.write(PART, predictions())
    with pytest.raises(NewstanceError, match=r"^broken://bucket/new/_state\.json can't be read: Unable to locate keys"):
        _ = output.state
    for read in (output.parts, lambda: output.summary(PART)):
        with pytest.raises(NewstanceError, match=r"^broken://bucket/new can't be read: Unable to locate keys\.$"):
            read()


def test_results_go_to_a_url_too():
    output = Output("memory://results/new")
    try:
        with output.locked():
            output.begin({"bundle": "fake-1"})
            output.write(PART, predictions())
            output.finish({"rows": 2})
        assert (output.is_finished, list(output.parts())) == (True, [PART])
    finally:
        MemoryFileSystem().rm("/results", recursive=True)
