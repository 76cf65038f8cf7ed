"""The articles to label: files of Parquet or JSON Lines, divided into pieces that workers read on their own."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from newstance.errors import NewstanceError
from newstance.files import file_sha256
from newstance.serving.batch_prediction.reading import (
    BUFFER_BYTES,
    Record,
    Row,
    files_in,
    line_content,
    list_folder,
    name_of,
    open_parquet,
    parquet_columns,
    parquet_records,
    parse_json_lines,
    to_row,
)
from newstance.serving.ray_prediction.storage import is_url, locate, storage_errors

LINES = (".jsonl", ".ndjson")
PARQUET = ".parquet"
SUFFIXES = (*LINES, PARQUET)
LOCAL_SUFFIXES = (".csv", ".txt")  # what the local engine reads besides


@dataclass(frozen=True)
class Source:
    """A file.

    Attributes
    ----------
    name
        As a person named it; it stands in every row of the answer.
    location
        The same for any worker: an absolute path or a URL.
    """

    name: str
    location: str

    @property
    def is_parquet(self) -> bool:
        """Whether the suffix says Parquet; else JSON Lines."""
        return self.name.lower().endswith(PARQUET)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the file; what goes wrong is a `NewstanceError`."""
        files, path = locate(self.location)
        with storage_errors(files, f"{self.name} can't be read"):
            try:
                with files.open(path, "rb") as stream:
                    yield stream
            except FileNotFoundError:
                raise NewstanceError(f"{self.name} does not exist.") from None

    def fingerprint(self) -> str:
        """Return what tells whether the file has changed: its hash, or for a remote one what its storage says."""
        files, path = locate(self.location)
        with storage_errors(files, f"{self.name} can't be read"):
            return file_sha256(Path(path)) if isinstance(files, LocalFileSystem) else cast(str, files.ukey(path))


class Part(NamedTuple):
    """Rows of an input file: the file's number, the first row, and the row after the last one, from 0."""

    file: int
    first: int
    stop: int

    def divided(self, rows: int) -> Iterator[Part]:
        """Divide it into parts of `rows` rows, of which the last may be shorter."""
        for first in range(self.first, self.stop, rows):
            yield self._replace(first=first, stop=min(first + rows, self.stop))


@dataclass(frozen=True)
class Piece(ABC):
    """A run of rows of a file that is read from its beginning to its end.

    Attributes
    ----------
    source
        The file.
    whole
        Which of its rows.
    """

    source: Source
    whole: Part

    def rows(self) -> Iterator[Row]:
        """Read its rows; a bad row is a row with an error.

        Raises
        ------
        NewstanceError
            When the file breaks off or can't be read.
        """
        with self.source.open() as stream:
            for number, values in islice(self._records(stream), self.whole.stop - self.whole.first):
                yield to_row(self.source.name, number, values)

    @abstractmethod
    def _records(self, stream: BinaryIO) -> Iterator[Record]:
        """Read from the open file."""


@dataclass(frozen=True)
class LinesPiece(Piece):
    """Lines of a JSON Lines file: its first byte, and the number of the line that begins there."""

    offset: int
    line: int

    def _records(self, stream: BinaryIO) -> Iterator[Record]:
        buffered = _buffered(stream)
        buffered.seek(self.offset)
        return parse_json_lines(buffered, self.line)


@dataclass(frozen=True)
class GroupsPiece(Piece):
    """Row groups of a Parquet file."""

    groups: tuple[int, ...]

    def _records(self, stream: BinaryIO) -> Iterator[Record]:
        table = open_parquet(self.source.name, stream)
        return parquet_records(self.source.name, table, self.groups, self.whole.first + 1)


@dataclass(frozen=True)
class Survey:
    """What a look at a file found.

    Attributes
    ----------
    fingerprint
        `Source.fingerprint`.
    pieces
        All of its rows; none when it is damaged.
    damage
        Why nothing in it can be read, else None.
    """

    fingerprint: str
    pieces: tuple[Piece, ...]
    damage: str | None = None


def find_sources(inputs: Iterable[str]) -> list[Source]:
    """List the files to read, in order, each once; a folder stands for its files with a known suffix, at any depth.

    Raises
    ------
    NewstanceError
        When there is none, one is missing or of another format, a folder has some that only the local engine reads, or
        a URL can't be reached.
    """
    found = (source for given in inputs for source in (_at_url(given) if is_url(given) else _on_disk(Path(given))))
    by_place: dict[tuple[AbstractFileSystem, str], Source] = {}
    for source in found:
        by_place.setdefault(place_of(source.location), source)
    return list(by_place.values())


