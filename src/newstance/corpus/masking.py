"""Outlet masking: what an article says about who published it is taken out, so that a model must read the rest.

Three things give an outlet away: its names, bylines and credits ("( CNN ) -", "( J. Doe/Reuters )", "By First Last"),
and boilerplate (newsletter boxes, disclaimers). Names become `REPLACEMENT`, the others nothing. Journalists' names in
running text, house style and the choice of words remain: what they give away is for the audit to measure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

import pandas as pd

from newstance.corpus.published_outlets import Outlets

REPLACEMENT = "the outlet"
# The collection's authors put this where an article held its own source's name, in any case and meaning.
_MASKED_BY_AUTHORS = re.compile(r"███(?:\s?\.\s?com\b)?")

# Boxes around the text; only in paragraphs of at most _LONGEST words, since long ones may hold much of the article.
_LONGEST = 80
_BOILERPLATE = """
    sign up here | sign up today | sign up now | sign up for our | sign up to receive | signing up , you agree
    subscribe to our | subscribe to the | subscribe now | in your inbox | to your inbox | privacy policy
    our newsletter | newsletter sign up | free newsletter | daily newsletter | weekly newsletter | newsletter here
    all rights reserved | © copyright | contributed to this | contributed reporting | read more stories
    opinions expressed by | opinions expressed in | views expressed by | views expressed in | represent the views
    rush transcript | based in part on wire | join us on twitter | follow us on | follow him on | follow her on
"""
_PHRASES = tuple(phrase.strip() for line in _BOILERPLATE.strip().splitlines() for phrase in line.split("|"))
_BYLINE = re.compile(r"(?:By|BY) [A-Z][\w.'’-]*(?: (?:[A-Z][\w.'’-]*|,|and|AND|&|\( @ ?\w+ \)|of|de|van|von)){1,24}")
_FURNITURE = re.compile(r"(?:(?:Story highlights|CLOSE|LISTEN TO ARTICLE|Share All sharing options(?: for :)?) )+")
_SPACE = r"[^\S\n]"
# Stands for a name while a text is worked on: a character for private use, which no text has.
_MARK = "\ue000"
_MARKED = re.compile(rf"(?:(?<!\w)(?:[Tt]he|THE|[Aa]n?){_SPACE}+)?{_MARK}")
# "( CNN ) -", "( J. Doe/Pool via AP )": the whole parenthesis, and the dash of a dateline after it; "Reuters -".
_CREDIT = re.compile(
    rf"\({_SPACE}*(?:[^()\n]{{0,60}}(?:/|\b(?:via|by|for|of|courtesy)\b|[Pp]hoto\b){_SPACE}*)?{_MARK}"
    rf"(?:{_SPACE}*(?:/|[Pp]hoto\b|,|:)[^()\n]{{0,60}})?{_SPACE}*\)(?:{_SPACE}*[-–—]+(?=\s))?{_SPACE}*"
    rf"|(?m:^){_MARK}{_SPACE}*[-–—]+{_SPACE}+"
)
_ADDRESS_BEFORE = re.compile(r"(?:https?\s?:\s?)?(?://)?(?P<host>[\w.-]+)$")
_LONGEST_ADDRESS = 60


class Masker:
    """Takes outlets out of texts.

    Every outlet's names are masked in every text, so that masking needs no knowledge of who published it, and a
    mention is no sign of one's own outlet; an outlet's ambiguous `words` only in its own articles.

    Parameters
    ----------
    outlets
        The declared outlets.
    """

    def __init__(self, outlets: Outlets) -> None:
        declared = outlets.outlets
        names = {name for one in declared for name in one.names}
        self._hosts = {host for one in declared for host in one.hosts}
        self._names = _pattern(names)
        self._words = {one.name: _pattern(one.words) for one in declared if one.words}
        self._handles = _handles({_squashed(name) for name in names} | {host.split(".")[0] for host in self._hosts})
        ends = sorted({host.rsplit(".", 1)[-1] for host in self._hosts})
        # Begins with a literal, so that the search is fast; what stands before it is looked at where it is found.
        self._address_end = re.compile(rf"\.(?i:{'|'.join(map(re.escape, ends)) or '(?!)'})(?![\w-])(?:/\S*)?")

    def mask_names(self, text: str, outlet: str = "") -> str:
        """Replace names, and drop the parentheses that hold them.

        Parameters
        ----------
        text
            Any text, tokenised ("Fox News 's") or not.
        outlet
            The outlet that published it, where that is known.
        """
        while True:
            marked = self._mark(text, outlet)
            text = _CREDIT.sub("", marked)
            # What stood before and after a credit may be a name together.
            if text == marked:
                return _MARKED.sub(REPLACEMENT, text)

    def _mark(self, text: str, outlet: str) -> str:
        text = _MASKED_BY_AUTHORS.sub(_MARK, self._mark_addresses(text))
        text = self._handles.sub(_MARK, text)
        text = self._names.sub(_MARK, text)
        return self._words[outlet].sub(_MARK, text) if outlet in self._words else text

    def _mark_addresses(self, text: str) -> str:
        done, end = [], 0
        for found in self._address_end.finditer(text):
            before = text[max(end, found.start() - _LONGEST_ADDRESS) : found.start()]
            address = _ADDRESS_BEFORE.search(before)
            if address and self._is_known(address["host"] + found[0].split("/")[0]):
                done += [text[end : found.start() - len(address[0])], _MARK]
                end = found.end()
        return "".join([*done, text[end:]])

    def _is_known(self, host: str) -> bool:
        labels = host.lower().split(".")
        return any(".".join(labels[start:]) in self._hosts for start in range(len(labels)))

    def mask(self, text: str, outlet: str = "", boilerplate: Collection[str] = ()) -> str:
        """Mask a text; doing it again changes nothing. Parameters as in `mask_names` and `drop_lines`."""
        return drop_lines(self.mask_names(text, outlet), boilerplate)


def drop_lines(text: str, boilerplate: Collection[str] = ()) -> str:
    """Drop bylines, labels of page elements ("Story highlights") and boilerplate from a text.

    Parameters
    ----------
    text
        Paragraphs, one a line.
    boilerplate
        Paragraphs to drop besides those that hold one of the known phrases, as `recurrent_lines` finds them.
    """
    kept = []
    for full in text.split("\n"):
        line = full[found.end() :] if (found := _FURNITURE.match(full)) else full
        if not (line in boilerplate or _BYLINE.fullmatch(line.strip()) or _is_boilerplate(line)):
            kept.append(line)
    return "\n".join(kept)


def _is_boilerplate(line: str) -> bool:
    lowered = line.lower()
    return any(phrase in lowered for phrase in _PHRASES) and len(line.split()) <= _LONGEST


def recurrent_lines(texts: Iterable[str], articles: int) -> set[str]:
    """Return the paragraphs that stand in at least so many of the texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({line for line in text.split("\n") if line.strip()})
    return {line for line, count in counts.items() if count >= articles}


