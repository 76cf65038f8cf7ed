"""Notebook 2: where two annotators differ, why, and whom the reference sides with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from statsmodels.stats.proportion import proportion_confint

from newstance.models.mentions import Aliases, about_target, plain_sentences
from newstance.notebooks.corpus import NO_OUTLET, NO_TITLE
from newstance.notebooks.display import quote
from newstance.notebooks.labels import unit_name
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
from newstance.reporting.results import Row, records
from newstance.scheme import Scheme

UNDECIDED = "not decided"
OR = " or "
DOUBLE_COLUMNS = ["one", "one_secondary", "other", "other_secondary", "decided"]
NO_DOUBLES = "No two annotators labelled the same units, so nothing is known about where they differ."


@dataclass(frozen=True)
class Doubles:
    """The units that two annotators labelled independently of each other.

    Attributes
    ----------
    scheme
        Of the labels.
    first, second
        The annotators' names.
    reference
        The name of the annotator who decides.
    units
        The unit's columns, `one` and `other` (the labels of the first and of the second annotator), `decided` (the
        reference's label, may be missing), `one_secondary` and `other_secondary`.
    """

    scheme: Scheme
    first: str
    second: str
    reference: str
    units: pd.DataFrame

    @property
    def differing(self) -> pd.DataFrame:
        """The units on which they differ."""
        return self.units[self.units["one"] != self.units["other"]]

    @property
    def both(self) -> str:
        """Both names."""
        return f"{self.first} and {self.second}"


def doubles(annotations: pd.DataFrame, scheme: Scheme, reference: str) -> Doubles:
    """Find the two annotators with most units in common; without any in common, there are no units.

    Parameters
    ----------
    annotations
        As `newstance.labels.annotations.read_annotations` returns them.
    scheme
        Of the labels.
    reference
        Decides where the two differ, and is none of them.
    """
    tables = {
        str(name): table.drop(columns="annotator")
        for name, table in annotations.groupby("annotator", sort=False)
        if name != reference
    }
    ids = {name: set(map(tuple, table[scheme.unit].to_numpy())) for name, table in tables.items()}
    pairs = sorted(combinations(tables, 2), key=lambda pair: -len(ids[pair[0]] & ids[pair[1]]))
    if not pairs:
        return Doubles(scheme, "", "", reference, pd.DataFrame(columns=[*scheme.unit, *DOUBLE_COLUMNS]))
    first, second = pairs[0]
    decided = annotations.loc[annotations["annotator"] == reference, [*scheme.unit, scheme.name]]
    units = _named(tables[first], scheme, "one").merge(_named(tables[second], scheme, "other"), on=scheme.unit)
    units = units.merge(decided.rename(columns={scheme.name: "decided"}), on=scheme.unit, how="left")
    return Doubles(scheme, first, second, reference, units)


def _named(labels: pd.DataFrame, scheme: Scheme, name: str) -> pd.DataFrame:
    secondary = labels[scheme.secondary] if scheme.secondary else np.nan
    return labels[scheme.unit].assign(**{name: labels[scheme.name], f"{name}_secondary": secondary})


def confused(found: Doubles) -> pd.DataFrame:
    """Count the differing units of each two labels, whoever gave which.

    Returns
    -------
    DataFrame
        Columns one, other (the labels; `one` is the one that the reference chose more often), units, for_one,
        for_other, neither, undecided; the most frequent first.
    """
    rows = []
    order = [*found.scheme.codes, found.scheme.skip]
    for pair, part in found.differing.groupby(_pairs(found)):
        chosen = part["decided"].value_counts()
        one, other = sorted(str(pair).split(OR), key=lambda code: (-chosen.get(code, 0), order.index(code)))
        counts = [chosen.get(one, 0), chosen.get(other, 0)]
        undecided = int(part["decided"].isna().sum())
        rows.append([one, other, len(part), *counts, len(part) - sum(counts) - undecided, undecided])
    columns = ["one", "other", "units", "for_one", "for_other", "neither", "undecided"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["units", "for_one", "one", "other"], ascending=[False, False, True, True])


def _pairs(found: Doubles) -> pd.Series[str]:
    """Name the two labels of each differing unit, whoever gave which."""
    labels = found.differing[["one", "other"]]
    return pd.Series([OR.join(sorted(pair)) for pair in labels.to_numpy()], index=labels.index, dtype="str")


def draw_confused(found: Doubles, most: int = 12) -> Chart | str:
    """Draw the labels that the annotators confuse most often, and which of the two the reference chose."""
    table, total, unit = confused(found), len(found.differing), unit_name(found.scheme)
    if found.units.empty:
        return NO_DOUBLES
    if table.empty:
        return f"{found.both} gave all {words.plural(len(found.units), unit)} the same labels."
    shown = _frequent(table, most)
    title = (
        f"{found.both} differ on {words.count(total)} of {words.plural(len(found.units), unit)}, {_top(records(table))}"
    )
    parts = {
        "for_one": (BLUE, "", f"{found.reference} chose the first of the two"),
        "for_other": (ORANGE, "////", f"{found.reference} chose the second"),
        "neither": (VERMILLION, "xxxx", f"{found.reference} chose neither"),
        "undecided": (LIGHT, "", UNDECIDED),
    }
    parts = {column: style for column, style in parts.items() if table[column].any()}
    with house_style():
        figure = new_figure(1.5 + 0.3 * len(shown), title)
        axes = figure.subplots()
        left = np.zeros(len(shown))
        for column, (color, hatch, label) in parts.items():
            axes.barh(
                range(len(shown)), shown[column], 0.62, left, color=color, hatch=hatch, edgecolor="white", label=label
            )
            left += shown[column].to_numpy(dtype=float)
        for row, units in enumerate(left):
            axes.text(units + left.max() / 100, row, words.count(units), va="center", fontsize=8)
        label_rows(axes, [row["one"] + OR + row["other"] for row in records(shown)])
        axes.set(xlabel=f"{unit}s that the annotators labelled differently", xlim=(0, 1.1 * left.max()))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=len(parts))
        caption = (
            f"Differing labels of {found.both}, whoever gave which; of the two labels the one that {found.reference} "
            "chose more often is named first."
        )
        if len(table) > len(shown):
            rest = table["units"].iloc[len(shown) :]
            caption += (
                f" Not drawn: {words.plural(len(rest), 'rarer pair')} of labels, {words.plural(rest.sum(), unit)}."
            )
        return finish(figure, f"labels-{found.scheme.name}-confused", title, caption)


def _frequent(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most so many rows, and of rows that are equally frequent all or none, unless all rows are."""
    if len(table) <= most:
        return table
    clearly = table[table["units"] > table["units"].iloc[most]]
    return table.head(most) if clearly.empty else clearly


