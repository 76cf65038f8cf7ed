import errno
import itertools
import logging
import multiprocessing
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.small_schemes import MOOD, TOPIC
from newstance.errors import NewstanceError
from newstance.labels import store as store_module
from newstance.labels.annotations import read_annotations
from newstance.labels.history import TIME, TIME_FORMAT, counting, is_time
from newstance.labels.store import LabelStore, check_annotator
from newstance.scheme import Scheme

HEADER = "article_id,annotator,topic,second,labelled_at\n"
EARLY, FUTURE = "2026-03-01T10:00:00Z", "2199-03-01T10:00:00Z"
CELL = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


def row(article: str, label: str, annotator: str = "Ann", **more: str) -> dict[str, str]:
    return {"article_id": article, "annotator": annotator, "topic": label, **more}


def counted(folder: Path, scheme: Scheme = TOPIC) -> list[list[str]]:
    return read_annotations(scheme, folder).fillna("").to_numpy().tolist()


def test_a_decision_becomes_a_line_with_annotator_and_time(tmp_path):
    before = datetime.now(UTC).replace(microsecond=0)
    written = LabelStore(TOPIC, tmp_path / "labels").append([row("n1", "sport", second="weather")])
    header, line = (tmp_path / "labels/topics.csv").read_text("utf-8").splitlines()
    assert header + "\n" == HEADER
    *cells, time = line.split(",")
    assert cells == ["n1", "Ann", "sport", "weather"]
    assert before <= datetime.fromisoformat(time) <= datetime.now(UTC)
    assert written.to_numpy().tolist() == [[*cells, time]]


def test_a_changed_mind_and_an_undo_are_new_lines_and_nothing_is_overwritten(tmp_path):
    store = LabelStore(TOPIC, tmp_path)
    contents = []
    for decide in (
        lambda: store.append([row("n1", "sport")]),
        lambda: store.append([row("n1", "weather")]),
        lambda: store.withdraw("Ann", {"article_id": "n1"}),
        lambda: store.append([row("n1", "skip")]),
    ):
        decide()
        contents.append(store.path.read_bytes())
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(contents))
    assert store.history()["topic"].tolist() == ["sport", "weather", "", "skip"]
    assert counted(tmp_path) == [["n1", "Ann", "skip", ""]]


def test_a_file_without_times_gets_the_column_and_its_rows_stay_byte_for_byte(tmp_path):
    path = tmp_path / "topics.csv"
    path.write_text('topic,article_id,annotator,second\nsport, n7 ,Bo,"weather"\n\npolitics,n8,Bo,', encoding="utf-8")
    LabelStore(TOPIC, tmp_path).append([row("n1", "weather", labelled_at=EARLY), row("n7", "skip", "Bo")])
    lines = path.read_text("utf-8").split("\n")
    assert lines[:5] == [
        "topic,article_id,annotator,second,labelled_at",
        'sport, n7 ,Bo,"weather"',
        "",
        "politics,n8,Bo,",
        f"weather,n1,Ann,,{EARLY}",
    ]
    assert counted(tmp_path) == [["n7", "Bo", "skip", ""], ["n8", "Bo", "politics", ""], ["n1", "Ann", "weather", ""]]


def test_looking_changes_nothing(tmp_path):
    path = tmp_path / "topics.csv"
    assert LabelStore(TOPIC, tmp_path).history().empty
    assert not path.exists()
    path.write_text("article_id,annotator,topic,second\nn1,A,sport,", encoding="utf-8")
    assert LabelStore(TOPIC, tmp_path).history()["article_id"].tolist() == ["n1"]
    assert path.read_text("utf-8") == "article_id,annotator,topic,second\nn1,A,sport,"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row("n1", "sprot")], "'sprot' is no label of scheme 'topic'"),
        ([row("n1", "sport", second="sport")], "repeats the primary label"),
        ([row("n1", ""), row("", "sport")], "row 2, column 'article_id': '' must not be empty"),
        ([row("n1", "sport", "A-B")], "'A-B' is no annotator's name"),
        ([row("n1", "sport", labelled_at="noon")], "'noon' is no time"),
        ([row("n1\nn2", "sport")], "must be one line of text"),
        ([row("n1", "sport", target="Oslo")], "has no column target"),
    ],
)
def test_a_wrong_row_is_refused_and_nothing_of_its_company_is_written(tmp_path, rows, problem):
    path = tmp_path / "topics.csv"
    path.write_text("article_id,annotator,topic,second\nn0,A,sport,", encoding="utf-8")
    with pytest.raises(NewstanceError, match=re.escape(problem)):
        LabelStore(TOPIC, tmp_path).append([row("n5", "sport"), *rows] if len(rows) == 1 else rows)
    assert path.read_text("utf-8") == "article_id,annotator,topic,second\nn0,A,sport,"


