import os
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from newstance.errors import NewstanceError
from newstance.experiment import load_experiment, run_experiment
from newstance.files import read_json, read_parquet
from newstance.notebooks import live
from newstance.notebooks.project import Project
from newstance.settings import EXPERIMENTS, RUNS, Settings
from newstance.tracking.read import FoundRun, read_folder
from projects import prepare, write_project

BASE = EXPERIMENTS / "subject-logreg.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settings]:
    """A small project with one finished run, the experiment to be varied."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    settings = prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_experiment(BASE, settings, track=False)
    return folder, settings


@pytest.fixture
def settings(made: tuple[Path, Settings], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the small project, in its folder."""
    monkeypatch.chdir(made[0])
    return made[1]


@pytest.fixture
def folder(settings: Settings) -> Path:
    """The run of the variation."""
    return live.fit(live.read_titles_only(BASE), settings)


def test_the_variation_reads_titles_and_is_else_like_its_base(settings):
    before = BASE.read_text(encoding="utf-8")
    base, varied = load_experiment(BASE), load_experiment(live.read_titles_only(BASE))
    assert BASE.read_text(encoding="utf-8") == before
    assert [features.field for features in varied.model.features] == ["title"]
    changed = {key: value for key, value in varied.model_dump().items() if value != base.model_dump()[key]}
    assert set(changed) == {"title", "model", "protocols"}
    assert varied.model.classifier == base.model.classifier


def test_the_listing_shows_the_file(settings):
    path = live.read_titles_only(BASE)
    shown = re.search(r"```yaml\n(.*)```", live.as_listing(path), re.DOTALL)
    assert shown is not None
    assert yaml.safe_load(shown[1])["title"] == "TF-IDF + logistic regression, titles only"


def test_the_live_run_lies_apart_from_the_projects_runs(folder):
    assert folder == live.LIVE / "runs/subject-logreg-titles"
    assert read_parquet(folder / "predictions.parquet")["split"].isin(["validation", "test"]).all()
    assert [path.name for path in RUNS.iterdir()] == ["subject-logreg"]


def test_the_same_experiment_is_fitted_once_and_a_changed_one_anew(folder, settings):
    first = read_json(folder / "run.json")["id"]
    path = live.read_titles_only(BASE)
    assert read_json(live.fit(path, settings) / "run.json")["id"] == first
    path.write_text(path.read_text(encoding="utf-8").replace("0.1", "0.2"), encoding="utf-8")
    assert read_json(live.fit(path, settings) / "run.json")["id"] != first


def test_other_code_makes_the_run_anew(folder, settings, monkeypatch):
    first = read_json(folder / "run.json")["id"]
    monkeypatch.setattr(live, "code_hash", lambda: "other")
    assert read_json(live.fit(live.read_titles_only(BASE), settings) / "run.json")["id"] != first