def place_of(location: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system and path of a location, the same however it is named."""
    files, path = locate(location)
    return files, str(Path(path).resolve()) if isinstance(files, LocalFileSystem) else path


def _on_disk(path: Path) -> Iterator[Source]:
    if path.is_dir():
        _refuse_others(str(path), files_in(path, LOCAL_SUFFIXES))
    for file in list_folder(path, SUFFIXES) if path.is_dir() else [path]:
        _require_suffix(file.name, str(file))
        if not file.exists():
            raise NewstanceError(f"{file} does not exist.")
        yield Source(name_of(file), str(file.absolute()))


def _at_url(url: str) -> Iterator[Source]:
    files, path = locate(url)
    with storage_errors(files, f"{url} can't be reached"):
        found = files.find(path) if files.isdir(path) else [path] if files.exists(path) else []
    if found == [path]:
        _require_suffix(path, url)
    seen = sorted(one for one in found if not _is_hidden(one, path))
    _refuse_others(url, [one for one in seen if PurePosixPath(one).suffix.lower() in LOCAL_SUFFIXES])
    wanted = [one for one in seen if PurePosixPath(one).suffix.lower() in SUFFIXES]
    if not wanted:
        raise NewstanceError(f"{url} has no file to read; their suffixes must be one of {', '.join(SUFFIXES)}.")
    for one in wanted:
        name = url if one == path else files.unstrip_protocol(one)
        yield Source(name, name)


def _is_hidden(path: str, folder: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(path.removeprefix(folder)).parts)


def _refuse_others(folder: str, others: Sequence[Path | str]) -> None:
    """Refuse a folder with files that the local engine would label; left out in silence, they would be missed."""
    if others:
        raise NewstanceError(
            f"{folder} has {len(others):,} file(s) with the suffix {' or '.join(LOCAL_SUFFIXES)}, which the engine ray "
            f"does not read; leave --engine ray out, or name the files with {', '.join(SUFFIXES)} themselves."
        )


def _require_suffix(file: str, shown: str) -> None:
    if PurePosixPath(file).suffix.lower() not in SUFFIXES:
        raise NewstanceError(f"{shown}: the engine ray reads {', '.join(SUFFIXES)}; the suffix says the format.")


def survey(file: int, source: Source, piece_rows: int) -> Survey:
    """Look through a file and divide it.

    Parameters
    ----------
    file
        Its number among all inputs.
    source
        The file.
    piece_rows
        How many rows a piece has; of Parquet at least, since a row group is never divided.

    Raises
    ------
    NewstanceError
        When it can't be opened, or a Parquet file lacks a column. A damaged Parquet file is no error but a finding:
        the other files can be labelled without it.
    """
    fingerprint = source.fingerprint()
    with source.open() as stream:
        if not source.is_parquet:
            return Survey(fingerprint, tuple(_divide_lines(file, source, _buffered(stream), piece_rows)))
        try:
            table = open_parquet(source.name, stream)
        except NewstanceError as error:
            return Survey(fingerprint, (), str(error))
        parquet_columns(source.name, table)
        sizes = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        return Survey(fingerprint, tuple(_divide_groups(file, source, sizes, piece_rows)))


def _divide_lines(file: int, source: Source, stream: Iterable[bytes], piece_rows: int) -> Iterator[LinesPiece]:
    whole, begin, offset = Part(file, 0, 0), (0, 1), 0
    for line, content in enumerate(stream, start=1):
        if whole.stop - whole.first == piece_rows:
            yield LinesPiece(source, whole, *begin)
            whole, begin = whole._replace(first=whole.stop), (offset, line)
        if line_content(content, line):
            whole = whole._replace(stop=whole.stop + 1)
        offset += len(content)
    if whole.stop > whole.first:
        yield LinesPiece(source, whole, *begin)


def _divide_groups(file: int, source: Source, sizes: list[int], piece_rows: int) -> Iterator[GroupsPiece]:
    whole, groups = Part(file, 0, 0), []
    for group, size in enumerate(sizes):
        groups.append(group)
        whole = whole._replace(stop=whole.stop + size)
        if whole.stop - whole.first >= piece_rows:
            yield GroupsPiece(source, whole, tuple(groups))
            whole, groups = whole._replace(first=whole.stop), []
    if whole.stop > whole.first:
        yield GroupsPiece(source, whole, tuple(groups))


def _buffered(stream: BinaryIO) -> io.BufferedReader:
    # Remote files of fsspec find the ends of lines slowly on their own.
    return io.BufferedReader(cast(io.RawIOBase, stream), BUFFER_BYTES)
