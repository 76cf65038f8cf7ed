import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from newstance.evaluation.intervals import Evaluation, evaluate
from newstance.evaluation.outcomes import Outcomes
from newstance.evaluation.paired import PAIRED_COLUMNS, bootstrap_p_value, mcnemar_p_value, paired_tests
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=400)


def evaluation(skill: float, seed: int) -> Evaluation:
    generator = np.random.default_rng(seed)
    labels = np.arange(300) % 3
    probabilities = softmax(skill * np.eye(3)[labels] + generator.normal(size=(300, 3)), axis=1)
    articles = np.repeat(np.arange(100), 3).astype(str)
    return evaluate([Outcomes(list("abc"), articles, labels, probabilities, probabilities)], SETTINGS)


@pytest.fixture(scope="module")
def table():
    evaluations = {"best": evaluation(2, 1), "close": evaluation(1.8, 2), "far": evaluation(0.5, 3)}
    return paired_tests({**evaluations, "same": evaluations["best"]}, "best", 0.95)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_equals_statsmodels(pairs):
    one, other = np.array(pairs).T
    counts = [[(one & other).sum(), (one & ~other).sum()], [(~one & other).sum(), (~one & ~other).sum()]]
    assert mcnemar_p_value(one, other) == pytest.approx(min(1, mcnemar(counts, exact=True).pvalue))


def test_the_bootstrap_p_value_is_twice_the_smaller_tail_and_never_zero():
    assert bootstrap_p_value(np.full(999, 0.1)) == pytest.approx(2 / 1000)
    assert bootstrap_p_value(np.r_[np.full(900, 0.1), np.full(99, -0.1)]) == pytest.approx(200 / 1000)
    assert bootstrap_p_value(np.zeros(10)) == 1


def test_every_experiment_is_tested_on_both_metrics(table):
    assert table.columns.tolist() == PAIRED_COLUMNS
    assert table["experiment"].tolist() == ["close", "far", "same"] * 2
    assert table["metric"].tolist() == ["macro_f1"] * 3 + ["accuracy"] * 3
    assert (table["reference"] == "best").all()


def test_a_worse_model_differs_and_an_equal_one_does_not(table):
    rows = table.set_index(["metric", "experiment"])
    assert rows.loc[("macro_f1", "far"), "difference"] < -0.2
    assert rows.loc[("macro_f1", "far"), "high"] < 0
    assert rows.loc[("accuracy", "far"), ["p_bootstrap_holm", "p_mcnemar_holm"]].max() < 0.05
    for metric in ("macro_f1", "accuracy"):
        assert rows.loc[(metric, "same"), ["difference", "low", "high", "p_bootstrap"]].tolist() == [0, 0, 0, 1]


def test_mcnemar_is_about_accuracy_only(table):
    with_mcnemar = table["p_mcnemar"].notna() & table["p_mcnemar_holm"].notna()
    assert table.loc[with_mcnemar, "metric"].unique().tolist() == ["accuracy"]
    assert with_mcnemar.sum() == 3


def test_p_values_are_corrected_over_the_experiments_of_a_metric(table):
    for _, rows in table.groupby("metric"):
        np.testing.assert_allclose(rows["p_bootstrap_holm"], multipletests(rows["p_bootstrap"], method="holm")[1])


def test_one_experiment_alone_gives_a_table_without_rows_but_with_numeric_columns():
    table = paired_tests({"best": evaluation(2, 1)}, "best", 0.95)
    assert len(table) == 0
    assert all(kind == "float64" for kind in table.dtypes[PAIRED_COLUMNS[3:]])
