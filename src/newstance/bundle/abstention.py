"""When an article is better not labelled: too short, not English, not like news, or unlike all that was trained on."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from newstance.bundle.answers import Abstention
from newstance.bundle.words import ARTICLES, FUNCTION_WORDS, LANGUAGES, NEVER_AFTER_ARTICLES
from newstance.errors import NewstanceError

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

MIN_WORDS = 50
# What the rules about a text's shape look at; more characters change no share by much.
SHAPE_CHARACTERS = 6000
WINDOW_CHARACTERS = 400
MIN_ENGLISH = 0.4
NEIGHBOURS = 3
NO_LANGUAGE = "zxx"  # ISO 639: no linguistic content

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?:\s+|$)")
_STOPS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")
_loading = Lock()


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  (loads on first use)

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _languages(text: str) -> dict[str, float]:
    """Return the probability of each language, over a window at the start, in the middle and at the end of a text.

    Three windows, so that neither a foreign quotation nor an English heading decides alone.
    """
    with _loading:  # two threads must not load the model twice; once it is loaded this takes no time
        identifier = _identifier()
    starts = {0, max(0, (len(text) - WINDOW_CHARACTERS) // 2), max(0, len(text) - WINDOW_CHARACTERS)}
    windows = [dict(identifier.rank(text[start : start + WINDOW_CHARACTERS])) for start in starts]
    return {code: sum(window[code] for window in windows) / len(windows) for code in windows[0]}


def letters(text: str) -> float:
    """Share of letters (with their vowel signs, in scripts that have them) among the characters but white space."""
    solid = "".join(text.split())
    return sum(sign.isalpha() or unicodedata.category(sign)[0] == "M" for sign in solid) / max(len(solid), 1)


def technical_signs(text: str) -> float:
    """Share of signs that code and markup are made of among the characters but white space."""
    solid = "".join(text.split())
    return sum(map(solid.count, "{}[]<>|\\=_*#`~^/@+&%$;")) / max(len(solid), 1)


def loose_lines(text: str) -> float:
    """Share of words in lines of at most nine words that neither end a sentence nor go on in small letters.

    The lines of songs, recipes, tables and lists of links; a text wrapped at a fixed width goes on in small letters.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    loose = 0
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        words = len(line.split())
        ends = line.rstrip("\"'”’»)]").endswith(_STOPS)
        if words <= 9 and not ends and not line[0].islower() and not following[:1].islower():
            loose += words
    return loose / max(len(text.split()), 1)


def compressed(text: str) -> float:
    """Bytes that zlib needs for a character: few where a text repeats itself."""
    return len(zlib.compress(text.encode(errors="replace"), 6)) / max(len(text), 1)


def function_words(text: str) -> float:
    """Share of the small words of English (the, of, was) among the words."""
    words = _words(text)
    return sum(word in FUNCTION_WORDS for word in words) / max(len(words), 1)


def words_a_sentence(text: str) -> float:
    """Words for each end of a sentence; the end of the text is one, whatever stands there."""
    stripped = text.strip()
    ends = sum(match.end() < len(stripped) for match in _SENTENCE_END.finditer(stripped)) + 1
    return len(text.split()) / ends


def misplaced_articles(text: str) -> float:
    """Share of the articles a, an, the with a word after them that never follows one; 0 where there are few."""
    words = _words(text)
    following = [after for word, after in pairwise(words) if word in ARTICLES]
    return sum(word in NEVER_AFTER_ARTICLES for word in following) / len(following) if len(following) >= 5 else 0.0


