from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audit.planted import SUBJECTS, clean_data, prefixed, scheme
from newstance.audit.corpus import read_corpus
from newstance.audit.names import BYLINE, OUTLET, authors, find_names
from newstance.audit.telltale import OUTLET_WORD, TOKEN_COLUMNS, WORD, log_odds_z, telltale_tokens
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=100)


def _tokens(data: dict, **options: bool):
    corpus = read_corpus(data, scheme(**options))
    return telltale_tokens(corpus, find_names(corpus, [authors(text) for text in corpus.articles["text"]]), SETTINGS)


def test_words_of_a_class_tell_it() -> None:
    tokens = _tokens(clean_data())

    assert tokens.columns.tolist() == TOKEN_COLUMNS
    assert set(tokens["kind"]) == {WORD}
    for label, words in SUBJECTS.items():
        assert set(tokens.loc[tokens["label"] == label, "token"][:6]) == set(words)
    assert (tokens["precision_low"] <= tokens["precision"]).all()
    assert (tokens["precision"] <= tokens["precision_high"]).all()


def test_a_byline_and_an_outlet_that_predict_are_found_and_marked() -> None:
    data = clean_data()
    for split in ("train", "test"):
        left = data[split].index[data[split]["leaning"] == "left"]
        data[split] = prefixed(data[split], left[:20], "By Ada Brink")
        right = data[split].index[data[split]["leaning"] == "right"]
        data[split] = prefixed(data[split], right[:20], "The Train Gazette A has more.")
    data["train"].loc[:19, "outlet"] = "Train Gazette A"

    tokens = _tokens(data).set_index("token")

    assert tokens.loc["Ada Brink", ["kind", "label", "precision", "test_units"]].tolist() == [BYLINE, "left", 1.0, 20]
    assert tokens.loc["Train Gazette A", ["kind", "label", "precision"]].tolist() == [OUTLET, "right", 1.0]
    assert tokens.loc["gazette", "kind"] == OUTLET_WORD


def test_the_rule_gives_its_label_to_units_with_the_token_and_the_most_frequent_one_to_the_others() -> None:
    data = clean_data()
    for split in ("train", "test"):
        data[split] = prefixed(data[split], data[split].index[data[split]["leaning"] == "left"], "By Ada Brink")
    # Of the others, center is made the most frequent in train.
    train = data["train"]
    data["train"] = train.drop(train.index[train["leaning"] == "right"][:9]).reset_index(drop=True)

    row = _tokens(data).set_index("token").loc["Ada Brink"]

    assert row["accuracy"] == pytest.approx(2 / 3)
    assert row["class_share"] == pytest.approx(1 / 3)


def test_pairs_are_counted_and_not_articles() -> None:
    data = clean_data(targets=True)

    assert (_tokens(data, targets=True)["train_units"] % 2 == 0).all()


@given(arrays(np.float64, (3, 5), elements=st.integers(1, 499).map(float)))
def test_log_odds_of_two_classes_are_opposite_and_those_of_equal_shares_are_zero(counts: np.ndarray) -> None:
    pair = log_odds_z(counts[:2], np.array([500.0, 600.0]))
    equal = log_odds_z(np.stack([counts[0], counts[0], counts[0]]), np.full(3, 500.0))

    np.testing.assert_allclose(pair[0], -pair[1], atol=1e-9)
    np.testing.assert_allclose(equal, 0, atol=1e-6)
