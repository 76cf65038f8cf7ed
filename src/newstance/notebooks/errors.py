"""Where the models err: beside the annotators' disagreements, by slice, and on outlets that training never saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from newstance.bundle.bundle import Bundle
from newstance.corpus.splits import ALL_LABELS, OUTLET_HELD_OUT, STANDARD
from newstance.errors import NewstanceError
from newstance.evaluation.outcomes import outcomes_by_seed
from newstance.notebooks.display import as_table, quote
from newstance.notebooks.estimates import Mean, draw_means, mean_of, share_axis, share_of
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.figures import confusion
from newstance.reporting.results import Row, TaskResults, records
from newstance.settings import EvaluationSettings

SHOWN_CONFUSIONS = 7
SHOWN_MISTAKES = 8
SLICES = {"outlet": "outlet", "length": "words of the text", "target_frequency": "pairs with the target in training"}
SEEN, HELD_OUT = ("outlet in training", BLUE, "o"), ("outlet held out", VERMILLION, "s")


def tasks(project: Project) -> tuple[str, str]:
    """Return the names of the task without targets and of the one with targets, the first of each kind.

    Raises
    ------
    NewstanceError
        When no experiment of one kind was compared.
    """
    kinds = {one.scheme.has_targets: name for name, one in reversed(project.results.items())}
    if len(kinds) < 2:
        raise NewstanceError("This notebook needs results of a task with targets and of one without.")
    return kinds[False], kinds[True]


def models_in_words(project: Project, champion: Bundle) -> str:
    """Say which models are looked at: the best of each task on validation, and the bundle's."""
    lines = []
    for task, results in project.results.items():
        served = champion.about.tasks[task]
        same = "it is also" if served.experiment == results.best["experiment"] else f"**{served.title}** is"
        scores = f"macro-F1 {words.with_interval(results.best, 'macro_f1')} on test"
        lines.append(f"- {task}: **{results.best['title']}** was best on validation ({scores}); {same} the champion.")
    return "\n".join(lines)


def confusions(project: Project) -> list[Chart]:
    """Draw the confusion matrix of each task's best experiment, as in the report."""
    with house_style():
        return [confusion(one) for one in project.results.values() if not one.of_best("confusion").empty]


def disagreements(project: Project) -> list[Chart]:
    """Draw, for the frequent confusions of each task, the share of mistakes that annotators dispute.

    Returns
    -------
    list of Chart
        One for each task whose mistakes a second annotator labelled too.
    """
    found = project.results.values()
    with house_style():
        return [_disagreement(one) for one in found if not one.of_best("confusion_sources").empty]


def _disagreement(results: TaskResults) -> Chart:
    rows = records(results.of_best("confusion_sources"))[: SHOWN_CONFUSIONS + 1]
    shares = [share_of(row["disputed"], row["units"], results.confidence) for row in rows]
    expected, level = rows[0]["expected_share"], 1 - results.confidence
    followed = [row["p_disputed" if row["label"] == ALL_LABELS else "p_disputed_holm"] < level for row in rows]
    where = "more often than others where" if followed[0] else "not shown to lie more often than others where"
    title = (
        f"Mistakes on {results.scheme.name} lie {where} annotators disagree: {shares[0].percent} of them, "
        f"{100 * expected:.0f}\xa0% of all {results.unit}s"
    )
    figure = new_figure(1.5 + 0.34 * len(rows), title)
    axes = figure.subplots()
    for chosen, face in ((True, BLUE), (False, "white")):
        places = [place for place, one in enumerate(followed) if one == chosen]
        draw_means(axes, [shares[place] for place in places], places, fmt="o", color=BLUE, markerfacecolor=face)
    axes.axvline(expected, color=VERMILLION, linestyle="--", linewidth=1.2)
    axes.text(expected, -0.62, f" all {results.unit}s", color=VERMILLION, fontsize=8, va="bottom")
    label_rows(axes, [_confusion_name(row) for row in rows], characters=44)
    share_axis(axes, f"share of the mistakes that are disputed, with {results.percent} interval (Wilson)")
    caption = (
        f"Test {results.unit}s that {results.best['title']} gets wrong, by confusion, the most frequent first. "
        "Disputed: an annotator gave another label than the one that counts. Filled: disputed more often than all "
        f"{results.unit}s at the {100 * level:g} % level (binomial test, Holm's correction over confusions)."
    )
    return finish(figure, f"{results.scheme.name}-disagreement", title, caption)


