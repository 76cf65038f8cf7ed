"""What splits share: outlets, near-duplicates, authors and boilerplate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.audit.corpus import AuditedCorpus
from newstance.audit.names import authors
from newstance.audit.thresholds import BOILERPLATE_ARTICLES, BOILERPLATE_WORDS, NEAR_DUPLICATES
from newstance.corpus import near_duplicates
from newstance.corpus.published_outlets import shared_identities
from newstance.scheme import SPLITS

OUTLET_COLUMNS = ["outlet", "identity", *SPLITS, "identity_in_train"]
PAIR_COLUMNS = ["first", "first_split", "second", "second_split", "similarity", "same_outlet"]
AUTHOR_COLUMNS = ["author", *SPLITS]
BOILERPLATE_COLUMNS = ["line", "words", *SPLITS]
EXPOSURE_COLUMNS = ["what", "test_articles", "share"]
OUTLET_NAME, OUTLET_IDENTITY = "an outlet (by name)", "an outlet (by identity)"
DUPLICATE, AUTHOR, LINE = "a near-duplicate", "an author", "a line of boilerplate"
# A piece that ends in one of these was cut in the middle of a sentence.
_ABBREVIATED = re.compile(r"\b(?:gov|sen|rep|gen|col|lt|sgt|jr|mr|mrs|ms|dr|st|no|d\.c|u\.s)\s?\.$")
_PIECES = re.compile(r"\n+|(?<=[.!?”\"'’)])\s+(?=[A-Z\"“‘(\[•—–*█])")


@dataclass(frozen=True)
class Shared:
    """What splits share.

    Attributes
    ----------
    outlets
        Columns `OUTLET_COLUMNS`, a row an outlet name and identity (a guest writer's is that of the address): their
        articles by split, and those of the identity in train.
    pairs
        Columns `PAIR_COLUMNS`, the near-duplicates that lie in different splits, the most similar first.
    authors
        Columns `AUTHOR_COLUMNS`: articles by split.
    boilerplate
        Columns `BOILERPLATE_COLUMNS`: articles by split; `line` is the text, casefolded, its digits as 0.
    exposure
        Columns `EXPOSURE_COLUMNS`: test articles that share something with train, and their share of test.
    flags
        By the names of `exposure`, whether each test article shares it; shape (test articles,).
    article_authors, article_lines
        Authors and lines of boilerplate of each article, in the order of the corpus's articles.
    """

    outlets: pd.DataFrame
    pairs: pd.DataFrame
    authors: pd.DataFrame
    boilerplate: pd.DataFrame
    exposure: pd.DataFrame
    flags: dict[str, NDArray[np.bool_]]
    article_authors: list[list[str]]
    article_lines: list[list[str]]


def find_shared(corpus: AuditedCorpus) -> Shared:
    """Find what the splits of a corpus share."""
    articles = corpus.articles
    groups, pairs = _near_duplicates(articles)
    article_authors = [authors(text) for text in articles["text"]]
    article_lines = boilerplate(articles["text"], groups)
    lines = _by_split(article_lines, articles["split"], "line")
    lines.insert(1, "words", [len(line.split()) for line in lines["line"]])
    test = corpus.of_split("test")
    train = articles[articles["split"] == "train"]
    touching = pairs[(pairs["first_split"] == "train") & (pairs["second_split"] == "test")]
    flags = {}
    if "outlet" not in corpus.lacking:
        flags[OUTLET_NAME] = _known(test["outlet"], train["outlet"])
        if corpus.declared:
            sources = articles.rename(columns={"outlet": "source"})
            shares = shared_identities(sources, articles["split"] == "train", corpus.outlets)
            flags[OUTLET_IDENTITY] = shares[articles["split"] == "test"].to_numpy() & (test["outlet"] != "").to_numpy()
    flags[DUPLICATE] = test["article_id"].isin(touching["second"]).to_numpy()
    for name, found in ((AUTHOR, article_authors), (LINE, article_lines)):
        flags[name] = _overlapping(found, articles["split"])
    counts = [[name, int(flag.sum()), float(flag.mean())] for name, flag in flags.items()]
    return Shared(
        _outlets(corpus),
        pairs,
        _by_split(article_authors, articles["split"], "author"),
        lines,
        pd.DataFrame(counts, columns=EXPOSURE_COLUMNS),
        flags,
        article_authors,
        article_lines,
    )


def _known(names: pd.Series[str], others: pd.Series[str]) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = (names.isin(others) & (names != "")).to_numpy()
    return known


def _overlapping(found: Sequence[Sequence[str]], split: pd.Series[str]) -> NDArray[np.bool_]:
    """Say which test articles have something that an article of train has."""
    in_train = {value for values, where in zip(found, split, strict=True) if where == "train" for value in values}
    tested = [values for values, where in zip(found, split, strict=True) if where == "test"]
    return np.array([not in_train.isdisjoint(values) for values in tested], dtype=bool)


def _by_split(found: Iterable[Sequence[str]], split: pd.Series[str], name: str) -> pd.DataFrame:
    """Count the articles by split of each value, the values in most test articles first."""
    table = pd.DataFrame({name: pd.Series(list(found), dtype=object), "split": split.array}).explode(name).dropna()
    counts = pd.crosstab(table[name], table["split"]).reindex(columns=list(SPLITS), fill_value=0)
    counts = counts.rename_axis(columns=None).reset_index().astype({name: "str"})
    return counts.sort_values(["test", "train", name], ascending=[False, False, True], ignore_index=True)


def _outlets(corpus: AuditedCorpus) -> pd.DataFrame:
    articles = corpus.articles[corpus.articles["outlet"] != ""]
    keys = ["outlet", "identity"]
    counts = pd.crosstab([articles[key] for key in keys], articles["split"])
    table = counts.reindex(columns=list(SPLITS), fill_value=0).rename_axis(columns=None).reset_index()
    in_train = articles[articles["split"] == "train"]["identity"].value_counts()
    table["identity_in_train"] = table["identity"].map(in_train).fillna(0).astype(int)
    order = [*table.sort_values(["test", "train", *keys], ascending=[False, False, True, True]).index]
    return table.loc[order, OUTLET_COLUMNS].reset_index(drop=True)


def _near_duplicates(articles: pd.DataFrame) -> tuple[pd.Series[str], pd.DataFrame]:
    """Return the group of every article, and the pairs (`PAIR_COLUMNS`) that lie in different splits."""
    # An article may lie in two splits, so ids alone don't tell the rows apart.
    rows = pd.DataFrame({"article_id": [str(place) for place in range(len(articles))], "text": articles["text"].array})
    groups, found = near_duplicates.find(rows, NEAR_DUPLICATES)
    sides = {name: articles.iloc[found[name].astype(int)].reset_index(drop=True) for name in ("first", "second")}
    first, second = sides["first"], sides["second"]
    pairs = pd.DataFrame(
        {
            "first": first["article_id"],
            "first_split": first["split"],
            "second": second["article_id"],
            "second_split": second["split"],
            "similarity": found["similarity"],
            "same_outlet": (first["identity"] == second["identity"]) & (first["identity"] != ""),
        },
        columns=PAIR_COLUMNS,
    )
    return groups, pairs[pairs["first_split"] != pairs["second_split"]].reset_index(drop=True)


def boilerplate(texts: pd.Series[str], groups: pd.Series[str]) -> list[list[str]]:
    """Return the lines of boilerplate of each text.

    A line is a sentence or a line of the text, casefolded, with every digit as 0 (so that dates and page numbers are
    equal). It is boilerplate when it has at least `BOILERPLATE_WORDS` words and occurs in at least
    `BOILERPLATE_ARTICLES` articles, near-duplicates counted once.

    Parameters
    ----------
    texts
        Of the articles.
    groups
        Of the articles: the group of near-duplicates.
    """
    # Millions of sentences: their hashes are kept, and the few texts that are wanted are read again.
    hashed = [np.unique(pd.util.hash_array(np.array(_lines(text), dtype=object))) for text in texts]
    sizes = [len(hashes) for hashes in hashed]
    occurrences = np.column_stack([np.concatenate(hashed), np.repeat(pd.factorize(groups)[0], sizes).astype(np.uint64)])
    lines, counts = np.unique(np.unique(occurrences, axis=0)[:, 0], return_counts=True)
    wanted = lines[counts >= BOILERPLATE_ARTICLES]
    found: list[list[str]] = []
    for text, hashes in zip(texts, hashed, strict=True):
        hits = set(hashes[np.isin(hashes, wanted)].tolist())
        lines_of_text = _lines(text) if hits else []
        codes = pd.util.hash_array(np.array(lines_of_text, dtype=object)).tolist()
        found.append(sorted({line for line, code in zip(lines_of_text, codes, strict=True) if code in hits}))
    return found


def _lines(text: str) -> list[str]:
    """Return the sentences and lines of a text in the form in which they are compared."""
    pieces = (re.sub(r"\d", "0", " ".join(piece.split()).casefold()) for piece in _PIECES.split(text))
    return [
        piece
        for piece in pieces
        if len(re.findall(r"[^\W\d_]{2,}", piece)) >= BOILERPLATE_WORDS and not _ABBREVIATED.search(piece)
    ]
