"""Notebook 3: what the comparison of all experiments shows, from the majority to the champion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from newstance.evaluation.study import LEARNING_CURVE
from newstance.files import read_json
from newstance.notebooks.display import as_table
from newstance.notebooks.estimates import Mean, draw_means
from newstance.reporting import words
from newstance.reporting.analysis import ablation_finding, aspect_title, compared_aspects
from newstance.reporting.drawing import (
    DARK,
    FAMILY_STYLES,
    GREY,
    Chart,
    chart_name,
    family_handle,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.goals import Goal, goals_table
from newstance.reporting.results import Row, TaskResults, by_experiment, family, records
from newstance.reporting.tradeoffs import candidates, learning_curve
from newstance.settings import REPORTS

CHAMPION = REPORTS / "champion.json"
FEW = 10  # a label with fewer test units is called rare
NO_STUDY = "The long experiments (`make study`) have not run on these data, so there isn't"
NO_PROTOCOL = "No experiment followed another protocol than the standard one."
NO_FRONTIER = "No model's time was measured."


def majority_in_words(results: TaskResults) -> str:
    """Say what the majority scores, which shows what the two metrics are about; "" where it wasn't run."""
    found = records(results.ranked[results.ranked["role"] == "majority"])
    if not found:
        return ""
    row = found[0]
    return (
        f"**{results.scheme.title}.** {row['title']} gives every {results.unit} the most frequent label of train. Its "
        f"accuracy is {words.score(row['accuracy'])}, its macro-F1 {words.score(row['macro_f1'])}: the mean of F1 over "
        f"{words.plural(len(results.scheme.labels), 'label')}, of which it finds one."
    )


def findings(all_results: Iterable[TaskResults]) -> str:
    """State each task's result, and which experiment is the champion, in a paragraph each."""
    chosen = read_json(CHAMPION)
    parts = []
    for results in all_results:
        task = results.scheme.name
        champion = by_experiment(results.ranked).get(chosen[task]["experiment"]) if task in chosen else None
        served = f" The champion, the model that is served, is {champion['title']}." if champion else ""
        parts.append(f"**{results.scheme.title}.** {words.finding(results)}{served}")
    return "\n\n".join(parts)


def compared_rows(results: TaskResults) -> list[Row]:
    """Join every other experiment but the majority with its paired test against the best, best on validation first."""
    tests = results.tests(results.best, "macro_f1")
    rows = records(results.ranked[results.ranked["role"] != "majority"])
    return [
        row
        | {
            "difference": test["difference"],
            "difference_low": test["low"],
            "difference_high": test["high"],
            "p": test["p_bootstrap"],
            "p_holm": test["p_bootstrap_holm"],
            "differs": test["p_bootstrap_holm"] < 1 - results.confidence,
        }
        for row in rows
        if (test := tests.get(row["experiment"])) is not None
    ]


def difference_in_words(row: Row) -> str:
    """Write a difference and its interval, with signs."""
    low, high = (words.signed(row[f"difference_{end}"]) for end in ("low", "high"))
    return f"{words.signed(row['difference'])} [{low}, {high}]"


