"""Annotation files as they grow: every decision a row, checked on entry, and the rows among them that count.

A file may have one column more than its scheme says, `labelled_at` (UTC, ISO 8601, seconds), as the last one.
Decisions with a time may change: the latest of a unit and annotator counts, and an empty label takes the decision back.
Rows without a time are older than all that have one; there may be one of a unit and annotator, and they may leave the
last cell out, so that a file gets the column by a change of its first line alone.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.errors import NewstanceError
from newstance.scheme import Scheme

logger = logging.getLogger(__name__)

TIME = "labelled_at"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
TIME_LENGTH = len("2017-02-07T12:00:00Z")
ENDING_TIME = re.compile(rb'[",\s](\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)[" \t\r]*$', re.MULTILINE)


def read_history(scheme: Scheme, directory: Path, *, forgiving: bool = False) -> pd.DataFrame:
    """Read and check every row of a scheme's annotation file.

    Parameters
    ----------
    scheme
        Says the file's name and its columns; they may come in any order, `labelled_at` after them.
    directory
        The folder that holds the file.
    forgiving
        Whether a last line that was cut off is left out, with a warning, rather than refused.

    Returns
    -------
    DataFrame
        Columns ``scheme.annotation_columns`` and `labelled_at`, all text, in the file's order. Empty text stands for no
        secondary label, no time, or a decision that was taken back.

    Raises
    ------
    NewstanceError
        When the file is missing or no CSV, its last line was cut off, or a row breaks the scheme; names file, row (the
        line of the file) and column.
    """
    rows = read_rows(scheme, directory, forgiving=forgiving)
    if rows.problems:
        raise NewstanceError(f"{rows.path}, {rows.problems[0]}.")
    return rows.cells


def counting(history: pd.DataFrame, scheme: Scheme) -> pd.DataFrame:
    """Keep the rows that count: the latest of each unit and annotator, unless it takes the decision back.

    Parameters
    ----------
    history
        As `read_history` returns it.

    Returns
    -------
    DataFrame
        The same columns; in the order in which the annotators first decided.
    """
    last = latest(history, scheme)
    return last[last[scheme.name] != ""].reset_index(drop=True)


def latest(history: pd.DataFrame, scheme: Scheme) -> pd.DataFrame:
    """Keep the latest row of each unit and annotator, also where it takes the decision back; see `counting`."""
    key = [*scheme.unit, "annotator"]
    # Stable: of the same second, the later line is the later decision. No time sorts before all times.
    last = history.sort_values(TIME, kind="stable").drop_duplicates(key, keep="last")
    firsts = history.loc[~history.duplicated(key), key]
    return firsts.merge(last, on=key, how="left")[history.columns]


def divided(content: bytes, scheme: Scheme, path: Path) -> tuple[list[str], bytes]:
    """Return the columns that a file's first line names, and what stands under it.

    Raises
    ------
    NewstanceError
        When the scheme has other columns.
    """
    first, _, body = content.partition(b"\n")
    try:
        header = [name.strip() for name in next(csv.reader([first.decode("utf-8-sig")], strict=True), [])]
    except (csv.Error, UnicodeDecodeError) as error:
        raise NewstanceError(f"{path} can't be read as UTF-8 CSV: {error}.") from None
    expected = scheme.annotation_columns
    names = header[:-1] if header[-1:] == [TIME] else header
    if sorted(names) == sorted(expected):
        return header, body
    missing = [name for name in expected if name not in names]
    surplus = [name for name in names if name not in expected or names.count(name) > 1]
    problem = f"lacks the column(s) {', '.join(missing)}" if missing else f"has surplus column(s) {', '.join(surplus)}"
    raise NewstanceError(
        f"{path}, row 1: {problem}; its columns must be {', '.join(expected)}, and {TIME} may be the last."
    )


def is_cut_off(tail: bytes, header: list[str]) -> bool:
    """Whether bytes after the last line end are a row whose writing was interrupted.

    Rows are written with their time at the end, so a row without its line end is whole when it has its whole time. In a
    file without times, a last line without an end is what somebody's editor left.
    """
    if not tail or header[-1] != TIME:
        return False
    try:
        row = next(csv.reader([tail.decode("utf-8")], strict=True))
    except (csv.Error, UnicodeDecodeError):
        return True
    return len(row) != len(header) or not is_time(row[-1].strip())


def latest_time(content: bytes) -> str:
    """Return the latest time at the end of a line, or nothing; without a look at the other cells, so it is quick."""
    found = {time.decode() for time in ENDING_TIME.findall(content)}
    return next((time for time in sorted(found, reverse=True) if is_time(time)), "")


def is_time(text: str) -> bool:
    """Whether a text is a moment as `labelled_at` has it."""
    try:
        datetime.strptime(text, TIME_FORMAT)
    except ValueError:
        return False
    return len(text) == TIME_LENGTH


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row: the line of the file where it ends, the column (empty for the whole row), and why."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        place = f"row {self.line}, column '{self.column}'" if self.column else f"row {self.line}"
        return f"{place}: {self.text}"


@dataclass(frozen=True)
class Rows:
    """A file as it is.

    Attributes
    ----------
    path
        The file.
    cells
        Columns as `read_history` returns them; rows with too many or too few cells are left out.
    lines
        Where each row ends in the file.
    problems
        Everything by which rows break the scheme.
    """

    path: Path
    cells: pd.DataFrame
    lines: list[int]
    problems: list[Problem]


def read_rows(scheme: Scheme, directory: Path, *, forgiving: bool = False) -> Rows:
    """Read a scheme's annotation file whatever its rows hold; see `read_history`.

    Raises
    ------
    NewstanceError
        When the file is missing or no CSV, or its last line was cut off.
    """
    path = directory / scheme.annotations
    cells, lines, ragged = _read_cells(path, scheme, forgiving=forgiving)
    return Rows(path, cells, lines, [*ragged, *problems(cells, lines, scheme)])


def check_rows(cells: pd.DataFrame, lines: list[int], scheme: Scheme, path: Path) -> None:
    """Refuse rows that break the scheme, with the first problem."""
    for problem in problems(cells, lines, scheme):
        raise NewstanceError(f"{path}, {problem}.")


def problems(cells: pd.DataFrame, lines: list[int], scheme: Scheme) -> list[Problem]:
    """Find everything by which rows break the scheme.

    Parameters
    ----------
    cells
        Columns as `read_history` returns them.
    lines
        Where each row ends in the file.
    """
    found: list[Problem] = []

    def note(wrong: pd.Series[bool], column: str, text: str) -> None:
        values = cells[column].tolist()
        found.extend(
            Problem(lines[row], column, f"'{values[row]}' {text}") for row in np.flatnonzero(wrong.to_numpy()).tolist()
        )

    for column in [*scheme.unit, "annotator"]:
        note(cells[column] == "", column, "must not be empty")
    label, timed = cells[scheme.name], cells[TIME] != ""
    right = pd.Series([is_time(time) for time in cells[TIME]], index=cells.index, dtype=bool)
    note(timed & ~right, TIME, "is no time; write it as 2017-02-07T12:00:00Z")
    allowed = [*scheme.codes, scheme.skip] if scheme.skip else scheme.codes
    wrong = ~label.isin(allowed) & ~(timed & (label == ""))
    note(wrong, scheme.name, f"is no label of scheme '{scheme.name}'; use {', '.join(allowed)}")
    if scheme.secondary:
        second = cells[scheme.secondary]
        note(~second.isin([*scheme.codes, ""]), scheme.secondary, f"is no label of scheme '{scheme.name}'")
        alone = (label == "") & (second != "")
        note(alone, scheme.secondary, "stands without a primary label; leave it empty")
        note((second == label) & (second != ""), scheme.secondary, "repeats the primary label; leave it empty")
    untimed = cells[~timed]
    twice = untimed.duplicated([*scheme.unit, "annotator"]).reindex(cells.index, fill_value=False)
    note(twice, scheme.unit[-1], "is labelled a second time by the same annotator; remove one of the rows")
    return found


def _read_cells(path: Path, scheme: Scheme, *, forgiving: bool) -> tuple[pd.DataFrame, list[int], list[Problem]]:
    """Read all cells as text, white space around them removed, the line where each row ends, and the ragged rows."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NewstanceError(f"{path} is missing; scheme '{scheme.name}' needs it for its annotations.") from None
    header, body = divided(content, scheme, path)
    tail = body.rpartition(b"\n")[2]
    if is_cut_off(tail, header):
        line, text = content.count(b"\n") + 1, tail.decode("utf-8", errors="replace")
        found = f"{path}, row {line}: the last line, {text!r}, has neither a whole {TIME} nor a line end"
        if not forgiving:
            raise NewstanceError(f"{found}; end the line if the row is whole, else remove it.")
        logger.warning("%s; it is left out. End the line if the row is whole.", found)
        body = body.removesuffix(tail)
    rows: list[list[str]] = []
    lines: list[int] = []
    ragged: list[Problem] = []
    try:
        # csv rather than pandas: a quoted cell may span lines, and a message must name the file's own line.
        reader = csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True)
        for row in reader:
            line = reader.line_num + 1
            cells = _complete(row, header)
            if len(cells) == len(header):
                rows.append(cells)
                lines.append(line)
            elif row:
                ragged.append(Problem(line, "", f"{len(cells)} cells, but {len(header)} columns"))
    except (csv.Error, UnicodeDecodeError) as error:
        raise NewstanceError(f"{path} can't be read as UTF-8 CSV: {error}.") from None
    table = pd.DataFrame(rows, columns=header, dtype="str")
    if TIME not in header:
        table[TIME] = pd.Series("", index=table.index, dtype="str")
    return table[[*scheme.annotation_columns, TIME]], lines, ragged


def _complete(row: Iterable[str], header: list[str]) -> list[str]:
    cells = [cell.strip() for cell in row]
    if header[-1] == TIME and len(cells) == len(header) - 1:
        cells.append("")
    return cells
