"""Notebook 5: how often an answer with a given probability is right, and what a threshold buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from newstance.bundle.manifest import TaskInfo
from newstance.corpus.splits import STANDARD
from newstance.evaluation.calibration import BINS, confidence_bins
from newstance.evaluation.outcomes import CALIBRATED
from newstance.notebooks.corpus import percent
from newstance.notebooks.estimates import Mean, mean_of, share_of
from newstance.notebooks.project import Project
from newstance.notebooks.serving import Champion
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, DARK, GREY, VERMILLION, Chart, finish, house_style, new_figure
from newstance.settings import EvaluationSettings

STYLES = ((BLUE, "o"), (VERMILLION, "s"))
ASKED_BAND = BINS - 2  # 80 to 90 %
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
DEFAULT = 0.9
Answers = Mapping[str, pd.DataFrame]


def answers_on_test(project: Project, champions: Sequence[Champion]) -> dict[str, pd.DataFrame]:
    """Read what the champions' runs answered on test.

    Returns
    -------
    dict
        By task, one row a unit: article_id, confidence (calibrated probability of the answer) and correct.
    """
    return {one.task: _answers(project, one.task, one.about) for one in champions}


def _answers(project: Project, task: str, about: TaskInfo) -> pd.DataFrame:
    rows = project.predictions(about.experiment)
    chosen = (rows["protocol"] == STANDARD) & (rows["split"] == "test") & (rows["seed"] == about.seed)
    codes = np.array(project.schemes[task].codes, dtype=object)
    probabilities = rows.loc[chosen, [CALIBRATED + code for code in codes]].to_numpy()
    answered = codes[probabilities.argmax(axis=1)]
    units = rows.loc[chosen, ["article_id", "label"]].reset_index(drop=True)
    return units[["article_id"]].assign(confidence=probabilities.max(axis=1), correct=answered == units["label"])


def right(part: pd.DataFrame, settings: EvaluationSettings) -> Mean:
    """Return the share of right answers, with an interval.

    It is Wilson's where every answer is about another article, and the bootstrap's over articles elsewhere, which has
    no width where all are right (or none): there it is Wilson's again, with as many units as there are articles.
    """
    articles = part["article_id"].nunique()
    if articles == len(part) or part["correct"].nunique() < 2:
        return share_of(part["correct"].mean() * articles if articles else 0, articles, settings.confidence)
    return mean_of(part["correct"], part["article_id"], settings)


def bands(answers: pd.DataFrame, settings: EvaluationSettings) -> pd.DataFrame:
    """Divide answers into bands of probability of equal width; empty ones are left out.

    Returns
    -------
    DataFrame
        Columns band, name, units, confidence (mean), right, low, high.
    """
    rows = []
    numbers = confidence_bins(answers["confidence"].to_numpy())
    for band in np.unique(numbers).tolist():
        part = answers[numbers == band]
        name = f"{100 * band // BINS}–{100 * (band + 1) // BINS}\xa0%"
        rows.append([band, name, len(part), part["confidence"].mean(), *right(part, settings)])
    return pd.DataFrame(rows, columns=["band", "name", "units", "confidence", "right", "low", "high"])


def reliability(answers: Answers, settings: EvaluationSettings) -> Chart:
    """Draw, by band of probability, how many answers on test are right; one panel a task."""
    tables = {task: bands(found, settings) for task, found in answers.items()}
    title = _title(tables)
    with house_style():
        figure = new_figure(4.4, title, width=2.4 + 3.2 * len(tables))
        panels = np.atleast_1d(figure.subplots(1, len(tables), sharey=True))
        for axes, (task, table), (color, marker) in zip(panels, tables.items(), STYLES * len(tables), strict=False):
            _panel(axes, table, color, marker)
            axes.set_title(f"{task}: {words.plural(int(table['units'].sum()), 'answer')} on test")
        panels[0].set_ylabel("share of answers that are right")
        caption = (
            f"Answers on test by their calibrated probability, in bands of {100 // BINS} %: the share that is right, "
            f"with {100 * settings.confidence:g} % intervals (Wilson's for topics, bootstrap by article where an "
            "article has several answers). At the bottom: how many answers a band has. On the dashed line, answers "
            "are right as often as their probability says."
        )
        return finish(figure, "serving-reliability", title, caption)


def _panel(axes: Axes, table: pd.DataFrame, color: str, marker: str) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    lengths = np.clip(np.stack([table["right"] - table["low"], table["high"] - table["right"]]), 0, None)
    axes.errorbar(table["confidence"], table["right"], yerr=lengths, color=color, fmt=marker, elinewidth=1.6)
    for x, units in zip(table["confidence"], table["units"], strict=True):
        axes.text(x, -0.06, words.count(units), ha="center", va="center", fontsize=8, color=DARK)
    axes.set(xlim=(0, 1.05), ylim=(-0.12, 1.05), xlabel="calibrated probability of the answer")
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xticks(np.linspace(0.2, 1, 5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.grid()


def _title(tables: Mapping[str, pd.DataFrame]) -> str:
    parts = []
    for task, table in tables.items():
        named = table[table["band"] == ASKED_BAND]
        row = (named if len(named) else table.nlargest(1, "units")).iloc[0]
        share = Mean(row["right"], row["low"], row["high"])
        parts.append(f"of {task} answers with a probability of {row['name']}, {share.percent} are right")
    title = "; ".join(parts)
    return title[0].upper() + title[1:]


def reliability_in_words(answers: Answers, settings: EvaluationSettings) -> str:
    """Say for each task in how many bands the interval misses the mean probability, and in which direction."""
    lines = []
    for task, found in answers.items():
        table = bands(found, settings)
        over = int((table["confidence"] > table["high"]).sum())
        under = int((table["confidence"] < table["low"]).sum())
        line = f"- **{task}**: in {words.count(over + under)} of {words.plural(len(table), 'band')} the interval misses"
        line += " the mean probability"
        if over + under:
            line += f" (too sure in {words.count(over)}, not sure enough in {words.count(under)})"
        mean, share = found["confidence"].mean(), right(found, settings)
        lines.append(f"{line}. Over all answers, the mean probability is {percent(mean)}; {share.percent} are right.")
    return "\n".join(lines)


def accepted(found: pd.DataFrame, threshold: float, settings: EvaluationSettings) -> tuple[float, Mean]:
    """Return the share of answers with at least this probability, and how many of them are right."""
    kept = found[found["confidence"] >= threshold]
    return len(kept) / len(found), right(kept, settings)


def thresholds(answers: Answers, settings: EvaluationSettings) -> pd.DataFrame:
    """Say what is kept and what is right above some thresholds; to be shown."""
    rows = []
    for threshold in THRESHOLDS:
        row = [f"at least {threshold:g}" if threshold else "any"]
        for found in answers.values():
            share, correct = accepted(found, threshold, settings)
            row += [percent(share), correct.percent]
        rows.append(row)
    columns = [column for task in answers for column in (f"{task}: kept", f"{task}: right among them")]
    return pd.DataFrame(rows, columns=["probability", *columns])


class Threshold(widgets.VBox):  # type: ignore[misc]
    """A slider for the least probability of an answer that is kept, and what this does.

    Parameters
    ----------
    answers
        By task (`answers_on_test`).
    settings
        Of the intervals.
    """

    def __init__(self, answers: Answers, settings: EvaluationSettings) -> None:
        self._answers, self._settings = answers, settings
        self.task = widgets.Dropdown(description="Task", options=list(answers))
        self.least = widgets.FloatSlider(
            description="At least", value=DEFAULT, min=0, max=0.99, step=0.01, continuous_update=False
        )
        self.outcome = widgets.HTML()
        for one in (self.task, self.least):
            one.observe(lambda _: self._say(), names="value")
        super().__init__([widgets.HBox([self.task, self.least]), self.outcome])
        self._say()

    def _say(self) -> None:
        self.outcome.value = f"<p>{self.says}</p>"

    @property
    def says(self) -> str:
        """What the chosen threshold does."""
        share, correct = accepted(self._answers[self.task.value], self.least.value, self._settings)
        return (
            f"With a probability of at least {self.least.value:.2f}, {percent(share)} of the {self.task.value} answers "
            f"on test are kept; {correct.percent} of them are right."
        )
