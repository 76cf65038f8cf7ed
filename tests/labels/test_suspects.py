import numpy as np
import pandas as pd

from newstance.labels.suspects import judge

CODES = ["for", "even", "against"]


def probabilities(labels: list[str], sure: float = 0.9) -> pd.DataFrame:
    rest = (1 - sure) / 2
    return pd.DataFrame([[sure if code == label else rest for code in CODES] for label in labels], columns=CODES)


def test_a_label_that_a_confident_model_contradicts_is_a_suspect():
    true = ["for", "even", "against"] * 20
    given = pd.Series(["against", *true[1:]])
    found = judge(given, probabilities(true))
    assert np.flatnonzero(found["suspected"]).tolist() == [0]
    assert found["quality"].argmin() == 0
    assert found["suggested"][0] == "for"


def test_codes_that_nobody_gave_do_not_disturb_the_judgement_but_may_be_suggested():
    given = pd.Series(["for", "against"] * 20)
    probability = probabilities(["even", "against", *["for", "against"] * 19])
    found = judge(given, probability)
    assert found["suggested"][0] == "even"
    assert len(found["suspected"]) == 40


def test_labels_of_one_kind_leave_nothing_to_suspect():
    found = judge(pd.Series(["for"] * 5), probabilities(["even"] * 5))
    assert not found["suspected"].any()
