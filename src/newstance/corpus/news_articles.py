"""Source `news-articles`: the "News Articles" collection (T. Dai, Harvard Dataverse 2017), as `fetch` leaves it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from newstance.corpus.dates import parse_dates
from newstance.corpus.fetch import ARCHIVE
from newstance.errors import NewstanceError
from newstance.settings import CorpusSettings
from newstance.tables import check_articles

# Host of the article's URL, without "www.", to the outlet's name.
OUTLETS = {
    "abcnews.go.com": "ABC News",
    "aljazeera.com": "Al Jazeera",
    "bbc.co.uk": "BBC",
    "cnn.com": "CNN",
    "dw.com": "Deutsche Welle",
    "europe.chinadaily.com.cn": "China Daily",
    "huffingtonpost.com": "HuffPost",
    "rte.ie": "RTE",
    "tass.com": "TASS",
}
_MEMBER = "NewsArticles.csv"
_NAMES = {"article_source_link": "url", "publish_date": "published"}


def read(settings: CorpusSettings, raw: Path) -> pd.DataFrame:
    """Read the collection, uncleaned.

    Parameters
    ----------
    settings
        The same for every source; this one needs nothing from it.
    raw
        Folder that holds NewsArticles.zip.

    Returns
    -------
    DataFrame
        The article columns; `outlet` is "" where the URL's host is none of `OUTLETS`, `published` NaT where the date
        can't be read.

    Raises
    ------
    NewstanceError
        When the file is missing or damaged.
    """
    path = raw / ARCHIVE
    table = _read_csv(path).rename(columns=_NAMES)
    needed = {"article_id", "url", "published", "title", "subtitle", "text"}
    if missing := sorted(needed - set(table.columns)):
        raise NewstanceError(f"{path}: {_MEMBER} lacks the column(s) {', '.join(missing)}; fetch it anew.")
    table["url"] = table["url"].str.strip()
    table["outlet"] = table["url"].map(outlet_of).astype("str")
    table["published"] = parse_dates(table["published"])
    return check_articles(table, str(path))


def outlet_of(url: str) -> str:
    """Return the name of the outlet that a URL belongs to, "" for a host that is not known."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # not every text is a URL: "http://[x" has a broken address
        return ""
    return OUTLETS.get(host.removeprefix("www."), "")


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_MEMBER) as stream:
            return pd.read_csv(stream, dtype="str", keep_default_na=False)
    except FileNotFoundError:
        raise NewstanceError(f"{path} is missing; run the step that fetches it (dvc repro fetch).") from None
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise NewstanceError(f"{path} can't be read ({error}); remove it and fetch it anew.") from None