def _confusion_name(row: Row) -> str:
    name = "all mistakes" if row["label"] == ALL_LABELS else f"{row['label']} read as {row['predicted']}"
    return f"{name} ({words.count(row['units'])})"


def mistakes(project: Project, task: str) -> pd.DataFrame:
    """Return the most confident mistakes of a task's best experiment with the articles' title and text."""
    results = project.results[task]
    articles = project.prepared(task).drop_duplicates("article_id")[["article_id", "title", "text"]]
    return results.of_best("errors").merge(articles, on="article_id", how="left")


def mistakes_table(project: Project, task: str) -> str:
    """Write the first of `mistakes` as a table: beginnings of titles, labels, what the annotators said."""
    results = project.results[task]
    target = ["target"] if results.scheme.has_targets else []
    shown = ["outlet", *target, "label", "predicted"]
    rows = [
        [
            f"“{quote(row['title'])}”",
            *(row[name] for name in shown),
            f"{row['confidence']:.2f}",
            row["annotators"] + _remark(row),
        ]
        for row in records(mistakes(project, task).head(SHOWN_MISTAKES))
    ]
    if not rows:
        return f"{results.best['title']} makes no mistake on {task}."
    return as_table(
        pd.DataFrame(
            rows,
            columns=[
                "title",
                "outlet",
                *target,
                f"label ({results.reference})",
                "predicted",
                "confidence",
                "annotators",
            ],
        )
    )


def _remark(row: Row) -> str:
    return " (predicted: the second label)" if row["predicted"] == row["secondary"] else ""


def mistakes_browser(project: Project, task: str) -> ipywidgets.Widget:
    """Let the reader choose one of `mistakes` and, with a click, read the article."""
    rows = records(mistakes(project, task))
    names = [f"{row['label']} read as {row['predicted']}: {quote(row['title'])}" for row in rows]
    choice = ipywidgets.Dropdown(options=[(name, number) for number, name in enumerate(names)], description="Mistake")
    choice.layout.width = "48em"
    button = ipywidgets.Button(description="Show the text", disabled=not rows)
    text = ipywidgets.Textarea(layout={"width": "48em", "height": "0"}, disabled=True)

    def open_text(_: Any) -> None:
        row = rows[choice.value]
        text.value, text.layout.height = f"{row['title']}\n\n{row['text']}", "18em"

    def close_text(_: Any) -> None:
        text.value, text.layout.height = "", "0"

    button.on_click(open_text)
    choice.observe(close_text, "value")
    return ipywidgets.VBox([choice, button, text])


def slices(results: TaskResults) -> Chart:
    """Draw the accuracy of a task's best experiment by outlet, length and how often the target is in training."""
    table = results.of_best("slices")
    parts = {name: records(table[table["slice"] == name]) for name in SLICES if name in set(table["slice"])}
    with house_style():
        title = _slices_title(results, parts)
        heights = [len(rows) + 1.0 for rows in parts.values()]
        figure = new_figure(1.1 + 0.31 * sum(heights), title)
        for axes, (name, rows) in zip(_stack(figure, heights), parts.items(), strict=True):
            means = [_accuracy(row) for row in rows]
            axes.axvline(results.best["accuracy"], color=VERMILLION, linestyle="--", linewidth=1.2)
            draw_means(axes, means, range(len(rows)), fmt="o", color=BLUE)
            label_rows(axes, [f"{row['value']} (n = {words.count(row['units'])})" for row in rows])
            axes.set_title(SLICES[name], fontsize=9)
            share_axis(axes, "")
        axes.set_xlabel(f"accuracy on test, with {results.percent} interval")
        caption = (
            f"Accuracy of {results.best['title']} on slices of test; bars are {results.percent} bootstrap intervals by "
            f"article, each for its slice alone; dashed: all test {results.unit}s."
        )
        return finish(figure, f"{results.scheme.name}-slices", title, caption)


def _stack(figure: Figure, heights: Sequence[float]) -> list[Axes]:
    return list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])


