"""Benchmarks that share their test articles and differ in what is trained on: the same models on each, side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.errors import NewstanceError
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, scored
from newstance.reporting.drawing import (
    DARK,
    SERIES_STYLES,
    Chart,
    error_bars,
    finish,
    house_style,
    label_rows,
    new_figure,
    score_axis,
)
from newstance.reporting.literature import Benchmark, Compared, title_of_text
from newstance.reporting.results import TaskResults, records

SCORES = ["validation_macro_f1", "macro_f1", "macro_f1_low", "macro_f1_high"]


@dataclass(frozen=True)
class Series:
    """One series.

    Attributes
    ----------
    name
        What it is of.
    tested
        On how many test articles, in words.
    percent
        The level of the intervals in words.
    scores
        A row a benchmark and model: ``benchmark`` (title), ``model`` (title; masked texts are another model),
        ``chosen`` (whether it is the benchmark's best on validation, of all models and of both forms of the text) and
        `SCORES`. Models are in the order of validation on the first benchmark, masked texts below the others.
    """

    name: str
    tested: str
    percent: str
    scores: pd.DataFrame

    @property
    def benchmarks(self) -> list[str]:
        """The titles of the benchmarks, in order."""
        return list(self.scores["benchmark"].unique())

    @property
    def models(self) -> list[str]:
        """The titles of the models, in order."""
        return list(self.scores["model"].unique())

    def of(self, benchmark: str) -> pd.DataFrame:
        """Return the scores on one benchmark: a row each of `models`, empty where there is no run."""
        part = self.scores[self.scores["benchmark"] == benchmark].set_index("model").reindex(self.models)
        return part.assign(chosen=part["chosen"].eq(True))


def read_series(folder: Path | None = None) -> list[Series]:
    """Collect the series that references.yaml names; parameters and errors as `literature.literature`."""
    found = Compared.read(folder)
    if found is None:
        return []
    members: dict[str, list[tuple[Benchmark, list[TaskResults]]]] = {}
    for benchmark, results in found.results:
        if benchmark.series:
            members.setdefault(benchmark.series, []).append((benchmark, results))
    return [_collect(name, there) for name, there in members.items()]


def _collect(name: str, members: list[tuple[Benchmark, list[TaskResults]]]) -> Series:
    first = members[0][1][0]
    parts = [pd.DataFrame(_scores(benchmark, tasks)) for benchmark, tasks in members]
    scores = pd.concat(parts, ignore_index=True)
    twice = scores[scores.duplicated(["benchmark", "model"])]
    if len(twice):
        raise NewstanceError(
            f"Two experiments on '{twice['benchmark'].iloc[0]}' have the title '{twice['model'].iloc[0]}'; in a series "
            "a title stands for one model, so change that of one of them."
        )
    places = {title: place for place, title in enumerate(scores["title"].unique())}
    # Masked texts are a later task, so that a stable order puts them below the same model's others.
    order = scores["title"].map(places).sort_values(kind="stable").index
    return Series(
        name,
        words.plural(first.best["units"], f"test {first.unit}"),
        first.percent,
        scores.loc[order].drop(columns="title").reset_index(drop=True),
    )


def _scores(benchmark: Benchmark, tasks: list[TaskResults]) -> Iterator[dict[str, object]]:
    baselines = pd.concat([one.ranked[one.ranked["role"] == "baseline"] for one in tasks])
    best = baselines["validation_macro_f1"].idxmax() if len(baselines) else None
    for one in tasks:
        for row in records(one.ranked):
            yield {
                "benchmark": benchmark.title,
                "title": row["title"],
                "model": title_of_text(one, row),
                "chosen": row["experiment"] == best,
                **{name: row[name] for name in SCORES},
            }


def series_table(series: Series) -> Table:
    """Put a series into a table: a row a model, a column a benchmark."""
    lines = [[Cell(model)] for model in series.models]
    for benchmark in series.benchmarks:
        for line, row in zip(lines, records(series.of(benchmark)), strict=True):
            cell = scored(row, "macro_f1")
            line.append(Cell(f"★ {cell.text}", cell.note) if row["chosen"] else cell)
    caption = (
        f"{series.name}: macro-F1 on the same {series.tested}, with {series.percent} intervals, by what was trained "
        "on. ★ in each column the best on validation, of all models and of both forms of the text."
    )
    return Table(caption, ["model", *series.benchmarks], lines)


def series_chart(series: Series) -> Chart:
    """Draw a series: a row a model, a mark a benchmark."""
    best = [row for one in series.benchmarks for row in records(series.of(one)) if row["chosen"]]
    reached = [f"{words.score(row['macro_f1'])} on {row['benchmark']}" for row in best]
    title = f"{series.name}, macro-F1 of the best on validation: {'; '.join(reached)}"
    models = series.models
    step = 0.5 / max(len(series.benchmarks) - 1, 1)
    with house_style():
        figure = new_figure(1.6 + 0.42 * len(models), title)
        axes = figure.add_subplot()
        for place in range(1, len(models), 2):
            axes.axhspan(place - 0.5, place + 0.5, color="#f2f2f2", zorder=0)
        for number, (benchmark, (color, marker)) in enumerate(zip(series.benchmarks, SERIES_STYLES, strict=False)):
            part = series.of(benchmark)
            rows = np.arange(len(models)) - 0.25 + step * number
            error_bars(
                axes, part["macro_f1"], part["macro_f1_low"], part["macro_f1_high"], rows,
                color=color, fmt=marker, label=benchmark,
            )  # fmt: skip
            chosen = np.flatnonzero(part["chosen"])
            axes.plot(
                part["macro_f1"].iloc[chosen], rows[chosen], marker, color=color, markersize=10, markeredgecolor=DARK
            )
        label_rows(axes, models)
        score_axis(axes, f"macro-F1 on test, with {series.percent} interval")
        figure.legend(loc="outside lower center", ncols=1)
        caption = (
            f"Macro-F1 on the same {series.tested} by what was trained on, with {series.percent} bootstrap intervals "
            "by article; large marks: best on validation."
        )
        return finish(figure, chart_name(series), title, caption)


def chart_name(series: Series) -> str:
    """Return the file name, without its ending, of a series' figure."""
    return re.sub(r"\W+", "-", series.name.lower()) + "-series"
