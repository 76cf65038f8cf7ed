"""What of an article a transformer reads: the texts of its sequences, and where they mention a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.models.fields import require
from newstance.models.mentions import Aliases, mentioning, sentence_spans

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Truncation = Literal["head", "head-tail", "mentions-first", "windows"]
Spans = list[tuple[int, int]]
# Room for the special tokens around a text and, in pairs, for a name of a target.
SPECIAL_TOKENS = 4
TARGET_TOKENS = 32


def article_texts(table: pd.DataFrame) -> list[str]:
    """Return title and text of each row, the title as a first sentence."""
    require(table, ("title", "text"))
    return [f"{title}. {text}" for title, text in zip(table["title"], table["text"], strict=True)]


def name_tokens(max_tokens: int) -> int:
    """Return how many tokens of a target's name are read beside an article: no name takes most of the room."""
    return min(TARGET_TOKENS, max_tokens // 4)


def head_and_tail(text: str, tokenizer: PreTrainedTokenizerBase, tokens: int) -> str:
    """Return the first and the last half of as many tokens as fit, and the text itself where it fits whole."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    if len(offsets) <= tokens:
        return text
    half = max(1, tokens // 2)
    return f"{text[: offsets[half - 1][1]]} {text[offsets[-half][0] :]}"


def mentions_first(title: str, text: str, target: str, aliases: Aliases) -> str:
    """Reorder an article: title, sentences that mention the target with their neighbours, then the others.

    Each part is in the article's order.
    """
    spans = sentence_spans(text)
    named = mentioning(text, spans, target, aliases)
    near = [number for number in range(len(spans)) if named[max(0, number - 1) : number + 2].any()]
    rest = [number for number in range(len(spans)) if number not in set(near)]
    ordered = [text[start:end] for start, end in (spans[number] for number in [*near, *rest])]
    return " ".join([f"{title}.", *ordered])


def arrange(
    table: pd.DataFrame, truncation: Truncation, tokenizer: PreTrainedTokenizerBase, max_tokens: int, aliases: Aliases
) -> list[str]:
    """Return the text of each row in the order in which it is read; the tokenizer cuts what doesn't fit.

    Parameters
    ----------
    table
        Columns `title` and `text`, and `target` for ``mentions-first``.
    truncation
        ``head-tail`` leaves out the middle, ``mentions-first`` reorders; others leave the text as it is.
    tokenizer, max_tokens
        What fits.
    aliases
        Further names of targets.
    """
    if truncation == "mentions-first":
        require(table, ("title", "text", "target"))
        rows = zip(table["title"], table["text"], table["target"], strict=True)
        return [mentions_first(title, text, target, aliases) for title, text, target in rows]
    texts = article_texts(table)
    if truncation != "head-tail":
        return texts
    names = table["target"] if "target" in table.columns else [""] * len(table)
    encoded = [tokenizer(str(name), add_special_tokens=False, verbose=False)["input_ids"] for name in names]
    room = [max_tokens - SPECIAL_TOKENS - min(len(ids), name_tokens(max_tokens)) for ids in encoded]
    return [head_and_tail(text, tokenizer, fits) for text, fits in zip(texts, room, strict=True)]


def mention_tokens(text: str, offsets: Sequence[tuple[int, int]], spans: Spans, named: NDArray[np.bool_]) -> list[bool]:
    """Say of each token whether it lies in a sentence that mentions the target.

    Parameters
    ----------
    text
        The text that was tokenized.
    offsets
        First and last character of each token; special tokens have (0, 0).
    spans, named
        The sentences, and which of them mention the target.
    """
    inside = np.zeros(len(text) + 1, dtype=bool)
    for (start, end), mentions in zip(spans, named, strict=True):
        inside[start:end] = mentions
    return [bool(start < end and inside[start]) for start, end in offsets]
