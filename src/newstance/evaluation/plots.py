"""Data for `dvc plots`: numbers and not pictures, so that DVC can draw and compare them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.corpus.splits import STANDARD
from newstance.evaluation.outcomes import CALIBRATED
from newstance.files import atomic_path, read_parquet, write_csv
from newstance.scheme import Scheme


def write_plot_data(tables: Mapping[str, pd.DataFrame], runs: Path, schemes: Mapping[str, Scheme], out: Path) -> None:
    """Write `out` anew.

    ``macro_f1.csv`` (task, experiment, macro_f1: standard protocol, test), and for the best experiment of each task
    ``reliability/TASK.csv`` (confidence, accuracy; after calibration) and ``confusion/TASK.csv`` (actual, predicted:
    one row a unit, first seed).

    Parameters
    ----------
    tables
        As `newstance.evaluation.compare.compare` returns them.
    runs
        The folder of all run folders.
    schemes
        By name.
    out
        The folder to write.
    """
    standard = tables["comparison"][tables["comparison"]["protocol"] == STANDARD]
    reliability = tables["reliability"]
    with atomic_path(out) as temporary:
        write_csv(temporary / "macro_f1.csv", standard[["task", "experiment", "macro_f1"]])
        for task, experiment in standard.loc[standard["best"], ["task", "experiment"]].itertuples(index=False):
            of_best = reliability[(reliability["experiment"] == experiment) & reliability["calibrated"]]
            write_csv(temporary / "reliability" / f"{task}.csv", of_best[["confidence", "accuracy", "units"]])
            predictions = read_parquet(runs / experiment / "predictions.parquet")
            write_csv(temporary / "confusion" / f"{task}.csv", _confusion(predictions, schemes[task].codes))


def _confusion(predictions: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    first = predictions["seed"] == predictions["seed"].iloc[0]
    chosen = predictions[first & (predictions["protocol"] == STANDARD) & (predictions["split"] == "test")]
    best = chosen[[CALIBRATED + code for code in codes]].to_numpy().argmax(axis=1)
    return pd.DataFrame({"actual": chosen["label"].array, "predicted": np.array(codes, dtype=object)[best]})