def _accuracy(row: Row) -> Mean:
    return Mean(row["accuracy"], row["accuracy_low"], row["accuracy_high"])


def _slices_title(results: TaskResults, parts: dict[str, list[Row]]) -> str:
    if "target_frequency" in parts:
        rows = parts["target_frequency"]
        first, last = rows[0], rows[-1]
        return (
            f"Accuracy on {results.scheme.name} is {_accuracy(first).score} for targets {first['value']} in training, "
            f"{_accuracy(last).score} for those with {last['value']} pairs"
        )
    ordered = sorted(parts["outlet"], key=lambda row: row["accuracy"])
    low, high = ordered[0], ordered[-1]
    return (
        f"Accuracy on {results.scheme.name} runs from {_accuracy(low).score} on {low['value']} to "
        f"{_accuracy(high).score} on {high['value']}"
    )


class HeldOut(NamedTuple):
    """A task's accuracy by outlet, where the outlet was in training and where it was not.

    Attributes
    ----------
    results
        The task's.
    experiment
        Which followed both protocols.
    units
        Test units: article_id, outlet, seen and held_out (share of seeds that are right).
    """

    results: TaskResults
    experiment: Row
    units: pd.DataFrame


def held_out(project: Project) -> list[HeldOut]:
    """Find, for each task, the best experiment that was also fitted without each outlet in turn."""
    found = []
    for results in project.results.values():
        both = results.ranked[results.ranked["experiment"].isin(results.compared(OUTLET_HELD_OUT).index)]
        if not both.empty:
            experiment = records(both)[0]
            found.append(HeldOut(results, experiment, _correct_by_protocol(project, results, experiment["experiment"])))
    return found


def _correct_by_protocol(project: Project, results: TaskResults, experiment: str) -> pd.DataFrame:
    units = project.prepared(results.scheme.name).query("split == 'test'").reset_index(drop=True)
    table = project.predictions(experiment).query("split == 'test'")
    columns = {}
    for column, protocol in (("seen", STANDARD), ("held_out", OUTLET_HELD_OUT)):
        part = table[table["protocol"] == protocol]
        by_seed = outcomes_by_seed(part, units, results.scheme, experiment).values()
        columns[column] = np.mean([one.correct for one in by_seed], axis=0)
    return units[["article_id", "outlet"]].assign(**columns)


def held_out_chart(found: Sequence[HeldOut], settings: EvaluationSettings) -> Chart:
    """Draw the accuracy on each outlet, with it and without it in training, a panel a task."""
    outlets = sorted({name for one in found for name in one.units["outlet"]})
    losses = [
        (one.results.scheme.name, mean_of(one.units["seen"] - one.units["held_out"], one.units["article_id"], settings))
        for one in found
    ]
    title = "Accuracy that is lost on an outlet which training never saw: " + " and ".join(
        f"{loss.score} on {task}" for task, loss in losses
    )
    with house_style():
        figure = new_figure(1.5 + 0.4 * len(outlets), title, width=7.6)
        panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
        for axes, one in zip(panels, found, strict=True):
            for shift, column, (name, color, marker) in ((-0.16, "seen", SEEN), (0.16, "held_out", HELD_OUT)):
                means = [_mean_of_outlet(one.units, outlet, column, settings) for outlet in outlets]
                draw_means(axes, means, np.arange(len(outlets)) + shift, fmt=marker, color=color, label=name)
            axes.set_title(one.results.scheme.name, fontsize=9)
            share_axis(axes, "accuracy on test")
        label_rows(panels[0], outlets)
        for axes in panels[1:]:
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        caption = (
            f"The same test units ({_experiments(found)}), labelled by a model that learnt from all outlets and by one "
            f"that learnt from all but theirs; bars are {found[0].results.percent} bootstrap intervals by article. The "
            "loss in the title is paired by unit, so its interval is narrower than those of the two accuracies."
        )
        return finish(figure, "held-out", title, caption)


def _experiments(found: Sequence[HeldOut]) -> str:
    return "; ".join(f"{one.results.scheme.name}: {one.experiment['title']}" for one in found)


def _mean_of_outlet(units: pd.DataFrame, outlet: str, column: str, settings: EvaluationSettings) -> Mean:
    part = units[units["outlet"] == outlet]
    return mean_of(part[column], part["article_id"], settings)
