from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from newstance.models.build import build
from newstance.scheme import load_schemes
from newstance.selection.models import committee

ROOT = Path(__file__).parents[2]
TARGETS = ["Mayor Lund", "the Harbour Bridge", "Tarn Railways"]


@pytest.mark.parametrize("name", ["svm", "bayes"])
def test_models_of_words_learn_from_a_few_targets_that_share_no_word(name: str) -> None:
    rows = [(target, label) for target in TARGETS for label in ("favor", "against")]
    table = pd.DataFrame(
        {
            "title": "A bridge",
            "subtitle": "",
            "text": [f"{target} is {label}. The bridge is long." for target, label in rows],
            "target": [target for target, _ in rows],
        }
    )
    labels = [label for _, label in rows]
    scheme = load_schemes(ROOT / "seeds/schemes", ["stance"])["stance"]
    model = build(committee(scheme)[name], {}, 1).fit(table, labels)
    assert model.predict_proba(table).shape == (len(rows), 2)
