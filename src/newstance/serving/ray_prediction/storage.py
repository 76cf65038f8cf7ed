"""Where inputs and results lie: a path of this machine, or any URL that fsspec reads (s3://, gs://, hdfs://, file://)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from newstance.errors import NewstanceError


def is_url(location: str) -> bool:
    """Return whether a location is a URL and no path of this machine."""
    return "://" in location


def locate(location: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a location, and the path in it; a worker's own folder may be another one.

    Raises
    ------
    NewstanceError
        When nothing that is installed reads such a URL.
    """
    if not is_url(location):
        return LocalFileSystem(), str(Path(location).absolute())
    try:
        found: tuple[AbstractFileSystem, str] = url_to_fs(location)
    except Exception as error:  # some file systems connect at once, and raise what their libraries raise
        raise NewstanceError(f"{location} can't be reached: {_reason(error)}.") from None
    return found


@contextmanager
def storage_errors(files: AbstractFileSystem, said: str) -> Iterator[None]:
    """Turn what a file system raises into a `NewstanceError` that begins with `said`, such as "in.jsonl can't be read".

    Behind URLs are libraries whose errors have no common base, such as botocore's where credentials are missing.
    """
    try:
        yield
    except NewstanceError:
        raise
    except Exception as error:
        if isinstance(files, LocalFileSystem) and not isinstance(error, OSError):
            raise
        raise NewstanceError(f"{said}: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
