"""What a run's predictions are evaluated on, and the run's metrics as nested numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from newstance.corpus.splits import OUTLET_HELD_OUT, STANDARD, UNSEEN_TARGET, folds, unseen_targets
from newstance.errors import NewstanceError
from newstance.evaluation.metrics import scores
from newstance.evaluation.outcomes import Outcomes, outcomes_by_seed, prediction_columns
from newstance.scheme import Scheme

VALIDATION, TEST = "validation", "test"
DIGITS = 6


def run_outcomes(
    predictions: pd.DataFrame, data: Mapping[str, pd.DataFrame], scheme: Scheme, source: str = "predictions"
) -> dict[str, dict[int, Outcomes]]:
    """Match a run's predictions to the prepared data.

    No model is fitted for ``unseen-target``: training doesn't see these pairs' targets anyway, so these are the
    standard predictions on the pairs in question.

    Parameters
    ----------
    predictions
        Columns `newstance.evaluation.outcomes.prediction_columns`; all seeds, protocols and splits of the run.
    data
        The prepared tables by split.
    scheme
        The task's scheme.
    source
        What an error message names.

    Returns
    -------
    dict
        Part to seed to outcomes. Parts: ``validation`` and ``test`` of the standard protocol, ``outlet-held-out``
        where the run has it, and ``unseen-target`` where the data have such units.

    Raises
    ------
    NewstanceError
        When a column is missing, or predictions and prepared data don't have the same units and labels.
    """
    missing = [name for name in prediction_columns(scheme.codes) if name not in predictions]
    if missing:
        raise NewstanceError(f"{source} lacks the column(s) {', '.join(missing)}; run the experiment again.")
    standard = predictions[predictions["protocol"] == STANDARD]
    rows = {part: standard[standard["split"] == part] for part in (VALIDATION, TEST)}
    units = {VALIDATION: data[VALIDATION], TEST: data[TEST]}
    if (predictions["protocol"] == OUTLET_HELD_OUT).any():
        rows[OUTLET_HELD_OUT] = predictions[predictions["protocol"] == OUTLET_HELD_OUT]
        units[OUTLET_HELD_OUT] = _test_units(data, scheme, OUTLET_HELD_OUT)
    if scheme.has_targets and unseen_targets(data).any():
        units[UNSEEN_TARGET] = _test_units(data, scheme, UNSEEN_TARGET)
        rows[UNSEEN_TARGET] = rows[TEST][rows[TEST]["target"].isin(units[UNSEEN_TARGET]["target"])]
    for part, chosen in rows.items():
        if chosen.empty:
            raise NewstanceError(f"{source} has no predictions for '{part}'; run the experiment again.")
    return {part: outcomes_by_seed(rows[part], units[part], scheme, f"{source}, {part}") for part in units}


def _test_units(data: Mapping[str, pd.DataFrame], scheme: Scheme, protocol: str) -> pd.DataFrame:
    return pd.concat([fold.test for fold in folds(data, scheme, protocol)], ignore_index=True)


def seed_metrics(
    predictions: pd.DataFrame, data: Mapping[str, pd.DataFrame], scheme: Scheme
) -> dict[str, dict[str, dict[str, float]]]:
    """Compute every seed's metrics: seed (as text) to part to metric, rounded to six digits.

    Parameters and errors are those of `run_outcomes`.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for part, by_seed in run_outcomes(predictions, data, scheme).items():
        for seed, outcomes in by_seed.items():
            found.setdefault(str(seed), {})[part] = _rounded(scores(outcomes))
    return found


def run_metrics(
    predictions: pd.DataFrame, data: Mapping[str, pd.DataFrame], scheme: Scheme
) -> dict[str, dict[str, float]]:
    """Compute a run's metrics: part to metric, mean over seeds, rounded to six digits.

    Parameters and errors are those of `run_outcomes`.
    """
    return {
        part: _rounded(mean_scores(list(by_seed.values())))
        for part, by_seed in run_outcomes(predictions, data, scheme).items()
    }


def mean_scores(outcomes: list[Outcomes]) -> dict[str, float]:
    """Average the metrics of the seeds."""
    by_seed = [scores(one) for one in outcomes]
    return {name: float(np.mean([values[name] for values in by_seed])) for name in by_seed[0]}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in values.items()}
