"""The annotators' agreement of a task as tables for the terminal, and what it says about models' scores."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from rich.table import Table

from newstance.files import read_parquet
from newstance.labels.agreement import agreement_table, reference_agreement
from newstance.labels.ceiling import Ceiling, agreement_over_time, ceiling
from newstance.labels.history import counting, read_history
from newstance.reporting import words
from newstance.reporting.results import records
from newstance.scheme import Scheme
from newstance.settings import ARTICLES, Settings

COLUMNS = {"overall": "annotators", "class": "label", "week": "week"}


@dataclass(frozen=True)
class Agreement:
    """A task's agreement.

    Attributes
    ----------
    scheme, reference
        The task's scheme, and the annotator who decides.
    table
        Rows of every pair (`newstance.labels.agreement.agreement_table`), and by week.
    scores
        Annotators scored as models are (`newstance.labels.agreement.reference_agreement`).
    ceiling
        None where no two independent annotators share a unit.
    """

    scheme: Scheme
    reference: str
    table: pd.DataFrame
    scores: pd.DataFrame
    ceiling: Ceiling | None


def measure(scheme: Scheme, settings: Settings) -> Agreement:
    """Compute the agreement on a task's clean articles, from the labels as they are now."""
    articles, reference = read_parquet(ARTICLES), settings.labels.reference
    counted = counting(read_history(scheme, settings.labels.directory), scheme)
    weeks = agreement_over_time(counted, articles, scheme, settings.evaluation)
    table = pd.concat([agreement_table(counted, articles, scheme, settings.evaluation), weeks], ignore_index=True)
    scores = reference_agreement(counted, articles, scheme, reference, settings.evaluation)
    highest = ceiling(counted, articles, scheme, reference, settings.evaluation)
    return Agreement(scheme, reference, table, scores, highest)


def tables(found: Agreement) -> list[Table]:
    """Lay out the overall agreement, then that by label, then by week where labels have times.

    The narrower parts show kappa alone: of two annotators, alpha says nearly the same.
    """
    table = found.table
    shown = []
    for part, heading in COLUMNS.items():
        rows = table[(table["slice"] == part) & (table["units"] > 0)]
        if len(rows):
            shown.append(_table(found.scheme.title, rows, heading, with_pair=part != "overall"))
    return shown


def _table(title: str, rows: pd.DataFrame, heading: str, *, with_pair: bool) -> Table:
    table = Table(title=f"{title}, by {heading}", title_justify="left")
    for name in [heading, "annotators"] if with_pair else [heading]:
        table.add_column(name)
    measures = ("kappa",) if with_pair else ("kappa", "alpha")
    for name in ("units", "agreement", *measures):
        table.add_column(name, justify="right")
    for row in records(rows):
        first = [str(row["value"]), str(row["pair"])] if with_pair else [str(row["pair"])]
        measured = [words.score(row["agreement"]), *(words.with_interval(row, name) for name in measures)]
        table.add_row(*first, words.count(row["units"]), *measured)
    return table


def sentences(found: Agreement) -> list[str]:
    """Say what the agreement means for models' scores."""
    said = []
    high = found.ceiling
    if high is None:
        said.append(f"{found.scheme.title}: no two annotators but {found.reference} labelled the same units.")
    else:
        first, second = high.pair
        said.append(
            f"{found.scheme.title}: {first} and {second} agree on {_share(high.agreement)} of "
            f"{words.count(high.units)} units. If they err independently, each is right on {_share(high.accuracy)}: "
            "a model that scores above that by the labels of one of them has learned this annotator's habits, too."
        )
    said += [
        f"Scored by {found.reference} as models are, {row['annotator']} reaches macro-F1 "
        f"{words.with_interval(row, 'macro_f1')}: flattering where {found.reference} was made from these labels."
        for row in records(found.scores)
    ]
    return said


def _share(values: tuple[float, float, float]) -> str:
    return f"{words.score(values[0])} {words.interval(values[1], values[2])}".strip()
