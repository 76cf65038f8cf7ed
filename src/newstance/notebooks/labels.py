"""Notebook 2: the codebook in short, who labelled, how the labels are distributed, and how far annotators agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from newstance.files import read_parquet
from newstance.notebooks.corpus import percent
from newstance.notebooks.display import as_table
from newstance.pipeline import EVERYONE
from newstance.reporting import words
from newstance.reporting.drawing import (
    ANNOTATOR_STYLE,
    BLUE,
    DARK,
    ORANGE,
    Chart,
    chart_name,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import TaskResults, records
from newstance.scheme import Scheme
from newstance.settings import LABELS, LabelSettings

DATASHEET = "datasheet.md"
OVERALL = "all labels together"


def datasheet_says(settings: LabelSettings, heading: str) -> str:
    """Quote a paragraph of the labels' datasheet by its first words, or say that there is none."""
    path = settings.directory / DATASHEET
    paragraphs = path.read_text(encoding="utf-8").split("\n\n") if path.is_file() else []
    for paragraph in paragraphs:
        if paragraph.strip().startswith(f"**{heading}"):
            return "\n".join(f"> {line}" for line in paragraph.strip().splitlines())
    return f"*The labels folder has no {DATASHEET} with a paragraph “{heading}”, so nothing is known about this.*"


def read_labels(scheme: Scheme) -> pd.DataFrame:
    """Read all annotators' labels of the articles that cleaning kept."""
    return read_parquet(LABELS / f"{scheme.name}.parquet")


def unit_name(scheme: Scheme) -> str:
    """Return what one label of a scheme is about."""
    return "pair" if scheme.has_targets else "article"


def annotators(counts: pd.DataFrame, schemes: dict[str, Scheme], settings: LabelSettings) -> pd.DataFrame:
    """Say how much each annotator labelled, and what the labels serve for.

    Parameters
    ----------
    counts
        The table ``labels`` of the report.
    schemes
        By task.
    settings
        Say whose labels serve for what.
    """
    counts = counts[counts["annotator"] != EVERYONE]
    wide = counts.pivot_table(index="annotator", columns="task", values="units", fill_value=0)
    order = [name for name in (*settings.training, settings.reference) if name in wide.index]
    wide = wide.loc[[*order, *sorted(set(wide.index) - set(order))]]
    uses = {settings.reference: "test", **dict.fromkeys(settings.training, "train and validation")}
    table = pd.DataFrame(
        {"annotator": wide.index, "labels serve for": [uses.get(name, "agreement") for name in wide.index]}
    )
    for task, scheme in schemes.items():
        if task in wide:
            table[f"{scheme.title.lower()}: {unit_name(scheme)}s"] = wide[task].map(words.count).to_numpy()
    return table


def codebook(scheme: Scheme) -> str:
    """Write a scheme's labels and definitions as a table in Markdown."""
    table = pd.DataFrame(
        {
            "code": [label.code for label in scheme.labels],
            "label": [label.name for label in scheme.labels],
            "given when the article is about" if not scheme.has_targets else "given when": [
                label.definition for label in scheme.labels
            ],
        }
    )
    if any(label.examples for label in scheme.labels):
        table["for example"] = ["; ".join(label.examples) for label in scheme.labels]
    subject = (
        "Every pair of an article and a *target* (a person, country, organisation or proposal that the article "
        f"portrays) gets one of {len(scheme.labels)} labels."
        if scheme.has_targets
        else f"Every article gets one of {len(scheme.labels)} labels"
        + (", and a second one where a second subject takes up much of it." if scheme.secondary else ".")
    )
    skip = f" The code `{scheme.skip}` marks a text that is no article." if scheme.skip else ""
    return f"**{scheme.title}.** {subject}{skip}\n\n{as_table(table)}"


