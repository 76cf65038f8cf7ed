"""Where decisions are kept: a scheme's annotation file, to which rows are appended and in which none is changed."""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock

from newstance.errors import NewstanceError
from newstance.files import atomic_path
from newstance.labels.history import TIME, TIME_FORMAT, check_rows, divided, is_cut_off, is_time, read_history
from newstance.scheme import Scheme

logger = logging.getLogger(__name__)

# Tables name pairs of annotators FIRST-SECOND, so a name has no hyphen.
NAME = re.compile(r"\w{1,32}")
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
    alone. What it leaves of the row is removed, and said in the log, when the file is next used.

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
            Cells by column; a column that is not given is empty. Without `labelled_at`, the time is now. An empty label
            takes the annotator's decision on the unit back; any other replaces it.

        Returns
        -------
        DataFrame
            The rows as they were written, with columns as of `read_history`.

        Raises
        ------
        NewstanceError
            When a row breaks the scheme, the file that is there is broken, or the disk is full. The file is then as it
            was: all of the rows are written, or none.
        """
        given = [dict(row) for row in rows]
        with self._locked():
            content = self._whole()
            table = self._checked(given, content)
            header = self._with_times(content)
            _write(self.path, "".join(line_of([row[name] for name in header]) for row in table.to_dict("records")))
        return table

    def withdraw(self, annotator: str, unit: Mapping[str, str]) -> None:
        """Take an annotator's decision on a unit (its columns by name) back."""
        self.append([{**unit, "annotator": annotator}])

    def history(self) -> pd.DataFrame:
        """Return every row (`newstance.labels.history.read_history`); none where there is no file yet."""
        with self._locked():
            if not self._whole():
                return pd.DataFrame(columns=[*self.scheme.annotation_columns, TIME], dtype="str")
            return read_history(self.scheme, self.path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            yield

    def _whole(self) -> bytes:
        """Return the file's content after removing what a crash left of a row; nothing where there is no file."""
        if not self.path.is_file():
            return b""
        content = self.path.read_bytes()
        header, body = divided(content, self.scheme, self.path)
        tail = body.rpartition(b"\n")[2]
        if not is_cut_off(tail, header):
            return content
        with self.path.open("r+b") as stream:
            stream.truncate(len(content) - len(tail))
            os.fsync(stream.fileno())
        removed = tail.decode("utf-8", errors="replace")
        logger.warning("%s: the last line was cut off, as by a crash, and has been removed: %r", self.path, removed)
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
        now = _now(content)
        cells = [{name: row.get(name, "").strip() for name in columns} for row in rows]
        for row in cells:
            row[TIME] = row[TIME] or now
            check_annotator(row["annotator"])
            for name, cell in row.items():
                if UNFIT.search(cell):
                    raise NewstanceError(f"{self.path}, column '{name}': {cell!r} must be one line of text.")
        table = pd.DataFrame(cells, columns=columns, dtype="str")
        check_rows(table, list(range(1, len(table) + 1)), self.scheme, self.path)
        return table


def _now(content: bytes) -> str:
    """Return the time, but none before that of a file's last row: a clock put back must not undo a decision."""
    last = content.rstrip().rpartition(b",")[2].decode("utf-8", errors="replace")
    now = datetime.now(UTC).strftime(TIME_FORMAT)
    return max(now, last) if is_time(last) else now


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


def _write(path: Path, text: str) -> None:
    """Append a text as a whole, down to the disk."""
    content = text.encode()
    with path.open("ab", buffering=0) as stream:
        size = stream.tell()
        try:
            while content:
                content = content[stream.write(content) :]
            os.fsync(stream.fileno())
        except OSError as error:
            stream.truncate(size)
            raise NewstanceError(f"{path} can't be written: {error.strerror}; nothing was saved.") from None
