"""What a search leaves: the table of its trials, which settings mattered, and the best ones as an experiment."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from newstance.experiment.settings import ExperimentSettings, Scalar, Span, load_experiment
from newstance.files import atomic_path, write_csv
from newstance.search.trial import rounded
from newstance.settings import SEARCH_TABLES

if TYPE_CHECKING:
    from optuna import Study

TRIAL_COLUMNS = ["trial", "state", "macro_f1", "log_loss", "seconds"]
IMPORTANCE_COLUMNS = ["setting", "importance"]
COMPLETE, PRUNED = "complete", "pruned"


def trials_table(study: Study, ranges: Mapping[str, Any]) -> pd.DataFrame:
    """Return the finished trials in their order.

    Returns
    -------
    DataFrame
        Columns `TRIAL_COLUMNS` and one a setting, by its path; `state` is ``complete`` or ``pruned``. A pruned trial's
        `macro_f1` is what it had reached when it was ended, missing where its settings couldn't be fitted.
    """
    rows = []
    for trial in study.get_trials(deepcopy=False):
        state = trial.state.name.lower()
        if state not in (COMPLETE, PRUNED):
            continue
        values = {path: _as_tried(trial.params[path], span) for path, span in ranges.items()}
        extra = {name: trial.user_attrs.get(name) for name in ("log_loss", "seconds")}
        rows.append({"trial": trial.number, "state": state, "macro_f1": trial.value, **extra, **values})
    # As objects: a whole number stays one beside fractions, and null beside words.
    table = pd.DataFrame(rows, columns=[*TRIAL_COLUMNS, *ranges], dtype=object)
    return table.astype({"trial": int, "macro_f1": float, "log_loss": float, "seconds": float})


def _as_tried(value: Scalar, span: Any) -> Scalar:
    return rounded(value, span) if isinstance(span, Span) and isinstance(value, float) else value


def best_of(table: pd.DataFrame) -> dict[str, Any] | None:
    """Return the row with the highest macro-F1 on validation; ties go to the lower log loss, then to the earlier."""
    complete = table[table["state"] == COMPLETE]
    if complete.empty:
        return None
    ordered = complete.sort_values(["macro_f1", "log_loss", "trial"], ascending=[False, True, True], kind="stable")
    return {str(name): value for name, value in ordered.iloc[0].items()}


def importance(study: Study, ranges: Mapping[str, Any]) -> pd.DataFrame:
    """Say how much of the scores' variation each setting explains (Optuna's PED-ANOVA, Watanabe et al. 2023).

    Returns
    -------
    DataFrame
        Columns `IMPORTANCE_COLUMNS`, the most important first; shares add up to 1. Empty where fewer than two scores
        differ.
    """
    import optuna  # noqa: PLC0415

    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        return pd.DataFrame(columns=IMPORTANCE_COLUMNS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that few trials make a rough estimate, which the report says
        # Named, since Optuna's own choice depends on its version.
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=list(ranges))
    return pd.DataFrame(shares.items(), columns=IMPORTANCE_COLUMNS)


def write_results(name: str, table: pd.DataFrame, shares: pd.DataFrame) -> None:
    """Write ``reports/search/NAME.csv`` and ``NAME.importance.csv``, which the report shows."""
    settings = table.columns[len(TRIAL_COLUMNS) :]
    written = table.assign(**{name: table[name].map(_as_text) for name in settings})
    write_csv(SEARCH_TABLES / f"{name}.csv", written)
    write_csv(SEARCH_TABLES / f"{name}.importance.csv", shares)


def _as_text(value: Scalar) -> str:
    """Write a setting as the YAML does, so that null and true are told from empty and from words."""
    return json.dumps(value).strip('"')


def searched_experiment(
    path: Path, table: pd.DataFrame, best: Mapping[str, Any], experiment: ExperimentSettings, data: str
) -> Path:
    """Write ``NAME-searched.yaml`` beside an experiment: the same with the best settings, ready to be run.

    Returns
    -------
    Path
        The file.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in ("search", "grid"):
        content.pop(key, None)
    content["title"] += ", searched"
    model = experiment.model_with({setting: best[setting] for setting in experiment.search})
    content["model"] = model.model_dump(mode="json")
    pruned = int((table["state"] == PRUNED).sum())
    header = (
        f"# Written by `newstance search {path.as_posix()}`: the best of {len(table)} trials ({pruned} pruned),\n"
        f"# trial {best['trial']}, chosen on validation (macro-F1 {best['macro_f1']:.4f}, which being the best of many "
        "flatters it).\n"
        f"# Trials: {(SEARCH_TABLES / path.stem).as_posix()}.csv. Data: {data}.\n"
    )
    target = path.with_name(f"{path.stem}-searched.yaml")
    with atomic_path(target) as temporary:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
        temporary.write_text(header + text, encoding="utf-8", newline="\n")
        load_experiment(temporary)
    return target
