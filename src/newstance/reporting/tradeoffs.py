"""Figures of quality against what it takes: training articles, training time, prediction time."""

from __future__ import annotations

from textwrap import fill
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from newstance.reporting import words
from newstance.reporting.drawing import (
    DARK,
    FAMILY_STYLES,
    GREY,
    LIGHT,
    Chart,
    chart_name,
    family_handle,
    finish,
    new_figure,
)
from newstance.reporting.results import TaskResults, records

LINES = ("-", "--", ":", "-.")


class Cost(NamedTuple):
    """A cost of the table ``cost``: its name, its columns, what a number is multiplied with, and its unit and words."""

    name: str
    column: str
    mark: str
    factor: float
    unit: str
    axis: str


COSTS = {
    "prediction": Cost(
        "prediction", "predict_seconds_per_unit", "prediction_frontier", 1000, "ms", "prediction time on one core"
    ),
    "training": Cost("training", "training_minutes", "training_frontier", 1, "min", "training time"),
}


def candidates(results: TaskResults, cost: str) -> pd.DataFrame:
    """Return what can be on a frontier: models in earnest, fitted on all of train, with a measured cost.

    Returns
    -------
    DataFrame
        The comparison's columns and ``cost`` (in the unit of `COSTS`) and ``on`` (whether it is on the frontier).
    """
    chosen = COSTS[cost]
    columns = results.tables["cost"].set_index("experiment")[[chosen.column, chosen.mark]]
    table = results.ranked.join(columns, how="inner")
    table = table[(table["role"] == "baseline") & (table["train_share"] == 1) & (table[chosen.column] > 0)]
    return table.assign(cost=chosen.factor * table[chosen.column], on=table[chosen.mark].astype(bool))


def frontier(results: TaskResults, cost: str) -> Chart:
    """Draw macro-F1 on test against a cost, with the frontier that validation chose; its points are named in a key."""
    chosen, table = COSTS[cost], candidates(results, cost)
    several = len(set(table["hardware"])) > 1
    on = table[table["on"]].sort_values(["hardware", "cost"]).assign(number=lambda rows: range(1, len(rows) + 1))
    title = _frontier_title(results, chosen, on)
    entries = [f"{row['number']}  {row['title']}" + (f" ({row['hardware']})" if several else "") for row in records(on)]
    key = "\n".join(fill(entry, 38, subsequent_indent="     ") for entry in entries)
    figure = new_figure(max(3.8, 1.9 + 0.17 * len(key.splitlines())), title, width=7.6)
    axes = figure.add_subplot()
    for name, (color, marker) in FAMILY_STYLES.items():
        for marked, face in ((False, "white"), (True, color)):
            part = table[(table["kind"] == name) & (table["on"] == marked)]
            _points(axes, part, "cost", color=color, fmt=marker, markerfacecolor=face, zorder=3 + marked)
    for (_, part), line in zip(on.groupby("hardware"), LINES * len(on), strict=False):
        axes.plot(part["cost"], part["macro_f1"], color=GREY, linewidth=1.1, linestyle=line, zorder=2)
    _log_axis(axes, table["cost"])
    per = f" per {results.unit}" if cost == "prediction" else ""
    axes.set(xlabel=f"{chosen.axis}, {chosen.unit}{per} (log scale)", ylabel="macro-F1 on test")
    axes.text(1.03, 1, key, va="top", fontsize=8, linespacing=1.35, transform=axes.transAxes)
    handles = [family_handle(name) for name in FAMILY_STYLES if name in set(table["kind"])]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(1.0, -0.04))
    figure.draw_without_rendering()
    _number_points(axes, table.join(on["number"]))
    measured = "embeddings included" if cost == "prediction" else "of one fit; an ensemble's with those of its members"
    caption = (
        f"Macro-F1 on test, with {results.percent} intervals, against {chosen.axis} ({measured}). Filled and numbered: "
        "on the frontier, which means that no other is both cheaper and better on validation. Since validation chose "
        "it, the line may fall on test. Controls and models fitted on a part of train are left out."
    )
    if several:
        caption += " Times of different hardware are not compared: each hardware has a line of its own."
    return finish(figure, chart_name(results, f"frontier-{cost}"), title, caption)


