"""Notebook 2: how outlets differ in stance toward a target, and a widget that picks the target."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from newstance.evaluation.intervals import percentile_interval
from newstance.notebooks.corpus import percent
from newstance.notebooks.stances import (
    apart,
    draw_sides,
    frequent_targets,
    handles,
    share_in_words,
    shares,
    sides,
)
from newstance.reporting import words
from newstance.reporting.drawing import Chart, finish, house_style, label_rows, new_figure
from newstance.reporting.results import records
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

FEWEST = 5  # an outlet with fewer articles about a target is not compared with others
PANELS = 4
TIE = 1e-12  # sums in another order differ by this much


def toward(units: pd.DataFrame, target: str, scheme: Scheme, settings: EvaluationSettings) -> pd.DataFrame:
    """Count every outlet's articles for and against a target (`newstance.notebooks.stances.shares`)."""
    chosen = units[(units["target"] == target) & (units["outlet"] != "")]
    return shares(chosen, "outlet", scheme, settings)


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out outlets with few articles; most in favor first."""
    table = table[table["pairs"] >= FEWEST]
    return table.loc[(table["favor"] - table["against"]).sort_values(ascending=False, kind="stable").index]


def finding(table: pd.DataFrame, target: str, scheme: Scheme) -> str:
    """State how outlets differ toward a target, from `toward`."""
    table = compared(table)
    if len(table) < 2:
        return f"Fewer than two outlets have {FEWEST} articles about {target}, so there is nothing to compare"
    if not apart(table):
        return f"Outlets can't be told apart by their stance toward {target}: their intervals overlap"
    side = max(sides(scheme), key=lambda name: table[f"{name}_low"].max() - table[f"{name}_high"].min())
    most = records(table.sort_values(f"{side}_low", kind="stable"))[-1]
    least = records(table.sort_values(f"{side}_high", kind="stable"))[0]
    words_of = {"favor": scheme.labels[0].name, "against": scheme.labels[-1].name}
    return (
        f"Outlets differ toward {target}: {share_in_words(most, side)} of {most['group']}'s articles are "
        f"{words_of[side]}, {share_in_words(least, side)} of {least['group']}'s"
    )


def chart(units: pd.DataFrame, target: str, scheme: Scheme, settings: EvaluationSettings) -> Chart | str:
    """Draw the outlets' stances toward one target."""
    table = toward(units, target, scheme, settings)
    title, shown = finding(table, target, scheme), compared(table)
    if shown.empty:
        return f"{title}."
    with house_style():
        figure = new_figure(1.5 + 0.32 * len(shown), title)
        axes = figure.subplots()
        draw_sides(axes, shown)
        label_rows(axes, shown["group"].tolist())
        axes.set_xlabel(f"% of the outlet's articles about {target}, with {100 * settings.confidence:g} % interval")
        figure.legend(handles=handles(scheme), loc="outside lower center", ncols=2)
        return finish(figure, "labels-outlets", title, _caption(table, settings))


def _caption(table: pd.DataFrame, settings: EvaluationSettings) -> str:
    few = table.loc[table["pairs"] < FEWEST, "group"]
    caption = (
        "Articles against the target (left) and in favor of it (right), by outlet; the rest is neutral. "
        f"Intervals are {100 * settings.confidence:g} % Wilson intervals, n: articles about the target."
    )
    return caption + (f" Left out, with fewer than {FEWEST}: {', '.join(few)}." if len(few) else "")


def panels(units: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings) -> Chart | str:
    """Draw the outlets' stances toward the most frequent targets beside each other."""
    targets = frequent_targets(units, PANELS)
    tables = {target: toward(units, target, scheme, settings) for target in targets}
    widest = max(targets, key=lambda target: _spread(tables[target]))
    title = finding(tables[widest], widest, scheme)
    if not any(len(compared(table)) for table in tables.values()):
        return f"No outlet has {FEWEST} articles about one of the most frequent targets, so there is nothing to draw."
    names = sorted(set().union(*(compared(table)["group"] for table in tables.values())))
    with house_style():
        figure = new_figure(1.9 + 0.34 * len(names), title, width=10.5)
        for axes, (target, table) in zip(
            np.ravel(figure.subplots(1, len(targets), sharey=True)), tables.items(), strict=True
        ):
            _panel(axes, compared(table).set_index("group").reindex(names))
            axes.set_title(target)
        label_rows(figure.axes[0], names)
        figure.legend(handles=handles(scheme), loc="outside lower center", ncols=2)
        caption = (
            f"The {words.count(len(targets))} most frequent targets. Bars to the left: share of the outlet's articles "
            "about the target that are against it; to the right: in favor of it; the rest is neutral. Lines are "
            f"{100 * settings.confidence:g} % Wilson intervals. Numbers at the right: articles of the outlet "
            f"about the target (too few: under {FEWEST})."
        )
        return finish(figure, "labels-outlets-targets", title, caption)


def _panel(axes: Axes, table: pd.DataFrame) -> None:
    draw_sides(axes, table, counts=False)
    for row, pairs in enumerate(table["pairs"]):
        axes.text(1.08, row, "too few" if pd.isna(pairs) else words.count(pairs), va="center", fontsize=8)
    axes.set(xlabel="% of articles", xlim=(-1, 1.55))
    axes.tick_params(axis="y", length=0)


