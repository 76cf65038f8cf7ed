import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.notebooks import leakage
from newstance.notebooks.leakage import GROUPED, NOT_EXCLUDED, RANDOM
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings, Settings

SETTINGS = Settings(evaluation=EvaluationSettings(resamples=200))
SCHEME = Scheme(
    name="topic",
    kind="single-label",
    title="Topic",
    annotations="topics.csv",
    labels=tuple(Label(code=code, name=code.title(), definition="") for code in ("sport", "health", "weather")),
)


def articles(split: str, groups: str) -> pd.DataFrame:
    """One article a letter: t(rain), v(alidation), e(valuated on: test), x (excluded), u(nlabelled)."""
    names = {"t": "train", "v": "validation", "e": "test", "x": "excluded", "u": "unlabelled"}
    ids = [f"n{number}" for number in range(len(split))]
    return pd.DataFrame({"article_id": ids, "group": list(groups), "split": [names[letter] for letter in split]})


def pairs(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["first", "second", "similarity"])


def at(table: pd.DataFrame, division: str) -> pd.DataFrame:
    return table[table["division"] == division].set_index("similarity")


def test_a_group_in_two_splits_crosses_and_one_with_an_excluded_article_does_not():
    table = articles("tevxteu", "aabbccc")
    assert leakage.crossing_groups(table["group"], table["split"]) == 2
    table = articles("tteexvu", "aabbbcc")
    assert leakage.crossing_groups(table["group"], table["split"]) == 0


@given(st.text(alphabet="tvexu", min_size=1, max_size=30))
def test_random_splits_deal_out_all_labelled_articles_and_keep_the_sizes(letters):
    table = articles(letters, "a" * len(letters))
    few = Settings(evaluation=EvaluationSettings(resamples=100))
    drawn = next(iter(leakage.random_splits(table, few)))
    sizes = drawn.value_counts()
    assert sizes.get("test", 0) == letters.count("e")
    assert sizes.get("validation", 0) == letters.count("v")
    assert sizes.get("train", 0) == letters.count("t") + letters.count("x")
    assert set(drawn.index) == set(table.index[table["split"] != "unlabelled"])


def test_random_splits_are_the_same_in_every_run_and_differ_from_each_other():
    table = articles("t" * 20 + "e" * 20, "a" * 40)
    first, second = ([tuple(split) for split in leakage.random_splits(table, SETTINGS)] for _ in range(2))
    assert first == second
    assert len(set(first)) == SETTINGS.evaluation.resamples


def test_leakage_is_the_share_of_test_articles_with_a_similar_train_article():
    table = articles("ttteeeex", "aabcccca")
    found = leakage.leakage(table, pairs(("n3", "n7", 0.9), ("n0", "n7", 0.5), ("n4", "n5", 0.9)), SETTINGS)
    assert (at(found, GROUPED)["share"] == 0).all()
    kept = at(found, NOT_EXCLUDED)["share"]
    assert kept.iloc[0] == 0.25
    assert kept[kept.index > 0.9].eq(0).all()
    assert kept[kept.index <= 0.89].eq(0.25).all()
    assert np.isnan(at(found, GROUPED)["low"]).all()


def test_a_test_article_leaks_once_however_many_train_articles_it_is_like_whichever_comes_first():
    table = articles("tett", "aaaa")
    found = leakage.leakage(table, pairs(("n0", "n1", 0.3), ("n1", "n2", 0.8), ("n1", "n3", 0.5)), SETTINGS)
    share = at(found, GROUPED)["share"]
    assert share[share.index < 0.79].eq(1).all()
    assert share[share.index > 0.81].eq(0).all()


