import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.labels.ceiling import agreement_over_time, ceiling, right_share
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings

CODES = ["left", "center", "right"]
LABELS = tuple(Label(code=code, name=code, definition=code) for code in CODES)
LEANING = Scheme(name="leaning", kind="single-label", title="Leaning", annotations="leanings.csv", labels=LABELS)
SETTINGS = EvaluationSettings(resamples=200)


@given(st.floats(0.5, 1), st.integers(2, 20))
def test_the_share_of_right_labels_gives_the_agreement_back(right, classes):
    agreement = right**2 + (1 - right) ** 2 / (classes - 1)
    assert right_share(np.array([agreement]), classes)[0] == pytest.approx(right, abs=1e-6)


def test_no_more_than_chance_is_chance():
    assert right_share(np.array([0.0, 0.25]), 4) == [0.25, 0.25]


def test_the_ceiling_is_what_independent_annotators_reach_and_the_reference_is_none():
    generator = np.random.default_rng(2)
    truth = generator.integers(3, size=2000)
    rows = []
    for name in ("A", "B"):
        wrong = generator.random(2000) < 0.1
        given = np.where(wrong, (truth + generator.integers(1, 3, size=2000)) % 3, truth)
        rows += [[f"n{number}", name, CODES[code]] for number, code in enumerate(given)]
    rows += [[f"n{number}", "gold", CODES[code]] for number, code in enumerate(truth)]
    annotations = pd.DataFrame(rows, columns=["article_id", "annotator", "leaning"])
    articles = pd.DataFrame({"article_id": [f"n{number}" for number in range(2000)], "outlet": "one"})
    found = ceiling(annotations, articles, LEANING, "gold", SETTINGS)
    assert (found.pair, found.units) == (("A", "B"), 2000)
    assert found.accuracy[1] < 0.9 < found.accuracy[2]
    assert found.agreement[0] < found.accuracy[0]
    alone = annotations[annotations["annotator"] != "B"]
    assert ceiling(alone, articles, LEANING, "gold", SETTINGS) is None


def test_agreement_is_by_the_week_of_the_later_decision():
    rows = [
        ["1", "A", "left", "2026-11-02T10:00:00Z"], ["1", "B", "left", "2026-11-03T10:00:00Z"],
        ["2", "A", "left", "2026-11-02T10:00:00Z"], ["2", "B", "right", "2026-11-09T10:00:00Z"],
        ["3", "A", "right", "2026-11-12T10:00:00Z"], ["3", "B", "right", "2026-11-10T10:00:00Z"],
        ["4", "A", "right", ""], ["4", "B", "right", "2026-11-10T10:00:00Z"],
    ]  # fmt: skip
    annotations = pd.DataFrame(rows, columns=["article_id", "annotator", "leaning", "labelled_at"])
    articles = pd.DataFrame({"article_id": list("1234"), "outlet": "one"})
    table = agreement_over_time(annotations, articles, LEANING, SETTINGS)
    assert table[["pair", "slice", "value", "units", "agreement"]].to_numpy().tolist() == [
        ["A-B", "week", "2026-W45", 1, 1.0],
        ["A-B", "week", "2026-W46", 2, 0.5],
    ]
    assert agreement_over_time(annotations.assign(labelled_at=""), articles, LEANING, SETTINGS).empty