def distribution(units: pd.DataFrame, scheme: Scheme) -> Chart:
    """Draw how often each label is given, as main and as second label, the most frequent on top.

    Parameters
    ----------
    units
        One row a unit (`newstance.notebooks.project.Project.prepared`).
    scheme
        The task's scheme.
    """
    main = units[scheme.name].value_counts().reindex(scheme.codes, fill_value=0)
    main = main.sort_values(ascending=False, kind="stable")
    names = {label.code: label.name for label in scheme.labels}
    used = main[main > 0]
    title = f"The most frequent {scheme.name}, {names[main.index[0]]}, is given to {percent(main.iloc[0] / len(units))}"
    title += f" of {words.plural(len(units), unit_name(scheme))}"
    title += f"; the rarest, {names[used.index[-1]]}, to {words.count(used.iloc[-1])}"
    with house_style():
        figure = new_figure(1.4 + 0.3 * len(main), title)
        axes = figure.subplots()
        rows = np.arange(len(main))
        height = 0.38 if scheme.secondary else 0.62
        shift = 0.2 if scheme.secondary else 0.0
        axes.barh(rows - shift, main, height, color=BLUE, label=f"{scheme.name} of the {unit_name(scheme)}")
        if scheme.secondary:
            second = units[scheme.secondary].value_counts().reindex(main.index, fill_value=0)
            axes.barh(
                rows + shift, second, height, color=ORANGE, hatch="////", edgecolor="white", label="given as a second"
            )
            figure.legend(loc="outside lower center", ncols=2)
        for row, count in zip(rows, main, strict=True):
            axes.text(count + main.max() / 100, row - shift, words.count(count), va="center", fontsize=8)
        label_rows(axes, [names[code] for code in main.index], characters=44)
        axes.set(xlabel=f"{unit_name(scheme)}s", xlim=(0, 1.1 * main.max()))
        axes.grid(axis="x")
        caption = (
            f"Labels of the {words.plural(len(units), unit_name(scheme))} that the experiments use, in all splits; "
            "numbers are main labels."
        )
        return finish(figure, f"labels-{scheme.name}-distribution", title, caption)


def agreement(results: TaskResults) -> Chart | str:
    """Draw Cohen's kappa of the two annotators with most units in common, over all labels and by label."""
    table = results.tables["agreement"]
    pair = _best_known_pair(table, results.reference)
    if pair is None:
        return f"No two annotators labelled the same {results.unit}s, so nothing is known about their agreement."
    table = table[table["pair"] == pair]
    classes = table[(table["slice"] == "class") & (table["units"] > 0)].dropna(subset="kappa")
    classes = classes.sort_values("kappa", ascending=False, kind="stable")
    rows = pd.concat([table[table["slice"] == "overall"], classes], ignore_index=True)
    names = {label.code: label.name for label in results.scheme.labels}
    labels = [OVERALL, *(names[code] for code in classes["value"])]
    both = pair.replace("-", " and ", 1)
    title = _agreement_title(both, records(rows), labels)
    with house_style():
        figure = new_figure(1.3 + 0.3 * len(rows), title)
        axes = figure.subplots()
        _kappas(axes, rows, labels)
        unit = results.unit
        axes.set(xlabel=f"Cohen's kappa of {both}, with {results.percent} interval")
        caption = (
            f"Agreement of {both} beyond chance, with {results.percent} bootstrap intervals by article; each label is "
            f"taken against all others. n: {unit}s that at least one of the two gave the label, on top all {unit}s. "
            "An interval of no width comes of few labels, not of certainty."
        )
        return finish(figure, chart_name(results, "agreement"), title, caption)


def _best_known_pair(table: pd.DataFrame, reference: str) -> str | None:
    """Return the pair of annotators with most units in common; the reference was made from others, and is no pair."""
    overall = table[(table["slice"] == "overall") & table["kappa"].notna()]
    named = [(pair.split("-", 1)[0], pair.rsplit("-", 1)[-1]) for pair in overall["pair"]]
    independent = np.array([reference not in names for names in named], dtype=bool)
    overall = overall[independent].sort_values("units", ascending=False, kind="stable")
    return None if overall.empty else str(overall["pair"].iloc[0])


def _agreement_title(both: str, rows: list[dict[str, object]], labels: list[str]) -> str:
    title = f"{both} agree on all labels together with kappa {words.with_interval(rows[0], 'kappa')}"
    if len(rows) > 2:
        title += f"; least on {labels[-1]}, {words.with_interval(rows[-1], 'kappa')}"
    return title


def _kappas(axes: Axes, rows: pd.DataFrame, labels: list[str]) -> None:
    """Draw kappas with intervals, the first row apart from the others."""
    low, high = (rows["kappa"] - rows["kappa_low"]), (rows["kappa_high"] - rows["kappa"])
    bars = np.clip(np.nan_to_num(np.stack([low, high]).astype(float)), 0, None)
    for part, (color, marker) in ((slice(0, 1), ANNOTATOR_STYLE), (slice(1, None), (BLUE, "o"))):
        axes.errorbar(
            rows["kappa"].iloc[part], np.arange(len(rows))[part], xerr=bars[:, part], color=color, fmt=marker,
            linestyle="none", elinewidth=1.6,
        )  # fmt: skip
    axes.axhline(0.5, color=DARK, linewidth=0.6)
    for place, row in enumerate(records(rows)):
        text = f"{words.with_interval(row, 'kappa')}  n = {words.count(row['units'])}"
        axes.text(1.03, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
    label_rows(axes, labels, characters=44)
    lowest = np.nanmin(rows[["kappa_low", "kappa"]].to_numpy(dtype=float))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlim(np.floor(10 * lowest) / 10 - 0.02, 1.02)
    axes.grid(axis="x")
