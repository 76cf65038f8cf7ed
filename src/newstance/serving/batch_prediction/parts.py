"""Unfinished output, kept so that a run that was stopped can go on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from newstance.errors import NewstanceError
from newstance.files import read_json, remove, write_json

_STATE = "state.json"
_LOCK = "lock"
_PART = re.compile(r"(\d{12})-(\d{12})\.part")


class Parts:
    """The folder ``OUTPUT.parts`` with the predictions made so far.

    Each part is a file of JSON Lines named after the rows it holds, written whole or not at all; the rows done are
    read off the names. ``state.json`` says what the predictions depend on.

    Parameters
    ----------
    output
        The file that the parts will become.
    """

    def __init__(self, output: Path):
        self.output = output
        self.folder = output.with_name(f"{output.name}.parts")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs off this output meanwhile."""
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        if not self.begun and any(path.name != _LOCK for path in self.folder.iterdir()):
            raise NewstanceError(f"{self.folder} is in the way, and is no unfinished run; move it away.")
        lock = FileLock(self.folder / _LOCK)
        try:
            with lock.acquire(timeout=0):
                yield
        except Timeout:
            raise NewstanceError(f"{self.output} is being written by another run; wait for it, or stop it.") from None

    @property
    def begun(self) -> bool:
        """Whether the folder holds an earlier run."""
        return (self.folder / _STATE).exists()

    @property
    def done(self) -> int:
        """How many rows are done."""
        return max((after for _, after, _ in self._listed()), default=0)

    def begin(self, state: dict[str, Any]) -> None:
        """Start anew; an earlier run's parts are removed."""
        with _writing(self.folder):
            for _, _, part in self._listed():
                part.unlink()
            write_json(self.folder / _STATE, state)

    def go_on(self, state: dict[str, Any]) -> None:
        """Check that the parts belong to a run with this `state`.

        Raises
        ------
        NewstanceError
            When something is different, and says what; or when a part in between is gone.
        """
        begun = read_json(self.folder / _STATE)
        if different := [name for name in state if begun.get(name) != state[name]]:
            raise NewstanceError(
                f"{self.folder} was begun with other {' and other '.join(different)}, so it can't be resumed; "
                f"begin anew with --overwrite and without --resume."
            )
        parts = self._listed()
        gaps = [(after, first) for (_, after, _), (first, _, _) in pairwise([(0, 0, self.folder), *parts])]
        if any(after != first for after, first in gaps):
            raise NewstanceError(f"{self.folder} lacks a part; begin anew with --overwrite and without --resume.")

    def add(self, first: int, lines: list[bytes]) -> None:
        """Keep the predictions of the rows from `first` on (counted from 0)."""
        with _writing(self.folder), _replacing(self.folder / f"{first:012}-{first + len(lines):012}.part") as temporary:
            temporary.write_bytes(b"".join(lines))

    def lines(self) -> Iterator[bytes]:
        """Read all predictions that were kept, in order."""
        for _, _, part in self._listed():
            with part.open("rb") as stream:
                yield from stream

    def finish(self, write: Callable[[Path], None]) -> None:
        """Let `write` make the output, put it in its place, and remove the parts."""
        with _writing(self.output), _replacing(self.output, self.folder / "output") as temporary:
            write(temporary)
        self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        with _writing(self.folder):
            remove(self.folder)

    def _listed(self) -> list[tuple[int, int, Path]]:
        """Return each part with its first row and the row after its last, in order."""
        found = ((_PART.fullmatch(path.name), path) for path in self.folder.iterdir())
        return sorted((int(match[1]), int(match[2]), path) for match, path in found if match)


@contextmanager
def _replacing(path: Path, temporary: Path | None = None) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` once its bytes are on the disk.

    Unlike with `newstance.files.atomic_path`, a killed process leaves nothing outside the folder of the parts, and
    after a power failure no part is there that is empty.
    """
    temporary = temporary or path.with_suffix(".new")
    yield temporary
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NewstanceError(f"{path} can't be written: {error.strerror or error}.") from None
