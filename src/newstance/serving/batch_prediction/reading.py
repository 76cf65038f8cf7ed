"""Articles from files, row by row, so that any number of them fits into memory.

The suffix says the format: .txt (one article, as `newstance.corpus.own` reads it), .jsonl or .ndjson, .csv, .parquet.
Tables need `title` and `text`, and may have `article_id` and `targets`; other columns are left out.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from newstance.bundle.answers import Article
from newstance.corpus import own
from newstance.errors import NewstanceError

STANDARD_INPUT = Path("-")
NEEDED = ("title", "text")
COLUMNS = (*NEEDED, "article_id", "targets")
LONGEST_CELL = 1 << 24  # characters; the csv module's own limit, 131,072, is shorter than a long report
BATCH_ROWS = 64
BUFFER_BYTES = 1 << 20

csv.field_size_limit(LONGEST_CELL)

# What a format yields for each row: its number and its values, or its number and what is wrong with it.
Record = tuple[int, dict[str, Any] | str]


@dataclass(frozen=True)
class Row:
    """A row of the input: an article, or what is wrong with it.

    Attributes
    ----------
    source
        The file as it was named, "-" for standard input.
    number
        Counted from 1, the heading apart; for JSON Lines the line's number.
    article_id
        None where the row has none.
    article
        None where there is an error.
    error
        What is wrong, None for an article.
    """

    source: str
    number: int
    article_id: str | None = None
    article: Article | None = None
    error: str | None = None


def expand(paths: Iterable[Path]) -> list[Path]:
    """List the files to read, in order; a folder stands for its files with a known suffix, in subfolders too.

    Raises
    ------
    NewstanceError
        When a file is missing, can't be read, or has no suffix of a known format, a table has no `title` or `text`,
        or a folder has nothing to read. So a long run does not stop at its last file because of a typing error.
    """
    files = [file for path in paths for file in (list_folder(path, _FORMATS) if path.is_dir() else [path])]
    for file in files:
        if file != STANDARD_INPUT:
            _check(file)
    return files


def list_folder(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """List the files with one of these suffixes in a folder and its subfolders, hidden ones apart, in order.

    Raises
    ------
    NewstanceError
        When there is none.
    """
    wanted = tuple(suffixes)
    files = files_in(folder, wanted)
    if not files:
        raise NewstanceError(f"{folder} has no file to read; their suffixes must be one of {', '.join(wanted)}.")
    return files


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """List the files with one of these suffixes in a folder and its subfolders, hidden ones apart, in order."""

    def is_wanted(path: Path) -> bool:
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        return path.suffix.lower() in suffixes and path.is_file() and not hidden

    return sorted(path for path in folder.rglob("*") if is_wanted(path))


def _check(file: Path) -> None:
    try:
        file.open("rb").close()
    except FileNotFoundError:
        raise NewstanceError(f"{file} does not exist.") from None
    except OSError as error:
        raise NewstanceError(f"{file} can't be read: {error.strerror}.") from None
    suffix = file.suffix.lower()
    if suffix not in _FORMATS:
        raise NewstanceError(f"{file}: the suffix must be one of {', '.join(_FORMATS)}; it says the format.")
    if suffix == ".csv":
        with _open_csv(file) as stream:
            _heading(file, csv.reader(stream))
    elif suffix == ".parquet":
        with open_parquet(file, file) as table:
            parquet_columns(file, table)


def read_rows(files: Iterable[Path]) -> Iterator[Row]:
    """Read the files that `expand` listed, one row after the other; a bad row is a row with an error.

    Raises
    ------
    NewstanceError
        When a file breaks off, such as a damaged Parquet file.
    """
    for file in files:
        for number, values in _records(file):
            yield to_row(name_of(file), number, values)


def name_of(file: Path) -> str:
    """Return a file's name as valid Unicode; on the disk it may be any bytes."""
    return os.fsencode(file).decode("utf-8", "replace")


def count_rows(files: Iterable[Path]) -> int:
    """Count the rows that `read_rows` will yield, by reading the files once."""
    return sum(1 for file in files for _ in _records(file))


def _records(file: Path) -> Iterator[Record]:
    if file == STANDARD_INPUT:
        return _from_standard_input()
    return _FORMATS[file.suffix.lower()](file)


def _from_text(file: Path) -> Iterator[Record]:
    try:
        article = own.parse(file)
        yield 1, {"article_id": Path(name_of(file)).stem, "title": article.title, "text": article.text}
    except NewstanceError as error:
        yield 1, str(error).replace(str(file), name_of(file))


def _from_json_lines(file: Path) -> Iterator[Record]:
    with file.open("rb") as stream:
        yield from parse_json_lines(stream)


def parse_json_lines(lines: Iterable[bytes], first: int = 1) -> Iterator[Record]:
    """Parse lines, the blank ones left out; the number of the line to begin with is `first`."""
    for number, line in enumerate(lines, start=first):
        if content := line_content(line, number):
            yield number, _parse_json(content)


def line_content(line: bytes, number: int) -> bytes:
    """Return a line without the mark that may begin a file; nothing for a blank one."""
    content = line.removeprefix(BOM_UTF8) if number == 1 else line
    return content if content.strip() else b""


