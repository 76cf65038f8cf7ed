"""Which targets an article is about: those known from training that its text names, and names that are new."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from newstance.bundle.words import HONORIFICS, NO_NAMES
from newstance.errors import NewstanceError
from newstance.models.mentions import LEAD_SENTENCES, Aliases, names_of, sentences, without_accents

# The weights are the best of a small grid on the validation articles; logistic regression is not better
# (benchmarks/targets.py measures the outcome). `SMOOTHING`: as if every target were named in so many more training
# articles without being their target, so that a name seen once decides nothing.
TITLE, LEAD, SEVERAL_WORDS, RATE = 1.0, 0.5, 0.5, 0.75
SMOOTHING = 8
MOST_WORDS = 8  # of a new name; more capitalised words in a row are a heading

_NEVER_FIRST = NO_NAMES | HONORIFICS
_WORD = re.compile(r"\w+")
_CAPITALISED = r"[A-Z][\w&]*(?:[-'](?!s\b)\w+)*"
_RUN = re.compile(
    rf"(?<![\w'.-]){_CAPITALISED}(?:\s(?:(?:of|for|de|del|la|da|von|van|der|bin|al|el)\s(?:the\s)?)?{_CAPITALISED})*"
)


class _Name(NamedTuple):
    """A surface name of a target; `full`: it says by itself who is meant, as a last name or initials don't."""

    text: str
    target: str
    full: bool
    any_case: bool
    offset: int


class _Hit(NamedTuple):
    start: int
    end: int
    name: _Name


class _Index:
    """Finds names in sentences as `newstance.models.mentions` does, all in one pass: names by their first word."""

    def __init__(self, names: Iterable[tuple[str, str, bool]]) -> None:
        self._by_first_word: defaultdict[str, list[_Name]] = defaultdict(list)
        for text, target, full in names:
            plain = _plain(text)
            if first := _WORD.search(plain):
                name = _Name(plain, target, full, plain == plain.lower(), first.start())
                self._by_first_word[first[0]].append(name)

    def hits(self, sentence: str) -> list[_Hit]:
        """Every occurrence of a name as whole words, but none inside a longer one (Trump in Trump administration)."""
        found = list(self._all_hits(sentence))
        longest: dict[int, int] = {}  # at each letter of a name
        for start, end, _ in found:
            for position in range(start, end):
                longest[position] = max(longest.get(position, 0), end - start)
        return [hit for hit in found if all(longest[at] <= hit.end - hit.start for at in range(hit.start, hit.end))]

    def _all_hits(self, sentence: str) -> Iterator[_Hit]:
        lower = sentence.lower()
        lower = lower if len(lower) == len(sentence) else sentence  # a few letters have longer small forms
        for word in _WORD.finditer(sentence):
            for key in {word[0], word[0].lower()}:
                for name in self._by_first_word.get(key, ()):
                    start = word.start() - name.offset
                    end = start + len(name.text)
                    same = (lower if name.any_case else sentence)[max(start, 0) : end] == name.text
                    if same and not _is_word(sentence[start - 1 : start]) and not _is_word(sentence[end : end + 1]):
                        yield _Hit(start, end, name)


@dataclass
class _Candidate:
    """Where an article names a target."""

    in_title: bool = False
    sentences: set[int] = field(default_factory=set)

    def add(self, number: int) -> None:
        if number == 0:
            self.in_title = True
        else:
            self.sentences.add(number)


