"""An article as the models read it: passages of text that remember which sentence each part comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from newstance.bundle.answers import Article
from newstance.models.mentions import (
    Aliases,
    about_target,
    plain_sentences,
    sentence_spans,
    sentences,
    without_accents,
)

TITLE_END = ". "
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Sentence:
    """A sentence of an article, or its title; `start` and `end` count characters in its field."""

    field: Literal["title", "text"]
    start: int
    end: int
    text: str


@dataclass(frozen=True, eq=False)
class Passage:
    """What a model reads.

    Attributes
    ----------
    text
        The passage.
    spans
        First and last character in `text` of each sentence that is in it, by the sentence's number.
    """

    text: str
    spans: Mapping[int, tuple[int, int]]


def forget_texts() -> None:
    """Empty the caches of sentences, which serve training: a server keeps nothing of what its users send."""
    for remembering in (sentences, plain_sentences, sentence_spans):
        remembering.cache_clear()


class Document:
    """An article with its sentences; passages are cut once, however many models read them.

    Attributes
    ----------
    article
        As it was given but for halves of characters, which JSON can hold and UTF-8 can't: U+FFFD stands for each.
    """

    def __init__(self, article: Article, aliases: Aliases) -> None:
        targets = None if article.targets is None else [_whole(target) for target in article.targets]
        self.article = Article(_whole(article.title), _whole(article.text), targets)
        self._aliases = aliases
        self._passages: dict[tuple[str, str], Passage] = {}
        self._remembered: dict[Hashable, Any] = {}

    def remember(self, key: Hashable, make: Callable[[], ValueT]) -> ValueT:
        """Return what `make` gives, once for the document: most of what models compute holds for all its targets."""
        if key not in self._remembered:
            self._remembered[key] = make()
        value: ValueT = self._remembered[key]
        return value

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The title (where there is one), then the text's sentences."""
        title, text = self.article.title, self.article.text
        first = [Sentence("title", 0, len(title), title)] if title else []
        return first + [Sentence("text", start, end, text[start:end]) for start, end in sentence_spans(text)]

    def passage(self, field: str, target: str) -> Passage:
        """Return what `newstance.models.fields.TextField` takes of this article; `target` may be empty."""
        key = (field, target if "target" in field or field == "masked_sentences" else "")
        if key not in self._passages:
            self._passages[key] = self._cut(field, target)
        return self._passages[key]

    def _cut(self, field: str, target: str) -> Passage:
        title, text = self.article.title, self.article.text
        if field == "target":
            return Passage(target, {})
        if field in {"title", "text"}:
            return Passage(title if field == "title" else text, self._spans(field, 0))
        if field == "article":
            start = len(title) + len(TITLE_END)
            return Passage(f"{title}{TITLE_END}{text}", self._spans("title", 0) | self._spans("text", start))
        return self._about(target, mask=field == "masked_sentences")

    def _spans(self, field: str, offset: int) -> dict[int, tuple[int, int]]:
        return {
            number: (sentence.start + offset, sentence.end + offset)
            for number, sentence in enumerate(self.sentences)
            if sentence.field == field
        }

    @cached_property
    def _plain(self) -> dict[int, str]:
        """The sentences without accents by number; one that is nothing but accents is none."""
        plain = {number: without_accents(sentence.text) for number, sentence in enumerate(self.sentences)}
        return {number: sentence for number, sentence in plain.items() if sentence}

    def _about(self, target: str, *, mask: bool) -> Passage:
        numbers = list(self._plain)
        chosen = about_target(list(self._plain.values()), target, self._aliases, mask=mask)
        spans, position = {}, 0
        for place, sentence in chosen.items():
            spans[numbers[place]] = (position, position + len(sentence))
            position += len(sentence) + 1
        return Passage(" ".join(chosen.values()), spans)


def _whole(text: str) -> str:
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