def _parse_json(line: bytes) -> dict[str, Any] | str:
    try:
        values = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"The line is not UTF-8 (byte {error.start})."
    except (ValueError, RecursionError) as error:
        return f"The line is not valid JSON ({error})."
    if not isinstance(values, dict):
        return "The line is no JSON object with the keys title and text."
    if missing := [name for name in NEEDED if name not in values]:
        return f"The line lacks the key(s) {', '.join(missing)}."
    return values


def _from_standard_input() -> Iterator[Record]:
    """Read JSON Lines when the first line that isn't blank begins with a brace, else one plain-text article."""
    stream = sys.stdin.buffer
    begun: list[bytes] = []
    for line in stream:
        begun.append(line)
        if line.strip():
            break
    else:
        return
    lines = chain(begun, stream)
    if begun[-1].removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        yield from parse_json_lines(lines)
        return
    with tempfile.TemporaryDirectory() as room:
        file = Path(room) / "article.txt"
        file.write_bytes(b"".join(lines))
        for number, values in _from_text(file):
            if isinstance(values, str):
                yield number, values.replace(str(file), "Standard input")
            else:
                yield number, {**values, "article_id": None}


def _from_csv(file: Path) -> Iterator[Record]:
    with _open_csv(file) as stream:
        reader = csv.reader(stream)
        heading = _heading(file, reader)
        number = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                number += 1
                yield number, f"The row is no valid CSV ({error})."
                continue
            if cells is None:
                return
            if not cells:  # a blank line
                continue
            number += 1
            if len(cells) == len(heading):
                yield number, dict(zip(heading, cells, strict=True))
            else:
                yield number, f"The row has {len(cells)} cell(s), but the heading has {len(heading)}."


def _open_csv(file: Path) -> TextIO:
    # Bytes that are not UTF-8 become lone surrogates, for which their row is refused, and no other.
    return file.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _heading(file: Path, reader: Iterator[list[str]]) -> list[str]:
    try:
        heading = next(reader, [])
    except csv.Error as error:
        raise NewstanceError(f"{file} can't be read as CSV: {error}.") from None
    _require_columns(file, heading)
    return heading


def _from_parquet(file: Path) -> Iterator[Record]:
    with open_parquet(file, file) as table:
        yield from parquet_records(file, table)


def parquet_records(
    name: Path | str, table: pq.ParquetFile, groups: Sequence[int] | None = None, first: int = 1
) -> Iterator[Record]:
    """Read the rows of an open file, or of some row groups, of which the first row has the number `first`.

    Raises
    ------
    NewstanceError
        When a column is lacking, or the file breaks off.
    """
    columns = parquet_columns(name, table)
    number = first - 1
    try:
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=columns, row_groups=groups):
            for number, values in enumerate(batch.to_pylist(), start=number + 1):  # noqa: B020 (goes on counting)
                yield number, values
    except (OSError, pa.ArrowException) as error:
        raise NewstanceError(f"{name} is damaged after row {number}: {error}.") from None


def open_parquet(name: Path | str, file: Path | BinaryIO) -> pq.ParquetFile:
    """Open a file; what can't be read as Parquet is a `NewstanceError` that calls it `name`."""
    try:
        # With a buffer a column is read piece by piece, else whole, and a file may be one row group.
        return pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise NewstanceError(f"{name} can't be read as Parquet: {error}.") from None


def parquet_columns(name: Path | str, table: pq.ParquetFile) -> list[str]:
    """Return which of the columns that are read a file has; a lacking one is a `NewstanceError`."""
    names = table.schema_arrow.names
    _require_columns(name, names)
    return [column for column in COLUMNS if column in names]


def _require_columns(file: Path | str, names: list[str]) -> None:
    if missing := [name for name in NEEDED if name not in names]:
        raise NewstanceError(f"{file} lacks the column(s) {', '.join(missing)}; it needs {', '.join(NEEDED)}.")


_FORMATS: dict[str, Callable[[Path], Iterator[Record]]] = {
    ".txt": _from_text,
    ".jsonl": _from_json_lines,
    ".ndjson": _from_json_lines,
    ".csv": _from_csv,
    ".parquet": _from_parquet,
}


def to_row(source: str, number: int, values: dict[str, Any] | str) -> Row:
    """Check the values of a row by column; a text in their place says what is wrong with it."""
    if isinstance(values, str):
        return Row(source, number, error=values)
    article_id = None
    try:
        article_id = _article_id(values.get("article_id"))
        targets = _targets(values.get("targets"))
        article = Article(_text("title", values["title"]), _text("text", values["text"]), targets)
    except NewstanceError as error:
        return Row(source, number, article_id, error=str(error))
    return Row(source, number, article_id, article)


def _article_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text("article_id", value) or None


def _targets(value: Any) -> list[str] | None:
    """Read a list of texts, or a text with semicolons between; nothing and an empty cell say nothing of targets."""
    if value is None or value == "":
        return None
    names = value.split(";") if isinstance(value, str) else value
    if not isinstance(names, list):
        raise NewstanceError("targets must be a list of texts, or a text with semicolons between them.")
    stripped = [_text("targets", name).strip() for name in names]
    return [name for name in stripped if name]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NewstanceError(f"{name} must be text, and is {value!r:.40}.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise NewstanceError(f"{name} has bytes or escapes that are no valid UTF-8.") from None
    return value
