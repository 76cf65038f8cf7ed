import pandas as pd
import pytest

from newstance.notebooks import disagreements
from newstance.notebooks.disagreements import NO_DOUBLES, UNDECIDED, Doubles, doubles
from newstance.scheme import Label, Scheme


def scheme(name: str, kind: str, codes: str, **more: str) -> Scheme:
    labels = tuple(Label(code=code, name=code, definition="") for code in codes.split())
    return Scheme(name=name, kind=kind, title=name.title(), annotations="labels.csv", labels=labels, **more)


TOPIC = scheme("topic", "single-label", "sport health weather", secondary="second", skip="skip")
VIEW = scheme("view", "target-dependent", "for even against")
ARTICLES = pd.DataFrame(
    [
        [f"n{number}", "Post" if number % 2 else "", f"Title {number}", "A tram came. Ferries left."]
        for number in range(9)
    ],
    columns=["article_id", "outlet", "title", "text"],
)


def topics(*rows: tuple[str, str, str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["article_id", "annotator", "topic", "second"])


def views(triples: str) -> Doubles:
    """Labels of A, B and gold, a word of three letters a unit (f, e, a; - where gold didn't decide)."""
    names = {"f": "for", "e": "even", "a": "against"}
    rows = [
        [f"n{number}", annotator, "ferry", names[letter]]
        for number, triple in enumerate(triples.split())
        for annotator, letter in zip(("A", "B", "gold"), triple, strict=True)
        if letter != "-"
    ]
    return doubles(pd.DataFrame(rows, columns=["article_id", "annotator", "target", "view"]), VIEW, "gold")


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_annotators_with_most_units_in_common_are_compared_and_the_reference_decides():
    found = doubles(
        topics(
            ("n1", "A", "sport", None), ("n2", "A", "sport", "health"), ("n3", "A", "skip", None),
            ("n1", "gold", "health", None), ("n2", "gold", "sport", None), ("n3", "gold", "skip", None),
            ("n2", "B", "health", None), ("n3", "B", "weather", None), ("n1", "C", "sport", None),
        ),
        TOPIC,
        "gold",
    )  # fmt: skip
    assert found.both == "A and B"
    assert found.units["article_id"].tolist() == ["n2", "n3"]
    assert found.units["decided"].tolist() == ["sport", "skip"]
    table = disagreements.confused(found).set_index("one")
    assert table.loc["sport", ["other", "units", "for_one", "for_other"]].tolist() == ["health", 1, 1, 0]
    assert table.loc["skip", "other"] == "weather"


def test_labels_are_confused_in_either_direction_and_the_chosen_one_is_named_first():
    table = disagreements.confused(views("fee eff fee eae ea- aaa"))
    assert table[["one", "other", "units"]].to_numpy().tolist() == [["even", "for", 3], ["even", "against", 2]]
    assert table[["for_one", "for_other", "neither", "undecided"]].to_numpy().tolist() == [[2, 1, 0, 0], [1, 0, 0, 1]]


def test_a_decision_for_neither_is_counted():
    assert disagreements.confused(views("fae"))["neither"].tolist() == [1]


def test_the_chart_names_the_labels_that_are_confused_most():
    chart = disagreements.draw_confused(views("fee eff fee eae aaa"))
    assert plain(chart.title) == "A and B differ on 4 of 5 pairs, most often over “even or for” (3)"
    assert [text.get_text() for text in chart.figure.axes[0].get_yticklabels()] == ["even or for", "even or against"]
    chart = disagreements.draw_confused(views("fee eae aaa"))
    assert plain(chart.title).endswith("“even or for” (1 each)")
    assert plain(chart.title).count("“") == 2


def test_rare_confusions_are_left_out_together_unless_all_are_equally_rare():
    found = views("fee fee eae fae")
    chart = disagreements.draw_confused(found, most=2)
    assert len(chart.figure.axes[0].get_yticklabels()) == 1
    assert "Not drawn: 2 rarer pairs of labels, 2 pairs." in chart.caption
    chart = disagreements.draw_confused(views("fee eae fae"), most=2)
    assert len(chart.figure.axes[0].get_yticklabels()) == 2


def test_without_disagreements_or_double_labels_it_says_so():
    assert disagreements.draw_confused(views("fff eee")) == "A and B gave all 2 pairs the same labels."
    assert "no pair on which" in disagreements.reasons(views("fff"), 0.95)
    alone = doubles(topics(("n1", "A", "sport", None), ("n1", "gold", "sport", None)), TOPIC, "gold")
    apart = doubles(topics(("n1", "A", "sport", None), ("n2", "B", "sport", None)), TOPIC, "gold")
    for found in (alone, apart):
        assert disagreements.draw_confused(found) == NO_DOUBLES
        assert disagreements.reasons(found, 0.95) == ""
        assert disagreements.examples(found, ARTICLES, {}).empty


def test_reasons_say_whom_the_reference_sides_with_and_what_it_chooses():
    text = plain(disagreements.reasons(views("fee " * 9 + "eae"), 0.95))
    assert text.startswith("None of the 10 is between for and against: one annotator always stays in the middle.")
    assert "Gold sides with B in 9 of 10 (90 % [60, 98]) and with A in 1; the label it chooses most is even" in text
    text = disagreements.reasons(views("fee eae faa"), 0.95)
    assert "1 of 3 are between for and against" in text
    assert "chance alone could make" in text


def test_undecided_disagreements_have_no_verdict():
    assert "sides with" not in disagreements.reasons(views("fe- ea-"), 0.95)


def test_reasons_count_labels_that_the_other_annotator_gave_second():
    found = doubles(
        topics(
            ("n1", "A", "sport", "health"), ("n1", "B", "health", None),
            ("n2", "A", "sport", None), ("n2", "B", "health", "sport"),
            ("n3", "A", "sport", "weather"), ("n3", "B", "health", None),
            ("n4", "A", "sport", None), ("n4", "B", "sport", None),
        ),
        TOPIC,
        "gold",
    )  # fmt: skip
    assert disagreements.reasons(found, 0.95).startswith("In 2 of 3 ")


def test_examples_take_turns_between_the_confusions_the_most_frequent_first():
    found = views("fee fee fee eae ea-")
    table = disagreements.examples(found, ARTICLES, {"ferry": ["Ferries"]}, count=3)
    assert table["title"].tolist() == ["Title 0", "Title 3", "Title 1"]
    assert table["outlet"].tolist() == ["(no outlet)", "Post", "Post"]
    assert table["first words about it"].tolist() == ["Ferries left."] * 3
    assert table[["A", "B", "gold"]].iloc[1].tolist() == ["even", "against", "even"]
    table = disagreements.examples(views("ea-"), ARTICLES, {})
    assert table["gold"].tolist() == [UNDECIDED]


@pytest.mark.parametrize("words", [3, 40])
def test_examples_quote_no_more_than_twelve_words(words):
    text = " ".join(["ferry"] * words)
    table = disagreements.examples(views("fee"), ARTICLES.assign(text=text, title=text), {})
    for column in ("title", "first words about it"):
        assert table[column].iloc[0].count("ferry") == min(words, 12)
