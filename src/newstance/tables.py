"""The article table: its columns, and its checks on entry."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from newstance.errors import NewstanceError

ARTICLE_COLUMNS = ("article_id", "outlet", "url", "published", "title", "subtitle", "text")
ARTICLE_SCHEMA = pa.DataFrameSchema(
    {
        "article_id": pa.Column(str, [pa.Check.str_length(min_value=1)], unique=True),
        "outlet": pa.Column(str),
        "url": pa.Column(str),
        "published": pa.Column("datetime64[ns]", nullable=True),
        "title": pa.Column(str),
        "subtitle": pa.Column(str),
        "text": pa.Column(str),
    },
    strict=True,
    ordered=True,
)


def empty_articles() -> pd.DataFrame:
    """Return an article table with no rows."""
    columns = {name: pd.Series(dtype="datetime64[ns]" if name == "published" else "str") for name in ARTICLE_COLUMNS}
    return pd.DataFrame(columns)


def check_articles(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Check an article table where it enters.

    Parameters
    ----------
    table
        Columns `ARTICLE_COLUMNS`, in any order; text columns without missing values (use "").
    source
        What the error message names: the file the table came from.

    Returns
    -------
    DataFrame
        The table with its columns in the standard order.

    Raises
    ------
    NewstanceError
        Names the source, the row (counted from 1, heading apart) and the column of the first problem.
    """
    missing = [name for name in ARTICLE_COLUMNS if name not in table.columns]
    if missing:
        raise NewstanceError(
            f"{source} lacks the column(s) {', '.join(missing)}; it needs {', '.join(ARTICLE_COLUMNS)}."
        )
    return checked(table.loc[:, list(ARTICLE_COLUMNS)].reset_index(drop=True), ARTICLE_SCHEMA, source)


def checked(table: pd.DataFrame, schema: pa.DataFrameSchema, source: str) -> pd.DataFrame:
    """Validate `table` against a pandera schema; the first failure becomes a `NewstanceError` with its place."""
    try:
        validated: pd.DataFrame = schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise NewstanceError(f"{source}: {_first_failure(error.failure_cases)}.") from None
    return validated


def _first_failure(failures: pd.DataFrame) -> str:
    failure = failures.iloc[0]
    place = f"column '{failure['column']}'" if failure["column"] else "the table"
    if pd.notna(failure["index"]):
        place = f"row {int(failure['index']) + 1}, {place}"
    return f"{place} fails the check {failure['check']} with {failure['failure_case']!r}"
