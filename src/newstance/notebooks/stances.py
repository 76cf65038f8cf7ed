"""Notebook 2: the shares of pairs for and against, by topic, target or outlet, as bars to both sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter
from statsmodels.stats.proportion import proportion_confint

from newstance.evaluation.intervals import article_weights, percentile_interval
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, DARK, VERMILLION, Chart, finish, house_style, label_rows, new_figure
from newstance.reporting.results import Row, records
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

FEWEST = 10  # a group of fewer pairs is not drawn
SHARE_COLUMNS = ["group", "pairs", "favor", "favor_low", "favor_high", "against", "against_low", "against_high"]
STYLES = {"against": (VERMILLION, "////", -1), "favor": (BLUE, "", 1)}


def sides(scheme: Scheme) -> dict[str, str]:
    """Return the codes of the two ends of an ordered scheme of stances, by the words that this notebook uses."""
    return {"favor": scheme.codes[0], "against": scheme.codes[-1]}


def shares(units: pd.DataFrame, column: str, scheme: Scheme, settings: EvaluationSettings) -> pd.DataFrame:
    """Count the pairs for and against in every group.

    Parameters
    ----------
    units
        One row a pair of article and target.
    column
        What groups them, such as ``topic``, ``target`` or ``outlet``; missing groups are left out.
    scheme
        Of the stances, from in favor to against.
    settings
        Of the intervals: Wilson's where a group has no two pairs of one article, else a bootstrap over articles.

    Returns
    -------
    DataFrame
        Columns `SHARE_COLUMNS`, shares with intervals; the groups with most pairs first.
    """
    rows = []
    for group, part in units.dropna(subset=column).groupby(column, sort=True):
        row = [group, len(part)]
        for code in sides(scheme).values():
            hits = (part[scheme.name] == code).to_numpy(dtype=np.float64)
            row += [float(hits.mean()), *_interval(hits, part["article_id"], settings)]
        rows.append(row)
    return pd.DataFrame(rows, columns=SHARE_COLUMNS).sort_values("pairs", ascending=False, kind="stable")


def _interval(hits: np.ndarray, article_ids: pd.Series, settings: EvaluationSettings) -> tuple[float, float]:
    article, ids = pd.factorize(article_ids)
    # Where all pairs are alike, so are those of all resamples; Wilson's interval still says how little is known.
    if len(ids) == len(hits) or hits.min() == hits.max():
        count = hits.sum() * len(ids) / len(hits)
        low, high = proportion_confint(count, len(ids), alpha=1 - settings.confidence, method="wilson")
        return float(low), float(high)
    sums = np.zeros((len(ids), 2))
    np.add.at(sums, article, np.stack([hits, np.ones_like(hits)], axis=1))
    resampled = article_weights(len(ids), settings) @ sums
    return percentile_interval(resampled[:, 0] / resampled[:, 1], settings.confidence)


def share_in_words(row: Row, side: str) -> str:
    """Write a share with its interval, as percentages."""
    low, high = (f"{100 * row[f'{side}_{end}']:.0f}" for end in ("low", "high"))
    return f"{100 * row[side]:.0f}\N{NO-BREAK SPACE}% [{low}, {high}]"


def draw_sides(axes: Axes, table: pd.DataFrame, *, counts: bool = True) -> None:
    """Draw one row a group: the share against to the left, the share in favor to the right, with intervals."""
    rows = np.arange(len(table))
    for side, (color, hatch, sign) in STYLES.items():
        values = table[side].to_numpy(dtype=float)
        bars = [values - table[f"{side}_low"], table[f"{side}_high"] - values]
        bars = bars if sign > 0 else bars[::-1]
        axes.barh(rows, sign * values, 0.62, color=color, hatch=hatch, edgecolor="white", linewidth=0)
        axes.errorbar(
            sign * values, rows, xerr=np.clip(np.nan_to_num(np.stack(bars).astype(float)), 0, None), fmt="none",
            ecolor=DARK, elinewidth=1.1, capsize=2,
        )  # fmt: skip
    axes.axvline(0, color=DARK, linewidth=0.8)
    axes.set_xlim(-1, 1)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(100 * value):.0f}"))
    axes.grid(axis="x")
    if counts:
        for row, pairs in enumerate(table["pairs"]):
            text = f"n = {words.count(pairs)}"
            axes.text(1.02, row, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())


def handles(scheme: Scheme) -> list[Patch]:
    """Make the legend's entries of both sides."""
    names = {label.code: label.name for label in scheme.labels}
    codes = sides(scheme)
    return [
        Patch(facecolor=STYLES[side][0], hatch=STYLES[side][1], edgecolor="white", label=names[codes[side]])
        for side in STYLES
    ]


