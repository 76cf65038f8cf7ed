"""Labels from outside, appended to those that are there: all of them or none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.errors import NewstanceError
from newstance.labels.history import TIME, counting, latest
from newstance.labels.store import LabelStore, refuse_future
from newstance.scheme import Scheme

NAMED = 5  # so many of the rows in a message


@dataclass(frozen=True)
class Imported:
    """What became of labels.

    Attributes
    ----------
    added
        Appended, and they count.
    changed
        So many of them replace an older decision.
    known
        Left out: they were there before.
    outdated
        Left out: the annotator took the decision back after their time.
    """

    added: int
    changed: int
    known: int
    outdated: int = 0


def import_labels(
    rows: pd.DataFrame, scheme: Scheme, directory: Path, corpus_ids: Collection[str], source: str
) -> Imported:
    """Append labels to a scheme's annotation file.

    A label that the annotator gave the unit before is left out, so that the same file can be imported twice, also after
    a change of mind: its row is in the file then, with the same time, or any where it came without one. Another
    label is a change of mind where it has a later time than the one before, which may have none (`newstance.labels
    .history`), and else a conflict. A label that is older than the annotator's taking the decision back is left out,
    too.

    Parameters
    ----------
    rows
        Columns `newstance.labels.exchange.content.label_columns`, all text. A row without a time gets that of the
        import.
    directory
        The folder of the annotation file.
    corpus_ids
        The articles that may have labels.
    source
        What the messages name: the file that the labels came from.

    Raises
    ------
    NewstanceError
        When a label is about an unknown article, of a time to come, conflicts, or breaks the scheme. Nothing is added
        then.
    """
    unknown = rows.loc[~rows["article_id"].isin(set(corpus_ids)), "article_id"].drop_duplicates()
    if len(unknown):
        raise NewstanceError(
            f"{source}: the corpus has no article {_some(unknown.tolist())}; correct the ids, or add the articles."
        )
    refuse_future(rows[TIME], source)
    key, said = [*scheme.unit, "annotator"], [scheme.name, *([scheme.secondary] if scheme.secondary else [])]
    _refuse_conflicts_within(rows, key, said, source)
    rows = counting(rows, scheme)
    store = LabelStore(scheme, directory)
    with store.locked():  # what is compared with must still be what counts when the rows are appended
        return _append(rows, store, key, said, source)


def _append(rows: pd.DataFrame, store: LabelStore, key: list[str], said: list[str], source: str) -> Imported:
    label = said[0]
    history = store.history()
    before = latest(history, store.scheme)
    both = rows.merge(before, on=key, how="left", suffixes=("", "_before"))
    # A row without a time got that of its import, so any row that says the same may be it.
    written = _rows_in(both, history, [*key, *said, TIME]) | (
        (both[TIME] == "").to_numpy() & _rows_in(both, history, [*key, *said])
    )
    there = both[f"{label}_before"].fillna("") != ""  # neither new nor taken back
    same = there & (both[said].to_numpy() == both[[f"{name}_before" for name in said]].to_numpy()).all(axis=1)
    earlier = both[f"{TIME}_before"].fillna("")
    later = there & (both[TIME] > earlier)
    conflicting = there & ~same & ~later & ~written
    if conflicting.any():
        raise NewstanceError(
            f"{source}: {_units(both[conflicting], key)} labelled otherwise in {store.path} before, and no later time "
            "says that a mind was changed; correct the file, or import it under another annotator's name."
        )
    outdated = ~there & (both[TIME] != "") & (both[TIME] < earlier)
    new = both[~same & ~outdated & ~written][rows.columns]
    if len(new):
        store.append(new.to_dict("records"))
    changed, known = int((~same & later & ~written).sum()), int((same | (written & ~outdated)).sum())
    return Imported(added=len(new), changed=changed, known=known, outdated=int(outdated.sum()))


def _rows_in(rows: pd.DataFrame, others: pd.DataFrame, columns: list[str]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pd.MultiIndex.from_frame(rows[columns]).isin(pd.MultiIndex.from_frame(others[columns]))
    return found


def _refuse_conflicts_within(rows: pd.DataFrame, key: list[str], said: list[str], source: str) -> None:
    untimed = rows[rows[TIME] == ""]
    differing = untimed.drop_duplicates([*key, *said]).duplicated(key)
    if differing.any():
        found = untimed.loc[differing[differing].index]
        raise NewstanceError(
            f"{source}: {_units(found, key)} labelled in two ways by the same annotator; remove one of the rows."
        )


def _units(rows: pd.DataFrame, key: list[str]) -> str:
    listed = [" / ".join(cells) for cells in rows[key].itertuples(index=False, name=None)]
    return f"{_some(listed)} {'is' if len(listed) == 1 else 'are'}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + more