def mask_articles(
    articles: pd.DataFrame, outlets: Outlets, recurrent: int, columns: Collection[str] = ("title", "subtitle", "text")
) -> pd.DataFrame:
    """Mask the texts of articles.

    Parameters
    ----------
    articles
        Columns `outlet` and `columns`.
    outlets
        The declared outlets.
    recurrent
        Paragraphs that stand in at least so many articles are boilerplate. Labels and splits play no part in it.
    columns
        What to mask.

    Returns
    -------
    DataFrame
        The table with masked texts.
    """
    masker = Masker(outlets)
    masked = {
        column: [masker.mask_names(*row) for row in zip(articles[column], articles["outlet"], strict=True)]
        for column in columns
    }
    lines = recurrent_lines(masked["text"], recurrent)
    masked["text"] = [drop_lines(text, lines) for text in masked["text"]]
    texts = {name: pd.Series(column, index=articles.index, dtype="str") for name, column in masked.items()}
    return articles.assign(**texts)


def _pattern(names: Collection[str]) -> re.Pattern[str]:
    """Return the pattern of names as whole words, the longest first: in any spacing around signs, and in capitals."""
    forms = sorted({form for name in names for form in (name, name.upper())}, key=lambda form: (-len(form), form))
    # By first character: a search can then skip every character that begins no name.
    by_first = {form[0]: [other for other in forms if other[0] == form[0]] for form in forms}
    branches = [
        rf"{re.escape(first)}(?<!\w\w)(?:{'|'.join(_spaced(form)[len(re.escape(first)) :] for form in group)})(?!\w)"
        for first, group in by_first.items()
    ]
    return re.compile("|".join(branches) or r"(?!)")


def _handles(stems: Collection[str]) -> re.Pattern[str]:
    return re.compile(rf"@{_SPACE}?(?i:{'|'.join(map(re.escape, sorted(stems))) or '(?!)'})\w*")


def _squashed(name: str) -> str:
    return re.sub(r"\W", "", name).lower()


def _spaced(name: str) -> str:
    parts = re.findall(r"\w+|\s+|[^\w\s]", name)
    return "".join(
        rf"{_SPACE}+" if part.isspace() else part if part[0].isalnum() else rf"{_SPACE}*{_sign(part)}{_SPACE}*"
        for part in parts
    )


def _sign(sign: str) -> str:
    return "['’]" if sign in "'’" else re.escape(sign)