def test_a_broken_file_is_left_alone(tmp_path):
    path = tmp_path / "topics.csv"
    path.write_text("article_id,annotator\n1,A\n", encoding="utf-8")
    with pytest.raises(NewstanceError, match="lacks the column"):
        LabelStore(TOPIC, tmp_path).append([row("n1", "sport")])
    assert path.read_text("utf-8") == "article_id,annotator\n1,A\n"


@pytest.mark.parametrize("line", [f"n1,Ann,sport,,{FUTURE}", f'n1,Ann,sport,,"{FUTURE}"\r', f"n1,Ann,sport,,{FUTURE} "])
@pytest.mark.parametrize(
    "last", ["", f"n2,Ann,sport,,{EARLY}\n", "n2,Ann,sport,\n", "n2,Ann,sport,,9999-99-99T99:99:99Z"]
)
def test_a_choice_counts_from_now_on_though_a_row_anywhere_is_of_a_time_to_come(tmp_path, line, last):
    store = LabelStore(TOPIC, tmp_path)
    store.path.write_text(f"{HEADER}{line}\n{last}", encoding="utf-8")
    store.append([row("n1", "weather")])
    store.append([row("n1", "politics")])
    assert store.history()[TIME].tolist()[-2:] == [FUTURE, FUTURE]
    assert counted(tmp_path)[0] == ["n1", "Ann", "politics", ""]
    store.withdraw("Ann", {"article_id": "n1"})
    assert "n1" not in [cells[0] for cells in counted(tmp_path)]


def test_a_time_to_come_is_refused_but_not_what_clocks_differ_by(tmp_path):
    store = LabelStore(TOPIC, tmp_path)
    with pytest.raises(NewstanceError, match=rf"topics\.csv, column 'labelled_at': '{FUTURE}' is yet to come; correct"):
        store.append([row("n2", "sport"), row("n1", "sport", labelled_at=FUTURE)])
    assert not store.path.exists()
    soon = (datetime.now(UTC) + timedelta(seconds=50)).strftime(TIME_FORMAT)
    store.append([row("n1", "sport", labelled_at=soon)])
    assert store.history()[TIME].tolist() == [soon]


def test_a_full_disk_is_one_sentence_and_leaves_whole_lines(tmp_path, monkeypatch):
    store = LabelStore(TOPIC, tmp_path)
    store.append([row("n1", "sport")])
    before = store.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_module.os, "fsync", full)
    with pytest.raises(NewstanceError, match=r"topics\.csv can't be written: No space left on device; nothing was"):
        store.append([row("n2", "sport")])
    assert store.path.read_bytes() == before


def cut(folder: Path, targets: list[str], places: Iterable[float]) -> None:
    """Cut the file of these decisions at the places (0 to 1), and require that at most the line cut is lost."""
    store = LabelStore(MOOD, folder)
    decision = {"article_id": "n1", "annotator": "Zoë", "mood": "sport"}
    store.append([{**decision, "target": target} for target in targets])
    content = store.path.read_bytes()
    head = content.index(b"\n") + 1
    for place in places:
        size = head + round(place * (len(content) - head))
        store.path.write_bytes(content[:size])
        # With its whole time a line is whole, though its end is missing.
        whole = [target.strip() for target in targets[: content[head : size + 1].count(b"\n")]]
        assert counting(store.history(), MOOD)["target"].tolist() == whole
        assert store.path.read_bytes() == content[:size]
        store.append([{**decision, "target": "Oslo (later)"}])
        assert [cells[2] for cells in counted(folder, MOOD)] == [*whole, "Oslo (later)"]


def test_cut_at_every_byte_a_file_loses_at_most_its_last_line(tmp_path):
    targets = ["Oslo", 'the "tram", 🚋']
    size = len("n1,Zoë,Oslo,sport,2026-03-01T10:00:00Z\n".encode()) + len(
        'n1,Zoë,"the ""tram"", 🚋",sport,2026-03-01T10:00:00Z\n'.encode()
    )
    cut(tmp_path, targets, [byte / size for byte in range(size + 1)])


@settings(max_examples=30)
@given(st.lists(CELL, min_size=1, max_size=3, unique_by=str.strip), st.floats(0, 1))
def test_cut_anywhere_a_file_of_any_cells_loses_at_most_its_last_line(tmp_path_factory, targets, place):
    cut(tmp_path_factory.mktemp("cut"), targets, [place])


