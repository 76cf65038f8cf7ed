"""NewsMTSC (Hamborg and Donnay 2021): sentences of political news, with sentiment toward the persons they name."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pandas as pd

from newstance.errors import NewstanceError
from newstance.files import atomic_path, file_sha256
from newstance.settings import DATA_DIR

NAME = "newsmtsc"
COMMIT = "b9d9b79"
HOME = f"https://raw.githubusercontent.com/fhamborg/NewsMTSC/{COMMIT}/controller_data/datasets/NewsMTSC-dataset"
SHA256 = {
    "train": "fb80ff05993dd59016c36abefaa7bd00d77cb0cb38a781c1f9edd9ad7c61471e",
    "devtest_rw": "c915d6461625cc610a43fd0bac7a25dddfc1252e1331a4bfb7cc30e75b35982a",
    "devtest_mt": "f7657900083bc12f41f1dcd7f19ae5b3eec87844da5eeb22d07ee916fe83a865",
}
STANCES = {2: "against", 4: "neutral", 6: "favor"}
TIMEOUT = 60  # seconds
COLUMNS = ["article_id", "title", "text", "target", "stance"]


def read_newsmtsc(part: str, downloads: Path) -> pd.DataFrame:
    """Read a part of NewsMTSC, verified by its hash.

    Parameters
    ----------
    part
        ``train``; ``devtest_rw``, targets as they occur; ``devtest_mt``, sentences with several targets.
    downloads
        Where the file is put when the data directory (environment variable NEWSTANCE_DATA_DIR) doesn't have it as
        ``newsmtsc/PART.jsonl``.

    Returns
    -------
    DataFrame
        One row a pair of sentence and target: `article_id` of the sentence, `title` (empty), `text`, `target` as
        the sentence names it, `stance` (the data set's polarity negative, neutral, positive).

    Raises
    ------
    NewstanceError
        When the file can't be had, or isn't the published one.
    """
    path = _local(part) or _downloaded(part, downloads)
    _check(path, part, str(path))
    with path.open(encoding="utf-8") as lines:
        rows = [row for line in lines for row in _rows(json.loads(line))]
    return pd.DataFrame(rows, columns=COLUMNS)


def _check(path: Path, part: str, source: str) -> None:
    found = file_sha256(path)
    if found != SHA256[part]:
        raise NewstanceError(f"{source} has sha256 {found}, expected {SHA256[part]}: it isn't NewsMTSC {COMMIT}'s.")


def _rows(sentence: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    for target in sentence["targets"]:
        stance = STANCES[int(target["polarity"])]
        yield sentence["primary_gid"], "", sentence["sentence_normalized"], target["mention"], stance


def _local(part: str) -> Path | None:
    path = DATA_DIR / NAME / f"{part}.jsonl" if DATA_DIR else None
    return path if path and path.is_file() else None


def _downloaded(part: str, downloads: Path) -> Path:
    path = downloads / NAME / f"{part}.jsonl"
    if path.is_file():
        return path
    address = f"{HOME}/{part}.jsonl"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, atomic_path(path) as temporary:  # noqa: S310
            temporary.write_bytes(answer.read())
            _check(temporary, part, address)
    except (OSError, HTTPException) as error:  # the latter when the connection ends midway
        raise NewstanceError(
            f"NewsMTSC can't be downloaded from {address} ({error}); set NEWSTANCE_DATA_DIR to a folder with "
            f"{NAME}/{part}.jsonl."
        ) from None
    return path
