"""The bundle's manifest: what it holds, from which runs, and the hash of every file."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from newstance.errors import NewstanceError
from newstance.files import describe_problems, file_sha256, read_json, write_json

MANIFEST = "manifest.json"
FORMAT = 1
VERSION_LETTERS = 12
Precision = Literal["fp32", "int8"]


class TaskInfo(BaseModel):
    """The champion of a task.

    Attributes
    ----------
    experiment, run_id, seed, title
        Where it comes from; `run_id` is the `id` of the run folder's run.json.
    kind
        ``linear``, ``transformer`` or ``ensemble``.
    metrics
        Of the run folder, by split and name (``test/macro_f1``).
    data
        SHA-256 of the prepared data with which it was fitted and compared.
    precision
        Which of the networks' variants answers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    run_id: str
    seed: int
    title: str
    kind: str
    metrics: dict[str, float]
    data: str
    precision: Precision


class Manifest(BaseModel):
    """manifest.json.

    Attributes
    ----------
    format
        Of the folder; a newer one is refused.
    package
        Version of newstance that wrote it.
    tasks
        Champions by task.
    files
        SHA-256 by path in the bundle, of every file but the manifest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    package: str
    tasks: dict[str, TaskInfo] = Field(min_length=1)
    files: dict[str, str]


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a bundle but its manifest, by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}
    hashes.pop(MANIFEST, None)
    return hashes


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json."""
    write_json(folder / MANIFEST, manifest.model_dump())


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """Read the manifest and check the hash of every file.

    Returns
    -------
    manifest
        What the bundle holds.
    version
        First letters of the manifest's own SHA-256, which names all of its content.

    Raises
    ------
    NewstanceError
        When there is no bundle, it is of a newer format, a file is missing or changed, or one is there that the
        manifest doesn't name.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise NewstanceError(f"{folder} is no bundle (it has no {MANIFEST}); write one with `newstance export`.")
    content = read_json(path)
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise NewstanceError(f"{path}: format is {found!r}, but this newstance reads {FORMAT}; export it again.")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise NewstanceError(f"{path}: {describe_problems(error)}.") from None
    _check_files(folder, manifest)
    return manifest, sha256(path.read_bytes()).hexdigest()[:VERSION_LETTERS]


def _check_files(folder: Path, manifest: Manifest) -> None:
    found = file_hashes(folder)
    for name in sorted(set(manifest.files) | set(found)):
        if name not in found:
            raise NewstanceError(f"{folder / name} is missing; the bundle is not whole, export it again.")
        if name not in manifest.files:
            raise NewstanceError(
                f"{folder / name} is not named in {MANIFEST}; the bundle was changed, export it again."
            )
        if found[name] != manifest.files[name]:
            raise NewstanceError(f"{folder / name} is not the file that was exported; the bundle was changed.")
