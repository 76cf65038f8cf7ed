"""Notebook 1: how long the articles are, and how much of one an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter
from statsmodels.stats.proportion import proportion_confint

from newstance.evaluation.intervals import article_weights, percentile_interval
from newstance.models.backbone import backbone_folder
from newstance.models.fields import TextField
from newstance.models.settings import DEFAULT_BACKBONE
from newstance.notebooks.corpus import of_outlets, percent
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    DARK,
    LIGHT,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import records
from newstance.settings import EvaluationSettings

BUDGETS = (256, 512)  # tokens: what most experiments read, and the most that the encoder can
SMALLEST, LARGEST = 32, 2048  # budgets that the figure shows


def words_by_outlet(articles: pd.DataFrame) -> Chart:
    """Draw the distribution of the texts' lengths in words, an outlet a box."""
    table = of_outlets(articles)
    medians = table.groupby("shown_outlet")["words"].median().sort_values(kind="stable", ascending=False)
    title = f"The median article has {words.plural(round(table['words'].median()), 'word')}"
    if len(medians) > 1:
        title += f": {round(medians.iloc[0])} at {medians.index[0]}, {round(medians.iloc[-1])} at {medians.index[-1]}"
    with house_style():
        figure = new_figure(1.3 + 0.32 * len(medians), title)
        axes = figure.subplots()
        axes.boxplot(
            [table.loc[table["shown_outlet"] == name, "words"] for name in medians.index],
            positions=range(len(medians)), orientation="horizontal", whis=(5, 95), showfliers=False, widths=0.62,
            patch_artist=True, boxprops={"facecolor": "#8cc1e0", "edgecolor": BLUE},
            medianprops={"color": DARK, "linewidth": 2}, whiskerprops={"color": BLUE}, capprops={"color": BLUE},
        )  # fmt: skip
        label_rows(axes, medians.index.tolist())
        axes.set_xscale("log")
        axes.set_xlabel("words of the text (log scale)")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.count(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="x")
        caption = (
            "Boxes: the middle half of an outlet's articles; line: median; whiskers: from the 5th to the 95th "
            "percentile. The longest median is on top."
        )
        return finish(figure, "corpus-lengths", title, caption)


def count_tokens(articles: pd.DataFrame, backbone: str = DEFAULT_BACKBONE) -> pd.Series[int]:
    """Count the tokens that an encoder makes of title and text, its two marks included; index as in `articles`."""
    from tokenizers import Tokenizer  # noqa: PLC0415  (as elsewhere: only where it is needed)

    tokenizer = Tokenizer.from_file(str(backbone_folder(backbone) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = TextField("article").transform(articles)
    return pd.Series([len(found) for found in tokenizer.encode_batch_fast(texts)], index=articles.index, name="tokens")


def reach(tokens: pd.Series[int], budgets: Sequence[int], settings: EvaluationSettings) -> pd.DataFrame:
    """Say how much of the articles an encoder reads that takes so many tokens.

    Returns
    -------
    DataFrame
        Row a budget: `budget`; `whole`, the share of articles that fit, with its Wilson interval; `read`, the mean
        share of an article that is read, with its bootstrap interval (columns NAME, NAME_low, NAME_high).
    """
    weights = article_weights(len(tokens), settings) / len(tokens)
    rows = []
    for budget in budgets:
        fits, shares = tokens <= budget, np.minimum(1, budget / tokens.to_numpy())
        whole = proportion_confint(fits.sum(), len(tokens), alpha=1 - settings.confidence, method="wilson")
        read = percentile_interval(weights @ shares, settings.confidence)
        rows.append([budget, fits.mean(), *whole, shares.mean(), *read])
    columns = ["budget", "whole", "whole_low", "whole_high", "read", "read_low", "read_high"]
    return pd.DataFrame(rows, columns=columns)


def reading(tokens: pd.Series[int], settings: EvaluationSettings, budgets: Sequence[int] = BUDGETS) -> Chart:
    """Draw what share of the articles fits a budget of tokens, and how much of an article is read on average."""
    marks = reach(tokens, budgets, settings)
    found = [f"{row['budget']} tokens hold {percent(row['read'])} of an average article" for row in records(marks)]
    title = "; ".join([found[0], *(text.removesuffix(" of an average article") for text in found[1:])])
    with house_style():
        figure = new_figure(3.7, title)
        axes = figure.subplots()
        grid = np.unique(np.geomspace(SMALLEST, LARGEST, 80).astype(int))
        curve = reach(tokens, grid.tolist(), settings)
        for column, color, line, marker, name in (
            ("read", BLUE, "-", "o", "share of an average article that is read"),
            ("whole", VERMILLION, "--", "s", "share of articles that are read whole"),
        ):
            axes.plot(curve["budget"], curve[column], color=color, linestyle=line)
            low, high = (np.abs(marks[column] - marks[f"{column}_{end}"]) for end in ("low", "high"))
            axes.errorbar(
                marks["budget"], marks[column], [low, high],
                color=color, fmt=marker, elinewidth=1.6, capsize=3, label=name,
            )  # fmt: skip
            for row in records(marks):
                axes.annotate(
                    percent(row[column]), (row["budget"], row[column]), (9, -4), textcoords="offset points", va="top"
                )
        _budget_axis(axes, budgets)
        caption = (
            "Articles that an encoder reads from the start until its budget of tokens is used up (title and text; a "
            f"token is a word or a piece of one). Bars: {100 * settings.confidence:g} % intervals over articles "
            "(bootstrap for the average, Wilson for the share of articles), where larger than the marks."
        )
        return finish(figure, "corpus-reading", title, caption)


def _budget_axis(axes: Axes, budgets: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.count(value)))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set(xlabel="budget, tokens (log scale)", ylabel="share", xlim=(SMALLEST, LARGEST), ylim=(0, 1.02))
    axes.grid(color=LIGHT)
    axes.legend(loc="upper left")
    for budget in budgets:
        axes.axvline(budget, color=DARK, linewidth=1, linestyle=":", zorder=0)


def reading_in_words(tokens: pd.Series[int], settings: EvaluationSettings) -> str:
    """Say what the figure shows, with intervals."""
    sentences = [f"The median article has {words.plural(round(tokens.median()), 'token')}."]
    for row in records(reach(tokens, BUDGETS, settings)):
        sentences.append(
            f"With **{row['budget']} tokens**, {percent(row['whole'])} [{percent(row['whole_low'])}, "
            f"{percent(row['whole_high'])}] of the articles are read whole, and of an article "
            f"{percent(row['read'])} [{percent(row['read_low'])}, {percent(row['read_high'])}] on average."
        )
    return " ".join(sentences)
