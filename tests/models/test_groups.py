import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from newstance.errors import NewstanceError
from newstance.models.groups import group_weights
from newstance.models.settings import GroupBalance

OUTLETS = st.sampled_from(["Daily Post", "Evening Star", "Gazette"])
UNITS = st.lists(st.tuples(st.sampled_from("ab"), OUTLETS), min_size=1, max_size=60)


def weights(labels, outlets, power):
    return group_weights(GroupBalance(column="outlet", power=power), pd.DataFrame({"outlet": outlets}), labels)


@given(UNITS, st.floats(0, 1))
def test_the_units_of_every_label_weigh_one_on_average(units, power):
    labels, outlets = (np.array(part) for part in zip(*units, strict=True))
    found = weights(labels, outlets, power)
    assert (found > 0).all()
    for label in set(labels):
        assert found[labels == label].mean() == pytest.approx(1)


@given(UNITS)
def test_at_full_power_all_groups_of_a_label_weigh_the_same(units):
    labels, outlets = zip(*units, strict=True)
    table = pd.DataFrame({"label": labels, "outlet": outlets, "weight": weights(labels, outlets, 1)})
    for _, groups in table.groupby("label"):
        sums = groups.groupby("outlet")["weight"].sum()
        assert sums.to_numpy() == pytest.approx(sums.iloc[0])


@given(UNITS)
def test_without_power_all_units_weigh_the_same(units):
    labels, outlets = zip(*units, strict=True)
    assert weights(labels, outlets, 0) == pytest.approx(1)


def test_without_settings_nothing_is_weighed():
    assert group_weights(None, pd.DataFrame({"outlet": ["Gazette"]}), ["a"]) is None


def test_a_missing_column_is_named():
    with pytest.raises(NewstanceError, match=r"needs the column 'outlet'; the columns are title"):
        group_weights(GroupBalance(column="outlet"), pd.DataFrame({"title": ["x"]}), ["a"])


def test_balanced_a_classifier_follows_the_sign_that_holds_in_every_outlet():
    # In the large outlet a house word goes with label a; the topic word goes with b in both outlets alike.
    rows = (
        [("big", 1, 0, "a")] * 90 + [("big", 0, 1, "b")] * 10 + [("small", 0, 0, "a")] * 5 + [("small", 1, 1, "b")] * 5
    )
    table = pd.DataFrame(rows, columns=["outlet", "house", "topic", "label"])
    plain = LogisticRegression().fit(table[["house", "topic"]], table["label"])
    weighed = LogisticRegression().fit(
        table[["house", "topic"]], table["label"], sample_weight=weights(table["label"], table["outlet"], 1)
    )
    assert abs(weighed.coef_[0, 0]) < abs(plain.coef_[0, 0])
