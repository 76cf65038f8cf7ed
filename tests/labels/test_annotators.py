import numpy as np
import pandas as pd

from newstance.labels.annotators import FEWEST, annotator_differences
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings

CODES = ["left", "center", "right"]
LABELS = tuple(Label(code=code, name=code, definition=code) for code in CODES)
VIEW = Scheme(name="view", kind="target-dependent", title="View", annotations="views.csv", labels=LABELS)
SETTINGS = EvaluationSettings(resamples=300)


def annotated(wrong: dict[str, float], articles: int = 60) -> pd.DataFrame:
    """Annotators who give the true label, but for a share of units a random one."""
    generator = np.random.default_rng(1)
    rows = []
    for number in range(articles):
        for target in ("Oslo", "Rome"):
            truth = CODES[generator.integers(3)]
            for name, share in wrong.items():
                label = CODES[generator.integers(3)] if generator.random() < share else truth
                rows.append([f"n{number}", name, target, label])
    return pd.DataFrame(rows, columns=["article_id", "annotator", "target", "view"])


def test_the_one_who_guesses_differs_and_nobody_else():
    table = annotator_differences(annotated({"A": 0.05, "B": 0.05, "C": 0.6, "D": 0.1}), VIEW, SETTINGS)
    row = table.set_index("annotator").loc["C"]
    assert table.loc[table["differs"], "annotator"].tolist() == ["C"]
    assert row["kappa_high"] < row["others_low"]
    assert row["difference"] == row["others"] - row["kappa"]
    assert row["comparisons"] == 3 * 120


def test_small_differences_and_equals_are_not_flagged():
    table = annotator_differences(annotated({"A": 0.05, "B": 0.05, "C": 0.08}), VIEW, SETTINGS)
    assert len(table) == 3
    assert not table["differs"].any()


def test_two_annotators_or_few_units_cannot_be_judged():
    assert annotator_differences(annotated({"A": 0.0, "B": 0.9}), VIEW, SETTINGS).empty
    few = annotated({"A": 0.0, "B": 0.0, "C": 0.9}, articles=FEWEST // 4 - 1)
    assert annotator_differences(few, VIEW, SETTINGS).empty
