"""What to label next, and weak labels: the simulation's curves, their areas, and the labelling functions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from newstance.labels.weak_report import EVERY_LABEL
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, difference_cell, scored
from newstance.reporting.drawing import (
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PURPLE,
    VERMILLION,
    Chart,
    chart_name,
    finish,
    new_figure,
)
from newstance.reporting.results import TaskResults, records
from newstance.scheme import SPLITS
from newstance.selection.tables import RANDOM

STYLES = {
    RANDOM: (GREY, "X", "-"),
    "uncertainty": (BLUE, "o", "--"),
    "diversity": (ORANGE, "s", ":"),
    "disagreement": (PURPLE, "^", "-."),
    "suspects": (VERMILLION, "D", "--"),
}
FURTHER = (GREEN, "P", "-.")
AXES = {"new labels": "labels bought", "corrections": "labels read again"}


def selection_curves(results: TaskResults) -> Chart:
    """Draw macro-F1 against the number of labels, a line a strategy, a panel what the labels are spent on."""
    table = results.tables["active_learning"]
    budgets = list(dict.fromkeys(table["budget"]))
    title = " ".join(_findings(results))
    figure = new_figure(4.2, title, width=2.2 + 2.7 * len(budgets))
    for axes, budget in zip(np.atleast_1d(figure.subplots(1, len(budgets), sharey=False)), budgets, strict=True):
        part = table[table["budget"] == budget]
        for number, name in enumerate(dict.fromkeys(part["strategy"])):
            _curve(axes, results, budget, name, number)
        axes.set(xlabel=AXES.get(budget, budget), title=budget.capitalize())
        axes.grid(color=LIGHT)
        axes.legend(loc="lower right")
    figure.axes[0].set_ylabel("macro-F1 on test")
    caption = (
        f"Macro-F1 on test of a quick model (frozen encoder and logistic regression), mean over seeds; bars and the "
        f"band of random are {results.percent} bootstrap intervals over test articles and seeds. All strategies of a "
        "seed start from the same labels. Corrections: a share of the labels was made wrong, and those that a strategy "
        "names are read again."
    )
    return finish(figure, chart_name(results, "selection"), title, caption)


def _curve(axes: Axes, results: TaskResults, budget: str, name: str, number: int) -> None:
    table = results.tables["active_learning"]
    part = table[(table["budget"] == budget) & (table["strategy"] == name)].sort_values("labels")
    color, marker, line = STYLES.get(name, FURTHER)
    if name == RANDOM:
        axes.fill_between(part["labels"], part["macro_f1_low"], part["macro_f1_high"], color=LIGHT, linewidth=0)
        shifted = part["labels"]
    else:
        # A little apart, so that bars of equal sizes don't cover each other.
        shifted = part["labels"] + 0.012 * number * part["labels"].max()
        lengths = np.stack([part["macro_f1"] - part["macro_f1_low"], part["macro_f1_high"] - part["macro_f1"]])
        axes.errorbar(
            shifted, part["macro_f1"], yerr=np.clip(lengths, 0, None), color=color, elinewidth=0.8, linestyle="none"
        )
    axes.plot(shifted, part["macro_f1"], color=color, marker=marker, linestyle=line, markersize=4.5, label=name)


def selection_texts(results: TaskResults) -> list[str]:
    """Say which strategies beat random; nothing without a simulation."""
    return [" ".join(_findings(results))] if len(results.tables["active_learning_area"]) else []


def _findings(results: TaskResults) -> list[str]:
    table = results.tables["active_learning_area"]
    level = 1 - results.confidence
    found = []
    for budget in dict.fromkeys(table["budget"]):
        rows = records(table[(table["budget"] == budget) & (table["strategy"] != RANDOM)])
        better, worse = (
            [row for row in rows if row["p_bootstrap_holm"] < level and sign * row["difference"] > 0]
            for sign in (1, -1)
        )
        parts = [f"{_named(better)} beat{'s' if len(better) == 1 else ''} random"] if better else []
        parts += [f"{_named(worse)} fall{'s' if len(worse) == 1 else ''} behind random"] if worse else []
        if not better:
            highest = max(rows, key=lambda row: float(row["difference"]))
            parts.insert(0, f"no strategy is shown to beat random (highest: {_named([highest])})")
        found.append(f"{budget.capitalize()} for {results.scheme.name}: {'; '.join(parts)}.")
    return found


def _named(rows: list[dict[str, object]]) -> str:
    return " and ".join(f"{row['strategy']} ({words.signed(float(str(row['difference'])))})" for row in rows)


def area_table(results: TaskResults) -> Table | None:
    """Show the mean macro-F1 along the curves, and its difference to random."""
    rows = []
    for row in records(results.tables["active_learning_area"]):
        compared = row["strategy"] != RANDOM
        difference = difference_cell(row, "difference_low", "difference_high") if compared else Cell("reference")
        p_value = Cell(words.p_value(row["p_bootstrap_holm"]))
        rows.append([Cell(row["budget"]), Cell(row["strategy"]), scored(row, "area"), difference, p_value])
    if not rows:
        return None
    caption = (
        f"Mean macro-F1 on test along each curve, with {results.percent} intervals; the difference is paired (same "
        "first labels, same test articles), p is adjusted by Holm's method."
    )
    return Table(caption, ["spent on", "strategy", "mean macro-F1", "− random", "p (Holm)"], rows, texts=2)


def weak_table(results: TaskResults) -> Table | None:
    """Show how far the labelling functions reach on train and how right they are, by split."""
    table = results.tables["weak_labels"]
    table = table[table["label"] == EVERY_LABEL]
    rows = []
    for name, part in table.groupby("function", sort=False):
        by_split = {row["split"]: row for row in records(part)}
        train = by_split["train"]
        cells = [Cell(str(name) + (" ★" if train["used"] else ""))]
        cells += [Cell(words.score(train[measure])) for measure in ("coverage", "overlap", "conflict")]
        cells.insert(2, Cell(words.score(by_split["test"]["coverage"])))
        rows.append([*cells, *(scored(by_split[split], "accuracy") for split in SPLITS)])
    if not rows:
        return None
    caption = (
        "Labelling functions and their combinations (★ the one that is learned from): share of train that gets a "
        "label, share of that which another function labels too, and labels otherwise; then the share of right labels "
        f"in each split, with {results.percent} intervals. Seed words were written from the codebook; which "
        "combination is learned from was chosen when scores on all splits were known."
    )
    columns = [
        "function",
        "coverage",
        "coverage of test",
        "overlap",
        "conflict",
        *(f"right in {split}" for split in SPLITS),
    ]
    return Table(caption, columns, rows)
