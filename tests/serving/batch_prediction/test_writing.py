import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from newstance.bundle.answers import Article
from newstance.serving.batch_prediction import writing
from newstance.serving.batch_prediction.predictions import Prediction, Summary
from newstance.serving.batch_prediction.reading import Row
from newstance.serving.batch_prediction.writing import DrawnTable, TidyParquet, cells, columns, file_writer, json_line
from serving.batch_prediction.fake_bundle import SCHEMES, FakeBundle


def predicted(article_id=None, title="Ferry [b]returns[/b]", text="The ferry to Norway sails.", targets=None, number=1):
    row = Row("a.jsonl", number, article_id, Article(title, text, targets))
    return Prediction.of(row, FakeBundle().predict([row.article], evidence=1)[0])


LABELLED = predicted("7", targets=["Norway", "the ferry"], number=1)
WITHOUT_TARGETS = predicted(targets=[], number=2)
ABSTAINED = predicted("tab\tin\nid", text="Too short", number=3)
FAILED = Prediction.failed(Row("a.jsonl", 4, error="The line is not valid JSON."), "fake-1")
ALL = [LABELLED, WITHOUT_TARGETS, ABSTAINED, FAILED]


def written(kind, path, predictions):
    with file_writer(kind, SCHEMES, path) as writer:
        writer.write(predictions)
    return path


def test_a_json_line_is_the_answer_with_its_row():
    line = json_line(LABELLED)
    assert line.count(b"\n") == 1
    values = json.loads(line)
    assert list(values) == ["article_id", "source", "row", "labels", "targets", "abstain", "error", "version"]
    assert (values["article_id"], values["source"], values["row"], values["error"]) == ("7", "a.jsonl", 1, None)
    article = Article("Ferry [b]returns[/b]", "The ferry to Norway sails.", ["Norway", "the ferry"])
    answer = FakeBundle().predict([article], evidence=1)[0]
    assert {name: values[name] for name in ("labels", "targets", "abstain", "version")} == answer.model_dump()


def test_a_json_line_reads_back_to_the_same_line():
    for prediction in ALL:
        assert json_line(Prediction.model_validate_json(json_line(prediction))) == json_line(prediction)


def test_the_line_of_a_bad_row_says_what_is_wrong_and_has_no_labels():
    values = json.loads(json_line(FAILED))
    assert values["error"] == "The line is not valid JSON."
    assert (values["labels"], values["targets"], values["abstain"], values["row"]) == ({}, [], None, 4)


def test_the_tidy_table_has_a_row_an_article_scheme_and_target(tmp_path):
    table = pd.read_parquet(written("parquet", tmp_path / "a.parquet", ALL))
    assert table["row"].tolist() == [1, 1, 1, 2, 3, 4]
    assert table["scheme"].tolist()[:4] == ["topic", "stance", "stance", "topic"]
    assert table["target"].tolist()[1:3] == ["Norway", "the ferry"]
    assert table["mentioned"].tolist()[1:3] == [True, False]
    assert table["proposed"].tolist()[1:3] == [False, False]
    assert table["target"].isna().tolist() == [True, False, False, True, True, True]
    assert table["abstain"].tolist()[4] == "too-short"
    assert table["error"].tolist()[5] == "The line is not valid JSON."
    assert table["label"].isna().tolist() == [False] * 4 + [True] * 2
    for _, row in table[:4].iterrows():
        probabilities = dict(row["probabilities"])
        assert list(probabilities) == SCHEMES[row["scheme"]].codes
        assert row["label"] == max(probabilities, key=probabilities.get)
        assert row["probability"] == probabilities[row["label"]]


def test_the_tidy_table_is_written_in_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "ROW_GROUP_ROWS", 3)
    with TidyParquet(tmp_path / "a.parquet") as writer:
        for prediction in ALL:
            writer.write([prediction])
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2


@pytest.mark.parametrize("kind", ["table", "jsonl", "parquet"])
def test_no_rows_make_a_file_that_can_be_read(tmp_path, kind):
    path = written(kind, tmp_path / "a", [])
    if kind == "parquet":
        assert pq.read_table(path).schema.names == writing.TIDY_SCHEMA.names
    else:
        assert path.read_text() == ("article\ttopic\tprobability\tstance\tnote\n" if kind == "table" else "")


def test_the_plain_table_has_a_line_a_row_and_tabs_only_between_the_columns(tmp_path):
    table = pd.read_csv(written("table", tmp_path / "a.tsv", ALL), sep="\t", keep_default_na=False, dtype=str)
    assert table.columns.tolist() == columns(SCHEMES) == ["article", "topic", "probability", "stance", "note"]
    assert table["article"].tolist() == ["7", "a.jsonl:2", "tab in id", "a.jsonl:4"]
    assert table["note"].tolist() == ["", "", "too-short", "error: The line is not valid JSON."]
    assert table["topic"].tolist() == [LABELLED.labels["topic"].label, WITHOUT_TARGETS.labels["topic"].label, "", ""]


def test_the_cell_of_stances_has_every_target_and_says_which_is_not_mentioned():
    norway, ferry = (answer.labels["stance"] for answer in LABELLED.targets)
    assert cells(LABELLED, SCHEMES)[3] == (
        f"Norway: {norway.label} ({norway.probability:.2f}); "
        f"the ferry: {ferry.label} ({ferry.probability:.2f}, not mentioned)"
    )


def test_the_drawn_table_keeps_its_columns_and_shows_its_heading_once():
    console = Console(file=io.StringIO(), width=100, color_system=None)
    with DrawnTable(SCHEMES, console) as table:
        table.write([LABELLED])
        table.write([predicted("[red]9[/red]")])
    lines = console.file.getvalue().splitlines()
    assert sum("topic" in line for line in lines) == 1
    assert any(line.startswith("[red]9[/red]") for line in lines)
    starts = {line.index(prediction) for line in lines for prediction in SCHEMES["topic"].codes if prediction in line}
    assert starts == {lines[0].index("topic")}


def test_the_summary_counts_what_was_not_labelled():
    summary = Summary()
    summary.add([LABELLED, WITHOUT_TARGETS])
    assert str(summary) == "2 rows: 2 labelled"
    summary.add([ABSTAINED, FAILED])
    assert str(summary) == "4 rows: 2 labelled, 1 abstained from, 1 with an error"
