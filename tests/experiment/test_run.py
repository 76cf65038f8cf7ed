from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from experiment.running import DETERMINISTIC, UNFINISHED, contents, files, run, yaml_of
from newstance.corpus.prepared import fingerprint, read_prepared
from newstance.corpus.splits import Fold
from newstance.errors import NewstanceError
from newstance.evaluation.calibration import apply_temperature
from newstance.experiment.fit import Setup, fit, predictions
from newstance.experiment.settings import load_experiment
from newstance.files import read_json
from newstance.models import persistence
from newstance.settings import RUNS, Settings
from projects import OUTLETS, TWINS


@pytest.mark.parametrize(("name", "seeds"), [("subject-majority", [1]), ("view-svm", [1, 2])])
def test_a_run_folder_has_these_files_and_no_others(project: Settings, name: str, seeds: list[int]) -> None:
    folder = run(name, project)
    expected = {*DETERMINISTIC, "run.json", "timing.json", "environment.json", "training.json"}
    expected |= {"figures/confusion.png", "figures/reliability.png"}
    for seed in seeds:
        model = f"seeds/{seed}/model"
        expected |= {f"seeds/{seed}/calibration.json", f"{model}/pipeline.skops", f"{model}/model.json"}
    assert folder == RUNS / name
    assert files(folder) == expected
    assert [path.name for path in RUNS.iterdir()] == [name]
    assert list(UNFINISHED.iterdir()) == []


def test_the_settings_say_what_was_run_on_which_data(project: Settings) -> None:
    experiment = load_experiment(yaml_of("view-svm"))
    settings = read_json(run("view-svm", project) / "settings.json")
    assert settings == {
        "experiment": "view-svm",
        "data": fingerprint("view"),
        **experiment.model_dump(mode="json"),
    }


def test_identity_timing_and_environment_are_there(project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "experiment@subject-logreg")
    folder = run("subject-logreg", project)
    identity = read_json(folder / "run.json")
    assert set(identity) == {"id", "created", "git_commit", "dvc_stage"}
    assert len(identity["id"]) == 32
    assert pd.Timestamp(identity["created"]).tzinfo is not None
    assert identity["dvc_stage"] == "experiment@subject-logreg"
    timing = read_json(folder / "timing.json")
    assert set(timing) == {"fit_seconds", "predict_seconds_per_unit", "threads"}
    assert min(timing.values()) > 0
    environment = read_json(folder / "environment.json")
    assert environment["packages"]["numpy"] == np.__version__
    assert "cores" in environment["hardware"] or " x " in environment["hardware"]


@pytest.mark.parametrize("name", ["subject-logreg", "view-svm"])
def test_two_runs_of_one_file_give_the_same_bytes_under_two_ids(project: Settings, name: str) -> None:
    first = contents(run(name, project))
    second = contents(run(name, project))
    for file in DETERMINISTIC:
        assert first[file] == second[file], file
    assert first["run.json"] != second["run.json"]


def test_scores_hold_every_seed_and_every_candidate(project: Settings) -> None:
    folder = run("view-svm", project)
    scores, metrics = read_json(folder / "scores.json"), read_json(folder / "metrics.json")
    assert set(metrics) == {"validation", "test", "outlet-held-out", "unseen-target"}
    assert set(scores["seeds"]) == {"1", "2"}
    # The held-out outlets are gone through with the first seed only.
    assert "outlet-held-out" in scores["seeds"]["1"]
    assert "outlet-held-out" not in scores["seeds"]["2"]
    means = [scores["seeds"][seed]["test"]["macro_f1"] for seed in ("1", "2")]
    assert metrics["test"]["macro_f1"] == pytest.approx(np.mean(means), abs=1e-6)
    assert [(row["seed"], row["settings"]) for row in scores["search"]] == [
        (seed, {"classifier.C": value}) for seed in (1, 2) for value in (0.05, 1)
    ]
    for seed in (1, 2):
        rows = [row for row in scores["search"] if row["seed"] == seed]
        best = max(rows, key=lambda row: (row["macro_f1"], -row["log_loss"]))
        assert scores["seeds"][str(seed)]["chosen"] == best["settings"]


def test_an_experiment_may_leave_out_the_held_out_outlets(project: Settings) -> None:
    settings = yaml.safe_load(yaml_of("subject-logreg").read_text())
    yaml_of("subject-short").write_text(yaml.safe_dump({**settings, "protocols": ["standard"]}))
    folder = run("subject-short", project)
    assert set(read_json(folder / "metrics.json")) == {"validation", "test"}
    assert set(pd.read_parquet(folder / "predictions.parquet")["protocol"]) == {"standard"}


