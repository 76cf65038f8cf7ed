import pandas as pd
import pytest

from newstance.notebooks import suspects
from newstance.notebooks.suspects import Audit
from newstance.scheme import Label, Scheme

CODES = ["for", "even", "against"]
VIEW = Scheme(
    name="view",
    kind="target-dependent",
    title="View",
    annotations="views.csv",
    labels=tuple(Label(code=code, name=code, definition="") for code in CODES),
)


def audited(rows: list[tuple[str, bool, float, str | None, str | None]]) -> Audit:
    """Units of an audit: given label, suspected, quality, another's label, the reference's label."""
    table = pd.DataFrame(rows, columns=["given", "suspected", "quality", "other", "decided"])
    ids = [f"n{number}" for number in range(len(table))]
    table = table.assign(
        article_id=ids, target="ferry", outlet="Post", title=ids, text="The ferry left.", suggested="even"
    )
    return Audit(VIEW, "A judge", "gold", table.sort_values("quality", kind="stable"))


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


WORKS = [("for", True, 0.01 * number, "even", "even") for number in range(8)]
WORKS += [("for", True, 0.2, "for", "for")] * 2 + [("for", False, 0.9, "for", "for")] * 90
CHANCE = [("for", number < 10, number / 100, None, "even" if number % 10 == 0 else "for") for number in range(100)]


def test_verdicts_set_the_suspects_beside_a_random_sample():
    table = suspects.verdicts([audited(WORKS)], 0.95)
    assert table["labels"].tolist() == ["view: suspects", "view: all checked labels"]
    assert plain(table["gold says otherwise"].iloc[0]).startswith("8 of 10 (80 %")
    assert table["of as many at random"].iloc[0] == "0.8 [0, 3]"
    assert plain(table["another annotator says otherwise"].iloc[1]).startswith("8 of 100 (8 %")
    table = suspects.verdicts([audited(CHANCE)], 0.95)
    assert table["another annotator says otherwise"].tolist() == ["–", "–"]


def test_the_lesson_says_whether_suspects_beat_chance():
    works, chance = (plain(suspects.lesson(audited(rows), 0.95)) for rows in (WORKS, CHANCE))
    assert "wrong more often than labels drawn by chance (p < 0.001), and gold keeps 2 of 10" in works
    assert "sees 8 of 8 (100 %" in works
    assert "hardly more often than" in chance
    assert "sees 2 of 10 (20 %" in chance


def test_the_curve_rises_with_the_wrong_labels_that_a_reader_of_the_first_finds():
    chart = suspects.gains([audited(WORKS)], 0.95)
    assert chart.title == "The suspects hold 8 of 8 wrong view labels (0.8 expected by chance)"
    curve, mark = chart.figure.axes[0].lines
    assert curve.get_ydata()[[0, 4, 8, 100]].tolist() == [0, 0.5, 1, 1]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (0.1, 1)


@pytest.mark.parametrize("decided", [None, "for"])
def test_without_contradicted_labels_nothing_is_claimed(decided):
    found = audited([("for", True, 0.1, None, decided), ("for", False, 0.5, None, decided)])
    assert "no way to see" in suspects.gains([found], 0.95)
    assert "none is known" in suspects.lesson(found, 0.95)
    assert len(suspects.verdicts([found], 0.95)) == 2
    assert len(suspects.listed(found, {})) == (0 if decided is None else 1)


def test_contradicted_suspects_are_listed_before_those_that_the_reference_keeps():
    table = suspects.listed(audited(WORKS), {}, each=2)
    assert table["title"].tolist() == ["n0", "n1", "n8", "n9"]
    assert table["gold"].tolist() == ["even", "even", "for", "for"]
    assert table["its probability"].iloc[1] == "0.010"


def test_undecided_labels_wait_for_a_reader_the_suspects_first():
    rows = [("for", False, 0.1, None, None), ("for", True, 0.3, None, None), ("for", True, 0.2, None, "for")]
    found = audited([*rows, ("for", True, 0.25, "even", None)])
    assert found.queue["article_id"].tolist() == ["n3", "n1", "n0"]
    assert "4 pairs of validation and test: 3 labels are suspects. Gold decided on 1 of all, and on 1" in (
        suspects.method_in_words(found)
    )
