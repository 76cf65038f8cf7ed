"""The tables that compare runs, task by task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.corpus.prepared import fingerprint, read_prepared
from newstance.corpus.splits import STANDARD
from newstance.errors import NewstanceError
from newstance.evaluation.calibration import reliability
from newstance.evaluation.cost import COST_COLUMNS, cost_table, training_minutes
from newstance.evaluation.experiments import Experiment, by_protocol, ranked
from newstance.evaluation.intervals import percentile_interval
from newstance.evaluation.metrics import METRICS
from newstance.evaluation.mistakes import (
    ERROR_COLUMNS,
    SOURCE_COLUMNS,
    confident_errors,
    confusion_sources,
    judged_units,
)
from newstance.evaluation.paired import PAIRED_COLUMNS, paired_tests
from newstance.evaluation.runs import Run, read_runs
from newstance.evaluation.slices import SLICE_COLUMNS, slice_scores, slice_values
from newstance.evaluation.study import ABLATION_COLUMNS, CURVE_COLUMNS, ablations, learning_curve
from newstance.evaluation.summary import TEST, VALIDATION
from newstance.files import read_parquet, write_csv
from newstance.scheme import Scheme
from newstance.settings import LABELS, EvaluationSettings, Settings

KEY = ["task", "protocol", "experiment"]
COMPARISON_COLUMNS = [*KEY, "title", "role", "kind", "aspects", "train_share", "train_units", "refit", "hardware"]
COMPARISON_COLUMNS += ["seeds", "rank", "best", "validation_macro_f1", "validation_accuracy", "units", "articles"]
COMPARISON_COLUMNS += [name + end for name in METRICS for end in ("", "_low", "_high")]
COMPARISON_COLUMNS += ["macro_f1_seed_sd"]
TABLES = {
    "comparison": COMPARISON_COLUMNS,
    "paired_tests": ["task", "protocol", *PAIRED_COLUMNS],
    "per_class": [*KEY, "label", "support", "precision", "recall", "f1", "f1_low", "f1_high"],
    "confusion": [*KEY, "label", "predicted", "units"],
    "reliability": ["task", "experiment", "calibrated", "bin", "confidence", "accuracy", "units"],
    "slices": ["task", "experiment", *SLICE_COLUMNS],
    "cost": ["task", *COST_COLUMNS],
    "errors": ["task", *ERROR_COLUMNS],
    "confusion_sources": ["task", *SOURCE_COLUMNS],
    "learning_curve": ["task", *CURVE_COLUMNS],
    "ablations": ["task", *ABLATION_COLUMNS],
    "auxiliary": ["task", "experiment", "auxiliary", "split", "accuracy", "macro_f1"],
}


def compare(
    run_folders: Sequence[Path], prepared: Path, settings: Settings, labels: Path = LABELS
) -> dict[str, pd.DataFrame]:
    """Compare runs of any tasks.

    Experiments are ranked by macro-F1 on validation (ties by log loss there), never by test; the first is the best
    one. The paired tests have two references, the best one and the best linear baseline (of a protocol that one of
    them lacks: the first that has it); p-values are corrected over the experiments for each reference.

    Parameters
    ----------
    run_folders
        One an experiment.
    prepared
        The folder of the prepared data of all tasks.
    settings
        Label schemes and bootstrap.
    labels
        The folder of the checked annotations, ``TASK.parquet``; without them nothing is said of annotators.

    Returns
    -------
    dict
        The names and columns of `TABLES`. Scores are of test and are means over seeds; reliability pools them.

    Raises
    ------
    NewstanceError
        When a run folder is missing or damaged, has an unknown task, or was made from other data than the prepared.
    """
    runs, schemes = read_runs(run_folders), settings.labels.load_schemes()
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for run in runs:
        if run.settings.task not in schemes:
            known = ", ".join(schemes)
            raise NewstanceError(f"{run.folder} is of the unknown task '{run.settings.task}'; the tasks are {known}.")
    single_label = [name for name, scheme in schemes.items() if not scheme.has_targets]
    for task, scheme in schemes.items():
        of_task = [run for run in runs if run.settings.task == task]
        if of_task:
            found = _task_tables(of_task, prepared, scheme, single_label, settings.evaluation, labels)
            for name, table in found.items():
                parts[name].append(table.assign(task=task)[TABLES[name]])
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write every table as ``folder/NAME.csv``."""
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)


