import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.errors import NewstanceError
from newstance.labels.annotations import read_annotations
from newstance.notebooks.browse import SHOW_ALL, SHOW_LESS
from newstance.notebooks.labelling import Labeller, append_annotation, check_annotator, first_question
from newstance.scheme import Label, Scheme

LABELS = tuple(Label(code=code, name=code.title(), definition=f"about <{code}>") for code in ("sport", "health"))
TOPIC = Scheme(
    name="topic",
    kind="single-label",
    title="Topic",
    annotations="topics.csv",
    secondary="second",
    skip="skip",
    labels=LABELS,
)
VIEW = Scheme(name="view", kind="target-dependent", title="View", annotations="views.csv", labels=LABELS)
STORY = " ".join(f"word{number}" for number in range(30)) + "\nThe <end>."
UNITS = pd.DataFrame(
    [["n1", "Post", "Goals & <tears>", STORY, "the league, Ltd."], ["n2", "Times", "", "Snow fell.", "the coach"]],
    columns=["article_id", "outlet", "title", "text", "target"],
)


@pytest.fixture
def labeller(tmp_path: Path) -> Labeller:
    return Labeller(UNITS, TOPIC, {"A", "gold"}, tmp_path / "labels")


def decide(widget: Labeller, name: str, label: str | None) -> None:
    widget.annotator.value, widget.label.value = name, label
    widget.save.click()


def rows(folder: Path, scheme: Scheme = TOPIC) -> list[list[str]]:
    return read_annotations(scheme, folder).fillna("").to_numpy().tolist()


def test_a_decision_becomes_a_row_that_the_pipeline_reads(labeller, tmp_path):
    labeller.second.value = "health"
    decide(labeller, " Zoë ", "sport")
    assert rows(tmp_path / "labels") == [["n1", "Zoë", "sport", "health"]]
    assert "Saved as sport" in labeller.message.value
    assert (tmp_path / "labels/topics.csv").read_text("utf-8").startswith("article_id,annotator,topic,second\n")


def test_after_a_decision_the_next_unit_is_asked_with_nothing_chosen_until_all_are_done(labeller, tmp_path):
    decide(labeller, "Ann", "sport")
    assert "Topic 2 of 2" in labeller.page.value
    assert (labeller.label.value, labeller.second.value, labeller.annotator.value) == (None, "", "Ann")
    decide(labeller, "Ann", "skip")
    assert "All of them are done" in labeller.page.value
    assert labeller.save.disabled
    labeller.save.click()
    assert "nothing left" in labeller.message.value
    assert rows(tmp_path / "labels") == [["n1", "Ann", "sport", ""], ["n2", "Ann", "skip", ""]]


def test_a_target_with_a_comma_stays_one_cell(tmp_path):
    widget = Labeller(UNITS, VIEW, folder=tmp_path)
    assert "toward the league, Ltd." in widget.page.value
    decide(widget, "Ann", "health")
    assert rows(tmp_path, VIEW) == [["n1", "Ann", "the league, Ltd.", "health"]]


def test_nothing_is_written_by_opening_looking_choosing_or_going_on(labeller, tmp_path):
    labeller.annotator.value, labeller.label.value = "Ann", "sport"
    labeller.whole.click()
    labeller.next.click()
    first_question(labeller)
    assert not (tmp_path / "labels").exists()


@pytest.mark.parametrize(
    ("name", "label", "problem"),
    [
        ("", "sport", "is no annotator"),
        ("A, B", "sport", "is no annotator"),
        ("gold", "sport", "take another name"),
        ("Ann", None, "Choose a label"),
    ],
)
def test_an_incomplete_decision_is_refused_and_the_unit_stays(labeller, tmp_path, name, label, problem):
    decide(labeller, name, label)
    assert "Not saved" in labeller.message.value
    assert problem in labeller.message.value
    assert "Topic 1 of 2" in labeller.page.value
    assert not (tmp_path / "labels").exists()


def test_a_second_label_that_repeats_the_first_is_refused_as_in_the_pipeline(labeller, tmp_path):
    labeller.second.value = "sport"
    decide(labeller, "Ann", "sport")
    assert "repeats the primary label" in labeller.message.value
    assert not (tmp_path / "labels/topics.csv").exists()


