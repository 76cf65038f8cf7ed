"""The results: a folder of Parquet files, one a part of the input, each there whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.predictions import Prediction, Summary
from newstance.serving.batch_prediction.writing import TIDY_SCHEMA, tidy
from newstance.serving.ray_prediction.inputs import Part
from newstance.serving.ray_prediction.storage import locate, storage_errors

# What reads a folder of Parquet leaves out names that begin with an underscore or a dot.
STATE = "_state.json"
SUMMARY = "_summary.json"
_LOCK = ".lock"
_UNFINISHED = ".unfinished-"
_COUNTS = b"newstance"
_PART = re.compile(r"part-(\d{5,})-(\d{12})-(\d{12})\.parquet")


@dataclass(frozen=True)
class Output:
    """The folder of results, on this machine or behind a URL.

    ``_state.json`` says what the results depend on; which parts are done is read off the names. A worker writes a part
    under another name and renames it, so that a part that is written twice is there once.

    Attributes
    ----------
    location
        An absolute path or a URL.
    """

    location: str

    @cached_property
    def _place(self) -> tuple[AbstractFileSystem, str]:
        return locate(self.location)

    def __getstate__(self) -> dict[str, str]:
        return {"location": self.location}  # a worker opens its own connection

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs on this machine off a folder on its disk."""
        files, path = self._place
        with self._writing():
            files.makedirs(path, exist_ok=True)
        if strange := [name for name in self._names() if not _is_ours(name)]:
            raise NewstanceError(f"{self.location} holds {strange[0]}, which is no result; name another folder.")
        if not isinstance(files, LocalFileSystem):
            yield
            return
        try:
            with FileLock(Path(path) / _LOCK, timeout=0):
                yield
        except Timeout:
            raise NewstanceError(f"{self.location} is being written by another run; wait for it, or stop it.") from None

    @property
    def state(self) -> dict[str, Any] | None:
        """What the results depend on; None where no run has begun."""
        return self._read(STATE)

    @property
    def is_finished(self) -> bool:
        """Whether a run ended here."""
        return self._read(SUMMARY) is not None

    def begin(self, state: Mapping[str, Any]) -> None:
        """Start anew; an earlier run's results are removed."""
        for name in self._names():
            if name != _LOCK:
                self._remove(name)
        self._write(STATE, state)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Say that all is done."""
        for name in self._names():
            if name.startswith(_UNFINISHED):  # of workers that were killed
                self._remove(name)
        self._write(SUMMARY, summary)

    def parts(self) -> dict[Part, Summary]:
        """Return the parts that are there with what they hold; a broken one is removed."""
        found = {}
        for name in self._names():
            if match := _PART.fullmatch(name):
                part = Part(int(match[1]), int(match[2]), int(match[3]))
                if (summary := self.summary(part)) is not None:
                    found[part] = summary
                else:
                    self._remove(name)
        return found

    def summary(self, part: Part) -> Summary | None:
        """Return what a part holds, None where it isn't there or is broken."""
        files, path = self._place
        with self._reading():
            try:
                with files.open(f"{path}/{_name(part)}", "rb") as stream:
                    metadata = pq.read_schema(stream).metadata or {}
            except (OSError, pa.ArrowException):
                return None
        return Summary(**json.loads(metadata[_COUNTS])) if _COUNTS in metadata else None

    def write(self, part: Part, predictions: list[Prediction]) -> Summary:
        """Write a part, and return what it holds."""
        summary = Summary()
        summary.add(predictions)
        schema = TIDY_SCHEMA.with_metadata({_COUNTS: json.dumps(asdict(summary))})
        rows = [row for prediction in predictions for row in tidy(prediction)]
        with self._replacing(_name(part)) as stream:
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), stream)
        return summary

    @contextmanager
    def _replacing(self, name: str) -> Iterator[Any]:
        files, path = self._place
        temporary = f"{path}/{_UNFINISHED}{uuid4().hex}"
        with self._writing():
            with files.open(temporary, "wb") as stream:
                yield stream
            files.mv(temporary, f"{path}/{name}")

    def _writing(self) -> AbstractContextManager[None]:
        return storage_errors(self._place[0], f"{self.location} can't be written")

    def _reading(self, name: str = "") -> AbstractContextManager[None]:
        return storage_errors(self._place[0], f"{self.location}{name and f'/{name}'} can't be read")

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        with self._replacing(name) as stream:
            stream.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n")

    def _read(self, name: str) -> dict[str, Any] | None:
        files, path = self._place
        with self._reading(name):
            try:
                with files.open(f"{path}/{name}", "rb") as stream:
                    value: dict[str, Any] = json.load(stream)
            except FileNotFoundError:
                return None
            except ValueError as error:
                raise NewstanceError(f"{self.location}/{name} can't be read: {error}.") from None
        return value

    def _names(self) -> list[str]:
        files, path = self._place
        with self._reading():
            try:
                files.invalidate_cache()
                return sorted(PurePosixPath(found).name for found in files.ls(path, detail=False))
            except FileNotFoundError:
                return []

    def _remove(self, name: str) -> None:
        files, path = self._place
        with self._writing():
            files.rm_file(f"{path}/{name}")


def _name(part: Part) -> str:
    return f"part-{part.file:05}-{part.first:012}-{part.stop:012}.parquet"


def _is_ours(name: str) -> bool:
    return name in {STATE, SUMMARY, _LOCK} or name.startswith(_UNFINISHED) or _PART.fullmatch(name) is not None
