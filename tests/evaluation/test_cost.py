import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.synthetic_runs import Experiment, write_project
from newstance.evaluation.compare import compare
from newstance.evaluation.cost import frontier

POINTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


@given(POINTS)
def test_what_is_off_the_frontier_is_beaten_by_what_is_on_it_and_nothing_on_it_is_beaten(points):
    costs, quality = np.array(points, dtype=float).T
    on = frontier(costs, quality)
    assert on.any()
    for place, (cost, score) in enumerate(points):
        beaten = [other for other, (c, q) in enumerate(points) if c <= cost and q >= score and (c < cost or q > score)]
        assert on[place] == (not beaten)
        assert on[place] or any(on[other] for other in beaten)


def test_an_unknown_cost_is_on_no_frontier():
    assert frontier(np.array([np.nan, 2.0]), np.array([0.9, 0.1])).tolist() == [False, True]


@pytest.fixture(scope="module")
def cost(study_tables):
    return study_tables["cost"].set_index("experiment")


def test_an_ensemble_costs_the_training_of_its_members_too(cost):
    assert cost.loc["topic-ensemble", "fit_seconds"] == 0.5
    assert cost.loc["topic-ensemble", "training_minutes"] == pytest.approx((0.5 + 6 + 840) / 60)
    assert cost.loc["topic-transformer", "training_minutes"] == 14


def test_an_ensemble_without_its_members_has_no_known_training_time(tmp_path):
    alone = Experiment("topic-ensemble", "topic", 2.0, kind="ensemble", members=("topic-a", "topic-b"))
    project = write_project(tmp_path, (alone,), resamples=100)
    (row,) = compare(project.runs, project.prepared, project.settings)["cost"].to_dict("records")
    assert np.isnan(row["training_minutes"])
    assert not row["training_frontier"]
    assert row["prediction_frontier"]


def test_the_frontier_is_of_validation_and_leaves_out_controls_and_parts_of_train(cost, study_tables):
    rows = study_tables["comparison"].query("protocol == 'standard'").set_index("experiment")
    for mark in ("prediction_frontier", "training_frontier"):
        on = rows.loc[cost.index[cost[mark]]]
        assert set(on["role"]) == {"baseline"}
        assert set(on["train_share"]) == {1}
        assert "topic-linear" in on.index, "the cheapest"
        assert rows.query("task == 'topic'").sort_values("rank").index[0] in on.index, "the best"
    assert not cost.loc["topic-transformer-128", "prediction_frontier"], "dearer and worse than the linear one"


def test_times_of_different_hardware_are_not_compared(cost):
    dear, cheap = cost.loc["stance-topics-too"], cost.loc["stance-linear"]
    assert dear["prediction_frontier"]
    assert cheap["prediction_frontier"]
    assert dear["predict_seconds_per_unit"] > cheap["predict_seconds_per_unit"]
