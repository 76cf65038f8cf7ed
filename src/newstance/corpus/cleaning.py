"""Cleaning: the same rules for every source, and a table that says what each one did."""

from __future__ import annotations

from collections.abc import Callable, Collection
from hashlib import sha256

import pandas as pd

from newstance.corpus.encoding import normalise_white_space, repair
from newstance.errors import NewstanceError
from newstance.tables import check_articles

REPORT_COLUMNS = ["rule", "dropped", "changed", "rows_left"]
_TEXT_COLUMNS = ["title", "subtitle", "text"]


def clean_articles(
    raw: pd.DataFrame,
    *,
    min_words: int,
    skipped: Collection[str],
    sample: int | None = None,
    always_keep: Collection[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean articles, rule by rule.

    Parameters
    ----------
    raw
        The article columns, as the sources return them.
    min_words
        Articles whose text has fewer words are dropped.
    skipped
        Ids of articles that the labels mark as no article; they are dropped.
    sample
        Keep a pseudo-random slice of this many articles: those whose ids have the smallest SHA-256, so that a slice
        never depends on order, and a larger one holds the smaller. None keeps all.
    always_keep
        Ids that the sample keeps in addition (one's own articles).

    Returns
    -------
    articles : DataFrame
        The article columns, in the order of `raw`.
    report : DataFrame
        Columns `REPORT_COLUMNS`; one row a rule, in order. `changed` counts articles.

    Raises
    ------
    NewstanceError
        When an article id occurs twice, or nothing is left.
    """
    twice = raw.loc[raw["article_id"].duplicated(), "article_id"]
    if not twice.empty:
        raise NewstanceError(f"Article id '{twice.iloc[0]}' occurs twice in the corpus; rename one (own file or row).")
    repaired, repairs = _apply(repair, raw)
    articles, respaced = _apply(normalise_white_space, repaired)
    articles[["outlet", "url"]] = articles[["outlet", "url"]].apply(lambda column: column.str.strip())
    rows = [
        ("read", 0, 0, len(raw)),
        ("encoding repaired", 0, repairs, len(raw)),
        ("white space normalised", 0, respaced, len(raw)),
        ("outlet missing", 0, int((articles["outlet"] == "").sum()), len(raw)),
        ("date missing or unreadable", 0, int(articles["published"].isna().sum()), len(raw)),
    ]
    drops: dict[str, Callable[[pd.DataFrame], pd.Series[bool]]] = {
        f"under {min_words} words": lambda table: table["text"].str.count(r"\S+") >= min_words,
        "skipped in the labels": lambda table: ~table["article_id"].isin(set(skipped)),
    }
    if sample is not None:
        drops["outside the sample"] = lambda table: _in_sample(table["article_id"], sample, always_keep)
    for rule, keeps in drops.items():
        left = articles[keeps(articles)]
        rows.append((rule, len(articles) - len(left), 0, len(left)))
        articles = left
    if articles.empty:
        raise NewstanceError("Cleaning leaves no article; lower 'corpus.min_words' or check the source.")
    return check_articles(articles, "the cleaned corpus"), pd.DataFrame(rows, columns=REPORT_COLUMNS)


def _apply(function: Callable[[str], str], articles: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Apply a function to all texts; return the new table and the number of articles that it changed."""
    texts = articles[_TEXT_COLUMNS]
    changed = texts.map(function)
    return articles.assign(**changed), int((changed != texts).any(axis=1).sum())


def _in_sample(article_ids: pd.Series[str], sample: int, always_keep: Collection[str]) -> pd.Series[bool]:
    always = article_ids.isin(set(always_keep))
    digests = article_ids[~always].map(lambda article_id: sha256(article_id.encode()).hexdigest())
    return always | article_ids.index.isin(digests.sort_values().index[:sample])
