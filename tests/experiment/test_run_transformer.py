from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiment.running import DETERMINISTIC, UNFINISHED, contents, files, run, transformer, write_experiment, yaml_of
from newstance.corpus.prepared import read_prepared
from newstance.corpus.splits import Fold
from newstance.experiment import run as run_module
from newstance.experiment import run_experiment
from newstance.experiment.fit import Hooks, Setup
from newstance.files import read_json
from newstance.models import persistence
from newstance.models.transformer.checkpoints import newest_whole
from newstance.settings import RUNS, Settings

TESTS = Path(__file__).parents[1]
# `accelerate launch`; without a GPU the two processes compute on the CPU and talk by gloo.
LAUNCHER = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0", "-m")


def test_a_transformer_leaves_the_same_kind_of_folder_and_says_how_it_was_trained(tiny: Settings) -> None:
    write_experiment("view-pair", "view", transformer(targets="pair"), aspects=["targets"])
    folder = run("view-pair", tiny)
    assert {*DETERMINISTIC, "training.json", "seeds/1/model/transformer/model.safetensors"} <= files(folder)
    assert list(UNFINISHED.iterdir()) == [], "checkpoints are gone"

    training = read_json(folder / "training.json")["1"]
    assert (training["units"], training["pruned"]) == (36, 0)
    assert [epoch["epoch"] for epoch in training["epochs"]] == [1, 2]
    best = max(training["epochs"], key=lambda epoch: epoch["macro_f1"])
    assert training["best_epoch"] == best["epoch"]
    metrics = read_json(folder / "metrics.json")
    assert set(metrics) == {"validation", "test", "unseen-target"}
    assert metrics["validation"]["macro_f1"] == pytest.approx(best["macro_f1"], abs=0.1)
    assert read_json(folder / "settings.json")["aspects"] == ["targets"]


def test_the_saved_transformer_gives_the_folders_predictions_without_its_backbone(tiny: Settings) -> None:
    write_experiment("view-shared", "view", transformer(targets="shared", epochs=1), seeds=[3])
    folder = run("view-shared", tiny)
    shutil.rmtree("backbone")
    model = persistence.load(folder / "seeds/3/model")
    table = pd.read_parquet(folder / "predictions.parquet")
    for split in ("validation", "test"):
        expected = table.loc[table["split"] == split, [f"raw_{code}" for code in model.classes_]]
        np.testing.assert_allclose(model.predict_proba(read_prepared("view")[split]), expected, atol=1e-5)


def test_two_runs_of_one_file_give_the_same_bytes_whatever_ran_between(tiny: Settings) -> None:
    write_experiment("subject-tiny", "subject", transformer(epochs=1))
    first = contents(run("subject-tiny", tiny))
    run("subject-majority", tiny)
    write_experiment("view-pair", "view", transformer(targets="pair", epochs=1), seeds=[2])
    run("view-pair", tiny)
    second = contents(run("subject-tiny", tiny))
    for file in (*DETERMINISTIC, "training.json"):
        assert first[file] == second[file], file


def test_a_second_label_is_scored_beside_the_first_one_and_averaged_over_seeds(tiny: Settings) -> None:
    model = transformer(targets="shared", auxiliary="subject", epochs=1)
    write_experiment("view-multi", "view", model, seeds=[1, 2])
    folder = run("view-multi", tiny)
    scores, metrics = read_json(folder / "scores.json"), read_json(folder / "metrics.json")
    test = read_prepared("view")["test"]
    for split in ("validation", "test"):
        for name in ("accuracy", "macro_f1"):
            by_seed = [scores["seeds"][seed]["auxiliary"][split][name] for seed in ("1", "2")]
            assert metrics["auxiliary"][split][name] == pytest.approx(np.mean(by_seed), abs=1e-6)
    fitted = persistence.load(folder / "seeds/1/model")
    predicted = fitted.auxiliary_classes_[fitted.predict_auxiliary_proba(test).argmax(axis=1)]
    right = float((predicted == test["subject"].to_numpy(dtype=object)).mean())
    assert scores["seeds"]["1"]["auxiliary"]["test"]["accuracy"] == pytest.approx(right, abs=1e-6)


def test_an_experiment_without_a_second_label_says_nothing_of_one(tiny: Settings) -> None:
    write_experiment("view-shared", "view", transformer(targets="shared", epochs=1))
    folder = run("view-shared", tiny)
    assert "auxiliary" not in read_json(folder / "metrics.json")
    assert "auxiliary" not in read_json(folder / "scores.json")["seeds"]["1"]


