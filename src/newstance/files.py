"""Files that are there whole or not at all: everything is written under a temporary name, then renamed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from newstance.errors import NewstanceError

if TYPE_CHECKING:
    import pandas as pd

ModelT = TypeVar("ModelT", bound=BaseModel)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the place of `path`, on failure it is removed.

    Works for files and folders. A folder that is already at `path` is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as room:
        temporary = Path(room) / path.name
        yield temporary
        if temporary.is_dir() and path.exists():
            path.replace(Path(room) / "replaced")
        temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a stable key order; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken one is a `NewstanceError`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NewstanceError(f"{path} is missing; run the step that writes it (dvc repro) first.") from None
    except json.JSONDecodeError as error:
        raise NewstanceError(f"{path} is not valid JSON (line {error.lineno}: {error.msg}).") from None
    except UnicodeDecodeError:
        raise NewstanceError(f"{path} is not valid JSON (it is no UTF-8 text).") from None


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, numbers with six significant decimals so that a diff shows changes and not noise."""
    write_text(path, table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def write_parquet(path: Path, table: pd.DataFrame, packed: Sequence[str] = ()) -> None:
    """Write a table as Parquet, without its index; columns of floats named in `packed` take a third less room.

    Their bytes are sorted by significance, which suits probabilities, before they are compressed.
    """
    options: dict[str, Any] = {
        "compression": {name: "zstd" if name in packed else "snappy" for name in table.columns},
        "column_encoding": dict.fromkeys(packed, "BYTE_STREAM_SPLIT"),
        "use_dictionary": [name for name in table.columns if name not in packed],
    }
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False, **options)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet table; a missing or broken one is a `NewstanceError`."""
    import pandas as pd  # noqa: PLC0415  (the server reads no table and must not wait for it)

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise NewstanceError(f"{path} is missing; run the step that writes it (dvc repro) first.") from None
    except (OSError, ValueError) as error:
        raise NewstanceError(f"{path} can't be read as Parquet: {error}.") from None


def read_settings(path: Path, model: type[ModelT]) -> ModelT:
    """Read a YAML file into a typed settings model.

    Raises
    ------
    NewstanceError
        When the file is missing, is no YAML mapping, or has an unknown key or a wrong value; the message
        names the file and every offending key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NewstanceError(f"{path} does not exist.") from None
    except OSError as error:
        raise NewstanceError(f"{path} can't be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NewstanceError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(values, dict):
        raise NewstanceError(f"{path} must hold a mapping of keys to values.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise NewstanceError(f"{path}: {describe_problems(error)}.") from None


def describe_problems(error: ValidationError) -> str:
    """Turn a pydantic error into one line: the key, what is wrong, and the value found."""
    problems = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] == "extra_forbidden":
            problems.append(f"unknown key '{key}'")
        elif problem["type"] == "missing":
            problems.append(f"key '{key}' is missing")
        else:
            problems.append(f"key '{key}': {problem['msg']}, got {problem['input']!r}")
    return "; ".join(problems)


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, read in pieces."""
    digest = sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def remove(path: Path) -> None:
    """Remove a file or a folder; nothing happens when there is none."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
