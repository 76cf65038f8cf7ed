import numpy as np
import pytest

from evaluation.synthetic_runs import Experiment, write_project
from newstance.evaluation.compare import TABLES, compare


@pytest.fixture(scope="module")
def standard(study_tables):
    return study_tables["comparison"].query("protocol == 'standard'").set_index("experiment")


def test_the_experiments_of_an_aspect_are_compared_with_the_best_of_them_on_validation(study_tables, standard):
    rows = study_tables["ablations"].query("aspect == 'length'").set_index("experiment")
    assert set(rows.index) == {"topic-transformer", "topic-transformer-128", "topic-transformer-512"}
    best = standard.loc[rows.index].sort_values("rank").index[0]
    assert set(rows["reference"]) == {best}
    others = rows.drop(index=best)
    assert np.isnan(rows.loc[best, "difference"])
    for name, row in others.iterrows():
        assert row["difference"] == pytest.approx(standard.loc[name, "macro_f1"] - standard.loc[best, "macro_f1"])
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    smallest = others["p_bootstrap"].min()
    assert others["p_bootstrap_holm"].min() == pytest.approx(2 * smallest), "corrected over the two of this aspect"


def test_ablations_repeat_the_scores_and_costs_of_the_other_tables(study_tables, standard):
    cost = study_tables["cost"].set_index("experiment")
    for _, row in study_tables["ablations"].iterrows():
        for name in ("validation_macro_f1", "macro_f1", "macro_f1_low", "macro_f1_high"):
            assert row[name] == standard.loc[row["experiment"], name]
        for name in ("training_minutes", "predict_seconds_per_unit"):
            assert row[name] == cost.loc[row["experiment"], name]


def test_an_aspect_of_a_single_experiment_is_no_comparison(study_tables):
    assert set(study_tables["ablations"]["aspect"]) == {"length", "learning-curve"}, "noise has one experiment only"


def test_a_learning_curve_has_a_point_a_share_and_kind(study_tables, standard):
    rows = study_tables["learning_curve"]
    assert rows.groupby("kind")["train_share"].agg(list).to_dict() == {
        "linear": [0.1, 0.25, 0.5, 1.0],
        "transformer": [0.1, 0.25, 0.5, 1.0],
    }
    assert rows["train_units"].tolist() == [6, 15, 30, 60] * 2
    for _, row in rows.iterrows():
        assert row["macro_f1_low"] == standard.loc[row["experiment"], "macro_f1_low"]


def test_one_size_alone_makes_no_curve_and_the_tables_keep_their_columns(tmp_path):
    only = Experiment("topic-transformer", "topic", 2.0, kind="transformer", aspects=("learning-curve",))
    project = write_project(tmp_path, (only,), resamples=100)
    tables = compare(project.runs, project.prepared, project.settings)
    for name in ("learning_curve", "ablations", "auxiliary"):
        assert tables[name].empty
        assert tables[name].columns.tolist() == TABLES[name]
