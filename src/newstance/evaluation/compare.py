"""The tables that compare runs, task by task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.corpus.prepared import fingerprint, read_prepared
from newstance.corpus.splits import OUTLET_HELD_OUT, STANDARD, UNSEEN_TARGET
from newstance.errors import NewstanceError
from newstance.evaluation.calibration import reliability
from newstance.evaluation.intervals import Evaluation, evaluate, percentile_interval
from newstance.evaluation.metrics import METRICS
from newstance.evaluation.paired import PAIRED_COLUMNS, paired_tests
from newstance.evaluation.runs import Run, read_runs
from newstance.evaluation.slices import SLICE_COLUMNS, slice_scores, slice_values
from newstance.evaluation.summary import TEST, VALIDATION, mean_scores, run_outcomes
from newstance.files import write_csv
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings, Settings

PROTOCOLS = {STANDARD: TEST, OUTLET_HELD_OUT: OUTLET_HELD_OUT, UNSEEN_TARGET: UNSEEN_TARGET}
KEY = ["task", "protocol", "experiment"]
COMPARISON_COLUMNS = [*KEY, "title", "role", "seeds", "rank", "best"]
COMPARISON_COLUMNS += ["validation_macro_f1", "validation_accuracy", "units", "articles"]
COMPARISON_COLUMNS += [name + end for name in METRICS for end in ("", "_low", "_high")]
COMPARISON_COLUMNS += ["macro_f1_seed_sd"]
TABLES = {
    "comparison": COMPARISON_COLUMNS,
    "paired_tests": ["task", "protocol", *PAIRED_COLUMNS],
    "per_class": [*KEY, "label", "support", "precision", "recall", "f1", "f1_low", "f1_high"],
    "confusion": [*KEY, "label", "predicted", "units"],
    "reliability": ["task", "experiment", "calibrated", "bin", "confidence", "accuracy", "units"],
    "slices": ["task", "experiment", *SLICE_COLUMNS],
    "cost": ["task", "experiment", "fit_seconds", "predict_seconds_per_unit"],
}


@dataclass(frozen=True)
class _Experiment:
    """A run with its scores: on validation, by which it is ranked, and on the test of every protocol it has."""

    run: Run
    validation: Mapping[str, float]
    evaluations: Mapping[str, Evaluation]

    @property
    def name(self) -> str:
        return self.run.settings.experiment

    @classmethod
    def of(
        cls, run: Run, data: Mapping[str, pd.DataFrame], scheme: Scheme, settings: EvaluationSettings
    ) -> _Experiment:
        outcomes = run_outcomes(run.predictions, data, scheme, str(run.folder / "predictions.parquet"))
        evaluations = {
            protocol: evaluate(list(outcomes[part].values()), settings)
            for protocol, part in PROTOCOLS.items()
            if part in outcomes
        }
        return cls(run, mean_scores(list(outcomes[VALIDATION].values())), evaluations)


def compare(run_folders: Sequence[Path], prepared: Path, settings: Settings) -> dict[str, pd.DataFrame]:
    """Compare runs of any tasks.

    Experiments are ranked by macro-F1 on validation (ties by log loss there), never by test; the first is the best
    one and the reference of the paired tests (of a protocol that it lacks: the first that has it).

    Parameters
    ----------
    run_folders
        One an experiment.
    prepared
        The folder of the prepared data of all tasks.
    settings
        Label schemes and bootstrap.

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
    for task, scheme in schemes.items():
        of_task = [run for run in runs if run.settings.task == task]
        if of_task:
            for name, table in _task_tables(of_task, prepared, scheme, settings.evaluation).items():
                parts[name].append(table.assign(task=task)[TABLES[name]])
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write every table as ``folder/NAME.csv``."""
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)


def _task_tables(
    runs: Sequence[Run], prepared: Path, scheme: Scheme, settings: EvaluationSettings
) -> dict[str, pd.DataFrame]:
    current = fingerprint(scheme.name, prepared)
    for run in runs:
        if run.settings.data != current:
            raise NewstanceError(
                f"{run.folder} was made from other data of task '{scheme.name}' than {prepared / scheme.name} holds; "
                "run its experiment again (dvc repro)."
            )
    data = read_prepared(scheme.name, prepared)
    experiments = [_Experiment.of(run, data, scheme, settings) for run in runs]
    experiments.sort(key=lambda one: (-one.validation["macro_f1"], one.validation["log_loss"], one.name))
    confidence = settings.confidence
    values = slice_values(data[TEST], pd.concat([data["train"], data[VALIDATION]]))
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
        "cost": pd.DataFrame([{"experiment": one.name, **one.run.timing.model_dump()} for one in experiments]),
    }


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def _by_protocol(experiments: Sequence[_Experiment]) -> Iterator[tuple[str, dict[str, Evaluation]]]:
    """Give every protocol with the evaluations of the experiments that have it, in order of rank."""
    for protocol in PROTOCOLS:
        having = {one.name: one.evaluations[protocol] for one in experiments if protocol in one.evaluations}
        if having:
            yield protocol, having


def _comparison(experiments: Sequence[_Experiment], confidence: float) -> Iterator[pd.DataFrame]:
    ranked = {one.name: (rank, one) for rank, one in enumerate(experiments, start=1)}
    for protocol, evaluations in _by_protocol(experiments):
        rows = []
        for name, evaluation in evaluations.items():
            rank, experiment = ranked[name]
            row = experiment.run.settings.model_dump(include={"experiment", "title", "role"})
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


def _paired(experiments: Sequence[_Experiment], confidence: float) -> Iterator[pd.DataFrame]:
    for protocol, evaluations in _by_protocol(experiments):
        reference = next(iter(evaluations))
        yield paired_tests(evaluations, reference, confidence).assign(protocol=protocol)


def _per_class(experiments: Sequence[_Experiment], scheme: Scheme, confidence: float) -> Iterator[pd.DataFrame]:
    for protocol, evaluations in _by_protocol(experiments):
        for name, evaluation in evaluations.items():
            intervals = [percentile_interval(column, confidence) for column in evaluation.classes["f1"].resampled.T]
            low, high = zip(*intervals, strict=True)
            support = evaluation.confusion.sum(axis=1).round().astype(int)
            values = {score: estimate.value for score, estimate in evaluation.classes.items()}
            table = pd.DataFrame({"label": scheme.codes, "support": support, **values, "f1_low": low, "f1_high": high})
            yield table.assign(protocol=protocol, experiment=name)


def _confusion(experiments: Sequence[_Experiment], scheme: Scheme) -> Iterator[pd.DataFrame]:
    labels = pd.MultiIndex.from_product([scheme.codes, scheme.codes], names=["label", "predicted"])
    for one in experiments:
        units = pd.Series(one.evaluations[STANDARD].confusion.ravel(), index=labels, name="units")
        yield units.reset_index().assign(protocol=STANDARD, experiment=one.name)


def _reliability(experiments: Sequence[_Experiment]) -> Iterator[pd.DataFrame]:
    for one in experiments:
        outcomes = one.evaluations[STANDARD].outcomes
        labels = np.concatenate([seed.labels for seed in outcomes])
        for calibrated in (False, True):
            probabilities = [seed.probabilities if calibrated else seed.uncalibrated for seed in outcomes]
            table = reliability(np.concatenate(probabilities), labels)
            yield table.assign(experiment=one.name, calibrated=calibrated)
