"""Source `table`: any corpus as CSV, JSON Lines or Parquet with the article columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from newstance.corpus.dates import parse_dates
from newstance.errors import NewstanceError
from newstance.files import read_parquet
from newstance.settings import CorpusSettings
from newstance.tables import ARTICLE_COLUMNS, check_articles

REQUIRED = ("article_id", "title", "text")


def read(settings: CorpusSettings, raw: Path) -> pd.DataFrame:
    """Read the table at ``settings.path``, uncleaned.

    The suffix says the format: .csv, .jsonl or .ndjson, .parquet. `article_id`, `title` and `text` are required;
    of the others, missing columns and missing cells become "" or NaT. Further columns are left out.

    Parameters
    ----------
    settings
        Its `path` names the file.
    raw
        The same for every source; this one needs nothing from it.

    Returns
    -------
    DataFrame
        The article columns.

    Raises
    ------
    NewstanceError
        When the file is missing or broken, or breaks the article schema; names file, row (counted from 1, heading
        apart) and column.
    """
    path = settings.path
    if path is None:
        raise NewstanceError("Source 'table' needs the setting 'corpus.path': the file with the articles.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise NewstanceError(f"{path}: the suffix must be one of {', '.join(_READERS)}; it says the format.")
    if not path.is_file():
        raise NewstanceError(f"{path} does not exist; correct the setting 'corpus.path'.")
    table = reader(path).reset_index(drop=True)
    if missing := [name for name in REQUIRED if name not in table.columns]:
        raise NewstanceError(f"{path} lacks the column(s) {', '.join(missing)}; it needs {', '.join(REQUIRED)}.")
    articles = pd.DataFrame(index=table.index)
    for name in ARTICLE_COLUMNS:
        cells = table[name] if name in table.columns else pd.Series("", index=table.index, dtype="str")
        articles[name] = _dates(cells, path) if name == "published" else _texts(cells, path)
    return check_articles(articles, str(path))


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except ValueError as error:  # ParserError, EmptyDataError and UnicodeDecodeError are ValueErrors
        raise NewstanceError(f"{path} can't be read as UTF-8 CSV: {' '.join(str(error).split())}.") from None


def _read_json_lines(path: Path) -> pd.DataFrame:
    # json rather than pandas, which would turn the id "007" or a large whole number into another one.
    rows: list[dict[str, Any]] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise NewstanceError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}).") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise NewstanceError(f"{path}, line {number} is not valid JSON ({error}).") from None
        if not isinstance(row, dict):
            raise NewstanceError(f"{path}, line {number} must be an object with the article columns as keys.")
        rows.append(row)
    return pd.DataFrame(rows, dtype="object")


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": read_parquet,
}


def _texts(cells: pd.Series[Any], path: Path) -> pd.Series[str]:
    """Turn text and whole numbers (ids often are) into text, missing into ""; anything else is an error."""
    present = cells[cells.notna()]
    wrong = ~present.map(lambda cell: isinstance(cell, str) or pd.api.types.is_integer(cell)).astype(bool)
    if wrong.any():
        _refuse(cells, int(wrong.to_numpy().argmax()), path, "is neither text nor a whole number")
    return cells.map(str, na_action="ignore").astype("object").where(cells.notna(), "").astype("str")


def _dates(cells: pd.Series[Any], path: Path) -> pd.Series[pd.Timestamp]:
    if pd.api.types.is_datetime64_any_dtype(cells):
        cells = cells.map(pd.Timestamp.isoformat, na_action="ignore")
    texts = _texts(cells, path)
    dates = parse_dates(texts)
    wrong = dates.isna() & (texts.str.strip() != "")
    if wrong.any():
        _refuse(cells, int(wrong.to_numpy().argmax()), path, "is no date; write it as YYYY-MM-DD")
    return dates


def _refuse(cells: pd.Series[Any], place: int, path: Path, problem: str) -> None:
    raise NewstanceError(f"{path}: row {place + 1}, column '{cells.name}': {cells[place]!r} {problem}.")
