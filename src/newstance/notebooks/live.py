"""Notebook 3: one small experiment, written, fitted and tracked while the reader watches; two runs side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from newstance import tracking
from newstance.corpus.prepared import fingerprint, read_prepared
from newstance.corpus.splits import STANDARD
from newstance.errors import NewstanceError
from newstance.evaluation.experiments import Experiment
from newstance.evaluation.paired import paired_tests
from newstance.evaluation.runs import read_runs
from newstance.experiment import ExperimentSettings, load_experiment, run_experiment
from newstance.experiment.environment import code_hash, environment
from newstance.files import read_json, remove, write_json, write_text
from newstance.models.settings import LinearModel, TfidfFeatures
from newstance.notebooks.display import as_table
from newstance.notebooks.estimates import Mean, draw_means
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, ORANGE, Chart, finish, house_style, label_rows, new_figure, score_axis
from newstance.reporting.results import TaskResults, records
from newstance.settings import EXPERIMENTS, EvaluationSettings, Settings
from newstance.tracking.read import FoundRun, find_run, read_folder

LIVE = Path("build/notebooks")
STORE = f"sqlite:///{(LIVE / 'mlflow.db').as_posix()}"
WHOLE, TITLE = ("article", "text"), "title"
SHOWN = "test/"
NOT_COMPARED, TRAINING = ("experiment", "seeds", "title"), "training/"
SCORES = {"macro_f1": "macro-F1", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
SCORES |= {"lenient_accuracy": "lenient accuracy"}


class _LiveSettings(Settings):
    """The project's settings, but for where a run lies: a trial of a notebook is none of the project's runs."""

    def run_folder(self, name: str) -> Path:
        return LIVE / "runs" / name


def choose_base(project: Project) -> Path:
    """Return the file of the experiment to vary: TF-IDF of whole articles, few seeds, best on validation.

    Raises
    ------
    NewstanceError
        When the project has run no such experiment.
    """
    found = [place for results in project.results.values() for place in _bases(results)]
    if not found:
        raise NewstanceError("No experiment with TF-IDF of whole articles has run here, so none can be varied.")
    return min(found)[-1]


def _bases(results: TaskResults) -> Iterator[tuple[int, float, Path]]:
    for row in records(results.ranked[results.ranked["role"] == "baseline"]):
        path = EXPERIMENTS / f"{row['experiment']}.yaml"
        if path.is_file() and _reads_whole_articles(load_experiment(path)):
            yield row["seeds"], row["rank"], path


def _reads_whole_articles(experiment: ExperimentSettings) -> bool:
    model = experiment.model
    return isinstance(model, LinearModel) and all(
        isinstance(features, TfidfFeatures) and features.field in WHOLE for features in model.features
    )


def read_titles_only(base: Path) -> Path:
    """Write a variation of an experiment that reads titles and no texts, with one seed, on the standard split.

    Returns
    -------
    Path
        The variation's YAML file.
    """
    settings = yaml.safe_load(base.read_text(encoding="utf-8"))
    settings["title"] += ", titles only"
    for features in settings["model"]["features"]:
        features["field"] = TITLE
    settings |= {"seeds": [1], "protocols": [STANDARD]}
    path = LIVE / f"{base.stem}-titles.yaml"
    write_text(path, yaml.safe_dump(settings, sort_keys=False))
    return path


def as_listing(path: Path) -> str:
    """Show a YAML file in Markdown."""
    return f"`{path.as_posix()}`:\n\n```yaml\n{path.read_text(encoding='utf-8')}```"


def fit(path: Path, settings: Settings) -> Path:
    """Run an experiment into the notebook's own folder, unless it is there, made of the same file, data and code.

    Returns
    -------
    Path
        The run folder.
    """
    experiment = load_experiment(path)
    made_of = {"experiment": experiment.model_dump(mode="json"), "data": fingerprint(experiment.task)}
    made_of |= {"code": code_hash(), "environment": environment()}
    own = _LiveSettings(**dict(settings))
    folder, note = own.run_folder(path.stem), path.with_suffix(".json")
    if folder.is_dir() and note.is_file() and read_json(note) == made_of:
        return folder
    remove(note)
    run_experiment(path, own, track=False)
    write_json(note, made_of)
    return folder


@contextmanager
def own_store() -> Iterator[None]:
    """Track into the notebook's own store for a while, as a user would by setting MLFLOW_TRACKING_URI."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = STORE
    try:
        yield
    finally:
        if before is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before


def track(folder: Path) -> FoundRun:
    """Log a run folder in the notebook's own store, unless it is there, and find its run again.

    Raises
    ------
    NewstanceError
        When mlflow isn't installed, the store fails or it doesn't hold the run.
    """
    with own_store():
        tracking.track(folder)
        found = find_run(folder)
    if found is None:
        raise NewstanceError(f"MLflow doesn't hold the run of {folder}; remove {LIVE} and start again.")
    return found


def find(folder: Path) -> FoundRun:
    """Find the run of a run folder in the project's store; read the folder where the store doesn't have it."""
    return find_run(folder) or read_folder(folder)


