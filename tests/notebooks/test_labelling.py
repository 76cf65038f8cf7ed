from pathlib import Path

import pandas as pd
import pytest

from newstance.labels.annotations import read_annotations
from newstance.notebooks.browse import SHOW_ALL, SHOW_LESS
from newstance.notebooks.labelling import Labeller, first_question
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
    assert (
        (tmp_path / "labels/topics.csv")
        .read_text("utf-8")
        .startswith("article_id,annotator,topic,second,labelled_at\n")
    )


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