def by_topic(units: pd.DataFrame, topic: Scheme, scheme: Scheme, settings: EvaluationSettings) -> Chart | str:
    """Draw the stances of every topic's articles."""
    names = {label.code: label.name for label in topic.labels}
    table = shares(units, topic.name, scheme, settings)
    table["group"] = table["group"].map(names)
    return _chart(table, f"labels-{scheme.name}-by-{topic.name}", topic.name, scheme, settings)


def by_target(units: pd.DataFrame, count: int, scheme: Scheme, settings: EvaluationSettings) -> Chart | str:
    """Draw the stances toward the most frequent targets."""
    chosen = units[units["target"].isin(frequent_targets(units, count))]
    table = shares(chosen, "target", scheme, settings)
    return _chart(table, f"labels-{scheme.name}-by-target", "target", scheme, settings)


def frequent_targets(units: pd.DataFrame, count: int) -> list[str]:
    """Return the targets that most pairs are about, the most frequent first; ties in the order of their names."""
    return list(units["target"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:count])


def _chart(table: pd.DataFrame, name: str, group: str, scheme: Scheme, settings: EvaluationSettings) -> Chart | str:
    left_out = table.loc[table["pairs"] < FEWEST, "group"]
    table = table[table["pairs"] >= FEWEST]
    if table.empty:
        return f"No {group} has {FEWEST} pairs here, so there is nothing to draw."
    balance = (table["favor"] - table["against"]).sort_values(ascending=False, kind="stable")
    table = table.loc[balance.index]
    title = _title(table, group, scheme)
    with house_style():
        figure = new_figure(1.5 + 0.3 * len(table), title)
        axes = figure.subplots()
        draw_sides(axes, table)
        label_rows(axes, table["group"].tolist(), characters=44)
        axes.set_xlabel(f"% of the {group}'s pairs, with {100 * settings.confidence:g} % interval")
        figure.legend(handles=handles(scheme), loc="outside lower center", ncols=2)
        caption = (
            f"Pairs of article and target against the target (left) and in favor of it (right), by {group}; the rest "
            "is neutral. Intervals: bootstrap by article, or Wilson's where every article counts once."
        )
        if len(left_out):
            caption += f" Left out, with fewer than {FEWEST} pairs: {', '.join(left_out)}."
        return finish(figure, name, title, caption)


def apart(table: pd.DataFrame) -> bool:
    """Say whether the interval of one group lies wholly above another's, on either side."""
    return any(table[f"{side}_low"].max() > table[f"{side}_high"].min() for side in STYLES)


def _title(table: pd.DataFrame, group: str, scheme: Scheme) -> str:
    first, last = records(table)[0], records(table)[-1]
    favor, against = scheme.labels[0].name, scheme.labels[-1].name
    title = f"{share_in_words(first, 'favor')} of the pairs of “{first['group']}” are {favor}"
    if len(table) == 1:
        return title
    opening = f"Stance goes with the {group}" if apart(table) else f"The {group}s can't be told apart by stance"
    return f"{opening}: {title}, {share_in_words(last, 'against')} of those of “{last['group']}” {against}"