def _top(rows: list[Row]) -> str:
    """Name the labels that are confused most often; several where they tie."""
    ties = [f"“{row['one']}{OR}{row['other']}”" for row in rows if row["units"] == rows[0]["units"]]
    often = int(rows[0]["units"])
    if len(ties) > 3:
        return "each time over other labels" if often == 1 else f"on no two labels more than {often} times"
    return f"most often over {', '.join(ties)}\N{NO-BREAK SPACE}({words.count(often)}{' each' * (len(ties) > 1)})"


def reasons(found: Doubles, confidence: float) -> str:
    """Say what the disagreements have in common, and whom the reference sides with."""
    differing = found.differing
    if found.units.empty:
        return ""
    if differing.empty:
        return f"There is no {unit_name(found.scheme)} on which {found.both} differ."
    parts = [_swapped(found, confidence)] if found.scheme.secondary else []
    parts += [_degrees(found)] if found.scheme.has_targets and len(found.scheme.codes) > 2 else []
    decided = differing.dropna(subset="decided")
    if len(decided):
        parts.append(_verdict(found, decided, confidence))
    return " ".join(parts)


def part_of(count: int, total: int, confidence: float) -> str:
    """Write a count and its total with the share's Wilson interval."""
    low, high = proportion_confint(count, total, alpha=1 - confidence, method="wilson")
    return (
        f"{words.count(count)} of {words.count(total)} "
        f"({100 * count / total:.0f}\N{NO-BREAK SPACE}% [{100 * low:.0f}, {100 * high:.0f}])"
    )


