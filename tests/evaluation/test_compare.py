import shutil

import numpy as np
import pandas as pd
import pytest

from evaluation.synthetic_runs import Experiment, write_project
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.evaluation.compare import TABLES, compare, write_tables
from newstance.evaluation.metrics import METRICS
from newstance.evaluation.summary import run_metrics
from newstance.files import read_json, read_parquet, write_json, write_parquet


@pytest.fixture(scope="module")
def tables(project) -> dict[str, pd.DataFrame]:
    return compare(project.runs, project.prepared, project.settings, project.labels)


def test_the_tables_have_their_columns_and_key_every_row_once(tables):
    keys = {
        "comparison": ["task", "protocol", "experiment"],
        "paired_tests": ["task", "protocol", "experiment", "reference", "metric"],
        "per_class": ["task", "protocol", "experiment", "label"],
        "confusion": ["task", "protocol", "experiment", "label", "predicted"],
        "reliability": ["task", "experiment", "calibrated", "bin"],
        "slices": ["task", "experiment", "slice", "value"],
        "cost": ["task", "experiment"],
        "errors": ["task", "article_id", "target"],
        "confusion_sources": ["task", "label", "predicted"],
        "learning_curve": ["task", "experiment"],
        "ablations": ["task", "aspect", "experiment"],
        "auxiliary": ["task", "experiment", "split"],
    }
    assert list(tables) == list(TABLES) == list(keys)
    for name, table in tables.items():
        assert table.columns.tolist() == TABLES[name]
        assert not table.duplicated(keys[name]).any(), name


def test_each_task_has_the_protocols_that_its_runs_and_data_allow(tables):
    counts = tables["comparison"].groupby(["task", "protocol"]).size().to_dict()
    assert counts == {
        ("topic", "standard"): 3,
        ("topic", "outlet-held-out"): 2,
        ("stance", "standard"): 2,
        ("stance", "outlet-held-out"): 2,
        ("stance", "unseen-target"): 2,
    }


def test_the_comparison_states_the_metrics_of_the_runs(project, tables):
    parts = {"standard": "test", "outlet-held-out": "outlet-held-out", "unseen-target": "unseen-target"}
    schemes = project.settings.labels.load_schemes()
    rows = tables["comparison"].set_index(["experiment", "protocol"])
    for folder in project.runs:
        task = read_json(folder / "settings.json")["task"]
        data = read_prepared(task, project.prepared)
        metrics = run_metrics(read_parquet(folder / "predictions.parquet"), data, schemes[task])
        for protocol in rows.loc[folder.name].index:
            row = rows.loc[(folder.name, protocol)]
            assert row["validation_macro_f1"] == pytest.approx(metrics["validation"]["macro_f1"], abs=1e-6)
            for name in METRICS:
                expected = metrics[parts[protocol]].get(name, np.nan)
                assert row[name] == pytest.approx(expected, abs=1e-6, nan_ok=True)
                assert np.isnan(expected) or row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_units_and_articles_are_counted(project, tables):
    rows = tables["comparison"].set_index(["experiment", "protocol"])
    assert rows.loc[("topic-weak", "standard"), ["units", "articles"]].tolist() == [80, 80]
    assert rows.loc[("stance-strong", "outlet-held-out"), ["units", "articles"]].tolist() == [160, 80]
    data = read_prepared("stance", project.prepared)
    unseen = data["test"][~data["test"]["target"].isin(data["train"]["target"])]
    counts = [len(unseen), unseen["article_id"].nunique()]
    assert rows.loc[("stance-strong", "unseen-target"), ["units", "articles"]].tolist() == counts


def test_the_spread_over_seeds_needs_several(tables):
    rows = tables["comparison"].set_index(["experiment", "protocol"])
    assert rows.loc[("topic-strong", "standard"), "seeds"] == 3
    assert rows.loc[("topic-strong", "standard"), "macro_f1_seed_sd"] > 0
    assert np.isnan(rows.loc[("topic-weak", "standard"), "macro_f1_seed_sd"])


def test_experiments_are_ranked_by_validation(tables):
    rows = tables["comparison"]
    ranks = rows.drop_duplicates("experiment").set_index("experiment")["rank"].to_dict()
    assert ranks == {
        "topic-strong": 1,
        "topic-weak": 2,
        "topic-majority": 3,
        "stance-strong": 1,
        "stance-target-only": 2,
    }
    assert len(rows[["experiment", "rank"]].drop_duplicates()) == len(ranks)
    assert (rows["best"] == (rows["rank"] == 1)).all()


