"""Where an article mentions a target: the sentences with its name, its last name, its initials or an alias."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from sentencex import segment

from newstance.errors import NewstanceError

Aliases = Mapping[str, Sequence[str]]
MASK = "TARGET"
LEAD_SENTENCES = 3
STEM_LETTERS = 5
# After these the last word names something else as well: Korea is no name of North Korea.
DIRECTIONS = frozenset(["North", "South", "East", "West", "Northern", "Southern", "Eastern", "Western"])


def read_aliases(path: Path) -> dict[str, list[str]]:
    """Read further names of targets (YAML: canonical name -> list of names); a missing file means none.

    Raises
    ------
    NewstanceError
        When the file is not a mapping of names to lists of names.
    """
    if not path.is_file():
        return {}
    try:
        aliases = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NewstanceError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(aliases, dict):
        raise NewstanceError(f"{path} must map each target to a list of further names.")
    for target, names in aliases.items():
        if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
            raise NewstanceError(
                f"{path}: '{target}' must have a list of names; quote those that YAML takes for values."
            )
    return aliases


def without_accents(text: str) -> str:
    """Return the text with accents and other combining marks removed, at equal letters otherwise."""
    if text.isascii():
        return text
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


@lru_cache(maxsize=8192)
def sentences(text: str) -> tuple[str, ...]:
    """Split a text into sentences, white space around them removed."""
    return tuple(sentence.strip() for sentence in segment("en", text) if sentence.strip())


@lru_cache(maxsize=8192)
def plain_sentences(text: str) -> tuple[str, ...]:
    """Sentences without accents, once an article and not once a target."""
    return tuple(without_accents(sentence) for sentence in sentences(text))


def names_of(target: str, aliases: Aliases) -> list[str]:
    """Return the surface names of a target: itself, its last name, its initials and its aliases.

    The last word of a name counts when it is capitalised (Donald Trump -> Trump, but not Trump administration ->
    administration) and no direction comes first (North Korea); initials when there are at least two (European Union
    -> EU).
    """
    plain = without_accents(target)
    words = plain.split()
    names = [plain]
    if len(words) > 1:
        initials = "".join(word[0] for word in words if word[0].isupper())
        names += [words[-1]] if words[-1][0].isupper() and words[0] not in DIRECTIONS else []
        names += [initials] if len(initials) > 1 else []
    return names + [without_accents(name) for name in aliases.get(target, ())]


def _pattern(names: list[str]) -> re.Pattern[str]:
    """Match any name as a whole word: capitalised names as written (US, not us), others in any case."""
    longest_first = sorted(names, key=len, reverse=True)
    alternatives = "|".join(
        _spellings(name) if name != name.lower() else f"(?i:{_spellings(name)})" for name in longest_first
    )
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")


def _spellings(name: str) -> str:
    """Match a name whatever white space (a line's end, say) and whichever apostrophe it is written with."""
    plain = " ".join(name.split()).replace("’", "'")
    return re.escape(plain).replace(r"\ ", r"\s+").replace("'", "['’]")


def _related(target: str, candidates: Sequence[str]) -> list[int]:
    """Numbers of the sentences that share the stem of a content word with a target that no sentence names."""
    stems = [word[:STEM_LETTERS].lower() for word in without_accents(target).split() if len(word) >= STEM_LETTERS - 1]
    return [number for number, sentence in enumerate(candidates) if any(stem in sentence.lower() for stem in stems)]


def about_target(candidates: Sequence[str], target: str, aliases: Aliases, *, mask: bool) -> dict[int, str]:
    """Choose the sentences about a target from a title and a text's sentences, all without accents.

    Returns
    -------
    dict of int to str
        Chosen sentences by their numbers, in order; see `target_sentences`.
    """
    pattern = _pattern(names_of(target, aliases))
    named = [number for number, sentence in enumerate(candidates) if pattern.search(sentence)]
    chosen = named or _related(target, candidates) or range(len(candidates))[: LEAD_SENTENCES + 1]
    return {number: pattern.sub(MASK, candidates[number]) if mask else candidates[number] for number in chosen}


def target_sentences(title: str, text: str, target: str, aliases: Aliases, *, mask: bool = False) -> str:
    """Return the sentences of an article that mention a target, in order.

    Parameters
    ----------
    title, text
        The article; its title counts as a sentence.
    target
        Canonical name.
    aliases
        Further names by canonical name.
    mask
        Whether each name of the target is replaced by `MASK`, so that a model learns what is said of targets and
        not which targets are liked.

    Returns
    -------
    str
        Without accents. Where nothing names the target: the sentences with a word of the same stem, and where
        there are none, the title and the first sentences.
    """
    candidates = [sentence for sentence in (without_accents(title), *plain_sentences(text)) if sentence]
    return " ".join(about_target(candidates, target, aliases, mask=mask).values())


@lru_cache(maxsize=8192)
def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return first and last character of each sentence, white space around them left out."""
    spans = []
    position = 0
    for sentence in sentences(text):
        start = text.index(sentence, position)
        position = start + len(sentence)
        spans.append((start, position))
    return tuple(spans)


def mentioning(text: str, spans: Sequence[tuple[int, int]], target: str, aliases: Aliases) -> NDArray[np.bool_]:
    """Say of each sentence whether it mentions a target; where none names it, words of the same stem count.

    Returns
    -------
    ndarray of bool, shape (sentences,)
    """
    pattern = _pattern(names_of(target, aliases))
    plain = [without_accents(text[start:end]) for start, end in spans]
    named = np.array([pattern.search(sentence) is not None for sentence in plain], dtype=bool)
    if named.any():
        return named
    named[_related(target, plain)] = True
    return named
