import pandas as pd
import pytest

from newstance.labels.agreement import AGREEMENT_COLUMNS
from newstance.notebooks import labels
from newstance.reporting.results import TaskResults
from newstance.scheme import Kind, Label, Scheme
from newstance.settings import LabelSettings

CODES = ("sport", "health", "weather")
TOPIC = Scheme(
    name="topic",
    kind="single-label",
    title="Topic",
    annotations="topics.csv",
    secondary="second",
    skip="skip",
    labels=tuple(Label(code=code, name=f"the {code}", definition=f"all | {code}") for code in CODES),
)
MOOD = TOPIC.model_copy(update={"name": "mood", "kind": Kind.TARGET_DEPENDENT, "title": "Mood", "secondary": None})


def results(rows: list[list[object]], reference: str = "gold") -> TaskResults:
    table = pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)
    return TaskResults(TOPIC, 0.9, reference, {"agreement": table})


def row(pair: str, kind: str, value: str, units: int, kappa: float) -> list[object]:
    return ["topic", pair, kind, value, units, 0.9, kappa, kappa - 0.1, kappa + 0.05, kappa, kappa - 0.1, kappa + 0.05]


@pytest.fixture
def units() -> pd.DataFrame:
    return pd.DataFrame(
        {"topic": ["health"] * 3 + ["sport"] * 2, "second": ["sport", None, "sport", "health", "weather"]}
    )


def test_the_datasheet_is_quoted_by_the_paragraph_that_begins_with_the_heading(tmp_path):
    text = "# Data\n\n**Who labelled.** Two\nnurses.\n\n**Why.** Who labelled? Nobody knows."
    (tmp_path / "datasheet.md").write_text(text, encoding="utf-8")
    settings = LabelSettings(directory=tmp_path)
    assert labels.datasheet_says(settings, "Who labelled") == "> **Who labelled.** Two\n> nurses."
    assert "nothing is known" in labels.datasheet_says(settings, "How")


def test_labels_without_a_datasheet_say_so(tmp_path):
    assert "has no datasheet.md" in labels.datasheet_says(LabelSettings(directory=tmp_path), "Who labelled")


def test_annotators_are_listed_by_what_their_labels_serve_for():
    counts = pd.DataFrame(
        [["topic", "B", 5], ["topic", "A", 1200], ["topic", "gold", 5], ["mood", "A", 7], ["topic", "(all)", 1210]],
        columns=["task", "annotator", "units"],
    )
    settings = LabelSettings(training=("A", "own"))
    table = labels.annotators(counts, {"topic": TOPIC, "mood": MOOD}, settings)
    assert table["annotator"].tolist() == ["A", "gold", "B"]
    assert table["labels serve for"].tolist() == ["train and validation", "test", "agreement"]
    assert table["topic: articles"].tolist() == ["1,200", "5", "5"]
    assert table["mood: pairs"].tolist() == ["7", "0", "0"]


def test_the_codebook_lists_all_labels_and_says_what_is_labelled():
    text = labels.codebook(TOPIC)
    assert "Every article gets one of 3 labels, and a second one" in text
    assert "`skip` marks a text that is no article" in text
    assert r"| weather | the weather | all \| weather |" in text
    assert "Every pair of an article and a *target*" in labels.codebook(MOOD)


def test_the_distribution_says_which_label_is_most_frequent_and_which_of_those_given_is_rarest(units):
    chart = labels.distribution(units, TOPIC)
    assert chart.title.replace("\N{NO-BREAK SPACE}", " ") == (
        "The most frequent topic, the health, is given to 60.0 % of 5 articles; the rarest, the sport, to 2"
    )
    bars = [round(patch.get_width()) for patch in chart.figure.axes[0].patches]
    assert bars == [3, 2, 0, 1, 2, 1]  # main labels, then second ones: health, sport, weather


def test_the_distribution_of_a_scheme_without_second_labels_has_one_bar_a_label(units):
    chart = labels.distribution(units.rename(columns={"topic": "mood"}), MOOD)
    assert [round(patch.get_width()) for patch in chart.figure.axes[0].patches] == [3, 2, 0]
    assert "of 5 pairs" in chart.title


def test_agreement_is_drawn_of_the_pair_with_most_units_and_never_of_the_reference():
    rows = [row("A-gold", "overall", "", 99, 0.95), row("A-B", "overall", "", 40, 0.8), row("A-C", "overall", "", 9, 1)]
    rows += [row("A-B", "class", "sport", 10, 0.6), row("A-B", "class", "health", 10, 0.9)]
    rows += [row("A-B", "class", "weather", 0, float("nan")), row("A-gold", "class", "sport", 10, 0.1)]
    chart = labels.agreement(results(rows))
    title = chart.title.replace("\N{NO-BREAK SPACE}", " ")
    assert title.startswith("A and B agree on all labels together with kappa 0.800 [0.700, 0.850]; least on the sport,")
    names = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert names == [labels.OVERALL, "the health", "the sport"]


def test_labels_of_one_annotator_have_no_agreement_to_draw():
    assert "nothing is known about their agreement" in labels.agreement(results([]))
    assert "nothing is known" in labels.agreement(results([row("A-gold", "overall", "", 9, 0.5)]))
