import pandas as pd
import pytest

from newstance.corpus.dates import parse_dates


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2017/2/7", "2017-02-07"),
        (" 2017/02/18 9:30", "2017-02-18 09:30"),
        ("2017-03-30", "2017-03-30"),
        ("2017-03-30T10:00:00+02:00", "2017-03-30 08:00"),
        ("7 February 2017", "2017-02-07"),
        ("Feb 7, 2017", "2017-02-07"),
    ],
)
def test_known_formats_are_read(written, date):
    assert parse_dates(pd.Series([written])).tolist() == [pd.Timestamp(date)]


@pytest.mark.parametrize("written", ["", "soon", "2017/13/40", "07/02/2017", "9999-12-31", "0001-01-01"])
def test_what_is_no_date_is_missing(written):
    dates = parse_dates(pd.Series([written, "2017-03-30"]))
    assert dates.isna().tolist() == [True, False]
    assert dates.dtype == "datetime64[ns]"