def _swapped(found: Doubles, confidence: float) -> str:
    table = found.differing
    crossed = (table["one"] == table["other_secondary"]) | (table["other"] == table["one_secondary"])
    return (
        f"In {part_of(int(crossed.sum()), len(table), confidence)} disagreements one annotator's main label is the "
        "other's second label: both saw the same subjects, and weighed them differently."
    )


def _degrees(found: Doubles) -> str:
    """Say how many disagreements are between the two ends of an ordered scheme."""
    ends = found.scheme.codes[0], found.scheme.codes[-1]
    table = found.differing
    opposite = int((table["one"].isin(ends) & table["other"].isin(ends)).sum())
    between = " and ".join(ends)
    if not opposite:
        return f"None of the {words.count(len(table))} is between {between}: one annotator always stays in the middle."
    return (
        f"{words.count(opposite)} of {words.count(len(table))} are between {between}; in the others one annotator "
        "stays in the middle."
    )


def _verdict(found: Doubles, decided: pd.DataFrame, confidence: float) -> str:
    sides = {found.first: int((decided["one"] == decided["decided"]).sum())}
    sides[found.second] = int((decided["other"] == decided["decided"]).sum())
    more, less = sorted(sides, key=lambda name: -sides[name])
    low, _ = proportion_confint(sides[more], len(decided), alpha=1 - confidence, method="wilson")
    clearly = "" if low > 1 / 2 else ", a difference that chance alone could make"
    code, often = Counter(decided["decided"]).most_common(1)[0]
    return (
        f"{found.reference.capitalize()} sides with {more} in {part_of(sides[more], len(decided), confidence)} and "
        f"with {less} in {words.count(sides[less])}{clearly}; the label it chooses most is {code} "
        f"({words.count(often)} of {words.count(len(decided))} times)."
    )


def examples(found: Doubles, articles: pd.DataFrame, aliases: Aliases, count: int = 6) -> pd.DataFrame:
    """Quote one disagreement of each of the most frequently confused pairs of labels.

    Parameters
    ----------
    found
        The doubly labelled units.
    articles
        Columns article_id, outlet, title, text.
    aliases
        Further names of targets.
    count
        How many at most; a pair gives a second example only when every pair has given one.
    """
    table = found.differing.assign(pair=_pairs(found))
    table = table.merge(articles[["article_id", "outlet", "title", "text"]], on="article_id")
    frequency = table["pair"].map(table["pair"].value_counts())
    table = table.assign(frequency=frequency, turn=table.groupby("pair").cumcount())
    rows = table.sort_values(["turn", "frequency", "pair"], ascending=[True, False, True], kind="stable").head(count)
    facts = describe(rows, found.scheme, aliases)
    for column, name in (("one", found.first), ("other", found.second), ("decided", found.reference)):
        facts[name] = rows[column].fillna(UNDECIDED).to_numpy()
    return facts


def describe(rows: pd.DataFrame, scheme: Scheme, aliases: Aliases) -> pd.DataFrame:
    """Name units by outlet and quotes: the title, the target, and the first words, or the first about the target."""
    facts = pd.DataFrame({"outlet": rows["outlet"].replace("", NO_OUTLET), "title": rows["title"].map(quote)})
    facts["title"] = facts["title"].replace("", NO_TITLE)
    if scheme.has_targets:
        facts["target"] = rows["target"]
        facts["first words about it"] = [
            quote(about(text, target, aliases)) for text, target in zip(rows["text"], rows["target"], strict=True)
        ]
    else:
        facts["begins with"] = rows["text"].map(quote)
    return facts.reset_index(drop=True)


def about(text: str, target: str, aliases: Aliases) -> str:
    """Return the first sentence about a target."""
    return next(iter(about_target(plain_sentences(text), target, aliases, mask=False).values()), "")
