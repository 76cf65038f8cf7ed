"""Where decisions are kept: a scheme's annotation file, to which rows are appended and in which none is changed."""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from filelock import FileLock

from newstance.errors import NewstanceError
from newstance.files import atomic_path
from newstance.labels.history import (
    TIME,
    TIME_FORMAT,
    check_rows,
    divided,
    is_cut_off,
    is_time,
    latest_time,
    read_history,
)
from newstance.scheme import Scheme

logger = logging.getLogger(__name__)

# Tables name pairs of annotators FIRST-SECOND, so a name has no hyphen.
NAME = re.compile(r"\w{1,32}")
LEEWAY = timedelta(minutes=1)  # so far the clocks of two machines may differ
WINDOWS_END = "\r\n"
UNFIT = re.compile(r"[\r\n\0\ud800-\udfff]")  # a row is one line of UTF-8


def check_annotator(name: str, taken: Collection[str] = ()) -> str:
    """Return an annotator's name without white space around it.

    Raises
    ------
    NewstanceError
        When it is no name (a letter, then up to 31 letters, digits or underscores), or it is `taken`: a row by
        somebody else must not pass for theirs.
    """
    name = name.strip()
    if not NAME.fullmatch(name) or not name[0].isalpha():
        raise NewstanceError(
            f"'{name}' is no annotator's name; use a letter, then at most 31 letters, digits or underscores."
        )
    if name.casefold() in {other.casefold() for other in taken}:
        raise NewstanceError(f"The project has labels by '{name}' already; take another name.")
    return name


class LabelStore:
    """The annotation file of a scheme, for as many writers at a time as there are.

    A row is one line, appended as a whole and on the disk when `append` returns; a crash before that loses this row
    alone. What it leaves of the row is left out when the file is read. The next `append` moves it to a file beside
    whose name ends in `.cut`, and says so in the log: it may be a row that somebody typed in an editor.

    Parameters
    ----------
    scheme
        Says the file's name and columns.
    directory
        The folder of the file; both are made where they're missing.
    """

    def __init__(self, scheme: Scheme, directory: Path) -> None:
        self.scheme = scheme
        self.path = directory / scheme.annotations
        # Beside the file: writers must meet at it, whatever their working directory is.
        self._lock = FileLock(directory / f".{scheme.annotations}.lock")

    def append(self, rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
        """Append decisions.

        Parameters
        ----------
        rows
            Cells by column; a column that is not given is empty. Without `labelled_at`, the time is now, or the file's
            latest where that is still to come. An empty label takes the annotator's decision on the unit back; any
            other replaces it.

        Returns
        -------
        DataFrame
            The rows as they were written, with columns as of `read_history`.

        Raises
        ------
        NewstanceError
            When a row breaks the scheme or is of a time to come, the file that is there is broken, or the disk is full.
            The file is then as it was: all of the rows are written, or none.
        """
        given = [dict(row) for row in rows]
        with self.locked():
            content = self._content()
            table = self._checked(given, content)
            header = self._with_times(self._without_tail(content))
            lines = [line_of([row[name] for name in header]) for row in table.to_dict("records")]
            _write(self.path, "".join(lines).encode())
        return table

    def withdraw(self, annotator: str, unit: Mapping[str, str]) -> None:
        """Take an annotator's decision on a unit (its columns by name) back."""
        self.append([{**unit, "annotator": annotator}])

    def history(self) -> pd.DataFrame:
        """Return every row (`newstance.labels.history.read_history`); none where there is no file yet.

        A last line that was cut off is left out, and stays in the file.
        """
        with self.locked():
            if not self._content():
                return pd.DataFrame(columns=[*self.scheme.annotation_columns, TIME], dtype="str")
            return read_history(self.scheme, self.path.parent, forgiving=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out, as between a look at `history` and an `append` that depends on it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            yield

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.is_file() else b""

    def _without_tail(self, content: bytes) -> bytes:
        """Move what a crash left of a row to the file beside; return the rest."""
        if not content:
            return b""
        header, body = divided(content, self.scheme, self.path)
        tail = body.rpartition(b"\n")[2]
        if not is_cut_off(tail, header):
            return content
        aside = self.path.with_name(f"{self.path.name}.cut")
        _write(aside, tail + b"\n")  # first, so that no crash loses it
        with self.path.open("r+b") as stream:
            stream.truncate(len(content) - len(tail))
            os.fsync(stream.fileno())
        moved = tail.decode("utf-8", errors="replace")
        logger.warning("%s: the last line was cut off, as by a crash; it was moved to %s: %r", self.path, aside, moved)
        return content.removesuffix(tail)

    def _with_times(self, content: bytes) -> list[str]:
        """Give the file its header and the column of times, and its last line an end; return the columns."""
        if not content:
            header = [*self.scheme.annotation_columns, TIME]
            _replace(self.path, line_of(header).encode())
            return header
        header, body = divided(content, self.scheme, self.path)
        if header[-1] == TIME and content.endswith(b"\n"):
            return header
        first = content.partition(b"\n")[0].rstrip(b"\r")
        if header[-1] != TIME:
            header.append(TIME)
            first += f",{TIME}".encode()
        unended = body and not body.endswith(b"\n")
        _replace(self.path, first + b"\n" + body + (b"\n" if unended else b""))
        return header

    def _checked(self, rows: list[dict[str, str]], content: bytes) -> pd.DataFrame:
        columns = [*self.scheme.annotation_columns, TIME]
        if unknown := {name for row in rows for name in row} - set(columns):
            raise NewstanceError(f"{self.path} has no column {', '.join(sorted(unknown))}.")
        cells = [{name: row.get(name, "").strip() for name in columns} for row in rows]
        refuse_future([row[TIME] for row in cells], str(self.path))
        # None before a time that is there: it would lose to it. Of equal times the later line counts.
        now = max(datetime.now(UTC).strftime(TIME_FORMAT), latest_time(content))
        for row in cells:
            row[TIME] = row[TIME] or now
            check_annotator(row["annotator"])
            for name, cell in row.items():
                if UNFIT.search(cell):
                    raise NewstanceError(f"{self.path}, column '{name}': {cell!r} must be one line of text.")
        table = pd.DataFrame(cells, columns=columns, dtype="str")
        check_rows(table, list(range(1, len(table) + 1)), self.scheme, self.path)
        return table


def refuse_future(times: Iterable[str], source: str) -> None:
    """Refuse times that are still to come; a decision of then would beat every one that is made before."""
    if found := [time for time in times if is_future(time)]:
        raise NewstanceError(f"{source}, column '{TIME}': '{found[0]}' is yet to come; correct the time or the clock.")


def is_future(time: str) -> bool:
    """Whether a time is still to come, by more than clocks may differ."""
    return is_time(time) and time > (datetime.now(UTC) + LEEWAY).strftime(TIME_FORMAT)


def line_of(cells: Iterable[str]) -> str:
    """Return a row of a CSV file, with its line end."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator=WINDOWS_END).writerow(cells)  # which makes it quote a lone \r, too
    return stream.getvalue().removesuffix(WINDOWS_END) + "\n"


def _replace(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _write(path: Path, content: bytes) -> None:
    """Append bytes as a whole, down to the disk."""
    try:
        with path.open("ab", buffering=0) as stream:
            size = stream.tell()
            try:
                while content:
                    content = content[stream.write(content) :]
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(size)
                raise
    except OSError as error:
        raise NewstanceError(f"{path} can't be written: {error.strerror}; nothing was saved.") from None
