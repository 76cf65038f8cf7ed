from __future__ import annotations

import importlib.util
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pandas as pd
import pytest
import yaml

from experiment.running import run, write_experiment
from http_server import wait_until
from newstance.errors import NewstanceError
from newstance.experiment import load_experiment
from newstance.experiment.fit import Setup
from newstance.files import read_json
from newstance.labels.weak import WeakSettings
from newstance.search import run as run_module
from newstance.search.trial import evaluate
from newstance.settings import SEARCH_TABLES, Settings
from search.searching import MODEL, RANGES, find, start, trials_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

SEED_WORDS = {"transport": ["ferry", "tram"], "sport": ["goal", "striker"], "health": ["nurse", "clinic"]}

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


@pytest.fixture(autouse=True)
def untracked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave MLflow out of what isn't about it: making a store takes six seconds."""
    if "client" not in request.fixturenames:
        monkeypatch.setattr("newstance.tracking.search.available", lambda: False)


@pytest.fixture
def client(project: Settings, empty_database: Path) -> MlflowClient:
    shutil.copy(empty_database, "mlflow.db")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{Path.cwd() / 'mlflow.db'}")


def test_the_best_trial_on_validation_becomes_an_experiment_that_runs_to_the_same_score(
    wide: Path, project: Settings
) -> None:
    found = find(wide, 6, project)
    table = trials_of("subject-wide")
    assert len(table) == len(found.table) == 6
    complete = table[table["state"] == "complete"]
    assert found.best["macro_f1"] == complete["macro_f1"].astype(float).max()

    assert found.experiment == Path("experiments/subject-wide-searched.yaml")
    best = load_experiment(found.experiment)
    assert (best.title, best.search, best.grid) == ("subject-wide, searched", {}, {})
    (row,) = table[table["trial"] == found.best["trial"]].to_dict("records")
    assert float(row["classifier.C"]) == best.model.classifier.C
    assert best.model.classifier.class_weight == {"null": None}.get(row["classifier.class_weight"], "balanced")
    assert best.model.features[0].min_documents == int(row["features.0.min_documents"])
    assert "chosen on validation" in found.experiment.read_text()
    metrics = read_json(run(found.experiment.stem, project) / "metrics.json")
    assert metrics["validation"]["macro_f1"] == pytest.approx(found.best["macro_f1"], abs=1e-6)


def test_importance_says_what_share_each_setting_has(wide: Path, project: Settings) -> None:
    find(wide, 6, project)
    shares = pd.read_csv(SEARCH_TABLES / "subject-wide.importance.csv")
    assert set(shares["setting"]) == set(RANGES)
    assert shares["importance"].sum() == pytest.approx(1, abs=1e-5)
    assert shares["importance"].is_monotonic_decreasing


