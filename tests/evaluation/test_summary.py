import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from evaluation.synthetic_runs import Project
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.evaluation.summary import run_metrics, run_outcomes, seed_metrics


def inputs(project: Project, experiment: str):
    task = experiment.split("-", maxsplit=1)[0]
    predictions = pd.read_parquet(project.prepared.parent / "runs" / experiment / "predictions.parquet")
    return predictions, read_prepared(task, project.prepared), project.settings.labels.load_schemes()[task]


def test_a_runs_metrics_are_means_over_its_seeds(project):
    by_seed = seed_metrics(*inputs(project, "topic-strong"))
    metrics = run_metrics(*inputs(project, "topic-strong"))
    assert list(by_seed) == ["1", "2", "3"]
    assert list(metrics) == ["validation", "test", "outlet-held-out"]
    for part, values in metrics.items():
        for name, value in values.items():
            assert value == pytest.approx(np.mean([one[part][name] for one in by_seed.values()]), abs=2e-6)
    assert "lenient_accuracy" in metrics["test"]


@pytest.mark.parametrize("part", ["validation", "test", "outlet-held-out", "unseen-target"])
def test_every_part_is_scored_on_its_own_predictions(project, part):
    predictions, data, scheme = inputs(project, "stance-target-only")
    if part == "outlet-held-out":
        rows = predictions[predictions["protocol"] == part]
    else:
        split = "validation" if part == "validation" else "test"
        rows = predictions[(predictions["protocol"] == "standard") & (predictions["split"] == split)]
    if part == "unseen-target":
        rows = rows[~rows["target"].isin(data["train"]["target"])]
        assert 0 < len(rows) < len(data["test"])
    guess = [scheme.codes[number] for number in rows[[f"prob_{code}" for code in scheme.codes]].to_numpy().argmax(1)]
    metrics = run_metrics(predictions, data, scheme)[part]
    assert metrics["accuracy"] == pytest.approx(accuracy_score(rows["label"], guess), abs=1e-6)
    assert metrics["macro_f1"] == pytest.approx(f1_score(rows["label"], guess, average="macro"), abs=1e-6)
    assert "lenient_accuracy" not in metrics


def test_the_metrics_can_be_written_as_json_and_do_not_depend_on_the_order_of_the_predictions(project):
    predictions, data, scheme = inputs(project, "topic-majority")
    metrics = run_metrics(predictions, data, scheme)
    assert list(metrics) == ["validation", "test"]
    shuffled = predictions.sample(frac=1, random_state=1)
    assert json.dumps(run_metrics(shuffled, data, scheme), allow_nan=False) == json.dumps(metrics)


def test_without_unseen_targets_there_is_no_such_part(project):
    predictions, data, scheme = inputs(project, "stance-strong")
    everything = {**data, "train": pd.concat([data["train"], data["test"]])}
    assert set(run_outcomes(predictions, everything, scheme)) == {"validation", "test", "outlet-held-out"}


def test_missing_columns_are_named(project):
    predictions, data, scheme = inputs(project, "stance-strong")
    with pytest.raises(NewstanceError, match=r"predictions lacks the column\(s\) fold, prob_favor; run the experiment"):
        run_metrics(predictions.drop(columns=["fold", "prob_favor"]), data, scheme)


def test_predictions_without_a_test_split_are_refused(project):
    predictions, data, scheme = inputs(project, "topic-majority")
    with pytest.raises(NewstanceError, match="predictions has no predictions for 'test'"):
        run_metrics(predictions[predictions["split"] == "validation"], data, scheme)
