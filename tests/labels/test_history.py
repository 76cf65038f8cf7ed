from pathlib import Path

import pytest

from labels.small_schemes import MOOD, TOPIC
from newstance.errors import NewstanceError
from newstance.labels.annotations import read_annotations
from newstance.labels.history import TIME, counting, read_history

HEADER = "article_id,annotator,topic,second,labelled_at\n"
EARLY, LATE = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"


def write(folder: Path, rows: str, header: str = HEADER) -> Path:
    (folder / "topics.csv").write_text(header + rows, encoding="utf-8")
    return folder


def counted(folder: Path) -> list[list[str]]:
    return read_annotations(TOPIC, folder).fillna("").to_numpy().tolist()


def test_the_latest_decision_of_an_annotator_counts(tmp_path):
    rows = f"1,Ann,sport,,{EARLY}\n2,Ann,sport,,{EARLY}\n1,Bo,politics,,{EARLY}\n1,Ann,weather,sport,{LATE}\n"
    assert counted(write(tmp_path, rows)) == [
        ["1", "Ann", "weather", "sport"],
        ["2", "Ann", "sport", ""],
        ["1", "Bo", "politics", ""],
    ]


def test_of_rows_merged_out_of_order_the_latest_time_counts_and_within_a_second_the_later_line(tmp_path):
    rows = f"1,Ann,weather,,{LATE}\n1,Ann,sport,,{EARLY}\n2,Ann,sport,,{EARLY}\n2,Ann,politics,,{EARLY}\n"
    assert counted(write(tmp_path, rows)) == [["1", "Ann", "weather", ""], ["2", "Ann", "politics", ""]]


def test_an_empty_label_takes_the_decision_back_until_the_next_one(tmp_path):
    rows = f"1,Ann,sport,,{EARLY}\n1,Ann,,,{LATE}\n2,Ann,,,{EARLY}\n2,Ann,skip,,{LATE}\n"
    assert counted(write(tmp_path, rows)) == [["2", "Ann", "skip", ""]]


def test_rows_without_a_time_are_older_than_all_others_and_may_lack_the_cell(tmp_path):
    rows = f"1,Ann,weather,,{EARLY}\n1,Ann,sport,\n2,Ann,sport,,\n3,Ann,sport,\n"
    assert counted(write(tmp_path, rows)) == [
        ["1", "Ann", "weather", ""],
        ["2", "Ann", "sport", ""],
        ["3", "Ann", "sport", ""],
    ]


def test_the_history_keeps_every_row_with_its_time(tmp_path):
    rows = f"1,Ann,sport,\n1,Ann,weather,,{EARLY}\n1,Ann,,,{LATE}\n"
    history = read_history(TOPIC, write(tmp_path, rows))
    assert history[["topic", TIME]].to_numpy().tolist() == [["sport", ""], ["weather", EARLY], ["", LATE]]
    assert counting(history, TOPIC).empty
    assert counting(history.head(2), TOPIC)[TIME].tolist() == [EARLY]


def test_a_file_without_times_has_a_history_too(tmp_path):
    (tmp_path / "moods.csv").write_text("target,article_id,annotator,mood\nOslo,1,A,sport\n", encoding="utf-8")
    assert read_history(MOOD, tmp_path).to_numpy().tolist() == [["1", "A", "Oslo", "sport", ""]]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ("1,A,,,\n", r"row 2, column 'topic': '' is no label"),
        (f"1,A,sport,,{EARLY}\n1,A,sport,,yesterday\n", r"row 3, column 'labelled_at': 'yesterday' is no time"),
        ("1,A,sport,,2026-3-1T10:00:00Z\n", r"row 2, column 'labelled_at'"),
        ("1,A,sport,,2026-02-30T10:00:00Z\n", r"row 2, column 'labelled_at'"),
        (f"1,A,,sport,{EARLY}\n", r"row 2, column 'second': 'sport' stands without a primary label"),
        ("1,A,sport,\n1,A,weather,,\n", r"row 3, column 'article_id': '1' is labelled a second time"),
        ("1,A,sport\n", r"row 2: 3 cells, but 5 columns"),
        (f"1,A,sport,,{EARLY}\n1,A,spo", r"row 3: the last line, '1,A,spo', has .* nor a line end; end the line if"),
        ("1,A,sport,,", r"row 2: the last line, '1,A,sport,,', has neither a whole labelled_at nor a line end"),
        ('1,A,"spo', r"row 2: the last line, '1,A,\"spo', has neither"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(tmp_path, rows, place):
    with pytest.raises(NewstanceError, match=rf"topics\.csv, {place}"):
        read_history(TOPIC, write(tmp_path, rows))


def test_the_time_is_the_last_column(tmp_path):
    with pytest.raises(NewstanceError, match=r"row 1: has surplus column\(s\) labelled_at; its .* last"):
        read_history(TOPIC, write(tmp_path, "", "article_id,labelled_at,annotator,topic,second\n"))


def test_a_whole_last_line_needs_no_line_end(tmp_path):
    assert counted(write(tmp_path, f"1,A,sport,,{EARLY}")) == [["1", "A", "sport", ""]]
    assert counted(write(tmp_path, "1,A,sport,", "article_id,annotator,topic,second\n")) == [["1", "A", "sport", ""]]
