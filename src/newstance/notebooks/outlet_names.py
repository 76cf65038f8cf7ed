"""Whether answers depend on the outlet's name in the text: removed, replaced, and other words removed instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.notebooks.display import as_table, quote
from newstance.notebooks.estimates import Mean, draw_means, mean_of, share_of
from newstance.notebooks.samples import Span, as_articles, without
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    ORANGE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import records
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

Array = NDArray[np.float64]
EDITED = 100
# Further names by which articles call their outlet.
OUTLET_NAMES: Mapping[str, tuple[str, ...]] = {
    "ABC News": ("ABC",),
    "Deutsche Welle": ("DW",),
    "HuffPost": ("The Huffington Post", "Huffington Post"),
    "RTE": ("RTÉ",),
}
REMOVED, REPLACED, PLACEBO = "name removed", "name replaced by another's", "as many other words removed"
EDITS = {REMOVED: (VERMILLION, "s"), REPLACED: (ORANGE, "^"), PLACEBO: (BLUE, "o")}
SHOWN_CHANGES = 6
WORD = re.compile(r"\w+")


def name_spans(article: Article, outlet: str) -> list[Span]:
    """Find where an article names its outlet, by its name or by one of `OUTLET_NAMES`."""
    names = sorted({outlet, *OUTLET_NAMES.get(outlet, ())}, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
    found: list[Span] = [("title", *match.span()) for match in pattern.finditer(article.title)]
    return found + [("text", *match.span()) for match in pattern.finditer(article.text)]


def replaced(article: Article, spans: Sequence[Span], name: str) -> Article:
    """Put a name in place of each of some parts of an article."""
    fields = {"title": article.title, "text": article.text}
    for field, start, end in sorted(spans, reverse=True):
        fields[field] = fields[field][:start] + name + fields[field][end:]
    return Article(fields["title"], fields["text"], article.targets)


def edit_outlets(
    bundle: Bundle, table: pd.DataFrame, schemes: Mapping[str, Scheme], settings: EvaluationSettings
) -> pd.DataFrame:
    """Remove the outlet's name from articles, replace it, and remove as many other words; see whether answers move.

    Parameters
    ----------
    bundle
        Answers.
    table
        Test articles, with one target each; up to `EDITED` of those that name their outlet are drawn.
    schemes
        The tasks that are asked, by name.
    settings
        Of the draws.

    Returns
    -------
    DataFrame
        One row a task, article and edit (`EDITS`): task, edit, article_id, outlet, title, target, label and probability
        (before), about_target (whether the task has targets), new_label, change (of the first label's probability) and
        changed.
    """
    draw = np.random.default_rng(settings.seed)
    outlets = sorted(set(table["outlet"]))
    spans = [name_spans(*pair) for pair in zip(as_articles(table), table["outlet"], strict=True)]
    named = table.assign(spans=pd.Series(spans, index=table.index, dtype=object))[[bool(one) for one in spans]]
    named = named.sample(min(EDITED, len(named)), random_state=settings.seed).reset_index(drop=True)
    articles = as_articles(named)
    edited: dict[str, list[Article]] = {edit: [] for edit in EDITS}
    for article, outlet, places in zip(articles, named["outlet"], named["spans"], strict=True):
        others = [name for name in outlets if name != outlet] or [outlet]
        edited[REMOVED].append(without(article, places))
        edited[REPLACED].append(replaced(article, places, str(draw.choice(others))))
        edited[PLACEBO].append(without(article, _other_words(article, places, draw)))
    parts = []
    for scheme in schemes.values() if articles else ():
        before = bundle.probabilities(scheme.name, articles)
        parts += [
            _compare(named.assign(task=scheme.name, edit=edit), scheme, before, bundle.probabilities(scheme.name, some))
            for edit, some in edited.items()
        ]
    columns = ["task", "edit", "article_id", "changed", "change"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _other_words(article: Article, places: Sequence[Span], draw: np.random.Generator) -> list[Span]:
    """Draw as many words as a name has, but outside it."""
    count = sum(len(WORD.findall(getattr(article, field)[start:end])) for field, start, end in places)
    taken = [(start, end) for field, start, end in places if field == "text"]
    free: list[Span] = [
        ("text", match.start(), match.end())
        for match in WORD.finditer(article.text)
        if not any(start < match.end() and match.start() < end for start, end in taken)
    ]
    return [free[place] for place in draw.choice(len(free), min(count, len(free)), replace=False)]


def _compare(named: pd.DataFrame, scheme: Scheme, before: Array, after: Array) -> pd.DataFrame:
    codes, rows, first = np.array(scheme.codes, dtype=object), np.arange(len(named)), before.argmax(axis=1)
    return named[["task", "edit", "article_id", "outlet", "title", "target"]].assign(
        about_target=scheme.has_targets,
        label=codes[first],
        probability=before[rows, first],
        new_label=codes[after.argmax(axis=1)],
        change=after[rows, first] - before[rows, first],
        changed=after.argmax(axis=1) != first,
    )


class Moves(NamedTuple):
    """How an edit moves answers: share of changed labels, mean absolute change of the label's probability."""

    changed: Mean
    change: Mean


def moves(edits: pd.DataFrame, settings: EvaluationSettings) -> dict[tuple[str, str], Moves]:
    """Summarise what `edit_outlets` found, by task and edit; articles are independent (Wilson's interval of shares)."""
    return {
        (str(task), str(edit)): Moves(
            share_of(part["changed"].sum(), len(part), settings.confidence),
            mean_of(part["change"].abs(), part["article_id"], settings),
        )
        for (task, edit), part in edits.groupby(["task", "edit"], sort=False)
    }


def charts(edits: pd.DataFrame, settings: EvaluationSettings) -> list[Chart]:
    """Draw the share of changed labels and the mean change of probability, by task and edit; nothing without edits."""
    return [_chart(edits, settings)] if len(edits) else []


def _chart(edits: pd.DataFrame, settings: EvaluationSettings) -> Chart:
    found = moves(edits, settings)
    tasks = list(dict.fromkeys(task for task, _ in found))
    title = "Taking the outlet's name away changes " + " and ".join(
        f"{found[task, REMOVED].changed.percent} of the answers on {task} (random words: "
        f"{found[task, PLACEBO].changed.percent})"
        for task in tasks
    )
    with house_style():
        figure = new_figure(1.9 + 0.3 * len(found), title, width=7.6)
        left, right = figure.subplots(1, 2, sharey=True)
        for place, ((_, edit), move) in enumerate(found.items()):
            color, marker = EDITS[edit]
            draw_means(left, [move.changed], [place], fmt=marker, color=color)
            draw_means(right, [move.change], [place], fmt=marker, color=color)
        label_rows(left, [f"{task}: {edit}" for task, edit in found])
        for axes, name in ((left, "share of changed labels"), (right, "mean absolute change of probability")):
            axes.set_xlabel(f"{name},\nwith {100 * settings.confidence:g} % interval")
            axes.set_xlim(left=-0.03 * axes.get_xlim()[1])
            axes.grid(axis="x")
        right.tick_params(axis="y", length=0)
        right.spines["left"].set_visible(False)
        caption = (
            f"{words.plural(edits['article_id'].nunique(), 'test article')} that name their outlet, with one target "
            "each. Left: share of answers whose label changes (Wilson intervals). Right: mean absolute change of the "
            "first label's probability (bootstrap intervals). The third edit shows how much any such deletion moves."
        )
        return finish(figure, "outlet-names", title, caption)


def verdict(edits: pd.DataFrame, settings: EvaluationSettings) -> str:
    """Say for each task whether the outlet's name moves answers more than other words do, paired by article."""
    lines = []
    for task, part in edits.groupby("task", sort=False):
        table = part.assign(size=part["change"].abs()).pivot_table(index="article_id", columns="edit", values="size")
        for edit in (REMOVED, REPLACED):
            more = mean_of(table[edit] - table[PLACEBO], table.index, settings)
            moved = (
                "more than" if more.low > 0 else "less than" if more.high < 0 else "no more, as far as this shows, than"
            )
            lines.append(f"- {task}, {edit}: the probability moves {moved} with other words ({more.signed})")
    return "\n".join(lines) or "No test article names its outlet, so that there is nothing to edit."


def changes_table(edits: pd.DataFrame) -> str:
    """Write the answers that moved most when the outlet's name was removed or replaced."""
    named = edits[edits["edit"] != PLACEBO]
    largest = named.reindex(named["change"].abs().sort_values(ascending=False, kind="stable").index).head(SHOWN_CHANGES)
    rows = [
        {
            "title": f"“{quote(row['title'])}”",
            "outlet": row["outlet"],
            "edit": row["edit"],
            "asked": row["task"] + (f" toward {row['target']}" if row["about_target"] else ""),
            "before": row["label"],
            "its probability": f"{row['probability']:.2f} → {row['probability'] + row['change']:.2f}",
            "after": row["new_label"],
        }
        for row in records(largest)
    ]
    return as_table(pd.DataFrame(rows))
