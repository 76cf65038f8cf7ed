"""Where inputs and results lie: a path of this machine, or any URL that fsspec reads (s3://, gs://, hdfs://, file://)."""

from __future__ import annotations

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
    except (ImportError, ValueError, OSError) as error:
        raise NewstanceError(f"{location} can't be reached: {error}.") from None
    return found
