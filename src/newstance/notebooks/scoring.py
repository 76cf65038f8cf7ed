"""Notebook 5: a Parquet file of articles, scored, and what the scored file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from newstance.bundle.bundle import Bundle
from newstance.files import read_parquet, write_parquet
from newstance.notebooks.confidence import right
from newstance.notebooks.estimates import Mean
from newstance.notebooks.project import Project
from newstance.notebooks.samples import draw_articles
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, DARK, Chart, finish, house_style, new_figure
from newstance.scheme import Scheme
from newstance.serving.batch_prediction import Job, Summary, predict_to_file
from newstance.terminal import progress_bar

FOLDER = Path("build/notebooks")
ARTICLES = FOLDER / "articles.parquet"
SCORED = FOLDER / "scored.parquet"
MOST = 96
ID = "article_id"
NO_OUTLET = "(no outlet)"
DARK_CELL = 0.55  # of the largest count; from here on a cell is so dark that its number is white


@dataclass(frozen=True)
class Scored:
    """A scored file.

    Attributes
    ----------
    summary
        How many rows were labelled.
    rows
        One row an article and scheme, and target where the scheme has one (the file as it is).
    """

    summary: Summary
    rows: pd.DataFrame

    @property
    def command(self) -> str:
        """What does the same in a terminal."""
        return f"newstance predict {ARTICLES} --output {SCORED}"


def write_articles(project: Project, most: int = MOST) -> pd.DataFrame:
    """Write test articles with the targets that their labels name into a Parquet file, and return its rows."""
    untargeted, targeted = _names(project.schemes)
    drawn = draw_articles(project, untargeted[0], most)[[ID, "outlet", "title", "text"]]
    if targeted:
        pairs = project.prepared(targeted[0])
        named = pairs.groupby(ID)["target"].agg(list)
        drawn["targets"] = [named.get(one, []) for one in drawn[ID]]
    write_parquet(ARTICLES, drawn)
    return drawn


def _names(schemes: Mapping[str, Scheme]) -> tuple[list[str], list[str]]:
    """Return the names of the schemes without, and with targets."""
    targeted = [name for name, scheme in schemes.items() if scheme.has_targets]
    return [name for name in schemes if name not in targeted] or targeted, targeted


def score(bundle: Bundle) -> Scored:
    """Score the file of articles as ``newstance predict`` does."""
    job = Job.of([ARTICLES], SCORED, kind=None, targets=None, evidence=None)
    with progress_bar(hidden=True) as progress:
        summary = predict_to_file(job, bundle, progress, SCORED, overwrite=True)
    return Scored(summary, read_parquet(SCORED))


def first_rows(scored: Scored, articles: int = 2) -> pd.DataFrame:
    """Return the rows of the first articles and of the first refused one, without some columns; to be shown."""
    refused = scored.rows.loc[scored.rows["abstain"].notna(), "row"].head(1)
    chosen = scored.rows["row"].isin([*range(1, articles + 1), *refused])
    table = scored.rows.loc[chosen, [ID, "scheme", "target", "label", "probability", "abstain"]]
    shown = table.assign(probability=table["probability"].map("{:.2f}".format))
    return shown.astype(object).where(table.notna(), "")


def topics_by_outlet(scored: Scored, articles: pd.DataFrame, scheme: Scheme) -> Chart | str:
    """Count the answers of a scheme without targets by outlet, the most frequent labels first."""
    rows = scored.rows[(scored.rows["scheme"] == scheme.name) & scored.rows["label"].notna()]
    if rows.empty:
        return "No article of the file was labelled, so there is nothing to draw."
    outlet = rows[ID].map(articles.set_index(ID)["outlet"]).replace("", NO_OUTLET)
    counts = pd.crosstab(outlet, rows["label"])
    counts = counts.loc[
        counts.sum(axis=1).sort_values(ascending=False, kind="stable").index,
        counts.sum().sort_values(ascending=False, kind="stable").index,
    ]
    title = _title(counts, scheme)
    with house_style():
        figure = new_figure(2.2 + 0.32 * len(counts), title, width=8.4)
        axes = figure.subplots()
        axes.imshow(counts, cmap=LinearSegmentedColormap.from_list("counts", ["white", BLUE]), aspect="auto", vmin=0)
        for place, number in np.ndenumerate(counts.to_numpy()):
            if number:
                color = "white" if number > DARK_CELL * counts.to_numpy().max() else DARK
                axes.text(place[1], place[0], words.count(number), ha="center", va="center", color=color, fontsize=8.5)
        names = [f"{name} ({words.count(total)})" for name, total in counts.sum(axis=1).items()]
        axes.set_yticks(range(len(names)), names)
        labels = [str(code).replace("_", " ") for code in counts.columns]
        axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor")
        axes.tick_params(length=0)
        axes.set(xlabel=f"{scheme.name} that the champion gives", ylabel="outlet (articles labelled)")
        axes.spines[:].set_visible(False)
        caption = (
            f"Answers in `{SCORED}`, counted: these are the articles of one file, not estimates for an outlet. "
            "Empty cells are 0."
        )
        return finish(figure, "serving-scored", title, caption)


def _title(counts: pd.DataFrame, scheme: Scheme) -> str:
    label, total = str(counts.columns[0]).replace("_", " "), counts.iloc[:, 0].sum()
    articles, first = int(counts.to_numpy().sum()), counts.iloc[:, 0] == counts.max(axis=1)
    get = "gets" if total == 1 else "get"
    title = f"Of {words.plural(articles, 'scored article')}, {words.count(total)} {get} the {scheme.name} “{label}”"
    if len(counts) == 1:
        return title
    return f"{title}, the most frequent one in {words.count(int(first.sum()))} of {words.plural(len(counts), 'outlet')}"


def against_reference(scored: Scored, project: Project) -> str:
    """Compare the scored file with the labels that these test articles have."""
    lines = []
    for name, scheme in project.schemes.items():
        merged = compared(scored, project.prepared(name), scheme)
        if len(merged):
            share: Mean = right(merged, project.settings.evaluation)
            unit = "pair of an article and a target" if scheme.has_targets else "article"
            several = unit.replace("pair", "pairs", 1) if scheme.has_targets else f"{unit}s"
            counted = f"{words.count(len(merged))} {unit if len(merged) == 1 else several}"
            lines.append(f"- **{name}**: {share.percent} of the answers about {counted} are those of the labels.")
    return "\n".join(lines) or "The labelled articles have no labels to compare with."


def compared(scored: Scored, labelled: pd.DataFrame, scheme: Scheme) -> pd.DataFrame:
    """Join answers and labels of a scheme.

    Returns
    -------
    DataFrame
        Columns article_id and correct, one row a labelled unit that was answered.
    """
    unit = [ID, "target"] if scheme.has_targets else [ID]
    rows = scored.rows[(scored.rows["scheme"] == scheme.name) & scored.rows["label"].notna()]
    merged = rows[[*unit, "label"]].merge(labelled[[*unit, scheme.name]], on=unit)
    return merged[[ID]].assign(correct=merged["label"] == merged[scheme.name])
