"""What is audited: the prepared units of a task, and the articles behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.audit.thresholds import TOKEN_ARTICLES
from newstance.corpus.published_outlets import Outlet, Outlets
from newstance.errors import NewstanceError
from newstance.scheme import SPLITS, Scheme

# Columns that say where an article comes from, and what an audit without them can't tell.
OPTIONAL = {
    "outlet": "The data have no outlets: what the splits share of them, and what they tell, can't be audited.",
    "published": "The data have no dates: what they tell can't be audited.",
}


@dataclass(frozen=True)
class AuditedCorpus:
    """Prepared data as the audit reads them.

    Attributes
    ----------
    scheme
        Of the task.
    units
        By split: the prepared table with a column `identity` beside `outlet`; optional columns that were lacking are
        there and empty.
    articles
        One row a split and article: split, article_id, outlet, identity, host (of the url), published, title, text.
    outlets
        Who is who; undeclared outlets are the names in the data, each for itself.
    declared
        Whether `outlets` was given.
    lacking
        Of the columns `OPTIONAL`, those that the data lack.
    """

    scheme: Scheme
    units: dict[str, pd.DataFrame]
    articles: pd.DataFrame
    outlets: Outlets
    declared: bool
    lacking: tuple[str, ...]

    @property
    def unit(self) -> str:
        """What one label belongs to: an article or a pair."""
        return "pair" if self.scheme.has_targets else "article"

    def labels(self, split: str) -> NDArray[np.intp]:
        """Return the labels of a split's units as numbers into the scheme's codes, shape (units,)."""
        return pd.Categorical(self.units[split][self.scheme.name], categories=self.scheme.codes).codes.astype(np.intp)

    def of_split(self, split: str) -> pd.DataFrame:
        """Return a split's articles, index from 0."""
        return self.articles[self.articles["split"] == split].reset_index(drop=True)


def read_corpus(data: Mapping[str, pd.DataFrame], scheme: Scheme, outlets: Outlets | None = None) -> AuditedCorpus:
    """Check prepared data and complete them for the audit.

    Parameters
    ----------
    data
        The tables train, validation and test (`newstance.corpus.prepared.read_prepared`). Columns `article_id`,
        `text`, the label and, for target-dependent schemes, `target` are needed; `outlet`, `url`, `published` and
        `title` are not.
    scheme
        The task's scheme.
    outlets
        Who is who among the outlets.

    Raises
    ------
    NewstanceError
        When a split or column is missing, a split is empty, a label is not the scheme's, or train has one label alone.
    """
    tables = {split: _checked(data, split, scheme) for split in SPLITS}
    lacking = tuple(name for name in OPTIONAL if not any(_filled(table, name) for table in tables.values()))
    units = {split: _completed(table, outlets or Outlets()) for split, table in tables.items()}
    columns = ["split", "article_id", "outlet", "identity", "host", "published", "title", "text"]
    parts = [table.assign(split=split).drop_duplicates("article_id")[columns] for split, table in units.items()]
    articles = pd.concat(parts, ignore_index=True)
    return AuditedCorpus(scheme, units, articles, outlets or _undeclared(articles), outlets is not None, lacking)


def _completed(table: pd.DataFrame, outlets: Outlets) -> pd.DataFrame:
    outlet, hosts = _texts(table, "outlet"), _texts(table, "url").map(_host)
    identity = [outlets.outlet(*pair) if pair[0] else "" for pair in zip(outlet, hosts, strict=True)]
    published = table["published"] if "published" in table else pd.Series(pd.NaT, index=table.index)
    return table.assign(
        outlet=outlet,
        identity=pd.Series(identity, index=table.index, dtype="str"),
        host=hosts,
        published=pd.to_datetime(published),
        title=_texts(table, "title"),
    ).reset_index(drop=True)


def _host(url: str) -> str:
    """Return the host of an address, which may be nothing but a host."""
    return urlsplit(url if "//" in url else f"//{url}").hostname or "" if url else ""


def spoken(outlet: str) -> str:
    """Return the part of an outlet's name that a text would use: without remarks in brackets or after a dash.

    >>> spoken("Valley Post (Web)"), spoken("Valley Post - Opinion")
    ('Valley Post', 'Valley Post')
    """
    return re.split(r"\s+[-–—]\s+|\s*\(", outlet, maxsplit=1)[0].strip()


def _undeclared(articles: pd.DataFrame) -> Outlets:
    """Take the names in the data for the outlets.

    Outlets of fewer than `TOKEN_ARTICLES` articles get no name: in collections these are guest writers, and where a
    text names them they are news.
    """
    counts = articles.loc[articles["outlet"] != "", "outlet"].value_counts()
    common = sorted(counts[counts >= TOKEN_ARTICLES].index)
    return Outlets(
        outlets=tuple(
            Outlet(name=name, names=(spoken(name),) if re.fullmatch(r"\w.+\w", spoken(name)) else ()) for name in common
        )
    )


def _checked(data: Mapping[str, pd.DataFrame], split: str, scheme: Scheme) -> pd.DataFrame:
    if split not in data:
        raise NewstanceError(f"Task '{scheme.name}': the split '{split}' is missing; an audit needs all three.")
    table = data[split]
    needed = ["article_id", "text", scheme.name, *(["target"] if scheme.has_targets else [])]
    missing = [name for name in needed if name not in table]
    if missing:
        raise NewstanceError(f"Task '{scheme.name}', split '{split}' lacks the column(s) {', '.join(missing)}.")
    if table.empty:
        raise NewstanceError(f"Task '{scheme.name}': the split '{split}' is empty; an audit needs articles in it.")
    unknown = sorted(set(table[scheme.name].map(str)) - set(scheme.codes))
    if unknown:
        raise NewstanceError(
            f"Task '{scheme.name}', split '{split}': '{unknown[0]}' is no label of the scheme; prepare the data again."
        )
    if split == "train" and table[scheme.name].nunique() < 2:
        raise NewstanceError(
            f"Task '{scheme.name}': the split 'train' has the label '{table[scheme.name].iloc[0]}' alone; an audit "
            "fits models, which need two."
        )
    return table


def _filled(table: pd.DataFrame, name: str) -> bool:
    return name in table and bool((table[name].notna() & (table[name] != "")).any())


def _texts(table: pd.DataFrame, name: str) -> pd.Series[str]:
    if name not in table:
        return pd.Series("", index=table.index, dtype="str")
    return table[name].astype("str").fillna("")