def differences(results: TaskResults) -> Chart | str:
    """Draw the paired difference in macro-F1 of every experiment to the best on validation."""
    rows, best = compared_rows(results), results.best
    if not rows:
        return f"There is nothing to compare {best['title']} with."
    title = _differences_title(results, rows)
    with house_style():
        figure = new_figure(1.5 + 0.37 * len(rows), title, width=7.6)
        axes = figure.subplots()
        axes.axvline(0, color=GREY, linewidth=1)
        for place, row in enumerate(rows):
            _difference(axes, place, row)
        label_rows(axes, [row["title"] for row in rows])
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(f"difference in macro-F1, with {results.percent} interval")
        axes.grid(axis="x")
        families = [name for name in FAMILY_STYLES if name in {family(row) for row in rows}]
        handles = [family_handle(name) for name in families]
        handles += [
            Line2D([], [], color=DARK, marker="D", linestyle="none", label="differs"),
            Line2D([], [], color=DARK, marker="D", linestyle="none", markerfacecolor="white", label="may be chance"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
        caption = (
            f"Difference on the same test {results.unit}s to {best['title']}, the best on validation, in the order of "
            f"validation; {results.percent} paired bootstrap intervals by article, and p after Holm's "
            f"correction. Filled: p below {1 - results.confidence:.2g}. The majority is compared too, but not drawn."
        )
        return finish(figure, chart_name(results, "differences"), title, caption)


def _difference(axes: Axes, place: int, row: Row) -> None:
    color, marker = FAMILY_STYLES[family(row)]
    mean = Mean(row["difference"], row["difference_low"], row["difference_high"])
    draw_means(axes, [mean], [place], color=color, fmt=marker, markerfacecolor=color if row["differs"] else "white")
    text = f"{difference_in_words(row)}, p {words.p_value(row['p_holm'])}"
    axes.text(1.02, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())


def _differences_title(results: TaskResults, rows: Sequence[Row]) -> str:
    nearest = min(rows, key=lambda row: abs(float(row["difference"])))
    others, different = words.plural(len(rows), "other"), sum(row["differs"] for row in rows)
    return (
        f"{results.scheme.title}: {different or 'none'} of {others} {'differ' if different > 1 else 'differs'} from "
        f"{results.best['title']} by more than chance explains; the nearest, {nearest['title']}, by "
        f"{difference_in_words(nearest)}"
    )


def overlap_in_words(results: TaskResults) -> str:
    """Show by an example why two intervals that overlap are no test, and what Holm's correction does."""
    best, rows = results.best, compared_rows(results)
    overlapping = [row for row in rows if _overlap(row, best)]
    if not overlapping:
        return f"**{results.scheme.title}.** No interval overlaps that of {best['title']}."
    row = min(overlapping, key=lambda row: float(row["p"]))
    start = (
        f"**{results.scheme.title}.** The interval of {row['title']}, {words.with_interval(row, 'macro_f1')}, overlaps "
        f"that of {best['title']}, {words.with_interval(best, 'macro_f1')}."
    )
    difference = f"difference on the same {results.unit}s, {difference_in_words(row)},"
    if row["difference_low"] <= 0 <= row["difference_high"]:
        return f"{start} Their {difference} may be zero too (p {words.p_value(row['p'])})."
    tests = words.plural(len(results.tests(best, "macro_f1")), "comparison")
    return (
        f"{start} Yet the interval of their {difference} excludes zero (p {words.p_value(row['p'])}). Among {tests} "
        f"one such p may come by chance; Holm's correction makes it {words.p_value(row['p_holm'])}, and the difference "
        f"{'stands' if row['differs'] else 'no longer stands'}."
    )


def _overlap(one: Row, other: Row) -> bool:
    return bool(one["macro_f1_low"] <= other["macro_f1_high"] and other["macro_f1_low"] <= one["macro_f1_high"])


def classes_in_words(results: TaskResults) -> str:
    """Say how much of macro-F1 rests on few units."""
    table = results.of_best("per_class")
    table = table[table["support"] > 0]
    rare = table[table["support"] < FEW]
    if rare.empty:
        return f"**{results.scheme.title}.** Every label in test has at least {FEW} {results.unit}s."
    share, weight = rare["support"].sum() / table["support"].sum(), len(rare) / len(table)
    return (
        f"**{results.scheme.title}.** {words.count(len(rare))} of {words.plural(len(table), 'label')} in test have "
        f"fewer than {FEW} {results.unit}s. Together they are {100 * share:.1f} % of test, but {100 * weight:.1f} % of "
        "macro-F1."
    )


def curve(study: Mapping[str, TaskResults], task: str) -> Chart | str:
    """Draw a task's learning curves, where the study has any."""
    if task not in study or study[task].tables["learning_curve"].empty:
        return f"{NO_STUDY} a learning curve of {task}."
    with house_style():
        return learning_curve(study[task])


def ablations_in_words(study: Mapping[str, TaskResults]) -> str:
    """List by task what the study compared and what came out, a line an aspect; learning curves have their figure."""
    parts = []
    for results in study.values():
        lines = [
            f"- **{aspect_title(aspect)}.** {ablation_finding(results, aspect, rows)}"
            for aspect, rows in compared_aspects(results).items()
            if aspect != LEARNING_CURVE
        ]
        parts += ["", f"**{results.scheme.title}**", "", *lines] if lines else []
    return "\n".join(parts) or f"{NO_STUDY} such a comparison."


def calibration_in_words(results: TaskResults) -> str:
    """Say for how many models calibration lowers the error, and what is left of it in the best."""
    earnest = results.ranked[results.ranked["role"] == "baseline"]
    lower = int((earnest["ece"] < earnest["ece_uncalibrated"]).sum())
    return (
        f"**{results.scheme.title}.** Calibration lowers the error of {lower} of {words.plural(len(earnest), 'model')}"
        f", in the median from {words.score(earnest['ece_uncalibrated'].median())} to "
        f"{words.score(earnest['ece'].median())}. That of {results.best['title']} goes from "
        f"{words.with_interval(results.best, 'ece_uncalibrated')} to {words.with_interval(results.best, 'ece')}."
    )


def cost_in_words(results: TaskResults) -> str:
    """Say what the step from the cheapest to the best model of the frontier buys, on the best one's hardware."""
    table = candidates(results, "prediction")
    table = table[table["on"] & (table["hardware"] == results.best["hardware"])].sort_values("cost")
    if len(table) < 2:
        return f"**{results.scheme.title}.** The frontier is a single model, so there is nothing to trade."
    first, last = records(table.iloc[[0, -1]])
    change = last["macro_f1"] - first["macro_f1"]
    return (
        f"**{results.scheme.title}.** {last['title']} takes {last['cost'] / first['cost']:.3g} times as long as "
        f"{first['title']} ({last['cost']:.3g} ms against {first['cost']:.3g} ms per {results.unit}), for "
        f"{words.signed(change)} macro-F1 on test."
    )


def protocols_in_words(results: TaskResults) -> str:
    """Say what the best model that followed another protocol scores under it, and what the best control does."""
    standard = by_experiment(results.ranked)
    lines = []
    for protocol in results.other_protocols:
        table = results.compared(protocol)
        shown = [rows[0] for role in ("baseline", "control") if (rows := records(table[table["role"] == role]))]
        changes = [
            f"{row['title']} {words.score(standard[row['experiment']]['macro_f1'])} → "
            f"{words.with_interval(row, 'macro_f1')}"
            for row in shown
        ]
        tested = f"{words.count(table['units'].iloc[0])} of {words.count(results.best['units'])} test {results.unit}s"
        lines.append(f"- {protocol} ({tested}): {'; '.join(changes)}")
    if not lines:
        return f"**{results.scheme.title}.** {NO_PROTOCOL}"
    return "\n".join([f"**{results.scheme.title}**, macro-F1 under the standard protocol → the other:", "", *lines])


def goals(all_results: Iterable[TaskResults], wanted: tuple[Goal, ...]) -> str:
    """Put the goals of all tasks beside what was reached, as a Markdown table."""
    rows = []
    for results in all_results:
        table = goals_table(results, wanted)
        for cells in table.rows if table else ():
            rows.append([results.scheme.title, results.best["title"], *(f"{c.text} {c.note}".strip() for c in cells)])
    columns = ["task", "best on validation", "goal", "at least", "score on test", "outcome"]
    return as_table(pd.DataFrame(rows, columns=columns)) if rows else "No goals are set."


def goals_in_words(all_results: Sequence[TaskResults], wanted: tuple[Goal, ...]) -> str:
    """Count the goals reached, and the missed ones that the intervals don't exclude."""
    reached, within, total = 0, 0, 0
    for results in all_results:
        for goal in (goal for goal in wanted if goal.task == results.scheme.name):
            row = by_experiment(results.compared(goal.protocol)).get(results.best["experiment"])
            if row is not None:
                total += 1
                reached += row[goal.metric] >= goal.at_least
                within += row[goal.metric] < goal.at_least <= row[f"{goal.metric}_high"]
    if not total:
        return "Nothing was to be reached."
    text = f"{reached or 'None'} of {words.plural(total, 'goal')} {'is' if reached == 1 else 'are'} reached."
    if reached < total:
        text += (
            f" Of the missed ones, {within} {'lies' if within == 1 else 'lie'} within the score's interval, so that "
            f"other test articles could decide otherwise, and {total - reached - within} beyond it."
        )
    return text
