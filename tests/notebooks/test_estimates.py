import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.notebooks.estimates import Mean, draw_means, mean_of, share_of
from newstance.reporting.drawing import house_style, new_figure
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=300)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_a_mean_of_one_unit_an_article_lies_in_its_interval_or_all_is_equal(values):
    found = mean_of(values, range(len(values)), SETTINGS)
    assert found.value == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_units_of_one_article_are_drawn_together_and_widen_the_interval():
    values = np.tile([0.0, 1.0], 40)
    alone = mean_of(values, range(80), SETTINGS)
    together = mean_of(np.sort(values), np.arange(80) // 10, SETTINGS)
    assert together.value == alone.value == 0.5
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_without_units_there_is_no_mean_and_no_share():
    assert np.isnan(mean_of([], [], SETTINGS)).all()
    assert np.isnan(share_of(0, 0, 0.95)).all()
    assert share_of(0, 0, 0.95).percent == "–"


@given(st.integers(1, 500).flatmap(lambda units: st.tuples(st.integers(0, units), st.just(units))))
def test_a_share_lies_in_its_interval_which_stays_between_none_and_all(counts):
    found = share_of(*counts, 0.95)
    assert 0 <= found.low <= found.value <= found.high <= 1 + 1e-12
    assert found.high > found.low  # none of few is not surely none of all


def test_a_mean_is_written_with_its_interval_and_true_minus_signs():
    found = Mean(0.1234, -0.0002, 0.25)
    assert found.score == "0.123 [0.000, 0.250]"
    assert Mean(-0.1, -0.2, 0.0).score == "−0.100 [−0.200, 0.000]"
    assert found.signed == "+0.123 [0.000, +0.250]"
    assert found.percent == "12\xa0%\xa0[0,\xa025]"


def test_points_are_drawn_where_the_means_are():
    with house_style():
        axes = new_figure(2, "t").subplots()
        draw_means(axes, [Mean(0.2, 0.1, 0.4), Mean(0.5, np.nan, np.nan)], [0, 1], fmt="o")
    line = axes.containers[0].lines[0]
    assert line.get_xdata().tolist() == [0.2, 0.5]
    segments = axes.containers[0].lines[2][0].get_segments()
    assert segments[0][:, 0] == pytest.approx([0.1, 0.4])
    assert segments[1][:, 0] == pytest.approx([0.5, 0.5])
