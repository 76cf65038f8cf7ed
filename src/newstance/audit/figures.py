"""The audit's figures; each title states the finding, from the same numbers that are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from newstance.audit.names import BYLINE, OUTLET, SECTION
from newstance.audit.shared import Shared
from newstance.audit.shortcuts import FULL, MAJORITY, MASKED, PARTIAL, REFERENCE, SHORTCUT, TEXT, Models
from newstance.audit.slices import SIDES, Sides
from newstance.audit.telltale import OUTLET_WORD, WORD
from newstance.audit.thresholds import SIDE_ARTICLES, TEST_ARTICLES
from newstance.audit.verdict import percent
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
    score_axis,
)
from newstance.reporting.results import Row, records

KIND_STYLES = {REFERENCE: (GREY, "X"), SHORTCUT: (VERMILLION, "s"), PARTIAL: (ORANGE, "^"), TEXT: (BLUE, "o")}
NAME_STYLES = {OUTLET: (VERMILLION, "s"), BYLINE: (PURPLE, "D"), SECTION: (GREEN, "^")}
NAME_STYLES |= {OUTLET_WORD: (ORANGE, "v"), WORD: (BLUE, "o")}
SIDE_STYLES = {FULL: (BLUE, "o", "full text"), MASKED: (ORANGE, "^", "trained and tested on masked text")}
DRAWN_NAMES, DRAWN_WORDS = 12, 2


def charts(
    task: str, unit: str, shared: Shared, tokens: pd.DataFrame, models: Models, sides: Sides, confidence: float
) -> dict[str, Chart]:
    """Draw every figure that the data allow; keys are ``shared``, ``shortcuts``, ``tokens``, ``slices``.

    Parameters
    ----------
    task
        Its name begins the figures' names.
    unit
        What one label belongs to: ``article`` or ``pair``.
    shared, tokens, models, sides
        What was found.
    confidence
        Of the intervals.
    """
    level = f"{100 * confidence:g} %"
    with house_style():
        drawn = {
            "shared": _shared(f"{task}-shared", shared),
            "shortcuts": _shortcuts(f"{task}-shortcuts", models, unit, level),
        }
        shown = _shown_tokens(tokens)
        if len(shown):
            drawn["tokens"] = _tokens(f"{task}-tokens", shown, unit, level)
        judged = sides.differences[sides.differences["smaller_side"] >= SIDE_ARTICLES]
        if len(judged):
            drawn["slices"] = _slices(f"{task}-slices", replace(sides, differences=judged), level)
    return drawn


def _points(axes: Axes, row: Row, metric: str, place: float, color: str, marker: str) -> None:
    """Draw a score with its interval, which may lie beside the score or be undefined."""
    ends = np.array([row[metric] - row[f"{metric}_low"], row[f"{metric}_high"] - row[metric]], dtype=float)
    lengths = np.clip(np.nan_to_num(ends), 0, None)[:, None]
    axes.errorbar(row[metric], place, xerr=lengths, fmt=marker, color=color, elinewidth=1.6, capsize=0, clip_on=False)


def _legend(figure: Figure, styles: dict[str, tuple[str, str]], columns: int = 3) -> None:
    handles = [
        Line2D([], [], color=color, marker=marker, linestyle="none", label=name)
        for name, (color, marker) in styles.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def _shared(name: str, shared: Shared) -> Chart:
    table = records(shared.exposure)
    parts = [f"{row['what']}: {percent(row['share'])}" for row in table if row["test_articles"]]
    most = max(table, key=lambda row: row["share"])
    title = f"{percent(most['share'])} of test articles share {most['what']} with train"
    if not parts:
        title = "No test article shares an outlet, a near-duplicate, an author or boilerplate with train"
    figure = new_figure(1.1 + 0.36 * len(table), title)
    axes = figure.add_subplot()
    axes.barh(range(len(table)), [row["share"] for row in table], color=BLUE, height=0.6)
    for place, row in enumerate(table):
        text = f"{percent(row['share'])} ({words.count(row['test_articles'])})"
        axes.text(row["share"] + 0.01, place, text, va="center", fontsize=8)
    label_rows(axes, [row["what"] for row in table])
    axes.set_xlim(0, 1.18)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("test articles that share it with train")
    axes.grid(axis="x")
    caption = "What test articles have in common with articles of train: share of test, and the number of articles."
    return finish(figure, name, title, caption)


def _shortcuts(name: str, models: Models, unit: str, level: str) -> Chart:
    table = models.table.sort_values("accuracy", kind="stable", ascending=False, ignore_index=True)
    rows = {row["model"]: row for row in records(table)}
    cuts = [row for row in rows.values() if row["kind"] == SHORTCUT]
    title = (
        f"{cuts[0]['model'].capitalize()} reaches accuracy {words.score(cuts[0]['accuracy'])}, "
        f"the full text {words.score(rows[FULL]['accuracy'])}, the majority {words.score(rows[MAJORITY]['accuracy'])}; "
        f"without names the text keeps {words.score(rows[MASKED]['accuracy'])}"
    )
    figure = new_figure(1.4 + 0.34 * len(rows), title)
    axes = figure.add_subplot()
    axes.axvline(rows[MAJORITY]["accuracy"], color=GREY, linestyle=":", linewidth=1, zorder=0)
    for place, row in enumerate(rows.values()):
        _points(axes, row, "accuracy", place, *KIND_STYLES[row["kind"]])
        text = words.with_interval(row, "accuracy")
        axes.text(1.02, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
    label_rows(axes, list(rows))
    score_axis(axes, f"accuracy on test, with {level} interval")
    _legend(figure, {kind: style for kind, style in KIND_STYLES.items() if kind in set(table["kind"])}, columns=4)
    caption = (
        f"Accuracy on {words.plural(rows[FULL]['units'], f'test {unit}')} of models that are fitted on train and see "
        f"a part of each {unit}, beside a linear model of the full text, the same model tested on masked text, and one "
        f"that was trained on masked text, too. Dotted line: the majority. Bars are {level} bootstrap intervals by "
        "article."
    )
    return finish(figure, name, title, caption)


def _shown_tokens(tokens: pd.DataFrame) -> pd.DataFrame:
    """Return the tokens to draw: the first names, then the first words of each label."""
    tested = tokens[tokens["test_units"] >= TEST_ARTICLES]
    is_word = tested["kind"].isin([WORD, OUTLET_WORD])
    first = tested[is_word].groupby("label", sort=False).head(DRAWN_WORDS)
    # Many classes: one word each is enough to see.
    first = first if first["label"].nunique() <= 4 else first.groupby("label", sort=False).head(1)
    return pd.concat([tested[~is_word].head(DRAWN_NAMES), first], ignore_index=True)


def _tokens(name: str, shown: pd.DataFrame, unit: str, level: str) -> Chart:
    rows = records(shown)
    is_name = ~shown["kind"].isin([WORD, OUTLET_WORD])
    telling = [row for row in records(shown[is_name]) if row["precision_low"] > row["class_share"]]
    if telling:
        best = max(telling, key=lambda row: row["precision"] - row["class_share"])
        title = (
            f"{len(telling)} of {words.plural(int(is_name.sum()), 'name')} tell the label: where {best['token']} is "
            f"named, {percent(best['precision'])} are {best['label']}, of all {percent(best['class_share'])}"
        )
    elif is_name.any():
        title = f"None of the {words.plural(int(is_name.sum()), 'name')} in the texts surely tells the label on test"
    else:
        title = "The texts name no outlet, author or section often enough to tell the label; these words do"
    figure = new_figure(1.5 + 0.3 * len(rows), title)
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        _points(axes, row, "precision", place, *NAME_STYLES[row["kind"]])
        axes.plot(row["class_share"], place, marker="|", color=GREY, markersize=11, linestyle="none")
        text = f"{words.with_interval(row, 'precision')}  n = {words.count(row['test_units'])}"
        axes.text(1.02, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
    label_rows(axes, [f"{row['token']} → {row['label']}" for row in rows])
    score_axis(axes, f"share of test {unit}s with the token that have the label, with {level} interval")
    used = {kind: style for kind, style in NAME_STYLES.items() if kind in set(shown["kind"])}
    _legend(figure, used | {"share of the label in test": (GREY, "|")})
    caption = (
        f"Tokens of train that tell a label, tested: names first, then words, by their log-odds in train; at least "
        f"{TEST_ARTICLES} test {unit}s have each. The further right of the label's share in test (upright mark), the "
        f"more a model gains by knowing the token. Bars are {level} bootstrap intervals by article."
    )
    return finish(figure, name, title, caption)


def _slices(name: str, sides: Sides, level: str) -> Chart:
    full = [row for row in records(sides.differences) if row["model"] == FULL]
    parts = [
        f"{words.signed(row['difference'])} [{words.signed(row['low'])}, {words.signed(row['high'])}] with "
        f"{SIDES[row['comparison']][0]}"
        for row in full
    ]
    title = f"Accuracy of the full text differs by {'; '.join(parts)}"
    table = sides.table[sides.table["comparison"].isin([row["comparison"] for row in full])]
    labels = list(dict.fromkeys(table["side"]))
    figure = new_figure(1.4 + 0.5 * len(labels), title)
    axes = figure.add_subplot()
    for row in records(table):
        color, marker, _ = SIDE_STYLES[row["model"]]
        place = labels.index(row["side"]) + (-0.15 if row["model"] == FULL else 0.15)
        _points(axes, row, "accuracy", place, color, marker)
        text = words.with_interval(row, "accuracy")
        axes.text(1.02, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
    counts = table.drop_duplicates("side").set_index("side")["articles"]
    label_rows(axes, [f"{side} ({words.count(counts[side])})" for side in labels])
    score_axis(axes, f"accuracy on test, with {level} interval")
    _legend(figure, {label: (color, marker) for color, marker, label in SIDE_STYLES.values()})
    caption = (
        "Accuracy on parts of test (number of articles in brackets). Parts differ in their labels, too, so a "
        f"difference is a sign and no proof. Bars are {level} bootstrap intervals by article."
    )
    return finish(figure, name, title, caption)
