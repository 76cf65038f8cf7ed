"""Dates of publication."""

from __future__ import annotations

import pandas as pd

# Year first, or the month as a word: no format leaves open which number is the month.
FORMATS = (
    "ISO8601",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
)


def parse_dates(values: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Parse dates written in any of `FORMATS`; times with a zone become UTC.

    Returns
    -------
    Series
        datetime64[ns] without zone, index as in `values`; NaT where no format fits.
    """
    stripped = values.str.strip()
    parsed = pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns]")
    for form in FORMATS:
        open_ones = parsed.isna() & (stripped != "")
        if not open_ones.any():
            break
        found = pd.to_datetime(stripped[open_ones], format=form, errors="coerce", utc=True).dt.tz_localize(None)
        inside = found.where(found.between(pd.Timestamp.min.ceil("s"), pd.Timestamp.max.floor("s")))
        parsed[open_ones] = inside.astype("datetime64[ns]")
    return parsed
