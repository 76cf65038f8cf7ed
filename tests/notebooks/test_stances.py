import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from newstance.notebooks import stances
from newstance.notebooks.stances import FEWEST
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=400, confidence=0.9)


def scheme(name: str, kind: str, codes: str) -> Scheme:
    labels = tuple(Label(code=code, name=code.title(), definition="") for code in codes.split())
    return Scheme(name=name, kind=kind, title=name.title(), annotations="labels.csv", labels=labels)


VIEW = scheme("view", "target-dependent", "for even against")
SUBJECT = scheme("subject", "single-label", "sport health")
LETTERS = {"f": "for", "e": "even", "a": "against"}


def pairs(**groups: str) -> pd.DataFrame:
    """One pair of an article of its own a letter, by target."""
    rows = [[target, LETTERS[letter]] for target, letters in groups.items() for letter in letters]
    table = pd.DataFrame(rows, columns=["target", "view"])
    return table.assign(article_id=[f"n{number}" for number in range(len(table))])


def test_shares_of_a_group_count_its_pairs_on_both_sides_with_wilson_intervals():
    table = stances.shares(pairs(tram="aafe", ferry="f"), "target", VIEW, SETTINGS)
    assert table["group"].tolist() == ["tram", "ferry"]  # most pairs first
    tram = table.iloc[0]
    assert (tram["pairs"], tram["favor"], tram["against"]) == (4, 0.25, 0.5)
    assert (tram["against_low"], tram["against_high"]) == pytest.approx(
        proportion_confint(2, 4, alpha=0.1, method="wilson")
    )


def test_several_pairs_of_one_article_count_as_one_draw():
    alone = pairs(tram="af" * 40)
    together = alone.assign(
        article_id=[f"n{number // 20}" for number in range(80)], view=["against"] * 40 + ["for"] * 40
    )
    widths = []
    for units in (alone, together):
        row = stances.shares(units, "target", VIEW, SETTINGS).iloc[0]
        assert row["against"] == 0.5
        widths.append(row["against_high"] - row["against_low"])
    assert widths[1] > 2 * widths[0]


def test_a_group_whose_pairs_are_all_alike_still_has_an_interval():
    units = pairs(tram="aaaa").assign(article_id=["n1", "n1", "n2", "n2"])
    row = stances.shares(units, "target", VIEW, SETTINGS).iloc[0]
    assert (row["against_low"], row["against_high"]) == pytest.approx(
        proportion_confint(2, 2, alpha=0.1, method="wilson")
    )


@given(st.lists(st.tuples(st.sampled_from("fea"), st.integers(0, 5)), min_size=1, max_size=30))
def test_intervals_lie_in_0_to_1_and_shares_sum_to_at_most_1(rows):
    units = pairs(tram="".join(letter for letter, _ in rows)).assign(article_id=[str(article) for _, article in rows])
    row = stances.shares(units, "target", VIEW, EvaluationSettings(resamples=100)).iloc[0]
    assert row["favor"] + row["against"] <= 1 + 1e-9
    for side in ("favor", "against"):
        assert -1e-9 <= row[f"{side}_low"] <= row[f"{side}_high"] <= 1 + 1e-9


def test_a_missing_group_is_left_out():
    units = pairs(tram="af").assign(subject=["sport", np.nan])
    assert stances.shares(units, "subject", VIEW, SETTINGS)["pairs"].tolist() == [1]


def test_the_chart_says_how_the_extremes_differ():
    chart = stances.by_target(pairs(tram="a" * 30, ferry="f" * 30, pier="e" * 12), 3, VIEW, SETTINGS)
    title = chart.title.replace("\N{NO-BREAK SPACE}", " ")
    assert title.startswith("Stance goes with the target: 100 % [92, 100] of the pairs of “ferry” are For, 100 %")
    assert title.endswith("of those of “tram” Against")
    names = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert names == ["ferry", "pier", "tram"]  # most in favor first


def test_the_chart_claims_no_difference_where_intervals_overlap():
    chart = stances.by_target(pairs(tram="aaffe" * 3, ferry="afffe" * 3), 2, VIEW, SETTINGS)
    assert chart.title.startswith("The targets can't be told apart by stance")


def test_small_groups_are_named_and_not_drawn():
    chart = stances.by_target(pairs(tram="a" * FEWEST, pier="f" * (FEWEST - 1)), 5, VIEW, SETTINGS)
    assert f"Left out, with fewer than {FEWEST} pairs: pier." in chart.caption
    assert "can't be told" not in chart.title  # a single group is compared with none
    assert "nothing to draw" in stances.by_target(pairs(pier="f"), 5, VIEW, SETTINGS)


def test_topics_are_drawn_by_their_names():
    units = pairs(tram="a" * 20 + "f" * 20).assign(subject=["sport"] * 20 + ["health"] * 20)
    chart = stances.by_topic(units, SUBJECT, VIEW, SETTINGS)
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["Health", "Sport"]


def test_the_most_frequent_targets_come_first_and_ties_by_name():
    assert stances.frequent_targets(pairs(tram="aa", pier="f", ferry="f", bridge="fea"), 3) == [
        "bridge",
        "tram",
        "ferry",
    ]
