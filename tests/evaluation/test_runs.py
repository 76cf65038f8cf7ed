import shutil

import numpy as np
import pytest

from newstance.errors import NewstanceError
from newstance.evaluation.runs import read_runs
from newstance.files import read_json, read_parquet, write_json, write_parquet


@pytest.fixture
def folder(project, tmp_path):
    """A run folder to spoil."""
    return shutil.copytree(project.prepared.parent / "runs" / "topic-strong", tmp_path / "topic-strong")


def test_a_run_is_read_with_what_the_comparison_needs(folder):
    (run,) = read_runs([folder])
    assert (run.settings.experiment, run.settings.task, run.settings.seeds) == ("topic-strong", "topic", (1, 2, 3))
    assert run.timing.predict_seconds_per_unit == 0.002
    assert set(run.predictions["seed"]) == {1, 2, 3}


def test_training_units_are_means_over_seeds_and_missing_for_an_ensemble(folder):
    write_json(folder / "training.json", {"1": {"units": 60}, "2": {"units": 57}, "3": {"units": 54}})
    assert read_runs([folder])[0].training.units == 57
    write_json(folder / "training.json", {"1": {"members": ["a", "b"], "weights": [0.5, 0.5]}})
    assert np.isnan(read_runs([folder])[0].training.units)


def test_no_run_at_all_is_an_error():
    with pytest.raises(NewstanceError, match="no run to compare; run an experiment first"):
        read_runs([])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NewstanceError, match=r"Run folder .*topic-none is missing; run its experiment"):
        read_runs([tmp_path / "topic-none"])


@pytest.mark.parametrize(
    "name", ["settings.json", "timing.json", "training.json", "environment.json", "metrics.json", "predictions.parquet"]
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(NewstanceError, match=rf"topic-strong.{name} is missing; run the step"):
        read_runs([folder])


@pytest.mark.parametrize(
    "name", ["settings.json", "timing.json", "training.json", "environment.json", "metrics.json", "predictions.parquet"]
)
def test_a_damaged_file_is_named(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:20])
    with pytest.raises(NewstanceError, match=rf"topic-strong.{name}"):
        read_runs([folder])


def test_a_wrong_setting_is_named(folder):
    write_json(folder / "settings.json", read_json(folder / "settings.json") | {"seeds": []})
    with pytest.raises(NewstanceError, match=r"settings.json: key 'seeds': .* run the experiment again"):
        read_runs([folder])


def test_predictions_of_other_seeds_than_the_settings_say_are_refused(folder):
    predictions = read_parquet(folder / "predictions.parquet")
    write_parquet(folder / "predictions.parquet", predictions[predictions["seed"] != 2])
    with pytest.raises(NewstanceError, match=r"does not hold the seeds of settings.json \(1, 2, 3\)"):
        read_runs([folder])


def test_two_folders_of_one_experiment_are_refused(project, folder):
    with pytest.raises(NewstanceError, match="hold the same experiment 'topic-strong'"):
        read_runs([project.runs[0], folder])
