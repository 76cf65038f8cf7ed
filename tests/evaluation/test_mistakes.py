import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from newstance.corpus.prepared import read_prepared
from newstance.evaluation.experiments import Experiment
from newstance.evaluation.mistakes import SHOWN_ERRORS, confident_errors, confusion_sources, judged_units
from newstance.evaluation.runs import read_runs
from newstance.files import read_parquet


def judge(project, name, annotations):
    schemes = project.settings.labels.load_schemes()
    (folder,) = [folder for folder in project.runs if folder.name == name]
    (run,) = read_runs([folder])
    scheme, data = schemes[run.settings.task], read_prepared(run.settings.task, project.prepared)
    experiment = Experiment.of(run, data, scheme, project.settings.evaluation)
    return judged_units(experiment, data["test"], annotations, scheme)


def test_a_prediction_is_the_most_probable_label_over_all_seeds(project):
    judged = judge(project, "topic-strong", read_parquet(project.labels / "topic.parquet"))
    predictions = read_parquet(project.runs[0] / "predictions.parquet")
    test = predictions.query("split == 'test' and protocol == 'standard'")
    columns = [name for name in test if name.startswith("prob_")]
    means = test.groupby("article_id")[columns].mean().loc[judged["article_id"]]
    assert judged["predicted"].tolist() == means.idxmax(axis=1).str.removeprefix("prob_").tolist()
    np.testing.assert_allclose(judged["confidence"], means.max(axis=1))


def test_every_other_annotator_is_quoted_and_a_different_label_makes_a_unit_disputed(project):
    annotations = read_parquet(project.labels / "stance.parquet")
    judged = judge(project, "stance-strong", annotations).set_index(["article_id", "target"])
    second = annotations[annotations["annotator"] == "B"].set_index(["article_id", "target"])["stance"]
    assert judged["disputed"].any()
    for unit, row in judged.iterrows():
        assert row["annotators"] == f"B {second[unit]}, C {row['label']}", "A is the one whose labels count"
        assert row["disputed"] == (second[unit] != row["label"])
        assert row["as_annotator"] == (row["predicted"] in {second[unit], row["label"]})


def test_a_unit_that_nobody_else_labelled_is_not_disputed(project):
    annotations = read_parquet(project.labels / "topic.parquet")
    silent = annotations["article_id"].iloc[0]
    judged = judge(project, "topic-strong", annotations[annotations["article_id"] != silent]).set_index("article_id")
    assert judged.loc[silent, ["annotators", "disputed", "as_annotator"]].tolist() == ["", False, False]


def units(*rows):
    columns = ["label", "predicted", "confidence", "annotators", "disputed", "as_annotator", "secondary"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(article_id=[f"a{n:03}" for n in range(len(table))], outlet="Hill Times", target="")


def test_the_most_confident_mistakes_come_first_and_ties_by_id():
    wrong = [("x", "y", 0.5 + n % 7 / 20, "B x", False, False, "") for n in range(30)]
    right = [("x", "x", 0.99, "B x", False, True, "")] * 5
    errors = confident_errors(units(*wrong, *right))
    assert len(errors) == SHOWN_ERRORS
    assert errors["confidence"].is_monotonic_decreasing
    assert (errors["predicted"] == "y").all()
    assert errors["article_id"].head(4).tolist() == ["a006", "a013", "a020", "a027"]


def test_confusions_are_counted_and_tested_against_the_share_of_all_units():
    judged = units(
        *[("x", "y", 0.9, "B y, C x", True, True, "")] * 4,
        *[("x", "z", 0.9, "B x, C x", False, False, "z")] * 3,
        *[("x", "z", 0.9, "B y, C x", True, False, "")],
        *[("x", "x", 0.9, "B x, C x", False, True, "")] * 42,
        *[("x", "z", 0.9, "", False, False, "")] * 9,
    )
    table = confusion_sources(judged)
    assert table[["label", "predicted"]].to_numpy().tolist() == [["(all)", "(all)"], ["x", "y"], ["x", "z"]]
    counts = table[["units", "disputed", "as_annotator", "as_secondary"]].to_numpy().tolist()
    assert counts == [[8, 5, 4, 3], [4, 4, 4, 0], [4, 1, 0, 3]], "units without annotators are left out"
    assert table["expected_share"].tolist() == [0.1] * 3
    expected = [binomtest(k, n, 0.1, alternative="greater").pvalue for k, n in ((5, 8), (4, 4), (1, 4))]
    assert table["p_disputed"].tolist() == pytest.approx(expected)
    assert table["p_disputed_holm"].iloc[1:].tolist() == pytest.approx([2 * expected[1], expected[2]])
    assert np.isnan(table["p_disputed_holm"].iloc[0]), "all mistakes are not one of the pairs"


def test_without_mistakes_there_are_no_confusions():
    judged = units(("x", "x", 0.9, "B y", True, False, ""))
    assert confusion_sources(judged).empty
    assert confident_errors(judged).empty
