"""What experiments cost, and which of them no other beats in both cost and quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.evaluation.experiments import Experiment

COST_COLUMNS = ["experiment", "fit_seconds", "training_minutes", "predict_seconds_per_unit"]
COST_COLUMNS += ["prediction_frontier", "training_frontier"]
FRONTIERS = {"prediction_frontier": "predict_seconds_per_unit", "training_frontier": "training_minutes"}


def training_minutes(experiments: Sequence[Experiment]) -> dict[str, float]:
    """Say what training costs: the fit, and for an ensemble those of its members; NaN where one is not compared."""
    by_name = {one.name: one for one in experiments}

    def seconds(name: str) -> float:
        if name not in by_name:
            return np.nan
        run = by_name[name].run
        return run.timing.fit_seconds + sum(seconds(member) for member in run.settings.model.members)

    return {name: seconds(name) / 60 for name in by_name}


def frontier(costs: NDArray[np.float64], quality: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark what no other beats: none is as cheap and as good, and cheaper or better.

    Parameters
    ----------
    costs, quality
        Shape (experiments,); where a cost is NaN the mark is false.
    """
    as_good = (costs[:, None] >= costs) & (quality[:, None] <= quality)
    better = (costs[:, None] > costs) | (quality[:, None] < quality)
    marks: NDArray[np.bool_] = ~(as_good & better).any(axis=1) & np.isfinite(costs)
    return marks


def cost_table(experiments: Sequence[Experiment], minutes: Mapping[str, float]) -> pd.DataFrame:
    """List the times of every experiment and mark those on the frontiers of cost and macro-F1 on validation.

    Only models in earnest that were fitted on all of train can be on a frontier, and times of different hardware are
    not compared, so that each hardware has frontiers of its own.

    Parameters
    ----------
    experiments
        Of one task.
    minutes
        As `training_minutes` returns them.

    Returns
    -------
    DataFrame
        Columns `COST_COLUMNS`. An ensemble's `training_minutes` include those of its members, `fit_seconds` don't.
    """
    rows = [
        {
            "experiment": one.name,
            "fit_seconds": one.run.timing.fit_seconds,
            "training_minutes": minutes[one.name],
            "predict_seconds_per_unit": one.run.timing.predict_seconds_per_unit,
        }
        for one in experiments
    ]
    table = pd.DataFrame(rows).assign(**dict.fromkeys(FRONTIERS, False))
    quality = np.array([one.validation["macro_f1"] for one in experiments])
    hardware = np.array([one.run.hardware for one in experiments])
    eligible = np.array([one.in_earnest and one.run.settings.train_share == 1 for one in experiments])
    for name in set(hardware):
        chosen = np.flatnonzero(eligible & (hardware == name))
        for mark, cost in FRONTIERS.items():
            costs = table[cost].to_numpy(dtype=np.float64)[chosen]
            table.loc[chosen[frontier(costs, quality[chosen])], mark] = True
    return table[COST_COLUMNS]