def test_a_better_test_score_does_not_raise_the_rank(project, tmp_path):
    folder = shutil.copytree(project.prepared.parent / "runs" / "topic-weak", tmp_path / "topic-weak")
    predictions = read_parquet(folder / "predictions.parquet")
    test = predictions["split"] == "test"
    for prefix in ("raw_", "prob_"):
        columns = [name for name in predictions if name.startswith(prefix)]
        truth = predictions.loc[test, "label"].to_numpy()[:, None] == [name.removeprefix(prefix) for name in columns]
        predictions.loc[test, columns] = truth.astype(float)
    write_parquet(folder / "predictions.parquet", predictions)
    rows = compare([folder, project.runs[0]], project.prepared, project.settings)["comparison"]
    rows = rows[rows["protocol"] == "standard"].set_index("experiment")
    assert rows.loc["topic-weak", "accuracy"] == 1
    assert rows["rank"].to_dict() == {"topic-strong": 1, "topic-weak": 2}


def test_of_two_with_equal_validation_the_one_fitted_on_all_labels_comes_first(project, tmp_path):
    for name, refit in (("a-on-train", False), ("b-on-both", True)):
        folder = shutil.copytree(project.prepared.parent / "runs" / "topic-weak", tmp_path / name)
        settings = read_json(folder / "settings.json")
        write_json(folder / "settings.json", settings | {"experiment": name, "refit": refit})
    rows = compare([tmp_path / "a-on-train", tmp_path / "b-on-both"], project.prepared, project.settings)["comparison"]
    assert rows.query("protocol == 'standard'").set_index("experiment")["rank"].to_dict() == {
        "b-on-both": 1,
        "a-on-train": 2,
    }


def test_times_with_other_numbers_of_threads_are_not_compared(project, tmp_path):
    folder = shutil.copytree(project.prepared.parent / "runs" / "topic-weak", tmp_path / "topic-weak")
    timing = read_json(folder / "timing.json")
    write_json(folder / "timing.json", timing | {"threads": 1, "fit_seconds": 1000 * timing["fit_seconds"]})
    tables = compare([folder, project.runs[0]], project.prepared, project.settings)
    rows = tables["comparison"].query("protocol == 'standard'").set_index("experiment")
    assert rows.loc["topic-weak", "hardware"].endswith(", 1 thread")
    assert rows.loc["topic-strong", "hardware"].endswith(", 2 threads")
    assert tables["cost"]["training_frontier"].all(), "a frontier each, though one is dearer and worse"


def test_the_order_of_the_folders_changes_no_table(project, tables):
    for name, table in compare(project.runs[::-1], project.prepared, project.settings, project.labels).items():
        pd.testing.assert_frame_equal(table, tables[name])


def test_paired_tests_are_against_the_best_experiment(tables):
    rows = tables["paired_tests"]
    assert rows.groupby("task")["reference"].unique().map(list).to_dict() == {
        "stance": ["stance-strong"],
        "topic": ["topic-strong"],
    }
    assert (rows.loc[rows["protocol"] == "standard", "difference"] < 0).all()


def test_paired_tests_are_also_against_the_best_linear_baseline(study_tables):
    rows = study_tables["paired_tests"].query("protocol == 'standard' and task == 'topic'")
    ranked = study_tables["comparison"].query("protocol == 'standard' and task == 'topic'").sort_values("rank")
    linear = ranked.query("role == 'baseline' and kind == 'linear'")["experiment"].iloc[0]
    assert rows["reference"].unique().tolist() == [ranked["experiment"].iloc[0], linear]
    for reference, part in rows.groupby("reference"):
        assert sorted(part.query("metric == 'macro_f1'")["experiment"]) == sorted(
            set(ranked["experiment"]) - {reference}
        )
    there_and_back = rows.query("metric == 'macro_f1'").set_index(["reference", "experiment"])["difference"]
    best = ranked["experiment"].iloc[0]
    assert there_and_back[(best, linear)] == -there_and_back[(linear, best)]


def test_p_values_are_corrected_for_each_reference_by_itself(study_tables):
    rows = study_tables["paired_tests"].query("protocol == 'standard' and task == 'topic' and metric == 'macro_f1'")
    for _, part in rows.groupby("reference"):
        assert part["p_bootstrap_holm"].min() == pytest.approx(min(1, part["p_bootstrap"].min() * len(part)))


def test_the_comparison_says_what_was_fitted_on_how_much_and_where(study_tables):
    rows = study_tables["comparison"].query("protocol == 'standard'").set_index("experiment")
    columns = ["kind", "aspects", "train_share", "train_units", "refit", "hardware"]
    quarter = rows.loc["topic-transformer-25%", columns].tolist()
    assert quarter == ["transformer", "learning-curve", 0.25, 15, False, "2 cores, Abacus 3000, 2 threads"]
    assert rows.loc["topic-transformer", "aspects"] == "length noise learning-curve"
    assert rows.loc["stance-topics-too", "hardware"] == "1 x Loom 9, 2 threads"
    assert np.isnan(rows.loc["topic-ensemble", "train_units"])


