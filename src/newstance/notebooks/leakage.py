"""Notebook 1: why the splits keep groups of near-duplicates whole, and whether they are alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from newstance.corpus.splits import EXCLUDED
from newstance.evaluation.intervals import percentile_interval
from newstance.files import read_parquet
from newstance.labels.annotations import resolve
from newstance.notebooks.corpus import SPLIT_STYLES, percent
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    LIGHT,
    ORANGE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import records
from newstance.scheme import SPLITS, Scheme
from newstance.settings import LABELS, EvaluationSettings, Settings

RANDOM, NOT_EXCLUDED, GROUPED = "random split", "the project's splits, nothing excluded", "the project's splits"
DIVISIONS = {RANDOM: (VERMILLION, "--"), NOT_EXCLUDED: (ORANGE, ":"), GROUPED: (BLUE, "-")}
STEPS = 41


def first_labels(project: Project, scheme: Scheme) -> pd.DataFrame:
    """Return one label of every labelled article, also of those that no split uses."""
    labels = project.settings.labels
    return resolve(read_parquet(LABELS / f"{scheme.name}.parquet"), (*labels.training, labels.reference), scheme)


def shared_labels(articles: pd.DataFrame, labels: pd.DataFrame, scheme: Scheme, confidence: float) -> str:
    """Say how often the articles of a group have one label, against what two articles drawn by chance have.

    Parameters
    ----------
    articles
        Columns article_id and group.
    labels
        One label an article.
    scheme
        Of the labels.
    confidence
        Of the Wilson interval, over groups.
    """
    table = articles[["article_id", "group"]].merge(labels, on="article_id")
    kinds = table.groupby("group")[scheme.name].agg(["size", "nunique"])
    several = kinds[kinds["size"] > 1]
    if several.empty:
        return "No group of near-duplicates has two labelled articles here."
    equal = int((several["nunique"] == 1).sum())
    low, high = proportion_confint(equal, len(several), alpha=1 - confidence, method="wilson")
    chance = (table[scheme.name].value_counts(normalize=True) ** 2).sum()
    gain = f" Who remembers the {scheme.name} of one mostly has that of the other." if low > chance else ""
    return (
        f"In {equal} of {words.plural(len(several), 'group')} all labelled articles have the same {scheme.name}: "
        f"{percent(equal / len(several))} [{percent(low)}, {percent(high)}], where two articles drawn by chance agree "
        f"in {percent(chance)} of cases.{gain}"
    )


def crossing_groups(groups: pd.Series[str], split: pd.Series[str]) -> int:
    """Count the groups that lie in more than one of train, validation and test."""
    used = split.isin(SPLITS)
    places = pd.DataFrame({"group": groups[used], "split": split[used]}).drop_duplicates()
    return int((places["group"].value_counts() > 1).sum())


def random_splits(articles: pd.DataFrame, settings: Settings) -> Iterator[pd.Series[str]]:
    """Deal the labelled articles out anew, by article: test and validation keep their sizes, all others train.

    Yields as many splits as intervals have resamples, index as in `articles`.
    """
    split = articles.loc[articles["split"].isin([*SPLITS, EXCLUDED]), "split"].replace(EXCLUDED, "train")
    generator = np.random.default_rng(settings.split.seed)
    for _ in range(settings.evaluation.resamples):
        yield pd.Series(generator.permutation(split.to_numpy()), index=split.index, name="split")


def crossings(articles: pd.DataFrame, settings: Settings) -> tuple[float, float, float]:
    """Return the mean number of groups that `random_splits` tear apart, and between which numbers most draws lie."""
    several = articles[articles["group"].duplicated(keep=False)]
    counts = np.array(
        [crossing_groups(several["group"], split.reindex(several.index)) for split in random_splits(articles, settings)]
    )
    low, high = percentile_interval(counts.astype(float), settings.evaluation.confidence)
    return float(counts.mean()), low, high


def crossings_in_words(articles: pd.DataFrame, settings: Settings) -> str:
    """Compare how many groups lie in several splits: by chance, and in the splits as they are."""
    labelled = articles[articles["split"].isin([*SPLITS, EXCLUDED])]
    several = int((labelled["group"].value_counts() > 1).sum())
    crossing = f"**Groups that occur in two splits: {crossing_groups(articles['group'], articles['split'])}.**"
    if not several:
        return f"{crossing} Here every labelled article is a group of its own, which no split can tear apart."
    mean, low, high = crossings(articles, settings)
    excluded = int((articles["split"] == EXCLUDED).sum())
    return (
        f"{crossing} Dealt out by chance, {mean:.1f} [{low:.0f}, {high:.0f}] of the "
        f"{words.plural(several, 'group')} with several labelled articles would be torn apart on average. The price of "
        f"the project's splits is {words.plural(excluded, 'labelled article')} "
        "in a group with a test article that no split uses."
    )


def leakage(articles: pd.DataFrame, pairs: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Measure how many test articles have a near-duplicate in train, by how similar it has to be.

    Returns
    -------
    DataFrame
        Columns division, similarity, share, low, high; a row a division (a key of `DIVISIONS`) and similarity, from
        the threshold of near-duplicates to 1. `low` and `high` hold the middle draws of the random split; the other
        divisions are one split each, and have none.
    """
    levels = np.linspace(settings.corpus.near_duplicates.similarity, 1, STEPS)
    place = pd.Series(range(len(articles)), index=articles["article_id"])
    first, second = (np.asarray(pairs[end].map(place), dtype=np.intp) for end in ("first", "second"))

    def shares(split: pd.Series[str]) -> NDArray[np.float64]:
        found = _closest(split.reindex(articles.index).to_numpy(), first, second, pairs["similarity"].to_numpy())
        return np.asarray((found[:, None] >= levels).mean(axis=0))

    drawn = np.stack([shares(split) for split in random_splits(articles, settings)])
    limits = [percentile_interval(column, settings.evaluation.confidence) for column in drawn.T]
    low, high = np.array(limits).T
    split = articles["split"]
    tables = [
        pd.DataFrame({"division": RANDOM, "similarity": levels, "share": drawn.mean(axis=0), "low": low, "high": high}),
        pd.DataFrame(
            {"division": NOT_EXCLUDED, "similarity": levels, "share": shares(split.replace(EXCLUDED, "train"))}
        ),
        pd.DataFrame({"division": GROUPED, "similarity": levels, "share": shares(split)}),
    ]
    return pd.concat(tables, ignore_index=True)