@given(st.text(max_size=8))
def test_a_name_that_is_accepted_has_letters_digits_and_underscores_only(text):
    try:
        name = check_annotator(text, ())
    except NewstanceError:
        return
    assert name == text.strip()
    assert name.replace("_", "x").isalnum()
    assert not name[0].isdigit()


@pytest.mark.parametrize("name", ["A-B", "(all)", "9a", "a" * 33, "=cmd", "a\nb"])
def test_names_that_tables_could_not_hold_are_refused(name):
    with pytest.raises(NewstanceError, match="is no annotator's name"):
        check_annotator(name, ())


def test_names_of_the_project_are_taken_in_any_case():
    with pytest.raises(NewstanceError, match="'GOLD' already"):
        check_annotator("GOLD", {"gold"})


def test_rows_that_are_there_stay_byte_for_byte_and_none_is_labelled_twice(tmp_path):
    path = tmp_path / "topics.csv"
    before = 'topic,article_id,annotator,second\nsport, n7 ,Bo,"health"'
    path.write_text(
        before.replace("topic,article_id,annotator", "article_id,annotator,topic").replace(
            "sport, n7 ,Bo", " n7 ,Bo,sport"
        )
    )
    kept = path.read_bytes()
    row = {"article_id": "n1", "annotator": "Ann", "topic": "health"}
    append_annotation(TOPIC, row, tmp_path)
    assert path.read_bytes() == kept + b"\nn1,Ann,health,\n"
    kept = path.read_bytes()
    with pytest.raises(NewstanceError, match="a second time"):
        append_annotation(TOPIC, row, tmp_path)
    assert path.read_bytes() == kept


def test_a_broken_file_is_left_alone(tmp_path):
    path = tmp_path / "topics.csv"
    path.write_text("article_id,annotator\n1,A\n")
    with pytest.raises(NewstanceError, match="lacks the column"):
        append_annotation(TOPIC, {"article_id": "n1", "annotator": "Ann", "topic": "health"}, tmp_path)
    assert path.read_text() == "article_id,annotator\n1,A\n"


def test_writers_at_the_same_time_lose_no_row(tmp_path):
    def write(number: int) -> None:
        append_annotation(TOPIC, {"article_id": f"n{number}", "annotator": "Ann", "topic": "health"}, tmp_path)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row[0] for row in rows(tmp_path)) == sorted(f"n{number}" for number in range(12))


def test_title_and_first_words_are_shown_and_neither_outlet_nor_the_whole_text(labeller):
    states = " ".join(str(part.get_state()) for part in (labeller, labeller.page, labeller.label, labeller.message))
    assert "Goals &amp; &lt;tears&gt;" in labeller.page.value
    assert "word11 …" in states
    assert "word12" not in states
    assert "Post" not in states


def test_the_button_shows_the_whole_text_and_takes_it_back(labeller):
    labeller.whole.click()
    assert "word29" in labeller.page.value
    assert "The &lt;end&gt;." in labeller.page.value
    assert labeller.whole.description == SHOW_LESS
    labeller.whole.click()
    assert "word12" not in labeller.page.value
    labeller.whole.click()
    labeller.next.click()
    assert "word29" not in labeller.page.value
    assert "Snow fell." in labeller.page.value
    assert labeller.whole.description == SHOW_ALL


def test_the_definition_of_the_chosen_label_is_shown(labeller):
    labeller.label.value = "health"
    assert "about &lt;health&gt;" in labeller.definition.value
    labeller.label.value = "skip"
    assert labeller.definition.value == ""


def test_the_static_view_says_what_is_asked_first(labeller):
    text = first_question(labeller)
    assert "**Topic 1 of 2**" in text
    assert "Goals &amp; &lt;tears&gt;: “word0" in text
    assert "word12" not in text
    assert "Sport · Health" in text


def test_an_empty_queue_has_nothing_to_ask(tmp_path):
    widget = Labeller(UNITS.head(0), TOPIC, folder=tmp_path)
    assert widget.save.disabled
    assert widget.whole.disabled
    assert first_question(widget) == "**All of them are done.**\n"
