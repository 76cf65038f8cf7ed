"""Annotations (tidy CSV, one row a unit and annotator), held against the corpus and resolved to one label a unit."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

import pandas as pd

from newstance.errors import NewstanceError
from newstance.labels.history import counting, read_history
from newstance.scheme import Scheme


def read_annotations(scheme: Scheme, directory: Path) -> pd.DataFrame:
    """Read and check the annotations of one scheme, and keep the rows that count (`newstance.labels.history`).

    Parameters
    ----------
    scheme
        Says the file's name and its columns; they may come in any order.
    directory
        The folder that holds the file.

    Returns
    -------
    DataFrame
        Columns ``scheme.annotation_columns``, all text, one row a unit and annotator, in the file's order; an empty
        secondary label is missing.

    Raises
    ------
    NewstanceError
        When the file is missing or no CSV, or a row breaks the scheme; names file, row (the line of the file)
        and column.
    """
    cells = counting(read_history(scheme, directory), scheme)[scheme.annotation_columns]
    if scheme.secondary:
        cells[scheme.secondary] = cells[scheme.secondary].where(cells[scheme.secondary] != "")
    return cells


def check_against_corpus(
    annotations: pd.DataFrame,
    corpus_ids: Collection[str],
    kept_ids: Collection[str],
    source: str,
    *,
    sampled: bool = False,
) -> tuple[pd.DataFrame, int]:
    """Keep the annotations of the articles that cleaning kept.

    Parameters
    ----------
    annotations
        As `read_annotations` returns them.
    corpus_ids, kept_ids
        The articles of the raw corpus, and those of them that are left after cleaning.
    source
        What the error message names: the annotation file.
    sampled
        Whether the corpus is a slice only (``corpus.sample``); labels outside it are then left out without a word.

    Returns
    -------
    DataFrame, int
        The annotations of kept articles, and the number of annotations that fell with dropped articles.

    Raises
    ------
    NewstanceError
        When a label is about an article that the corpus doesn't have; names the first.
    """
    known = annotations["article_id"].isin(set(corpus_ids))
    if not sampled and not known.all():
        _refuse_unknown(annotations.loc[~known, "article_id"].iloc[0], source)
    kept = annotations["article_id"].isin(set(kept_ids))
    return annotations[kept].reset_index(drop=True), int((known & ~kept).sum())


def _refuse_unknown(article_id: str, source: str) -> NoReturn:
    raise NewstanceError(
        f"{source}, column 'article_id': the corpus has no article '{article_id}'; "
        "correct the id or remove its rows, or add the article."
    )


def _first_labels(annotations: pd.DataFrame, annotators: tuple[str, ...], scheme: Scheme) -> pd.DataFrame:
    """Of every unit the row of the first of `annotators` who labelled it; in the order of the annotations."""
    rank = annotations["annotator"].map({name: rank for rank, name in enumerate(annotators)}).dropna()
    first = annotations.loc[rank.sort_values(kind="stable").index].drop_duplicates(scheme.unit)
    return first.sort_index()


def resolve(annotations: pd.DataFrame, annotators: tuple[str, ...], scheme: Scheme) -> pd.DataFrame:
    """Give every unit one label: that of the first annotator in the order who labelled it.

    Returns
    -------
    DataFrame
        One row a unit: the unit's columns, the label, the secondary label (where the scheme has one) and
        `annotator`. Units whose label is the scheme's `skip` are left out.
    """
    first = _first_labels(annotations, annotators, scheme)
    columns = [*scheme.unit, scheme.name, *([scheme.secondary] if scheme.secondary else []), "annotator"]
    return first.loc[first[scheme.name] != (scheme.skip or ""), columns].reset_index(drop=True)


def skipped_ids(annotations: pd.DataFrame, scheme: Scheme, annotators: tuple[str, ...]) -> set[str]:
    """Return the articles that the first annotator in the order who labelled them marked as no article."""
    first = _first_labels(annotations, annotators, scheme)
    return set(first.loc[first[scheme.name] == (scheme.skip or ""), "article_id"])
