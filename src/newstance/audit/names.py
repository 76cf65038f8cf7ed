"""Who speaks, found in the texts: names of outlets, authors named in bylines and credits, section labels of titles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from newstance.audit.corpus import AuditedCorpus

OUTLET, BYLINE, SECTION = "outlet name", "byline", "section label"

# Bylines stand at the beginning of an article, credits and notes on the author at its end.
HEAD, TAIL = 250, 600
_WORD = r"(?:[A-Z][\w'’-]+|[A-Z]\.)"
_NAME = rf"{_WORD}(?: (?:(?:de|del|der|van|von|al|bin|ben) )?{_WORD}){{1,3}}"
# "A", "A and B", "A, B and C": what follows a last comma without "and" is an outlet or a trade.
_NAMES = rf"{_NAME}(?:(?:\s?, {_NAME})*\s?,? (?:and|&) {_NAME})?"
_ROLES = "reporter|columnist|correspondent|editor|writer|journalist|contributor|fellow|author|blogger|producer"
_OPENING = re.compile(rf"(?:\A|\n)\W{{0,3}}(?:By|BY|by) ({_NAMES})(?=\s*(?:\Z|[\n,|(•·—–;/]))")
_CREDITS = (
    re.compile(rf"\b(?:[Rr]eporting|[Ee]diting|[Ww]riting|[Ww]ritten|[Cc]ompiled)(?: and \w+)? by ({_NAMES})"),
    re.compile(rf"({_NAMES}) (?:in {_WORD}(?: {_WORD})? )?(?:also )?contributed\b"),
    re.compile(rf"({_NAMES}) reported from\b"),
    re.compile(rf"({_NAMES}),? (?:is|was) (?:a|an|the) (?:[\w'’-]+ ){{0,4}}?(?:{_ROLES})\b"),
)
_BETWEEN = re.compile(r"\s?(?:, and|,|;|\band|&)\s")
# Firms and agencies are no authors.
_NO_AUTHOR = re.compile(r"^(?:The|This|Our|Additional|A|An) |\b(?:Press|News|Agency|Agencies|Reuters|Staff|Service)\b")
# "OPINION: …", "Analysis | …", "… | World".
_SECTIONS = (
    re.compile(r"^([A-Z][A-Z&'’ -]{2,24}?)\s?[:|] "),
    re.compile(r"^([A-Z][\w&'’-]+(?: [A-Z&][\w'’-]*)?) \| "),
    re.compile(r" \| ([A-Z][\w&'’. -]{2,24})$"),
)


class Name(NamedTuple):
    """A name and what it is: `OUTLET`, `BYLINE` or `SECTION`."""

    kind: str
    name: str


def authors(text: str) -> list[str]:
    """Return the authors that an article names, in order of appearance, each once.

    A name is two to four capitalised words. It counts after "By" at the beginning of one of the text's first lines,
    and near the end in "reporting by …", "… contributed", "… reported from" and "… is a reporter" (or another of the
    trades in this module's pattern). Agencies don't count.
    """
    tail = text[-TAIL:]
    found: list[str] = _OPENING.findall(text[:HEAD])
    found += [match for pattern in _CREDITS for match in pattern.findall(tail)]
    names = [" ".join(name.split()) for together in found for name in _BETWEEN.split(together)]
    return list(
        dict.fromkeys(name.title() if name.isupper() else name for name in names if not _NO_AUTHOR.search(name))
    )


def section(title: str) -> str:
    """Return the section label of a title ("OPINION: …", "Analysis | …", "… | World"), or ""."""
    matches = (pattern.search(title) for pattern in _SECTIONS)
    return next((match[1].strip() for match in matches if match), "")


def outlet_names(corpus: AuditedCorpus) -> list[str]:
    """Return what texts call the corpus's outlets, sorted."""
    return sorted({name for outlet in corpus.outlets.outlets for name in outlet.names})


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    # Long names first: "Valley Post" must not be found as "Valley". The capital is asserted before the long list.
    ordered = sorted(names, key=lambda name: (-len(name), name))
    # One ordinary word that goes on with a capital is another name: "Vice President" is not Vice.
    parts = [re.escape(name) + (r"(?! [A-Z])" if re.fullmatch(r"[A-Z][a-z]+", name) else "") for name in ordered]
    return re.compile(rf"(?<!\w)(?=[\dA-Z])(?:{'|'.join(parts) or '(?!)'})(?!\w)")


def find_names(corpus: AuditedCorpus, article_authors: Iterable[list[str]]) -> list[list[Name]]:
    """Find all names in all articles.

    Parameters
    ----------
    corpus
        Its outlets' names are looked for in titles and texts, as they are written (so "Reason" but not "reason").
    article_authors
        `authors` of every article.

    Returns
    -------
    list of list of Name
        The distinct names of each article, in the order of `corpus.articles`.
    """
    pattern = _any_of(outlet_names(corpus))
    rows = zip(corpus.articles["title"], corpus.articles["text"], article_authors, strict=True)
    found = []
    for title, text, named in rows:
        outlets = {Name(OUTLET, name) for part in (title, text) for name in pattern.findall(part)}
        label = section(title)
        found.append(
            [*sorted(outlets), *(Name(BYLINE, name) for name in named), *([Name(SECTION, label)] if label else [])]
        )
    return found
