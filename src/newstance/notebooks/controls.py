"""Notebook 3: what the best experiment knows beyond the controls, which see too little to answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from newstance.corpus.prepared import read_prepared
from newstance.evaluation.intervals import seed_mean
from newstance.evaluation.outcomes import Outcomes
from newstance.evaluation.summary import TEST, run_outcomes
from newstance.notebooks.estimates import Mean, draw_means, mean_of
from newstance.notebooks.project import Project
from newstance.reporting.drawing import (
    BLUE,
    GREY,
    VERMILLION,
    Chart,
    chart_name,
    finish,
    house_style,
    label_rows,
    new_figure,
    score_axis,
)
from newstance.reporting.results import TaskResults, records


def beyond_controls(project: Project, results: TaskResults) -> Chart | str:
    """Draw how often the best experiment is right where a control is right, and where it is wrong."""
    controls = records(results.ranked[results.ranked["role"] == "control"])
    if not controls or results.best["role"] == "control":
        return f"There is no control of {results.scheme.name}."
    overall, rows = _right_beyond(project, results, [control["experiment"] for control in controls])
    best, unit = results.best["title"], results.unit
    title = (
        f"{best} is right on {rows[0][1].percent} of the {unit}s where {controls[0]['title']} is wrong, and on "
        f"{rows[0][0].percent} of the others"
    )
    with house_style():
        figure = new_figure(1.7 + 0.5 * len(controls), title)
        axes = figure.subplots()
        styles = (("right", BLUE, "o", -0.14), ("wrong", VERMILLION, "s", 0.14))
        for number, (name, color, marker, shift) in enumerate(styles):
            means, places = [row[number] for row in rows], np.arange(len(rows)) + shift
            draw_means(axes, means, places, color=color, fmt=marker, label=f"the control is {name}")
        axes.axvline(overall, color=GREY, linestyle=":", label=f"on all {unit}s")
        label_rows(axes, [control["title"] for control in controls])
        score_axis(axes, f"accuracy on test, with {results.percent} interval")
        figure.legend(loc="outside lower center", ncols=3)
        caption = (
            f"Accuracy of {best} on the test {unit}s that each control labels rightly, and on those that it labels "
            f"wrongly; {results.percent} bootstrap intervals by article. A model that only knew what the control knows "
            "would score 1 where it is right and 0 where it is wrong."
        )
        return finish(figure, chart_name(results, "beyond-controls"), title, caption)


def _right_beyond(
    project: Project, results: TaskResults, controls: Sequence[str]
) -> tuple[float, list[tuple[Mean, Mean]]]:
    """Return the accuracy of the best experiment on all of test, and where each control is right and wrong."""
    best = outcomes_on_test(project, results, results.best["experiment"])
    right = seed_mean([one.correct.astype(np.float64) for one in best])
    articles, settings = best[0].articles, project.settings.evaluation
    rows = []
    for control in controls:
        known = outcomes_on_test(project, results, control)[0].correct
        there, elsewhere = (mean_of(right[mask], articles[mask], settings) for mask in (known, ~known))
        rows.append((there, elsewhere))
    return float(right.mean()), rows


def outcomes_on_test(project: Project, results: TaskResults, experiment: str) -> list[Outcomes]:
    """Match an experiment's predictions to the test units; one a seed, the first seed first."""
    data = read_prepared(results.scheme.name)
    return list(run_outcomes(project.predictions(experiment), data, results.scheme, experiment)[TEST].values())