def _frontier_title(results: TaskResults, cost: Cost, on: pd.DataFrame) -> str:
    best = results.best["hardware"]
    ordered = records(on[on["hardware"] == best] if best in set(on["hardware"]) else on)
    subject = f"Frontier of {cost.name} time on {results.scheme.name}"
    stated = [f"{row['cost']:.3g} {cost.unit} ({row['title']}, {words.score(row['macro_f1'])})" for row in ordered]
    if len(stated) == 1:
        return f"{subject}: one model, macro-F1 for {stated[0]}"
    return f"{subject}: macro-F1 from {stated[0]} to {stated[-1]}"


def learning_curve(results: TaskResults) -> Chart:
    """Draw macro-F1 on test against the number of training units, one line a kind of model."""
    table = results.tables["learning_curve"].sort_values("train_units", kind="stable")
    curves = {name: table[table["kind"] == name] for name in FAMILY_STYLES if name in set(table["kind"])}
    ends = []
    for name, part in curves.items():
        first, last = records(part)[0], records(part)[-1]
        ends.append(
            f"{name} from {words.score(first['macro_f1'])} with {words.count(round(first['train_units']))} to "
            f"{words.score(last['macro_f1'])} with {words.count(round(last['train_units']))}"
        )
    title = f"Macro-F1 by number of training {results.unit}s: {'; '.join(ends)}"
    figure = new_figure(3.8, title)
    axes = figure.add_subplot()
    for number, (name, part) in enumerate(curves.items()):
        color, marker = FAMILY_STYLES[name]
        # A hair apart, so that intervals of equal sizes don't cover each other.
        shifted = part.assign(shifted=part["train_units"] * 1.015**number)
        _points(axes, shifted, "shifted", color=color, fmt=marker, zorder=3)
        (line,) = axes.plot(shifted["shifted"], part["macro_f1"], color=color, marker=marker, label=name)
        line.set(linestyle=LINES[number], linewidth=1.4)
    _log_axis(axes, table["train_units"])
    sizes = sorted(set(table["train_units"].round().astype(int)))
    axes.set_xticks(sizes, [words.count(size) for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel=f"training {results.unit}s (log scale)", ylabel="macro-F1 on test")
    axes.legend(loc="lower right")
    caption = (
        f"Macro-F1 on test of models fitted on a part of train, drawn at random, a smaller one within a larger one; "
        f"bars are {results.percent} bootstrap intervals by article of test, which don't cover the draw of the part."
    )
    return finish(figure, chart_name(results, "learning-curve"), title, caption)


def _points(axes: Axes, table: pd.DataFrame, x: str, **style: object) -> None:
    """Draw points with vertical intervals; a missing interval leaves the point alone."""
    values = table["macro_f1"]
    # A percentile interval of a skewed score may lie beside the score itself; bars have no negative length.
    lengths = np.stack([values - table["macro_f1_low"], table["macro_f1_high"] - values]).astype(float)
    lengths = np.clip(np.nan_to_num(lengths), 0, None)
    axes.errorbar(table[x], values, yerr=lengths, linestyle="none", elinewidth=1.1, capsize=0, **style)  # type: ignore[arg-type]


def _log_axis(axes: Axes, values: pd.Series) -> None:
    """Make the horizontal axis logarithmic, at least one decade wide, with plain numbers."""
    axes.set_xscale("log")
    low, high = values.min() / 1.5, values.max() * 1.5
    widen = max(1.0, np.sqrt(10 / (high / low)))
    axes.set_xlim(low / widen, high * widen)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(color=LIGHT)


def _number_points(axes: Axes, table: pd.DataFrame) -> None:
    """Write the numbers of the frontier's points beside them, where they hide no other point or number if possible."""
    points = axes.transData.transform(table[["cost", "macro_f1"]].to_numpy(dtype=float))
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in points]
    places = [(-11, 10), (11, 10), (-11, -10), (11, -10), (-12, 0), (12, 0), (0, 14), (0, -14), (0, 22), (0, -22)]
    for (x, y), row in zip(points, records(table), strict=True):
        if not row["on"]:
            continue
        boxes = [Bbox.from_bounds(x + dx - 6, y + dy - 5, 12, 10) for dx, dy in places]
        best = int(np.argmin([box.count_overlaps(taken) for box in boxes]))
        taken.append(boxes[best])
        offset = (places[best][0] * 72 / axes.figure.dpi, places[best][1] * 72 / axes.figure.dpi)
        axes.annotate(
            f"{row['number']:.0f}", (row["cost"], row["macro_f1"]), offset, textcoords="offset points",
            ha="center", va="center", fontsize=8, fontweight="bold", color=DARK,
        )  # fmt: skip