def small_beginnings(text: str) -> float:
    """Share of sentences that begin with a small letter; 0 where there are few."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if match.end() < len(text)]
    firsts = [text[end:].lstrip("\"'“‘«([—–- ")[:1] for end in ends]
    return sum(first.islower() for first in firsts) / len(firsts) if len(firsts) >= 5 else 0.0


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


@dataclass(frozen=True)
class Rule:
    """A measure of a text, and the limit beyond which it is no news."""

    measure: Callable[[str], float]
    limit: float
    above: bool
    detail: str

    def broken(self, text: str) -> bool:
        """Say whether the text is beyond the limit."""
        value = self.measure(text)
        return value > self.limit if self.above else value < self.limit


# Limits lie beyond what any of the validation articles has (benchmarks/abstention.py prints their extremes).
LAYOUT_RULES = (
    Rule(letters, 0.85, False, "The text has so few letters that it looks like code, a table or a list."),
    Rule(technical_signs, 0.03, True, "The text has so many technical signs that it looks like code or markup."),
    Rule(loose_lines, 0.5, True, "Most lines are short and end no sentence, as in a list, a recipe or a song."),
    Rule(compressed, 0.25, False, "The text repeats itself almost word for word."),
)
PROSE_RULES = (
    Rule(function_words, 0.2, False, "Too few words are the small ones that English sentences are built with."),
    Rule(misplaced_articles, 0.15, True, "The words are not in the order of English sentences."),
    Rule(small_beginnings, 0.5, True, "Most sentences begin with a small letter, as if the words were in no order."),
    Rule(words_a_sentence, 60, True, "The text has hardly any ends of sentences."),
)


@dataclass(frozen=True)
class TextCheck:
    """Refuse texts that are too short, not English or not like news, from their letters and words alone.

    Parameters
    ----------
    min_words
        Title and text together must have as many words.
    """

    min_words: int = MIN_WORDS

    def warm(self) -> None:
        """Load the language model (half a second) before the first article comes."""
        _languages("")

    def check(self, title: str, text: str) -> Abstention | None:
        """Return why the article should not be labelled, or None."""
        document = f"{title}\n{text}".strip()
        words = len(document.split())
        short = words < self.min_words
        shape = text[:SHAPE_CHARACTERS]
        layout = _broken(LAYOUT_RULES, shape)
        if layout and not short:
            return Abstention(reason="not-news-like", detail=layout)
        languages = _languages(document)
        likeliest = max(languages, key=lambda code: languages[code])
        # Of a few words, or of words of several languages, no language is likelier than all others together.
        foreign = not layout and languages["en"] < MIN_ENGLISH and languages[likeliest] >= 0.5
        if foreign and likeliest != NO_LANGUAGE:
            language = LANGUAGES.get(likeliest, f"the language '{likeliest}'")
            detail = f"The text is not English; it looks like {language}."
            return Abstention(reason="not-english", detail=detail)
        if short:
            detail = f"Title and text have {words} words; at least {self.min_words} are needed."
            return Abstention(reason="too-short", detail=detail)
        if foreign:
            return Abstention(reason="not-news-like", detail="The text is in no language that could be recognised.")
        prose = _broken(PROSE_RULES, shape)
        return Abstention(reason="not-news-like", detail=prose) if prose else None


def _broken(rules: tuple[Rule, ...], text: str) -> str | None:
    return next((rule.detail for rule in rules if rule.broken(text)), None)


class NearestTraining:
    """Refuse articles that are far from all training articles in the space of a sentence encoder.

    Sun et al., "Out-of-distribution detection with deep nearest neighbors" (ICML 2022), with the mean over the
    neighbours instead of the distance to the last one.

    Parameters
    ----------
    embeddings : ndarray of float16, shape (articles, dimensions)
        Training articles, of unit length.
    neighbours
        How many nearest articles count.
    threshold
        Articles with a greater distance are refused.
    """

    def __init__(self, embeddings: NDArray[np.floating[Any]], neighbours: int, threshold: float) -> None:
        if embeddings.ndim != 2 or not 1 <= neighbours <= len(embeddings):
            raise NewstanceError(
                f"The nearest {neighbours} of training articles of shape {embeddings.shape} can't be looked up; "
                "give one row an article and at least as many as there are neighbours."
            )
        self.embeddings = embeddings.astype(np.float16)
        self.neighbours = neighbours
        self.threshold = threshold
        self._rows = self.embeddings.astype(np.float32)  # float16 saves space on disk and has no fast product

    @classmethod
    def fit(
        cls,
        train: NDArray[np.floating[Any]],
        validation: NDArray[np.floating[Any]],
        neighbours: int = NEIGHBOURS,
        false_abstentions: float = 0.01,
    ) -> Self:
        """Set the threshold so that this share of the validation articles is refused.

        Parameters
        ----------
        train : ndarray, shape (articles, dimensions)
        validation : ndarray, shape (articles, dimensions)
            Unit-length embeddings.
        neighbours, false_abstentions
            See the class; share from 0 to 1.
        """
        untuned = cls(train, neighbours, threshold=np.inf)
        distances = [untuned.distance(vector) for vector in validation]
        return cls(train, neighbours, float(np.quantile(distances, 1 - false_abstentions)))

    def distance(self, vector: NDArray[np.floating[Any]]) -> float:
        """Return the mean cosine distance (0 to 2) of a unit-length vector to the nearest training articles."""
        similarities = self._rows @ vector.astype(np.float32)
        nearest = np.partition(similarities, -self.neighbours)[-self.neighbours :]
        return float(1 - nearest.mean())

    def check(self, vector: NDArray[np.floating[Any]]) -> Abstention | None:
        """Return why the article with this embedding should not be labelled, or None."""
        distance = self.distance(vector)
        if distance <= self.threshold:
            return None
        detail = (
            f"The text is unlike all articles that the models learnt from: its distance to the nearest "
            f"{self.neighbours} is {distance:.2f}, and {self.threshold:.2f} is the limit."
        )
        return Abstention(reason="out-of-distribution", detail=detail)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, by name."""
        return {
            "embeddings": self.embeddings,
            "neighbours": np.array([self.neighbours], dtype=np.int64),
            "threshold": np.array([self.threshold], dtype=np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make a check from what `to_arrays` returned."""
        return cls(arrays["embeddings"], int(arrays["neighbours"][0]), float(arrays["threshold"][0]))
