"""Figures of a single run, for its run folder and MLflow; those of the comparison are in `newstance.reporting`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay

from newstance.evaluation.calibration import BINS
from newstance.evaluation.outcomes import Outcomes

INCHES_A_CLASS = 0.42


def write_figures(outcomes: Outcomes, title: str, folder: Path) -> None:
    """Draw a run's confusion matrix and its reliability before and after calibration, as PNG files.

    Parameters
    ----------
    outcomes
        Of one seed on test.
    title
        The experiment's.
    folder
        Where ``confusion.png`` and ``reliability.png`` go; it is made.
    """
    folder.mkdir(parents=True)
    codes = np.array(outcomes.codes, dtype=object)
    size = 3 + INCHES_A_CLASS * len(codes)
    figure = Figure(figsize=(size, size), layout="constrained")
    display = ConfusionMatrixDisplay.from_predictions(
        codes[outcomes.labels],
        codes[outcomes.predicted],
        labels=codes,
        normalize="true",
        values_format=".2f",
        xticks_rotation="vertical",
        cmap="Blues",
        ax=figure.subplots(),
        text_kw={"fontsize": 7},
    )
    display.ax_.set_title(f"{title}: share of each true label (test, first seed)")
    figure.savefig(folder / "confusion.png", dpi=120)

    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, probabilities in (("before", outcomes.uncalibrated), ("after", outcomes.probabilities)):
        CalibrationDisplay.from_predictions(
            outcomes.correct, probabilities.max(axis=1).clip(0, 1), n_bins=BINS, name=f"{name} calibration", ax=axes
        )
    axes.set(
        title=title, xlabel="confidence (probability of the predicted label)", ylabel="accuracy (test, first seed)"
    )
    figure.savefig(folder / "reliability.png", dpi=120)