def test_cut_anywhere_in_its_first_line_a_file_is_named_or_has_no_rows(tmp_path):
    store = LabelStore(TOPIC, tmp_path)
    for size in range(1, len(HEADER) + 1):
        store.path.write_text(HEADER[:size], encoding="utf-8")
        if HEADER[:size].rstrip() in {HEADER.rstrip(), HEADER.removesuffix(f",{TIME}\n")}:
            assert store.history().empty
            store.append([row("n1", "sport")])
            assert store.path.read_text("utf-8").startswith(HEADER + "n1,Ann,sport,,2")
        else:
            with pytest.raises(NewstanceError, match=r"topics\.csv, row 1: "):
                store.history()


@pytest.mark.parametrize("tail", ["n2,Ann,wea", "n2,Ann,weather", "n2,Ann,weather,,"])
def test_a_last_line_without_its_end_is_left_by_readers_and_moved_aside_by_writers(tmp_path, caplog, tail):
    store = LabelStore(TOPIC, tmp_path)
    whole = f"{HEADER}n1,Ann,sport,,{EARLY}\n"
    store.path.write_text(whole + tail, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert store.history()["article_id"].tolist() == ["n1"]
    assert f"topics.csv, row 3: the last line, '{tail}', has neither a whole labelled_at nor a line end" in caplog.text
    assert store.path.read_text("utf-8") == whole + tail
    with pytest.raises(NewstanceError, match="'sprot' is no label"):
        store.append([row("n3", "sprot")])
    assert store.path.read_text("utf-8") == whole + tail
    with caplog.at_level(logging.WARNING):
        store.append([row("n3", "skip")])
    assert f"as by a crash; it was moved to {store.path}.cut: '{tail}'" in caplog.text
    assert [cells[0] for cells in counted(tmp_path)] == ["n1", "n3"]
    with store.path.open("a", encoding="utf-8") as stream:
        stream.write("n4,")
    store.append([row("n4", "skip")])
    assert (tmp_path / "topics.csv.cut").read_text("utf-8") == f"{tail}\nn4,\n"


def test_a_tail_that_cannot_be_moved_aside_stays(tmp_path):
    store = LabelStore(TOPIC, tmp_path)
    store.path.write_text(f"{HEADER}n2,Ann,wea", encoding="utf-8")
    (tmp_path / "topics.csv.cut").mkdir()
    with pytest.raises(NewstanceError, match=r"topics\.csv\.cut can't be written: Is a directory; nothing was saved"):
        store.append([row("n3", "skip")])
    assert store.path.read_text("utf-8") == f"{HEADER}n2,Ann,wea"


def _append_many(folder: Path, annotator: str) -> None:
    store = LabelStore(TOPIC, folder)
    for number in range(20):
        store.append([row(f"n{number}", "sport", annotator)])


def test_writers_of_several_processes_lose_no_row(tmp_path):
    (tmp_path / "topics.csv").write_text("article_id,annotator,topic,second\nn0,A,sport,\n", encoding="utf-8")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(tmp_path, name)) for name in ("Ann", "Bo", "Cy")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(counted(tmp_path)) == 61


@settings(max_examples=30)
@given(st.lists(st.tuples(CELL, CELL, st.sampled_from(MOOD.codes)), min_size=1, max_size=4))
def test_cells_come_back_as_they_were_given(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("cells")
    rows = [
        {"article_id": article, "annotator": "Ann", "target": target, "mood": mood} for article, target, mood in cells
    ]
    LabelStore(MOOD, folder).append(rows)
    history = LabelStore(MOOD, folder).history()
    assert history[["article_id", "target", "mood"]].to_numpy().tolist() == [
        [article.strip(), target.strip(), mood] for article, target, mood in cells
    ]
    assert history[TIME].map(is_time).all()


@given(st.text(max_size=8))
def test_a_name_that_is_accepted_has_letters_digits_and_underscores_only(text):
    try:
        name = check_annotator(text)
    except NewstanceError:
        return
    assert name == text.strip()
    assert name.replace("_", "x").isalnum()
    assert not name[0].isdigit()


@pytest.mark.parametrize("name", ["", "A-B", "A, B", "(all)", "9a", "a" * 33, "=cmd", "a\nb"])
def test_names_that_tables_could_not_hold_are_refused(name):
    with pytest.raises(NewstanceError, match="is no annotator's name"):
        check_annotator(name)


def test_names_of_the_project_are_taken_in_any_case():
    with pytest.raises(NewstanceError, match="'GOLD' already"):
        check_annotator("GOLD", {"gold"})