class TargetProposer:
    """Propose the targets that an article is most about.

    A target scores ``ln(1 + sentences that name it) + 1 (the title names it) + 1/2 (one of the first three sentences
    does) + 1/2 (its name has several words) + 3/4 ln rate``. The rate is the share of training articles that have it
    as a target among those that name it, smoothed: the United States are named everywhere and are seldom the target.

    Parameters
    ----------
    known
        Canonical target -> number of training articles whose target it is.
    aliases
        Further names by canonical name.
    named
        Known target -> number of training articles that name it (`fit` counts them).
    """

    def __init__(self, known: Mapping[str, int], aliases: Aliases, named: Mapping[str, int]) -> None:
        self.known = dict(known)
        self.aliases = {target: list(names) for target, names in aliases.items()}
        self.named = dict(named)
        self._index = _index_of(self.known, self.aliases)

    @classmethod
    def fit(cls, articles: Iterable[tuple[str, str, Sequence[str]]], aliases: Aliases) -> Self:
        """Count the targets of training articles, and how many articles name each.

        Parameters
        ----------
        articles
            Title, text and targets of each.
        aliases
            Further names by canonical name.
        """
        articles = list(articles)
        known = Counter(target for _, _, targets in articles for target in set(targets))
        proposer = cls(known, aliases, {})
        named = Counter(target for title, text, _ in articles for target in proposer._known_in(_sentences(title, text)))
        return cls(known, aliases, named)

    def propose(self, title: str, text: str, most: int = 3) -> list[str]:
        """Return up to `most` targets, the one that the article is most about first.

        Known targets have their canonical name. New ones are capitalised names of several words, or of one word that
        occurs more than once.
        """
        lines = _sentences(title, text)
        known = self._known_in(lines)
        candidates = {**known, **self._new_in(lines, known)}
        scores = {target: self._score(target, candidate) for target, candidate in candidates.items()}
        return sorted(scores, key=lambda target: (-scores[target], target))[:most]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` needs."""
        return {"known": self.known, "aliases": self.aliases, "named": self.named}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Make a proposer from what `to_json` returned; anything else is a `NewstanceError`."""
        if not isinstance(values, dict) or set(values) != {"known", "aliases", "named"}:
            raise NewstanceError("The known targets must be a mapping with the keys known, aliases and named.")
        return cls(**values)

    def _score(self, target: str, candidate: _Candidate) -> float:
        named = self.named.get(target, 0)
        rate = (min(self.known.get(target, 0), named) + 0.5) / (named + SMOOTHING)
        in_lead = any(number <= LEAD_SENTENCES for number in candidate.sentences)
        return (
            math.log1p(len(candidate.sentences))
            + TITLE * candidate.in_title
            + LEAD * in_lead
            + SEVERAL_WORDS * (" " in target)
            + RATE * math.log(rate)
        )

    def _known_in(self, lines: Sequence[str]) -> dict[str, _Candidate]:
        """Find the known targets; last names and initials count where the article has a full name of the target."""
        hits = [(number, hit.name) for number, line in enumerate(lines) for hit in self._index.hits(line)]
        introduced = {name.target for _, name in hits if name.full}
        return _candidates((number, name.target) for number, name in hits if name.target in introduced)

    def _new_in(self, lines: Sequence[str], known: Iterable[str]) -> dict[str, _Candidate]:
        """Find names that are none of the known targets in the article."""
        taken = {_plain(name) for target in known for name in names_of(target, self.aliases)}
        endings = tuple(f" {name}" for name in taken if " " in name)  # Chancellor of Germany Angela Merkel
        runs = {
            name: times
            for name, times in _capitalised_names(lines[1:]).items()
            if name not in taken and not name.endswith(endings)
        }
        last_words = {name.split()[-1] for name in runs if " " in name}
        new = [name for name, times in runs.items() if " " in name or (times > 1 and name not in last_words)]
        index = _index_of(new, {})
        return _candidates((number, hit.name.target) for number, line in enumerate(lines) for hit in index.hits(line))


def mentions(title: str, text: str, target: str, aliases: Aliases) -> bool:
    """Say whether the title or a sentence names the target: by its name, last name, initials or an alias."""
    index = _index_of([target], aliases)
    return any(index.hits(line) for line in _sentences(title, text))


def _index_of(targets: Iterable[str], aliases: Aliases) -> _Index:
    return _Index(
        (name, target, number == 0 or number >= derived)
        for target in targets
        for derived in [len(names_of(target, {}))]
        for number, name in enumerate(names_of(target, aliases))
    )


def _candidates(found: Iterable[tuple[int, str]]) -> dict[str, _Candidate]:
    candidates: defaultdict[str, _Candidate] = defaultdict(_Candidate)
    for number, target in found:
        candidates[target].add(number)
    return dict(candidates)


def _sentences(title: str, text: str) -> list[str]:
    """Return the title and the sentences without accents, with straight apostrophes and single spaces."""
    return [_plain(title), *(_plain(sentence) for sentence in sentences(text))]


def _plain(text: str) -> str:
    return " ".join(without_accents(text).replace("’", "'").split())


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _capitalised_names(lines: Sequence[str]) -> Counter[str]:
    """Count runs of capitalised words in sentences (a title may capitalise every word).

    Words that the sentences have in small letters too, and those before a name (The, President), are left out.
    """
    small = {word for line in lines for word in _WORD.findall(line) if word.islower()}
    names: Counter[str] = Counter()
    for line in lines:
        for run in _RUN.finditer(line):
            words = run[0].split()
            if len(words) > MOST_WORDS:
                continue
            before = line[: run.start()].rstrip("\"'( ")
            while words and not before and words[0].lower() in small:
                del words[0]
            if name := " ".join(_without_honorifics(words)):
                names[name] += 1
    return Counter({name: times for name, times in names.items() if len(name) > 1 and name.lower() not in small})


def _without_honorifics(words: list[str]) -> list[str]:
    """Keep what follows the last honorific (German Chancellor Angela Merkel), without words that are no names."""
    for number in reversed(range(len(words) - 1)):
        if words[number].lower() in HONORIFICS:
            words = words[number + 1 :]
            break
    while words and words[0].lower() in _NEVER_FIRST:
        del words[0]
    while words and words[-1].lower() in NO_NAMES:
        del words[-1]
    return words