@pytest.fixture
def command_line(tiny: Settings) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs Python in the project as a process of its own, with one thread."""
    environment = {name: value for name, value in os.environ.items() if name not in {"RANK", "WORLD_SIZE"}}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", *arguments]
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=240)

    return command


@pytest.mark.slow
def test_a_run_killed_after_a_checkpoint_and_started_again_ends_as_if_it_had_not_been(
    tiny: Settings, command_line: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    # Dropout and a second seed, so that random states and what was finished before count.
    path = write_experiment("subject-tiny", "subject", transformer(dropout=0.2, epochs=3, patience=3), seeds=[1, 2])
    undisturbed = contents(run("subject-tiny", tiny))
    shutil.rmtree(RUNS)
    arguments = ("run", "--no-track", str(path))

    killed = command_line("experiment.killed", "4", *arguments)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (room,) = UNFINISHED.iterdir()
    assert [folder.name for folder in (room / "seeds").iterdir() if folder.name.isdecimal()] == ["1"]
    assert [folder.name for folder in (room / "checkpoints").iterdir()] == ["2"], "those of the first seed are gone"
    assert [folder.name for folder in (room / "checkpoints/2/0").iterdir()] == ["checkpoint-5"]
    assert not RUNS.exists()

    resumed = command_line("newstance", *arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "seed 2, step 10/15" in resumed.stderr
    assert "seed 2, step 5/15" not in resumed.stderr, "the first epoch is not trained again"
    assert "seed 1" not in resumed.stderr
    assert files(RUNS / "subject-tiny") == set(undisturbed)
    for file in (*DETERMINISTIC, "training.json"):
        assert (RUNS / "subject-tiny" / file).read_bytes() == undisturbed[file], file
    assert list(UNFINISHED.iterdir()) == []


def test_a_process_beside_the_first_one_trains_along_and_writes_nothing(
    tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[tuple[str, int, bool]] = []

    def fit(setup: Setup, fold: Fold, seed: int, hooks: Hooks | None = None) -> None:
        fitted.append((fold.name, seed, bool(hooks and hooks.checkpoints)))

    monkeypatch.setattr(run_module, "fit", fit)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    write_experiment("subject-tiny", "subject", transformer(), seeds=[1, 2], protocols=["standard", "outlet-held-out"])
    before = contents(Path())
    assert run_experiment(yaml_of("subject-tiny"), tiny) == RUNS / "subject-tiny"
    outlets = [(name, 1, False) for name in ("Harbour Post", "Hill Times", "Valley Radio")]
    assert fitted == [("standard", 1, True), *outlets, ("standard", 2, True)]
    fitted.clear()
    run_experiment(yaml_of("subject-logreg"), tiny)
    assert fitted == [], "a model that is no transformer is fitted by one process"
    assert contents(Path()) == before


@pytest.mark.slow
def test_two_processes_train_one_model_into_one_folder(
    tiny: Settings, command_line: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    # Without dropout, which draws otherwise in each process.
    model = transformer(dropout=0.0, epochs=2)
    path = write_experiment("subject-tiny", "subject", model, protocols=["standard", "outlet-held-out"])
    alone = run("subject-tiny", tiny).rename("alone")
    launched = command_line(*LAUNCHER, "newstance", "run", "--no-track", str(path))
    assert launched.returncode == 0, launched.stderr

    assert [folder.name for folder in RUNS.iterdir()] == ["subject-tiny"]
    assert list(UNFINISHED.iterdir()) == []
    together = RUNS / "subject-tiny"
    assert files(together) == files(alone)
    one, two = (read_json(folder / "training.json")["1"] for folder in (alone, together))
    assert [point["step"] for point in two["curve"]] == [point["step"] for point in one["curve"]]
    for name in ("loss", "learning_rate"):
        values = [[point[name] for point in training["curve"]] for training in (one, two)]
        np.testing.assert_allclose(values[0], values[1], rtol=0.02)
    one, two = (pd.read_parquet(folder / "predictions.parquet") for folder in (alone, together))
    keys = ["protocol", "fold", "split", "article_id"]
    columns = ["raw_transport", "raw_sport", "raw_health"]
    both = one.merge(two, on=keys, suffixes=("_one", "_two"), validate="one_to_one")
    assert len(both) == len(one) == len(two)
    for column in columns:
        np.testing.assert_allclose(both[f"{column}_one"], both[f"{column}_two"], atol=0.03)


@pytest.mark.slow
def test_two_processes_of_which_one_was_lost_go_on_and_score_within_the_interval_of_seeds(
    tiny: Settings, command_line: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    model = transformer(dropout=0.1, epochs=3, patience=3)
    path = write_experiment("subject-tiny", "subject", model, seeds=[1, 2, 3, 4])
    alone = read_json(run("subject-tiny", tiny) / "scores.json")["seeds"]
    shutil.rmtree(RUNS)
    arguments = ("run", "--no-track", str(path))

    lost = command_line(*LAUNCHER, "experiment.lost", "2", *arguments)
    assert lost.returncode != 0
    (room,) = UNFINISHED.iterdir()
    assert [folder.name for folder in (room / "checkpoints").iterdir()] == ["1"]
    assert newest_whole(room / "checkpoints/1/0").name == "checkpoint-10"
    assert not RUNS.exists()

    resumed = command_line(*LAUNCHER, "newstance", *arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "seed 1, step 15/15" in resumed.stderr
    assert "seed 1, step 10/15" not in resumed.stderr, "the first two epochs are not trained again"
    assert list(UNFINISHED.iterdir()) == []
    together = read_json(RUNS / "subject-tiny/scores.json")["seeds"]
    for part in ("validation", "test"):
        for metric in ("macro_f1", "log_loss"):
            one, two = ([scores[part][metric] for scores in seeds.values()] for seeds in (alone, together))
            spread = np.std(one, ddof=1) * stats.t.ppf(0.975, len(one) - 1)  # where another seed's score may lie
            assert abs(np.mean(two) - np.mean(one)) <= spread, (part, metric, one, two)