def _spread(table: pd.DataFrame) -> float:
    """Return how far the intervals of the outlets lie apart, on the side where they do most."""
    table = compared(table)
    gaps = [table[f"{side}_low"].max() - table[f"{side}_high"].min() for side in ("favor", "against")]
    return float(max(gaps)) if len(table) > 1 else -1.0


def explained(units: pd.DataFrame, target: str, scheme: Scheme, settings: EvaluationSettings) -> dict[str, float]:
    """Measure how much of the differences in stance toward a target goes with the outlet, and how much would by chance.

    Stances count 1 in favor, 0 neutral, -1 against; the measure is the share of their variance that lies between
    outlets (the correlation ratio). Chance exchanges the outlets among the articles of one topic and month, as often
    as intervals have resamples: what then lies between outlets is due to their topics, their months, and noise.

    Returns
    -------
    dict
        `share`, and of chance `mean`, `low`, `high` and `p` (of a share as large).
    """
    part = units[(units["target"] == target) & (units["outlet"] != "")]
    codes = sides(scheme)
    stances = part[scheme.name].map({codes["favor"]: 1.0, codes["against"]: -1.0}).fillna(0.0).to_numpy()
    outlet = pd.factorize(part["outlet"])[0]
    strata = [part["topic"].fillna(""), part["published"].dt.to_period("M")]
    stratum = part.groupby(strata, dropna=False).ngroup().to_numpy()
    generator = np.random.default_rng(settings.seed)
    order = np.argsort(stratum, kind="stable")
    drawn = np.empty(settings.resamples)
    for number in range(settings.resamples):
        exchanged = np.empty_like(outlet)
        exchanged[order] = outlet[np.lexsort([generator.random(len(outlet)), stratum])]
        drawn[number] = _between(stances, exchanged)
    share = _between(stances, outlet)
    low, high = percentile_interval(drawn, settings.confidence)
    p_value = (1 + int((drawn >= share - TIE).sum())) / (1 + settings.resamples)
    return {"share": share, "mean": float(drawn.mean()), "low": low, "high": high, "p": p_value}


def _between(values: NDArray[np.floating[Any]], groups: NDArray[np.intp]) -> float:
    """Return the share of the values' variance that lies between groups."""
    total = float(((values - values.mean()) ** 2).sum())
    sizes = np.bincount(groups)
    means = np.bincount(groups, weights=values) / sizes
    return float((sizes * (means - values.mean()) ** 2).sum()) / total if total else 0.0


def explained_in_words(units: pd.DataFrame, target: str, scheme: Scheme, settings: EvaluationSettings) -> str:
    """Say what `explained` measures of a target, and what follows."""
    found = explained(units, target, scheme, settings)
    beyond = found["p"] < 1 - settings.confidence
    return (
        f"Of the variance of the stances toward {target}, {percent(found['share'])} lies between outlets. Exchanging "
        f"the outlets at random among articles of the same topic and month leaves {percent(found['mean'])} "
        f"[{percent(found['low'])}, {percent(found['high'])}] (p {words.p_value(found['p'])}): topics and months "
        + ("alone don't make the differences." if beyond else "alone could make these differences.")
    )


def as_shown(table: pd.DataFrame, scheme: Scheme) -> pd.DataFrame:
    """Write `toward` as a table to read, all outlets, most in favor first."""
    order = (table["favor"] - table["against"]).sort_values(ascending=False, kind="stable").index
    rows = records(table.loc[order])
    return pd.DataFrame(
        {
            "outlet": [row["group"] for row in rows],
            "articles": [words.count(row["pairs"]) for row in rows],
            scheme.labels[-1].name: [share_in_words(row, "against") for row in rows],
            scheme.labels[0].name: [share_in_words(row, "favor") for row in rows],
        }
    )


class OutletStances(widgets.VBox):  # type: ignore[misc]
    """A menu of targets, and the outlets' stances toward the chosen one: figure, table, and what chance would do.

    Parameters
    ----------
    units
        One row a pair of article and target.
    scheme
        Of the stances.
    settings
        Of the intervals.
    fewest
        A target that fewer pairs are about is not offered.
    """

    def __init__(self, units: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings, fewest: int = 20) -> None:
        self._units, self._scheme, self._settings = units, scheme, settings
        counts = units["target"].value_counts()
        offered = [target for target in frequent_targets(units, len(counts)) if counts[target] >= fewest]
        offered = offered or frequent_targets(units, 1)
        self.target = widgets.Dropdown(
            description="Target", options=[(f"{target} ({words.count(counts[target])})", target) for target in offered]
        )
        self.page = widgets.HTML()
        self.target.observe(lambda _: self._show(), names="value")
        self._show()
        super().__init__([self.target, self.page])

    def _show(self) -> None:
        target = self.target.value
        drawn = chart(self._units, target, self._scheme, self._settings)
        table = as_shown(toward(self._units, target, self._scheme, self._settings), self._scheme)
        self.page.value = "\n".join(
            [
                _picture(drawn) if isinstance(drawn, Chart) else f"<p>{escape(drawn)}</p>",
                table.to_html(index=False, border=0, justify="left", col_space="8em"),
                f"<p>{escape(explained_in_words(self._units, target, self._scheme, self._settings))}</p>",
            ]
        )


def _picture(drawn: Chart) -> str:
    data = base64.b64encode(drawn.svg.encode()).decode()
    title, caption = escape(drawn.title), escape(drawn.caption)
    picture = f"<img alt='{title}' src='data:image/svg+xml;base64,{data}' style='max-width: 46em'>"
    return f"{picture}<p style='max-width: 46em'><em>{caption}</em></p>"