def _task_tables(
    runs: Sequence[Run],
    prepared: Path,
    scheme: Scheme,
    single_label: Sequence[str],
    settings: EvaluationSettings,
    labels: Path,
) -> dict[str, pd.DataFrame]:
    current = fingerprint(scheme.name, prepared)
    for run in runs:
        if run.settings.data != current:
            raise NewstanceError(
                f"{run.folder} was made from other data of task '{scheme.name}' than {prepared / scheme.name} holds; "
                "run its experiment again (dvc repro)."
            )
    data = read_prepared(scheme.name, prepared)
    experiments = ranked([Experiment.of(run, data, scheme, settings) for run in runs])
    best, minutes, confidence = experiments[0], training_minutes(experiments), settings.confidence
    judged = judged_units(best, data[TEST], _annotations(labels, scheme), scheme)
    values = slice_values(data[TEST], pd.concat([data["train"], data[VALIDATION]]), single_label)
    return {
        "comparison": _stacked(_comparison(experiments, confidence)),
        "paired_tests": _stacked(_paired(experiments, confidence)),
        "per_class": _stacked(_per_class(experiments, scheme, confidence)),
        "confusion": _stacked(_confusion(experiments, scheme)),
        "reliability": _stacked(_reliability(experiments)),
        "slices": _stacked(
            slice_scores(one.evaluations[STANDARD].outcomes, values, settings).assign(experiment=one.name)
            for one in experiments
        ),
        "cost": cost_table(experiments, minutes),
        "errors": confident_errors(judged).assign(experiment=best.name),
        "confusion_sources": confusion_sources(judged).assign(experiment=best.name),
        "learning_curve": learning_curve(experiments, confidence),
        "ablations": ablations(experiments, minutes, confidence),
        "auxiliary": _auxiliary(experiments),
    }


def _annotations(labels: Path, scheme: Scheme) -> pd.DataFrame:
    path = labels / f"{scheme.name}.parquet"
    return read_parquet(path) if path.is_file() else pd.DataFrame(columns=scheme.annotation_columns, dtype="str")


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def _comparison(experiments: Sequence[Experiment], confidence: float) -> Iterator[pd.DataFrame]:
    by_name = {one.name: (rank, one) for rank, one in enumerate(experiments, start=1)}
    for protocol, evaluations in by_protocol(experiments):
        rows = []
        for name, evaluation in evaluations.items():
            rank, experiment = by_name[name]
            row = _settings_columns(experiment)
            row |= {"protocol": protocol, "seeds": len(evaluation.outcomes), "rank": rank, "best": rank == 1}
            row |= {f"validation_{metric}": experiment.validation[metric] for metric in ("macro_f1", "accuracy")}
            articles = evaluation.outcomes[0].articles
            row |= {"units": len(articles), "articles": len(np.unique(articles))}
            for metric, estimate in evaluation.metrics.items():
                row |= estimate.columns(metric, confidence)
            by_seed = evaluation.metrics["macro_f1"].by_seed
            row["macro_f1_seed_sd"] = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else np.nan
            rows.append(row)
        yield pd.DataFrame(rows)


def _settings_columns(experiment: Experiment) -> dict[str, object]:
    settings = experiment.run.settings
    return {
        **settings.model_dump(include={"experiment", "title", "role", "train_share", "refit"}),
        "kind": experiment.kind,
        "aspects": " ".join(settings.aspects),
        "train_units": experiment.run.training.units,
        "hardware": experiment.run.hardware,
    }


def _paired(experiments: Sequence[Experiment], confidence: float) -> Iterator[pd.DataFrame]:
    linear = [one.name for one in experiments if one.in_earnest and one.kind == "linear"]
    for protocol, evaluations in by_protocol(experiments):
        best, baseline = next(iter(evaluations)), next((name for name in linear if name in evaluations), None)
        for reference in dict.fromkeys([best, baseline]):
            if reference is not None:
                yield paired_tests(evaluations, reference, confidence).assign(protocol=protocol)


def _auxiliary(experiments: Sequence[Experiment]) -> pd.DataFrame:
    rows = [
        {"experiment": one.name, "auxiliary": one.run.settings.model.auxiliary, "split": split}
        | one.run.metrics.auxiliary[split].model_dump()
        for one in experiments
        for split in (VALIDATION, TEST)
        if split in one.run.metrics.auxiliary
    ]
    return pd.DataFrame(rows, columns=TABLES["auxiliary"][1:])


def _per_class(experiments: Sequence[Experiment], scheme: Scheme, confidence: float) -> Iterator[pd.DataFrame]:
    for protocol, evaluations in by_protocol(experiments):
        for name, evaluation in evaluations.items():
            intervals = [percentile_interval(column, confidence) for column in evaluation.classes["f1"].resampled.T]
            low, high = zip(*intervals, strict=True)
            support = evaluation.confusion.sum(axis=1).round().astype(int)
            values = {score: estimate.value for score, estimate in evaluation.classes.items()}
            table = pd.DataFrame({"label": scheme.codes, "support": support, **values, "f1_low": low, "f1_high": high})
            yield table.assign(protocol=protocol, experiment=name)


def _confusion(experiments: Sequence[Experiment], scheme: Scheme) -> Iterator[pd.DataFrame]:
    labels = pd.MultiIndex.from_product([scheme.codes, scheme.codes], names=["label", "predicted"])
    for one in experiments:
        units = pd.Series(one.evaluations[STANDARD].confusion.ravel(), index=labels, name="units")
        yield units.reset_index().assign(protocol=STANDARD, experiment=one.name)


def _reliability(experiments: Sequence[Experiment]) -> Iterator[pd.DataFrame]:
    for one in experiments:
        outcomes = one.evaluations[STANDARD].outcomes
        labels = np.concatenate([seed.labels for seed in outcomes])
        for calibrated in (False, True):
            probabilities = [seed.probabilities if calibrated else seed.uncalibrated for seed in outcomes]
            table = reliability(np.concatenate(probabilities), labels)
            yield table.assign(experiment=one.name, calibrated=calibrated)