def test_a_random_split_leaks_as_often_as_chance_says():
    table = articles("t" * 50 + "e" * 50, "".join(chr(200 + number // 2) for number in range(100)))
    twins = pairs(*((f"n{number}", f"n{number + 1}", 0.9) for number in range(0, 100, 2)))
    random = at(leakage.leakage(table, twins, SETTINGS), RANDOM).iloc[0]
    assert random["share"] == pytest.approx(50 / 99, abs=0.02)  # the twin of a test article is in train
    assert random["low"] < random["share"] < random["high"]
    mean, low, high = leakage.crossings(table, SETTINGS)
    assert mean == pytest.approx(50 * 50 / 99, abs=0.8)
    assert low < mean < high


def test_unlabelled_articles_leak_nothing():
    found = leakage.leakage(articles("teu", "abb"), pairs(("n1", "n2", 0.9)), SETTINGS)
    assert not found["share"].any()
    assert "nothing to draw" in leakage.leaks(found, SETTINGS.evaluation)


def test_the_figure_of_leaks_says_what_a_random_split_would_do():
    table = articles("teteex", "aabbcc").assign(split=["train", "train", "test", "test", "test", "excluded"])
    found = leakage.leakage(table, pairs(("n0", "n1", 0.9), ("n2", "n3", 0.9), ("n4", "n5", 0.3)), SETTINGS)
    chart = leakage.leaks(found, SETTINGS.evaluation)
    assert chart.title.startswith("A random split puts a near-duplicate of ")
    assert chart.title.endswith("the project's splits put none there")
    assert [line.get_label() for line in chart.figure.axes[0].lines] == [RANDOM, NOT_EXCLUDED, GROUPED]


def test_the_figure_does_not_hide_leaks_of_the_splits_themselves():
    found = leakage.leakage(articles("te", "aa"), pairs(("n0", "n1", 0.9)), SETTINGS)
    assert leakage.leaks(found, SETTINGS.evaluation).title.endswith("put 100.0\N{NO-BREAK SPACE}% there")


def test_crossing_groups_are_compared_with_chance_and_their_price():
    text = leakage.crossings_in_words(articles("tteexuu", "aabbbcc"), SETTINGS)
    assert text.startswith("**Groups that occur in two splits: 0.**")
    assert "of the 2 groups with several labelled articles" in text
    assert "is 1 labelled article in a group with a test article" in text


def test_groups_with_one_label_are_counted_against_chance():
    table = articles("tttttt", "aabbcd")
    labels = table[["article_id"]].assign(topic=["sport", "sport", "sport", "health", "health", "health"])
    text = leakage.shared_labels(table, labels, SCHEME, 0.95).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("In 1 of 2 groups all labelled articles have the same topic: 50.0 % [9.5 %, 90.5 %]")
    assert "agree in 50.0 % of cases" in text


def test_that_labels_can_be_remembered_is_said_where_groups_agree_more_than_chance():
    table = articles("t" * 20, "".join(chr(200 + number // 2) for number in range(20)))
    labels = table[["article_id"]].assign(topic=["sport", "sport", "health", "health"] * 5)
    assert "remembers" in leakage.shared_labels(table, labels, SCHEME, 0.95)
    labels["topic"] = ["sport", "health"] * 10
    assert "remembers" not in leakage.shared_labels(table, labels, SCHEME, 0.95)


def test_where_no_group_has_two_labelled_articles_that_is_said():
    table = articles("tt", "ab")
    labels = table.assign(topic="sport")[["article_id", "topic"]]
    assert leakage.shared_labels(table, labels, SCHEME, 0.95).startswith("No group")
    assert "no split can tear apart" in leakage.crossings_in_words(articles("tteuu", "abccc"), SETTINGS)


def units(train: str, test: str) -> pd.DataFrame:
    """Topics of train and test, a letter a unit; validation as train."""
    names = {"s": "sport", "h": "health"}
    parts = {"train": train, "validation": train, "test": test}
    rows = [(split, names[letter]) for split, part in parts.items() for letter in part]
    return pd.DataFrame(rows, columns=["split", "topic"])


@pytest.mark.parametrize(
    ("train", "test", "title"),
    [
        ("ssshh", "sshhh", "Test is like train; they differ most in Sport: 60.0 % of train, 40.0 % of test"),
        ("s" * 90 + "h" * 10, "h" * 90 + "s" * 10, "Test and train differ in Sport: 90.0 % of train, 10.0 % of test"),
    ],
)
def test_the_figure_of_balance_says_whether_test_is_like_train(train, test, title):
    chart = leakage.balance(units(train, test), SCHEME, SETTINGS.evaluation)
    assert chart.title.replace("\N{NO-BREAK SPACE}", " ") == title
    labels = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert labels == ["Sport", "Health"]  # no row for a label that nothing has


def test_shares_of_labels_have_intervals_and_sum_to_one():
    table = leakage.label_shares(units("ssh", "shh"), SCHEME, SETTINGS.evaluation)
    assert table.groupby("split")["share"].sum().to_numpy() == pytest.approx([1, 1, 1])
    assert ((table["low"] - 1e-9 <= table["share"]) & (table["share"] <= table["high"])).all()