def _closest(
    split: NDArray[np.object_], first: NDArray[np.intp], second: NDArray[np.intp], similarity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for every test article how similar the most similar train article is, 0 without a near-duplicate."""
    closest = np.zeros(len(split))
    for one, other in ((first, second), (second, first)):
        crossing = (split[one] == "test") & (split[other] == "train")
        np.maximum.at(closest, one[crossing], similarity[crossing])
    return np.asarray(closest[split == "test"])


def leaks(table: pd.DataFrame, settings: EvaluationSettings) -> Chart | str:
    """Draw `leakage`: the share of test articles with a near-duplicate in train."""
    if not table["share"].any():
        return "Under no split does a test article have a near-duplicate in train here, so there is nothing to draw."
    at_threshold = {row["division"]: row for row in records(table.drop_duplicates("division"))}
    random, grouped = at_threshold[RANDOM], at_threshold[GROUPED]["share"]
    title = (
        f"A random split puts a near-duplicate of {percent(random['share'])} "
        f"[{percent(random['low'])}, {percent(random['high'])}] of the test articles into train; "
        f"the project's splits put {'none' if grouped == 0 else percent(grouped)} there"
    )
    with house_style():
        figure = new_figure(3.7, title)
        axes = figure.subplots()
        for name, (color, line) in DIVISIONS.items():
            part = table[table["division"] == name]
            axes.plot(part["similarity"], part["share"], color=color, linestyle=line, linewidth=2, label=name)
            if part["low"].notna().all():
                axes.fill_between(part["similarity"], part["low"], part["high"], color=color, alpha=0.2, linewidth=0)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=" %"))
        axes.set(
            xlim=(table["similarity"].min(), 1), ylim=(-0.03 * table["high"].max(), None),
            xlabel="similarity from which on an article counts as a near-duplicate", ylabel="share of test articles",
        )  # fmt: skip
        axes.grid(color=LIGHT)
        axes.legend(loc="upper right")
        caption = (
            f"Test articles with a near-duplicate in train. Random: mean of {words.count(settings.resamples)} draws "
            f"that deal out the labelled articles one by one; the band holds {100 * settings.confidence:g} % of them. "
            "Nothing excluded: the project's test articles, with those that share a group with one back in train. "
            "The project's splits: as all experiments use them."
        )
        return finish(figure, "corpus-leakage", title, caption)


def label_shares(units: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings) -> pd.DataFrame:
    """Return each label's share of each split's units, with Wilson intervals: label, split, share, low, high."""
    rows = []
    for split in SPLITS:
        part = units[units["split"] == split]
        for label in scheme.labels:
            count = int((part[scheme.name] == label.code).sum())
            interval = proportion_confint(count, len(part), alpha=1 - settings.confidence, method="wilson")
            rows.append([label.name, split, count / len(part), *interval])
    return pd.DataFrame(rows, columns=["label", "split", "share", "low", "high"])


def balance(units: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings) -> Chart:
    """Draw how each split's units divide into labels."""
    table = label_shares(units, scheme, settings)
    wide = table.pivot_table(index="label", columns="split", values="share", sort=False)
    wide = wide[wide.max(axis=1) > 0].sort_values("train", ascending=False, kind="stable")
    apart = (wide["test"] - wide["train"]).abs()
    most = records(wide.reset_index().loc[[int(apart.argmax())]])[0]
    test = table[table["split"] == "test"].set_index("label").reindex(wide.index)
    alike = wide["train"].between(test["low"], test["high"]).all()
    title = (
        f"{'Test is like train; they differ most' if alike else 'Test and train differ'} in {most['label']}: "
        f"{percent(most['train'])} of train, {percent(most['test'])} of test"
    )
    with house_style():
        figure = new_figure(1.4 + 0.32 * len(wide), title)
        axes = figure.subplots()
        for shift, marker, split in zip((-0.24, 0, 0.24), "osD", SPLITS, strict=True):
            part = table[table["split"] == split].set_index("label").reindex(wide.index)
            bars = [part["share"] - part["low"], part["high"] - part["share"]]
            axes.errorbar(
                part["share"], np.arange(len(part)) + shift, xerr=np.clip(bars, 0, None), color=SPLIT_STYLES[split][0],
                fmt=marker, markersize=4, elinewidth=1.3, label=split,
            )  # fmt: skip
        label_rows(axes, wide.index.tolist(), characters=40)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.set(xlabel=f"share of the split, with {100 * settings.confidence:g} % interval", xlim=(0, None))
        axes.grid(axis="x")
        axes.legend(loc="lower right")
        caption = (
            f"How the labelled units of each split divide into the labels of {scheme.name}, with "
            f"{100 * settings.confidence:g} % Wilson intervals; the most frequent label of train is on top. "
            "Test is like train when all intervals of test contain train's share."
        )
        return finish(figure, f"corpus-{scheme.name}-balance", title, caption)