def test_importance_is_pedanovas_whatever_optuna_would_take(
    wide: Path, project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []
    shares_of = optuna.importance.get_param_importances

    def watched(study: optuna.Study, *, evaluator: object = None, **keys: Any) -> dict[str, float]:
        taken.append(evaluator)
        return shares_of(study, **keys)

    monkeypatch.setattr(optuna.importance, "get_param_importances", watched)
    find(wide, 4, project)
    assert [type(one) for one in taken] == [optuna.importance.PedAnovaImportanceEvaluator]


def test_test_is_not_seen(wide: Path, project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fit = evaluate.__globals__["fit"]

    def watched(setup: Setup, fold: Any, *rest: Any) -> Any:
        seen.append(len(fold.test))
        return fit(setup, fold, *rest)

    monkeypatch.setitem(evaluate.__globals__, "fit", watched)
    find(wide, 1, project)
    assert seen == [0, 0]


def test_one_process_repeats_itself(wide: Path, project: Settings) -> None:
    names = ["trial", "macro_f1", "log_loss", *RANGES]
    first, second = (find(wide, 4, project, f"{name}.journal").table[names] for name in ("first", "second"))
    assert first.to_dict() == second.to_dict()
    assert first["classifier.C"].nunique() == 4


def test_the_same_command_again_goes_on_to_the_number_in_all(wide: Path, project: Settings) -> None:
    straight = find(wide, 4, project, "straight.journal").table
    find(wide, 2, project)
    again = find(wide, 4, project).table
    names = [name for name in straight.columns if name != "seconds"]
    assert again[names].to_dict() == straight[names].to_dict()
    before = Path("reports/search/subject-wide.csv").read_text()
    find(wide, 4, project)
    assert Path("reports/search/subject-wide.csv").read_text() == before


def test_an_interrupted_trial_is_not_counted(wide: Path, project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            find(wide, 2, project)
    assert not SEARCH_TABLES.exists()
    assert find(wide, 2, project).table["trial"].tolist() == [1, 2]


def test_hopeless_trials_of_a_transformer_end_after_an_epoch(
    reader: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Five trials are never pruned; then what is below their median is.
    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lambda trial: trial.number == 1)
    table = find(reader, 2, tiny).table
    assert table["state"].tolist() == ["complete", "pruned"]
    study = optuna.load_study(
        study_name="subject-reader",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend("data/cache/search/subject-reader.journal")
        ),
    )
    assert [list(trial.intermediate_values) for trial in study.trials] == [[1, 2, 3], [1]]


def test_settings_that_the_model_does_not_allow_together_are_pruned(project: Settings) -> None:
    ranges = {"features.0.ngrams.0": {"low": 1, "high": 2}, "features.0.ngrams.1": {"low": 2, "high": 3}}
    model = {**MODEL, "features": [{**MODEL["features"][0], "ngrams": [1, 2]}]}
    path = write_experiment("subject-grams", "subject", model, search={**ranges, "classifier.C": {"low": 1, "high": 9}})
    content = yaml.safe_load(path.read_text())
    content["search"]["features.0.ngrams.0"] = {"choices": [1, 2]}
    path.write_text(yaml.safe_dump(content))
    assert set(find(path, 3, project).table["state"]) <= {"complete", "pruned"}


def reasons_of(name: str) -> list[str]:
    backend = optuna.storages.journal.JournalFileBackend(f"data/cache/search/{name}.journal")
    study = optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(backend))
    return [trial.user_attrs.get("reason", "") for trial in study.trials]


def test_settings_that_cannot_be_fitted_prune_their_trial_and_say_why(project: Settings) -> None:
    ranges = {"features.0.min_documents": {"choices": [1, 100_000]}, "classifier.C": {"low": 0.1, "high": 9.0}}
    table = find(write_experiment("subject-rare", "subject", MODEL, search=ranges), 6, project).table
    assert set(table["state"]) == {"complete", "pruned"}
    impossible = table["features.0.min_documents"] == 100_000
    assert (table["state"] == "pruned").tolist() == impossible.tolist()
    assert [bool(reason) for reason in reasons_of("subject-rare")] == impossible.tolist()
    assert "TF-IDF finds no words to count" in "".join(reasons_of("subject-rare"))


def test_a_search_of_which_no_trial_could_be_fitted_says_why(project: Settings) -> None:
    ranges = {"features.0.min_documents": {"low": 100_000, "high": 200_000}}
    path = write_experiment("subject-rare", "subject", MODEL, search=ranges)
    with pytest.raises(
        NewstanceError, match=r"None of the 2 trials .* The last reason: TF-IDF finds no words to count"
    ):
        find(path, 2, project)


def test_weak_labels_are_learnt_from_as_a_run_does_and_belong_to_what_a_search_is(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = project.labels.directory / "weak/subject.yaml"
    words.parent.mkdir()
    words.write_text(yaml.safe_dump({"words": SEED_WORDS}))
    path = write_experiment("subject-weak", "subject", MODEL, search=RANGES, labels="weak")
    seen: list[Setup] = []
    fit = evaluate.__globals__["fit"]

    def watched(setup: Setup, *rest: Any) -> Any:
        seen.append(setup)
        return fit(setup, *rest)

    monkeypatch.setitem(evaluate.__globals__, "fit", watched)
    find(path, 1, project)
    assert [setup.weak for setup in seen] == [WeakSettings.model_validate({"words": SEED_WORDS})]
    words.write_text(yaml.safe_dump({"words": {**SEED_WORDS, "sport": ["referee"]}}))
    with pytest.raises(NewstanceError, match="has a search for 'subject-weak' with other settings"):
        find(path, 1, project)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({}, "key 'search' is missing: give ranges"),
        ({"search": {"classifier.C": {"low": 2, "high": 1}}}, "'low' must be less than 'high'"),
        ({"search": {"classifier.C": {"low": 0, "high": 1, "log": True}}}, "a logarithmic range starts above 0"),
        ({"search": {"classifier.C": {"low": 0, "high": 1}}}, "key 'search.classifier.C': key 'linear.classifier"),
        ({"search": {"classifier.C": {"low": 1}}}, "key 'search.classifier.C"),
        ({"search": {"classifier.C": {"choices": [1]}}}, "key 'search.classifier.C"),
        ({"search": {"classifier.D": {"low": 1, "high": 2}}}, "'classifier.D' leads to nothing in 'model'"),
        ({"search": {"features.1.weight": {"low": 1, "high": 2}}}, "'features.1.weight' leads to nothing in 'model'"),
        (
            {"search": {"features.0.weight": {"low": 1, "high": 2}}, "grid": {"classifier.C": [1, 2]}},
            "'classifier.C' of 'grid' has no range in 'search'",
        ),
    ],
)
def test_ranges_that_cannot_be_searched_are_named(project: Settings, keys: dict[str, Any], named: str) -> None:
    path = write_experiment("subject-wrong", "subject", MODEL, **keys)
    with pytest.raises(NewstanceError) as error:
        find(path, 2, project)
    assert str(error.value).startswith("experiments/subject-wrong.yaml: ")
    assert named in str(error.value)
    assert not Path("data/cache/search").exists()


