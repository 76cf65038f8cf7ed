"""Notebook 1: the near-duplicates in the corpus."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from newstance.notebooks.corpus import percent
from newstance.notebooks.display import quote
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, ORANGE, Chart, finish, house_style, new_figure
from newstance.settings import NearDuplicateSettings

NONE_FOUND = "There are no near-duplicates among these articles, so there is nothing to draw."
BINS = 16


def read_pairs(project: Project, articles: pd.DataFrame) -> pd.DataFrame:
    """Read the pairs of near-duplicates.

    Returns
    -------
    DataFrame
        Columns first, second (article ids), similarity; and of both articles: group (their common one), outlet, title,
        published (first_outlet, second_outlet, ...). The most similar pair first.
    """
    pairs = project.table("near_duplicates").astype({"first": "str", "second": "str", "similarity": "float"})
    facts = articles.set_index("article_id")
    for end in ("first", "second"):
        for name in ("outlet", "title", "published"):
            pairs[f"{end}_{name}"] = pairs[end].map(facts[name])
    return pairs.assign(group=pairs["first"].map(facts["group"]))


def defined_in_words(settings: NearDuplicateSettings) -> str:
    """Say what near-duplicates and groups are."""
    return (
        f"Two articles are *near-duplicates* when a share of at least {settings.similarity:g} of the sequences of "
        f"{settings.shingle_words} words that occur in either occurs in both (their Jaccard similarity). Hashes "
        "propose pairs (MinHash), an exact count decides. Articles that such pairs tie together, directly or through "
        "others, are one *group*."
    )


def groups_in_words(articles: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Say how many groups of near-duplicates there are, how large, and how far apart their articles were published."""
    if pairs.empty:
        return "**No two articles are near-duplicates here**; each is a group of its own."
    sizes = articles["group"].value_counts()
    several = sizes[sizes > 1]
    days = (pairs["second_published"] - pairs["first_published"]).abs().dt.days.dropna()
    return (
        f"**{words.plural(len(pairs), 'pair')} of near-duplicates** tie {words.plural(int(several.sum()), 'article')} "
        f"into {words.plural(len(several), 'group')}; the largest has {several.max()} articles. "
        f"{percent((pairs['first_outlet'] == pairs['second_outlet']).mean())} of the pairs are from one outlet, and "
        f"{percent((days <= 1).mean())} were published within a day of each other."
    )


def similarities(pairs: pd.DataFrame, threshold: float) -> Chart | str:
    """Draw how similar the pairs of near-duplicates are, within an outlet and across outlets."""
    if pairs.empty:
        return NONE_FOUND
    same = pairs["first_outlet"] == pairs["second_outlet"]
    kind, count = ("one outlet", same.sum()) if same.mean() > 0.5 else ("two outlets", (~same).sum())
    halves = int((pairs["similarity"] >= 0.5).sum())
    title = (
        f"Most near-duplicates are from {kind} ({count} of {words.plural(len(pairs), 'pair')}); "
        f"{halves or 'none'} of them share half of their word sequences or more"
    )
    with house_style():
        figure = new_figure(3.2, title)
        axes = figure.subplots()
        edges = np.linspace(threshold, 1, BINS + 1)
        below = np.zeros(BINS)
        for part, color, hatch, name in (
            (pairs[same], BLUE, "", "both from one outlet"),
            (pairs[~same], ORANGE, "////", "from two outlets"),
        ):
            counts, _ = np.histogram(part["similarity"], edges)
            axes.bar(
                edges[:-1], counts, np.diff(edges), below,
                align="edge", color=color, hatch=hatch, edgecolor="white", label=name,
            )  # fmt: skip
            below += counts
        axes.set(xlabel="Jaccard similarity of a pair's word sequences (0: none shared, 1: all)", ylabel="pairs")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.legend(loc="upper right")
        caption = f"Pairs of articles at least {threshold:g} similar, from which on they count as near-duplicates."
        return finish(figure, "corpus-similarities", title, caption)


def quoted_pairs(pairs: pd.DataFrame, count: int = 6) -> pd.DataFrame:
    """Choose pairs from the most to the least similar one, no two of a group, and quote their titles."""
    table = pairs.drop_duplicates("group").reset_index(drop=True)
    places = np.unique(np.linspace(0, len(table) - 1, min(count, len(table))).round().astype(int))
    chosen = table.loc[places]
    days = (chosen["second_published"] - chosen["first_published"]).abs().dt.days
    return pd.DataFrame(
        {
            "similarity": chosen["similarity"].map("{:.2f}".format),
            "one article": chosen["first_outlet"] + ": " + chosen["first_title"].map(quote),
            "the other": chosen["second_outlet"] + ": " + chosen["second_title"].map(quote),
            "days apart": days.map(words.count),
        }
    )
