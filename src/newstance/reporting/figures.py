"""The figures of a task; each title states the finding, made from the same numbers as the drawing."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from newstance.corpus.splits import STANDARD
from newstance.reporting import words
from newstance.reporting.drawing import (
    ANNOTATOR_STYLE,
    BLUE,
    DARK,
    FAMILY_STYLES,
    GREY,
    LIGHT,
    SERIES_STYLES,
    VERMILLION,
    Chart,
    chart_name,
    error_bars,
    family_handle,
    finish,
    house_style,
    label_rows,
    new_figure,
    score_axis,
)
from newstance.reporting.results import TaskResults, family, records
from newstance.reporting.selection import selection_curves
from newstance.reporting.tradeoffs import COSTS, candidates, frontier, learning_curve


def charts(results: TaskResults) -> dict[str, Chart]:
    """Draw all figures of a task that its tables have data for.

    Returns
    -------
    dict
        By kind: ``forest`` always, then ``protocols``, ``per-class``, ``confusion``, ``reliability``,
        ``learning-curve``, ``frontier-prediction``, ``frontier-training``, ``selection``.
    """
    with house_style():
        drawn = {"forest": forest(results)}
        if results.other_protocols:
            drawn["protocols"] = protocols(results)
        for kind, draw in (("per_class", per_class), ("confusion", confusion), ("reliability", reliability)):
            if not results.of_best(kind).empty:
                drawn[kind.replace("_", "-")] = draw(results)
        if not results.tables["learning_curve"].empty:
            drawn["learning-curve"] = learning_curve(results)
        for cost in COSTS:
            if not candidates(results, cost).empty:
                drawn[f"frontier-{cost}"] = frontier(results, cost)
        if not results.tables["active_learning"].empty:
            drawn["selection"] = selection_curves(results)
    return drawn


def forest(results: TaskResults) -> Chart:
    """Draw macro-F1 of all experiments with intervals; annotators against the reference as a mark above them."""
    best, ranked, annotators = results.best, results.ranked, results.tables["annotators"]
    leader = words.leader_on_test(results)
    shown = words.with_interval(best, "macro_f1")
    if len(ranked) == 1:
        title = f"{best['title']} on {results.scheme.name}: macro-F1 {shown}"
    elif leader["experiment"] == best["experiment"]:
        title = f"{best['title']} leads on {results.scheme.name}: macro-F1 {shown}"
    else:
        title = (
            f"{best['title']}, best on validation, scores macro-F1 {shown} on {results.scheme.name}; "
            f"{leader['title']} has the highest on test, {words.score(leader['macro_f1'])}"
        )
    marks = annotators.assign(title=[f"annotator {name}" for name in annotators["annotator"]], family="annotator")
    rows = pd.concat([marks, ranked.assign(family=[family(row) for row in records(ranked)])]).reset_index(drop=True)
    figure = new_figure(1.4 + 0.37 * len(rows), title)
    axes = figure.add_subplot()
    for name, (color, marker) in {**FAMILY_STYLES, "annotator": ANNOTATOR_STYLE}.items():
        part = rows[rows["family"] == name]
        error_bars(
            axes, part["macro_f1"], part["macro_f1_low"], part["macro_f1_high"], part.index, color=color, fmt=marker
        )
    for value in annotators["macro_f1"]:
        axes.axvline(value, color=ANNOTATOR_STYLE[0], linestyle=":", linewidth=1, zorder=0)
    label_rows(axes, rows["title"].tolist())
    axes.get_yticklabels()[len(marks) + list(ranked.index).index(best["experiment"])].set_fontweight("bold")
    for place, row in enumerate(records(rows)):
        text = words.with_interval(row, "macro_f1")
        axes.text(1.02, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
    score_axis(axes, f"macro-F1 on test, with {results.percent} interval")
    handles = [family_handle(name) for name in FAMILY_STYLES if name in set(rows["family"])]
    if len(annotators):
        color, marker = ANNOTATOR_STYLE
        handles.append(Line2D([], [], color=color, marker=marker, linestyle=":", label="annotator (upper mark)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
    caption = (
        f"Macro-F1 on test of every {results.scheme.name} experiment, ordered by validation (the best in bold); "
        f"bars are {results.percent} bootstrap intervals by article."
    )
    if len(annotators):
        caption += f" Dotted lines: annotators scored against {results.reference}, an upper mark."
    return finish(figure, chart_name(results, "forest"), title, caption)


def protocols(results: TaskResults) -> Chart:
    """Draw macro-F1 under every protocol, a group of points an experiment."""
    names = [STANDARD, *results.other_protocols]
    tables = {name: results.compared(name) for name in names}
    others = {experiment for name in results.other_protocols for experiment in tables[name].index}
    shown = results.ranked[results.ranked["experiment"].isin(others)]
    first = records(shown)[0]  # the best of those that have another protocol
    found = [
        f"{words.score(row['macro_f1'])} {name}"
        for name, table in tables.items()
        for row in records(table)
        if row["experiment"] == first["experiment"]
    ]
    title = f"Macro-F1 of {first['title']}: {', '.join(found)}"
    step = 0.5 / max(len(names) - 1, 1)
    figure = new_figure(1.4 + 0.42 * len(shown), title)
    axes = figure.add_subplot()
    for place in range(1, len(shown), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#f2f2f2", zorder=0)
    for number, (name, (color, marker)) in enumerate(zip(names, SERIES_STYLES, strict=False)):
        part = tables[name].reindex(shown.index)
        rows = np.arange(len(shown)) - 0.25 + step * number
        error_bars(
            axes,
            part["macro_f1"],
            part["macro_f1_low"],
            part["macro_f1_high"],
            rows,
            color=color,
            fmt=marker,
            label=name,
        )
    label_rows(axes, shown["title"].tolist())
    score_axis(axes, f"macro-F1 on test, with {results.percent} interval")
    figure.legend(loc="outside lower center", ncols=len(names))
    caption = f"Macro-F1 on test under each protocol, with {results.percent} bootstrap intervals by article."
    return finish(figure, chart_name(results, "protocols"), title, caption)


def per_class(results: TaskResults) -> Chart:
    """Draw F1 a class of the best experiment, in the scheme's order."""
    table = results.of_best("per_class").set_index("label").reindex(results.scheme.codes).dropna(subset="support")
    names = {label.code: label.name for label in results.scheme.labels}
    ordered = records(table[table["support"] > 0].dropna(subset="f1").reset_index().sort_values("f1", kind="stable"))
    low, high = ordered[0], ordered[-1]
    title = (
        f"{results.best['title']} is strongest on {names[high['label']]} (F1 {words.score(high['f1'])}, "
        f"{words.plural(high['support'], results.unit)}) and weakest on {names[low['label']]} "
        f"(F1 {words.score(low['f1'])}, {words.plural(low['support'], results.unit)})"
    )
    figure = new_figure(1.2 + 0.3 * len(table), title)
    axes = figure.add_subplot()
    rows = range(len(table))
    axes.barh(rows, table["f1"], height=0.62, color="#8cc1e0", edgecolor=BLUE, linewidth=0.8)
    error_bars(axes, table["f1"], table["f1_low"], table["f1_high"], rows, color=DARK, fmt="none")
    label_rows(axes, [names[code] for code in table.index], characters=44)
    for place, row in zip(rows, records(table), strict=True):
        text = f"{words.score(row['f1'])}  (n = {words.count(row['support'])})"
        axes.text(1.02, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
    score_axis(axes, f"F1 on test, with {results.percent} interval")
    caption = (
        f"F1 of {results.best['title']} a class, with {results.percent} bootstrap intervals by article; "
        f"n: test {results.unit}s with that label."
    )
    return finish(figure, chart_name(results, "per-class"), title, caption)


def confusion(results: TaskResults) -> Chart:
    """Draw the confusion matrix of the best experiment: colour is the share of the row, numbers are units."""
    codes = results.scheme.codes
    table = results.of_best("confusion").pivot_table(index="label", columns="predicted", values="units", aggfunc="sum")
    table = table.reindex(index=codes, columns=codes).fillna(0)
    counts = table.to_numpy(dtype=float)
    errors = counts * (1 - np.eye(len(codes)))
    row, column = np.unravel_index(errors.argmax(), errors.shape)
    title = f"{results.best['title']} makes no error on test"
    if errors.max() > 0:
        title = (
            f"Most frequent error of {results.best['title']}: {codes[row]} read as {codes[column]} "
            f"({words.count(counts[row, column])} of {words.plural(counts[row].sum(), results.unit)})"
        )
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    size = 1.9 + max(0.3 * len(codes), 2.0)
    figure = new_figure(size, title, width=max(size + 0.5, 5.2))
    axes = figure.add_subplot()
    # Few shades, so that matplotlib draws the colour bar as shapes and not as a bitmap.
    shades = mpl.colormaps["Blues"].resampled(20)
    mesh = axes.pcolormesh(shares, cmap=shades, vmin=0, vmax=1, edgecolors=LIGHT, linewidth=0.5)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    for (i, j), units in np.ndenumerate(counts):
        if units > 0:
            color = "white" if shares[i, j] > 0.55 else DARK
            axes.text(j + 0.5, i + 0.5, words.count(units), ha="center", va="center", fontsize=7.5, color=color)
    labels = [f"{code} ({words.count(total)})" for code, total in zip(codes, totals[:, 0], strict=True)]
    axes.set_yticks(np.arange(len(codes)) + 0.5, labels)
    axes.set_xticks(np.arange(len(codes)) + 0.5, codes, rotation=90 if len(codes) > 5 else 0)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted label")
    axes.set_ylabel(f"true label (test {results.unit}s)")
    figure.colorbar(mesh, ax=axes, shrink=0.6, pad=0.02, label=f"share of the true label's {results.unit}s")
    caption = (
        f"Rows: true labels, columns: labels predicted by {results.best['title']}. Numbers are test {results.unit}s "
        "(means over seeds), shades their share of the row."
    )
    return finish(figure, chart_name(results, "confusion"), title, caption)


def reliability(results: TaskResults) -> Chart:
    """Draw accuracy against confidence before and after calibration, over the number of units in each bin."""
    best, table = results.best, results.of_best("reliability")
    before, after = best["ece_uncalibrated"], best["ece"]
    change = "lowers" if after < before else "raises" if after > before else "leaves"
    title = (
        f"Calibration {change} the expected calibration error of {best['title']}: "
        f"{words.score(before)} before, {words.score(after)} after"
    )
    kinds = {False: ("before calibration", VERMILLION, "s", "--"), True: ("after calibration", BLUE, "o", "-")}
    figure = new_figure(4.9, title, width=5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="perfect calibration")
    for calibrated, (name, color, marker, line) in kinds.items():
        part = table[table["calibrated"].astype(bool) == calibrated].sort_values("bin")
        upper.plot(part["confidence"], part["accuracy"], color=color, marker=marker, linestyle=line, label=name)
        shift = 0.025 if calibrated else -0.025
        lower.bar(
            part["bin"] / 10 + 0.05 + shift, part["units"], width=0.045, color=color,
            hatch="" if calibrated else "////", edgecolor="white", linewidth=0,
        )  # fmt: skip
    upper.set(xlim=(0, 1), ylim=(-0.03, 1.03), ylabel="accuracy in the bin")
    upper.grid(color=LIGHT)
    upper.legend(loc="lower right")
    lower.set(ylabel=f"{results.unit}s", xlabel="confidence (probability of the predicted label)")
    caption = (
        f"Test {results.unit}s of all seeds in ten bins of confidence. Above: share predicted rightly; below the "
        f"diagonal the model is too confident. Below: how many {results.unit}s a bin holds."
    )
    return finish(figure, chart_name(results, "reliability"), title, caption)
