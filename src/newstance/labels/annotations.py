"""Annotation files (tidy CSV, one row a unit and annotator), checked on entry and resolved to one label a unit."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

import pandas as pd

from newstance.errors import NewstanceError
from newstance.scheme import Scheme


def read_annotations(scheme: Scheme, directory: Path) -> pd.DataFrame:
    """Read and check the annotations of one scheme.

    Parameters
    ----------
    scheme
        Says the file's name and its columns; they may come in any order.
    directory
        The folder that holds the file.

    Returns
    -------
    DataFrame
        Columns ``scheme.annotation_columns``, all text, in the file's order; an empty secondary label is missing.

    Raises
    ------
    NewstanceError
        When the file is missing or no CSV, or a row breaks the scheme; names file, row (the line of the file)
        and column.
    """
    path = directory / scheme.annotations
    cells, lines = _read_cells(path, scheme)
    _check_rows(cells, lines, scheme, path)
    if scheme.secondary:
        cells[scheme.secondary] = cells[scheme.secondary].where(cells[scheme.secondary] != "")
    return cells


def _read_cells(path: Path, scheme: Scheme) -> tuple[pd.DataFrame, list[int]]:
    """Read all cells as text, white space around them removed, and the line of the file where each row ends."""
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        # csv rather than pandas: a quoted cell may span lines, and a message must name the file's own line.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, scheme, path)
            for row in reader:
                if len(row) not in {0, len(header)}:
                    raise NewstanceError(f"{path}, row {reader.line_num}: {len(row)} cells, but {len(header)} columns.")
                if row:
                    rows.append([cell.strip() for cell in row])
                    lines.append(reader.line_num)
    except FileNotFoundError:
        raise NewstanceError(f"{path} is missing; scheme '{scheme.name}' needs it for its annotations.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise NewstanceError(f"{path} can't be read as UTF-8 CSV: {error}.") from None
    return pd.DataFrame(rows, columns=header, dtype="str")[scheme.annotation_columns], lines


def _check_header(header: list[str], scheme: Scheme, path: Path) -> None:
    expected = scheme.annotation_columns
    if sorted(header) == sorted(expected):
        return
    missing = [name for name in expected if name not in header]
    surplus = [name for name in header if name not in expected or header.count(name) > 1]
    problem = f"lacks the column(s) {', '.join(missing)}" if missing else f"has surplus column(s) {', '.join(surplus)}"
    raise NewstanceError(f"{path}, row 1: {problem}; its columns must be {', '.join(expected)}.")


def _check_rows(cells: pd.DataFrame, lines: list[int], scheme: Scheme, path: Path) -> None:
    def refuse_first(wrong: pd.Series[bool], column: str, problem: str) -> None:
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            value = cells[column].iloc[row]
            raise NewstanceError(f"{path}, row {lines[row]}, column '{column}': '{value}' {problem}.")

    for column in [*scheme.unit, "annotator"]:
        refuse_first(cells[column] == "", column, "must not be empty")
    label = cells[scheme.name]
    allowed = [*scheme.codes, scheme.skip] if scheme.skip else scheme.codes
    refuse_first(~label.isin(allowed), scheme.name, f"is no label of scheme '{scheme.name}'; use {', '.join(allowed)}")
    if scheme.secondary:
        second = cells[scheme.secondary]
        refuse_first(~second.isin([*scheme.codes, ""]), scheme.secondary, f"is no label of scheme '{scheme.name}'")
        refuse_first(second == label, scheme.secondary, "repeats the primary label; leave it empty")
    twice = cells.duplicated([*scheme.unit, "annotator"])
    refuse_first(twice, scheme.unit[-1], "is labelled a second time by the same annotator; remove one of the rows")


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