def test_ranges_are_no_part_of_a_run(wide: Path, project: Settings) -> None:
    assert "search" not in read_json(run("subject-wide", project) / "settings.json")


def test_a_storage_of_another_search_is_left_alone(wide: Path, project: Settings) -> None:
    find(wide, 1, project, "shared.journal")
    content = yaml.safe_load(wide.read_text())
    content["search"]["classifier.C"]["high"] = 5.0
    wide.write_text(yaml.safe_dump(content))
    with pytest.raises(NewstanceError, match=r"^shared.journal has a search for 'subject-wide' with other settings"):
        find(wide, 1, project, "shared.journal")


@pytest.mark.parametrize(
    ("storage", "sentence"),
    [
        ("postgresql://ada:geheim@127.0.0.1:1/search", "The search's storage postgresql://ada:***@127.0.0.1:1/search"),
        ("nosuch://ada:geheim@here/search", "The search's storage nosuch://ada:***@here/search can't be used"),
        ("://", "The search's storage is no URL of a database"),
        ("experiments", "The search's storage experiments can't be used: Is a directory."),
        ("experiments/subject-wide.yaml", "is no journal of Optuna or is damaged; give another file."),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_sentence_without_a_password(
    wide: Path, project: Settings, storage: str, sentence: str
) -> None:
    with pytest.raises(NewstanceError) as error:
        find(wide, 1, project, storage)
    assert sentence in str(error.value)
    assert "geheim" not in str(error.value)
    assert "\n" not in str(error.value)


def test_without_optuna_one_sentence_says_what_to_install(
    wide: Path, project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "optuna" else real(name, *more)
    )
    with pytest.raises(NewstanceError, match=r"^Optuna is not installed.*newstance\[scaling\]"):
        find(wide, 1, project)


@pytest.mark.slow
def test_each_trial_is_a_nested_run_also_one_that_was_left(wide: Path, project: Settings, client: MlflowClient) -> None:
    killed = start("search.killed", "search", str(wide), "--trials", "3")
    _, said = killed.communicate(timeout=240)
    assert killed.returncode == -signal.SIGKILL, said
    find(wide, 3, project)

    (experiment,) = [one for one in client.search_experiments() if one.name == "newstance-subject"]
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [one for one in runs if "mlflow.parentRunId" not in one.data.tags]
    trials = {one.data.tags["newstance.trial"]: one for one in runs if one is not parent}
    assert {number: one.info.status for number, one in trials.items()} == {
        "0": "FINISHED",
        "1": "KILLED",
        "2": "FINISHED",
        "3": "FINISHED",
    }
    assert {one.data.tags["mlflow.parentRunId"] for one in trials.values()} == {parent.info.run_id}
    table = trials_of("subject-wide").set_index("trial")
    for number in (0, 2, 3):
        assert trials[str(number)].data.metrics["macro_f1"] == pytest.approx(float(table["macro_f1"][number]), abs=1e-6)
        assert float(trials[str(number)].data.params["classifier.C"]) == float(table["classifier.C"][number])
    assert trials["1"].data.params == trials["2"].data.params, "what was left is tried again"
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["macro_f1"] == pytest.approx(table["macro_f1"].astype(float).max(), abs=1e-6)


@pytest.mark.slow
def test_two_processes_share_the_trials_and_both_see_them_all(wide: Path, project: Settings) -> None:
    processes = [start("search.beside", "search", str(wide), "--trials", "8") for _ in range(2)]
    said = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert all("Best of 8 trials" in " ".join(error.split()) for _, error in said)
    table = trials_of("subject-wide")
    assert len(table) == 8
    assert not table.duplicated(subset=list(RANGES)).any()
    owners = Path("owners.txt").read_text().split()
    assert len(owners) == 8
    assert len(set(owners)) == 2, "both had some"
    assert not list(Path("data/cache/search").glob("*.worker-*"))


@pytest.mark.slow
def test_a_living_process_keeps_its_trial_and_a_killed_one_leaves_it_to_the_other(
    wide: Path, project: Settings
) -> None:
    arguments = ("search", str(wide), "--trials", "4")
    held = start("search.held", *arguments)
    wait_until(lambda: held.poll() is not None or Path("held.txt").exists(), 240)
    other = start("search.beside", *arguments)
    owners = Path("owners.txt")
    wait_until(lambda: other.poll() is not None or (owners.exists() and len(owners.read_text().split()) == 2), 240)
    assert other.poll() is None, "it waits for the trial that isn't its own"
    held.kill()
    held.communicate()
    _, said = other.communicate(timeout=240)
    assert other.returncode == 0, said
    assert trials_of("subject-wide")["trial"].tolist() == [0, 2, 3, 4]
    assert len(owners.read_text().split()) == 3