def test_an_unknown_task_is_named_with_the_known_ones(project: Settings) -> None:
    settings = yaml.safe_load(yaml_of("subject-majority").read_text())
    yaml_of("mood-majority").write_text(yaml.safe_dump({**settings, "task": "mood"}))
    message = "mood-majority.yaml: key 'task': 'mood' is no scheme of params.yaml; use subject, view."
    with pytest.raises(NewstanceError, match=message):
        run("mood-majority", project)
    assert not UNFINISHED.exists()


def test_data_that_are_not_prepared_are_asked_for(project: Settings) -> None:
    shutil.rmtree("data/prepared")
    with pytest.raises(NewstanceError, match=r"train\.parquet is missing; .*prepare the data"):
        run("subject-majority", project)
    assert not RUNS.exists()
    assert not UNFINISHED.exists()


def test_probabilities_are_packed_since_they_are_kept_in_the_repository(project: Settings) -> None:
    group = pq.ParquetFile(run("subject-majority", project) / "predictions.parquet").metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    packed = {one.path_in_schema for one in columns if "BYTE_STREAM_SPLIT" in one.encodings}
    codes = project.labels.load_schemes()["subject"].codes
    assert packed == {prefix + code for code in codes for prefix in ("raw_", "prob_")}


@pytest.mark.parametrize("name", ["view-logreg", "subject-svm", "subject-majority"])
def test_a_saved_model_gives_the_folders_predictions(project: Settings, name: str) -> None:
    folder = run(name, project)
    task = read_json(folder / "settings.json")["task"]
    codes = project.labels.load_schemes()[task].codes
    test = read_prepared(task)["test"]
    table = pd.read_parquet(folder / "predictions.parquet")
    for seed in sorted(set(table["seed"])):
        model = persistence.load(folder / f"seeds/{seed}/model")
        temperature = read_json(folder / f"seeds/{seed}/calibration.json")["temperature"]
        rows = table[(table["seed"] == seed) & (table["protocol"] == "standard") & (table["split"] == "test")]
        assert list(rows["article_id"]) == list(test["article_id"])
        raw = pd.DataFrame(model.predict_proba(test), columns=model.classes_)[codes].to_numpy()
        np.testing.assert_allclose(raw, rows[[f"raw_{code}" for code in codes]], rtol=1e-12)
        np.testing.assert_allclose(
            apply_temperature(raw, temperature), rows[[f"prob_{code}" for code in codes]], rtol=1e-9
        )


@pytest.mark.parametrize("name", ["subject-logreg", "view-svm"])
def test_an_outlets_predictions_come_from_a_model_that_saw_nothing_of_it(project: Settings, name: str) -> None:
    folder = run(name, project)
    experiment = load_experiment(yaml_of(name))
    scheme = project.labels.load_schemes()[experiment.task]
    data = read_prepared(scheme.name)
    everything = pd.concat(data.values())
    twins = everything[everything["article_id"].isin(TWINS)]
    assert len(set(twins["group"])) == 1
    assert len(set(twins["outlet"])) == 2
    table = pd.read_parquet(folder / "predictions.parquet")
    table = table[table["protocol"] == "outlet-held-out"]
    assert set(table["seed"]) == {1}
    assert set(table["split"]) == {"test"}
    assert sorted(table["article_id"]) == sorted(data["test"]["article_id"])
    left_out = 0
    for outlet in OUTLETS:
        # The division is made here once more, from what the protocol promises.
        of_outlet = everything[everything["outlet"] == outlet]
        unseen = {
            split: part[(part["outlet"] != outlet) & ~part["group"].isin(set(of_outlet["group"]))]
            for split, part in data.items()
        }
        left_out += (data["train"]["outlet"] != outlet).sum() - len(unseen["train"])
        test = data["test"][data["test"]["outlet"] == outlet].reset_index(drop=True)
        fold = Fold("outlet-held-out", outlet, unseen["train"], unseen["validation"], test)
        setup = Setup(experiment, scheme, {"Mayor Lund": ("Lund",)} if scheme.has_targets else {})
        expected = predictions(fit(setup, fold, 1), fold, ("test",), scheme, 1)
        found = table[table["fold"] == outlet].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert left_out, "an article must share a group with one of a held-out outlet for this to mean something"