def test_the_scores_of_a_second_label_are_listed(study_tables):
    rows = study_tables["auxiliary"]
    assert rows.columns.tolist() == TABLES["auxiliary"]
    assert rows.to_numpy().tolist() == [
        ["stance", "stance-topics-too", "topic", "validation", 0.75, 0.7],
        ["stance", "stance-topics-too", "topic", "test", 0.75, 0.7],
    ]


def test_without_annotations_nothing_is_said_of_annotators(project, tmp_path):
    tables = compare(project.runs, project.prepared, project.settings, tmp_path)
    assert len(tables["errors"]) > 0
    assert set(tables["errors"]["annotators"]) == {""}
    assert not tables["errors"]["disputed"].any()
    assert tables["confusion_sources"].empty


def test_a_protocol_that_the_best_experiment_lacks_has_the_next_one_as_reference(tmp_path):
    experiments = (
        Experiment("topic-strong", "topic", 3.0, protocols=("standard",)),
        Experiment("topic-middle", "topic", 2.0),
        Experiment("topic-weak", "topic", 1.0),
    )
    project = write_project(tmp_path, experiments, resamples=100)
    rows = compare(project.runs, project.prepared, project.settings)["paired_tests"]
    references = rows.groupby("protocol")["reference"].unique().map(list).to_dict()
    assert references == {"standard": ["topic-strong"], "outlet-held-out": ["topic-middle"]}


def test_one_run_alone_is_compared_with_nothing(project):
    tables = compare(project.runs[:1], project.prepared, project.settings)
    assert len(tables["paired_tests"]) == 0
    assert tables["comparison"]["rank"].tolist() == [1, 1]


def test_confusion_and_classes_add_up_to_the_units(tables):
    confusion = tables["confusion"]
    assert (confusion["protocol"] == "standard").all()
    by_label = confusion.groupby(["experiment", "label"])["units"].sum()
    classes = tables["per_class"].query("protocol == 'standard'").set_index(["experiment", "label"])["support"]
    pd.testing.assert_series_equal(by_label, classes.sort_index(), check_names=False, check_dtype=False)
    assert by_label.groupby("experiment").sum().to_dict() == {
        "stance-strong": 160,
        "stance-target-only": 160,
        "topic-majority": 80,
        "topic-strong": 80,
        "topic-weak": 80,
    }


def test_reliability_pools_the_seeds(tables):
    units = tables["reliability"].groupby(["experiment", "calibrated"])["units"].sum()
    assert units.loc["topic-strong"].to_dict() == {False: 240, True: 240}
    assert units.loc["stance-target-only"].to_dict() == {False: 160, True: 160}


def test_slices_divide_the_units(tables):
    units = tables["slices"].groupby(["experiment", "slice"])["units"].sum()
    names = ["length", "outlet", "target_frequency", "topic"]
    assert units.loc["stance-strong"].to_dict() == dict.fromkeys(names, 160)
    assert units.loc["topic-weak"].to_dict() == dict.fromkeys(["length", "outlet", "topic"], 80)


def test_tables_are_written_and_the_same_each_time(project, tables, tmp_path):
    for folder in ("one", "other"):
        write_tables(tables, tmp_path / folder)
        tables = compare(project.runs, project.prepared, project.settings, project.labels)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(f"{name}.csv" for name in TABLES)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.fixture
def folder(project, tmp_path):
    """A run folder to spoil."""
    return shutil.copytree(project.prepared.parent / "runs" / "stance-strong", tmp_path / "stance-strong")


def test_a_run_on_other_data_is_refused(project, folder):
    write_json(folder / "settings.json", read_json(folder / "settings.json") | {"data": "0" * 64})
    with pytest.raises(
        NewstanceError, match=r"stance-strong was made from other data of task 'stance' .* \(dvc repro\)"
    ):
        compare([folder], project.prepared, project.settings)


def test_a_run_of_an_unknown_task_is_refused(project, folder):
    write_json(folder / "settings.json", read_json(folder / "settings.json") | {"task": "mood"})
    with pytest.raises(NewstanceError, match="unknown task 'mood'; the tasks are topic, stance"):
        compare([folder], project.prepared, project.settings)


def test_a_run_that_lacks_units_is_refused_with_its_place(project, folder):
    predictions = read_parquet(folder / "predictions.parquet")
    gone = predictions[(predictions["split"] == "test") & (predictions["seed"] == 2)].index[0]
    write_parquet(folder / "predictions.parquet", predictions.drop(index=gone))
    expected = r"stance-strong.predictions.parquet, test, seed 2: article 'a\d+' with target '.*' has no prediction"
    with pytest.raises(NewstanceError, match=expected):
        compare([folder], project.prepared, project.settings)