def test_an_interrupted_fit_is_not_taken_for_a_finished_one(folder, settings, monkeypatch):
    path = live.read_titles_only(BASE)

    def interrupted(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(live, "run_experiment", interrupted)
        patch.setattr(live, "code_hash", lambda: "other")
        with pytest.raises(KeyboardInterrupt):
            live.fit(path, settings)
    first = read_json(folder / "run.json")["id"]
    assert read_json(live.fit(path, settings) / "run.json")["id"] != first


def test_what_the_grid_reached_and_what_was_chosen_is_said(folder):
    text = live.chosen_in_words(folder)
    assert text.count("macro-F1") == 4
    chosen = read_json(folder / "scores.json")["seeds"]["1"]["chosen"]
    assert text.endswith(f"Chosen: classifier.C {chosen['classifier.C']}, features.0.weight "
                         f"{chosen['features.0.weight']}.")  # fmt: skip


@pytest.mark.parametrize("before", [None, "sqlite:///theirs.db"])
def test_the_own_store_is_used_for_its_time_only(monkeypatch, before):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if before:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", before)
    seen = []

    def failing() -> None:
        with live.own_store():
            seen.append(os.environ["MLFLOW_TRACKING_URI"])
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert seen == ["sqlite:///build/notebooks/mlflow.db"]
    assert os.environ.get("MLFLOW_TRACKING_URI") == before


def test_a_run_is_logged_and_found_in_the_own_store(folder, monkeypatch):
    used = []
    monkeypatch.setattr(live.tracking, "track", lambda path: used.append((path, os.environ["MLFLOW_TRACKING_URI"])))
    monkeypatch.setattr(live, "find_run", lambda path: used.append((path, os.environ["MLFLOW_TRACKING_URI"])))
    with pytest.raises(NewstanceError, match="doesn't hold the run"):
        live.track(folder)
    assert used == [(folder, live.STORE)] * 2


def test_a_run_that_the_store_lacks_is_read_from_its_folder(folder, monkeypatch):
    monkeypatch.setattr(live, "find_run", lambda path: None)
    found = live.find(folder)
    assert found == read_folder(folder)
    assert "from its run folder (not in MLflow)" in live.found_in_words(found)


def test_a_run_of_mlflow_says_so(folder, monkeypatch):
    tracked = FoundRun("MLflow", "newstance-subject", "some", {"task": "subject"}, {"a": 1.0, "b": 2.0}, {1: {}, 2: {}})
    monkeypatch.setattr(live, "find_run", lambda path: tracked)
    assert live.found_in_words(live.find(folder)) == (
        "`some`, from MLflow, experiment `newstance-subject`: 1 parameter, 2 metrics and 2 nested runs (one a seed)."
    )


def run_with(params: dict[str, str], seed: dict[str, str] | None = None, **metrics: float) -> FoundRun:
    metrics = {name.replace("__", "/"): value for name, value in metrics.items()}
    return FoundRun("MLflow", "newstance-topic", params["experiment"], params, metrics, {1: seed or {}})


def test_only_parameters_that_differ_are_listed_and_lists_taken_apart():
    features = '[{"field": "%s", "kind": "tfidf"}]'
    first = run_with(
        {"experiment": "one", "title": "One", "task": "topic", "model/features": features % "article"},
        {"seed": "1", "classifier.C": "3", "training/units": "9"},
    )
    second = run_with(
        {"experiment": "two", "title": "Two", "task": "topic", "model/features": features % "title", "refit": "true"},
        {"seed": "1", "classifier.C": "10", "training/units": "7"},
    )
    table, equal = live.parameters(first, second).split("\n\n")
    assert table.splitlines() == [
        "| parameter | one | two |",
        "| :--- | :--- | :--- |",
        "| model/features/0/field | article | title |",
        "| chosen: classifier.C | 3 | 10 |",
        "| refit | – | true |",
    ]
    assert equal == "Equal in both: 2 others, each entry of a list by itself."


def test_metrics_of_test_that_both_have_stand_side_by_side():
    first = run_with({"experiment": "one"}, test__macro_f1=0.5, test__log_loss=1.0, validation__macro_f1=0.6)
    second = run_with({"experiment": "two"}, test__macro_f1=0.25, validation__macro_f1=0.6)
    assert live.metrics(first, second).splitlines()[2:] == ["| macro-F1 | 0.500 | 0.250 | −0.250 |"]


def test_the_figure_of_two_runs_draws_their_logged_scores(folder, settings):
    chart = live.two_runs(RUNS / BASE.stem, folder, Project(settings))
    (axes,) = chart.figure.axes
    drawn = [list(container.lines[0].get_xdata()) for container in axes.containers]
    names = [f"test/{name}" for name in ("macro_f1", "accuracy", "balanced_accuracy", "lenient_accuracy")]
    logged = [[read_folder(path).metrics[name] for name in names] for path in (RUNS / BASE.stem, folder)]
    assert drawn == [pytest.approx(values, abs=1e-6) for values in logged]
    assert f"titles only: macro-F1 {logged[1][0]:.3f}, " in chart.title
    assert chart.title.endswith("against TF-IDF + logistic regression")


def comparison(*rows: tuple[str, str, int, int]) -> SimpleNamespace:
    table = pd.DataFrame(rows, columns=["experiment", "role", "seeds", "rank"])
    return SimpleNamespace(results={"subject": SimpleNamespace(ranked=table)})


def test_the_base_has_few_seeds_then_a_good_rank_and_reads_whole_articles(settings):
    found = comparison(
        ("subject-svm", "baseline", 2, 1),
        ("view-logreg", "baseline", 1, 2),  # reads sentences about its target as well
        ("subject-logreg", "baseline", 1, 3),
        ("subject-majority", "majority", 1, 4),
        ("not-a-file", "baseline", 1, 1),
    )
    assert live.choose_base(found) == BASE


def test_a_project_without_such_an_experiment_says_so(settings):
    with pytest.raises(NewstanceError, match="none can be varied"):
        live.choose_base(comparison(("subject-majority", "majority", 1, 1)))
