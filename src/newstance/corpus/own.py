"""Source of one's own articles: plain-text files as people paste them from a news site."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from textwrap import fill

import pandas as pd

from newstance.corpus.dates import parse_dates
from newstance.errors import NewstanceError
from newstance.settings import CorpusSettings
from newstance.tables import ARTICLE_COLUMNS, check_articles, empty_articles

FRONT_MATTER_KEYS = ("outlet", "url", "published")

_KEY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?!//)[ \t]*(.*)")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_CHANNEL = r"(?:whats ?app|telegram|newsletters?|channel|facebook|instagram|twitter|youtube|threads|bluesky|our app)"
_PROMOTION = re.compile(
    r"(?:please )?(?:follow|join|subscribe to|sign up (?:for|to)|like|download|find)\b(?!-)"
    rf"[^.!?]{{0,120}}\b{_CHANNEL}\b",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"(?:(?:the |all |any )?(?:reader |readers['’] |user )?(?:comments|views|opinions) "
    r"(?:posted|published|expressed|given|made|left|below|here|in the comments?)\b.*\b(?:not|own|solely|responsib\w+)\b"
    r"|.*\brefrain from\b.*\b(?:derogatory|abusive|obscene|offensive|defamatory|insulting)\b"
    r"|.*\b(?:derogatory|abusive|obscene|offensive|defamatory|insulting)\b.*\bcomments\b.*\b(?:removed|deleted)\b)",
    re.IGNORECASE,
)
_NO_PRONOUN = r"(?!(?:He|I|It|She|That|There|They|This|We|You)\b)"
_PLACE = _NO_PRONOUN + r"[A-Z][\w.'’-]*(?: (?:[A-Z][\w.'’-]*|of|the|de|del|la|and)){0,3}"
_DATELINE = re.compile(
    rf"(?P<dateline>{_PLACE}(?:, [A-Z][\w.]*(?: \d{{1,2}})?)?(?: \([A-Za-z ]+\))?)"
    r"(?::[ \t]+|[ \t]+[-–—][ \t]+)(?=[A-Z0-9\"'“‘])"
)
_NO_PLACES = frozenset({"analysis", "breaking", "correction", "exclusive", "note", "opinion", "update", "watch"})


@dataclass(frozen=True)
class OwnArticle:
    """An article read from a text file.

    Attributes
    ----------
    article_id
        The file's name without its suffix.
    outlet, url, published
        From the front matter; "" and NaT where it doesn't say.
    title, subtitle, text
        The text's paragraphs are separated by an empty line; files have no subtitle.
    dateline
        The place that stood before the first sentence, "" where there was none.
    stripped
        The lines that were left out: a repeated title, channel promotions, comment disclaimers.
    """

    article_id: str
    outlet: str
    url: str
    published: pd.Timestamp
    title: str
    subtitle: str
    text: str
    dateline: str = ""
    stripped: tuple[str, ...] = field(default=())


def read(settings: CorpusSettings, raw: Path) -> pd.DataFrame:
    """Read every ``*.txt`` of ``settings.own_articles``, in the order of their names; no folder, no articles.

    Returns
    -------
    DataFrame
        The article columns.

    Raises
    ------
    NewstanceError
        When a file can't be read as an article; names the file.
    """
    paths = sorted(settings.own_articles.glob("*.txt"))
    if not paths:
        return empty_articles()
    rows = [{name: asdict(parse(path))[name] for name in ARTICLE_COLUMNS} for path in paths]
    table = pd.DataFrame(rows).astype({name: "str" for name in ARTICLE_COLUMNS if name != "published"})
    table["published"] = table["published"].astype("datetime64[ns]")
    return check_articles(table, str(settings.own_articles))


def parse(path: Path) -> OwnArticle:
    """Read one text file.

    The first line is the title; where the next one repeats it, that one is left out. A dateline ("Tajikistan: ")
    before the first sentence is taken off. From the end upward, lines are left out while they are a channel promotion
    with its link or a disclaimer of comments.

    Front matter may stand before the title: lines ``key: value`` with the keys outlet, url, published, closed by an
    empty line. A file has front matter when its first line begins with one of these keys or with any other word in
    lower case and a colon; so a title may have a colon, since it begins with a capital letter.

    Raises
    ------
    NewstanceError
        When the file is missing, empty, not UTF-8, has no text under its title, or its front matter is wrong; names
        the file and, for front matter, the line.
    """
    lines = _read_lines(path)
    front_matter, start = _front_matter(lines, path)
    first = _next_line(lines, start)
    if first == len(lines):
        raise NewstanceError(f"{path} has no title; write it in the first line, and the text under it.")
    title = " ".join(lines[first].split())
    body, repeated = _drop_repeated_title(lines[first + 1 :], title)
    body, promotions = _drop_promotions(body)
    text, dateline = _split_dateline(_join_paragraphs(body))
    if not text:
        raise NewstanceError(f"{path} has a title but no text; add the text under it, after an empty line.")
    return OwnArticle(
        article_id=path.stem,
        outlet=front_matter.get("outlet", ""),
        url=front_matter.get("url", ""),
        published=parse_dates(pd.Series([front_matter.get("published", "")], dtype="str")).iloc[0],
        title=title,
        subtitle="",
        text=text,
        dateline=dateline,
        stripped=(*repeated, *promotions),
    )


def describe(article: OwnArticle, width: int = 80) -> str:
    """Show how a file was read: its facts, the beginning of each paragraph, and what was stripped and why.

    Parameters
    ----------
    article
        As `parse` returns it.
    width
        Columns; only a single word that is longer, such as a URL, sticks out.
    """
    paragraphs = article.text.split("\n\n")
    facts = {
        "article_id": article.article_id,
        "title": article.title,
        "outlet": article.outlet or "(not given)",
        "url": article.url or "(not given)",
        "published": "(not given)" if pd.isna(article.published) else str(article.published.date()),
        "dateline": article.dateline or "(none)",
        "text": f"{_count(len(article.text.split()), 'word')} in {_count(len(paragraphs), 'paragraph')}",
    }
    lines = [_fact(name, value, width) for name, value in facts.items()]
    lines += [f"{number:>10}  {_beginning(text, width - 12)}" for number, text in enumerate(paragraphs, start=1)]
    stripped = [f"{_reason(line, article.title)}: {line}" for line in article.stripped] or ["(nothing)"]
    lines += [f"{'stripped':<12}{_beginning(line, width - 12)}" for line in stripped]
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _fact(name: str, value: str, width: int) -> str:
    return fill(
        value,
        width,
        initial_indent=f"{name:<12}",
        subsequent_indent=" " * 12,
        break_long_words=False,  # a URL stays whole, to be copied
        break_on_hyphens=False,
    )


def _beginning(text: str, width: int) -> str:
    line = " ".join(text.split())
    if len(line) <= width:
        return line
    return f"{line[: width - 1].rpartition(' ')[0] or line[: width - 2]} …"


def _reason(line: str, title: str) -> str:
    """Say why a line was stripped."""
    if _repeats(line, title):
        return "repeated title"
    if _URL.fullmatch(line):
        return "link"
    return "promotion" if _PROMOTION.match(line) else "disclaimer"


def _read_lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NewstanceError(f"{path} does not exist.") from None
    except OSError as error:
        raise NewstanceError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise NewstanceError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from None
    return [line.strip() for line in re.split(r"\r\n|\r|\n", content)]


def _next_line(lines: list[str], start: int) -> int:
    """Return the position of the first line that is not empty, from `start` on."""
    return next((number for number in range(start, len(lines)) if lines[number]), len(lines))


def _front_matter(lines: list[str], path: Path) -> tuple[dict[str, str], int]:
    """Return the front matter and the position of the line after it."""
    start = _next_line(lines, 0)
    first = _KEY.fullmatch(lines[start]) if start < len(lines) else None
    if not first or not (first[1].islower() or first[1].lower() in FRONT_MATTER_KEYS):
        return {}, start
    values: dict[str, str] = {}
    number = start
    while number < len(lines) and lines[number]:
        key, value = _key_and_value(lines[number], f"{path}, line {number + 1}")
        if key in values:
            raise NewstanceError(f"{path}, line {number + 1}: key '{key}' occurs twice.")
        values[key] = value
        number += 1
    return values, number


def _key_and_value(line: str, place: str) -> tuple[str, str]:
    match = _KEY.fullmatch(line)
    if not match:
        raise NewstanceError(f"{place}: '{line}' is no 'key: value'; end the front matter with an empty line.")
    key, value = match[1].lower(), match[2]
    if key not in FRONT_MATTER_KEYS:
        raise NewstanceError(
            f"{place}: unknown key '{key}'; use {', '.join(FRONT_MATTER_KEYS)}, or begin a title with a capital letter."
        )
    if key == "published" and parse_dates(pd.Series([value], dtype="str")).isna().all():
        raise NewstanceError(f"{place}: '{value}' is no date; write it as YYYY-MM-DD.")
    return key, value


def _drop_repeated_title(lines: list[str], title: str) -> tuple[list[str], list[str]]:
    dropped = []
    while (position := _next_line(lines, 0)) < len(lines):
        if not _repeats(lines[position], title):
            break
        dropped.append(lines[position])
        lines = lines[position + 1 :]
    return lines, dropped


def _repeats(line: str, title: str) -> bool:
    return " ".join(line.split()).casefold() == title.casefold()


def _drop_promotions(lines: list[str]) -> tuple[list[str], list[str]]:
    dropped: list[str] = []
    kept = list(lines)
    while kept and (not kept[-1] or _is_promotion(kept[-1])):
        if line := kept.pop():
            dropped.insert(0, line)
    return kept, dropped


def _is_promotion(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_PROMOTION, _DISCLAIMER)) or _URL.fullmatch(line) is not None


def _join_paragraphs(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip("\n"))


def _split_dateline(text: str) -> tuple[str, str]:
    match = _DATELINE.match(text)
    if not match or match["dateline"].lower() in _NO_PLACES:
        return text, ""
    return text[match.end() :], match["dateline"]