def found_in_words(found: FoundRun) -> str:
    """Say where a run was found and what is known of it."""
    where = f"MLflow, experiment `{found.experiment}`" if found.source == "MLflow" else "its run folder (not in MLflow)"
    return (
        f"`{found.name}`, from {where}: {words.plural(len(found.params), 'parameter')}, "
        f"{words.plural(len(found.metrics), 'metric')} and {words.plural(len(found.seeds), 'nested run')} (one a seed)."
    )


def chosen_in_words(folder: Path) -> str:
    """Say what the grid's settings reached on validation, and which was chosen."""
    scores = read_json(folder / "scores.json")
    tried = [f"{_setting(step['settings'])} macro-F1 {words.score(step['macro_f1'])}" for step in scores["search"]]
    (chosen,) = [seed["chosen"] for seed in scores["seeds"].values()]
    return f"On validation: {'; '.join(tried)}. Chosen: {_setting(chosen)}."


def _setting(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items()) or "the only setting"


def parameters(first: FoundRun, second: FoundRun) -> str:
    """Put the parameters in which two runs differ side by side, as a Markdown table, and count the others."""
    sides = [_parameters(found) for found in (first, second)]
    names = list(sides[0] | sides[1])
    rows = [[name, *(side.get(name, words.MISSING) for side in sides)] for name in names]
    different = [row for row in rows if row[1] != row[2]]
    table = as_table(pd.DataFrame(different, columns=["parameter", first.name, second.name]))
    equal = words.plural(len(rows) - len(different), "other")
    return f"{table}\n\nEqual in both: {equal}, each entry of a list by itself."


def _parameters(found: FoundRun) -> dict[str, str]:
    """Return the settings but for names and seeds, and what the first seed chose; lists of settings are taken apart."""
    chosen = next(iter(found.seeds.values()), {})
    both = {name: value for name, value in found.params.items() if name not in NOT_COMPARED}
    both |= {f"chosen: {name}": chosen[name] for name in chosen if name != "seed" and not name.startswith(TRAINING)}
    return dict(leaf for name, value in both.items() for leaf in _leaves(name, value))


def _leaves(name: str, text: str) -> Iterator[tuple[str, str]]:
    value = _from_json(text)
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        for number, part in enumerate(value):
            for key, inner in part.items():
                yield f"{name}/{number}/{key}", str(inner)
    else:
        yield name, text


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def metrics(first: FoundRun, second: FoundRun) -> str:
    """Put the test metrics of two runs side by side, as a Markdown table."""
    rows = [
        [
            SCORES.get(name.removeprefix(SHOWN), name.removeprefix(SHOWN).replace("_", " ")),
            words.score(value),
            words.score(second.metrics[name]),
            words.signed(second.metrics[name] - value),
        ]
        for name, value in sorted(first.metrics.items())
        if name.startswith(SHOWN) and name in second.metrics
    ]
    return as_table(pd.DataFrame(rows, columns=["metric on test", first.name, second.name, "difference"]))


def two_runs(base: Path, other: Path, project: Project) -> Chart:
    """Draw the scores of two run folders with intervals; the title has the paired difference in macro-F1."""
    runs = read_runs([base, other])
    task, settings = runs[0].settings.task, project.settings.evaluation
    data, scheme = read_prepared(task), project.schemes[task]
    compared = {run.settings.title: Experiment.of(run, data, scheme, settings) for run in runs}
    title = _two_runs_title(compared, settings)
    names = [name for name in SCORES if name != "lenient_accuracy" or scheme.secondary]
    with house_style():
        figure = new_figure(1.7 + 0.45 * len(names), title)
        axes = figure.subplots()
        for (label, one), (color, marker, shift) in zip(
            compared.items(), ((BLUE, "o", -0.13), (ORANGE, "s", 0.13)), strict=True
        ):
            estimates = [one.evaluations[STANDARD].metrics[name] for name in names]
            means = [Mean(*estimate.columns("score", settings.confidence).values()) for estimate in estimates]
            draw_means(axes, means, np.arange(len(names)) + shift, color=color, fmt=marker, label=label)
        label_rows(axes, [SCORES[name] for name in names])
        score_axis(axes, f"score on test, with {100 * settings.confidence:g} % interval")
        figure.legend(loc="outside lower center", ncols=1)
        caption = (
            f"Scores of two runs on the same test articles, with {100 * settings.confidence:g} % bootstrap intervals "
            "by article. The difference in the title is paired."
        )
        return finish(figure, "two-runs", title, caption)


def _two_runs_title(compared: dict[str, Experiment], settings: EvaluationSettings) -> str:
    (reference, _), (other, one) = compared.items()
    evaluations = {title: found.evaluations[STANDARD] for title, found in compared.items()}
    tests = paired_tests(evaluations, reference, settings.confidence)
    (test,) = records(tests[tests["metric"] == "macro_f1"])
    low_high = f"[{words.signed(test['low'])}, {words.signed(test['high'])}]"
    macro_f1 = float(one.evaluations[STANDARD].metrics["macro_f1"].value)
    return (
        f"{other}: macro-F1 {words.score(macro_f1)}, {words.signed(test['difference'])} {low_high} against {reference}"
    )
