"""What has been decided so far, and which articles a pass still asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

import numpy as np
import pandas as pd

from newstance.labels.agreement import cohen_kappa, observed_agreement
from newstance.labels.history import TIME
from newstance.scheme import Scheme


class Pass(StrEnum):
    """Why an article is read: for its first label, for an independent second one, or to settle what counts."""

    LABEL = "label"
    BLIND = "blind"
    ADJUDICATE = "adjudicate"


@dataclass(frozen=True)
class Decision:
    """What an annotator decided about a unit."""

    label: str
    second: str
    labelled_at: str


@dataclass(frozen=True)
class Agreement:
    """How far two annotators agree on the units that both decided; `kappa` is None where one label is all."""

    annotator: str
    units: int
    share: float
    kappa: float | None


class Decisions:
    """The decisions that count, by article, target ("" where the scheme has none) and annotator.

    Parameters
    ----------
    counted
        As `newstance.labels.history.counting` returns it.
    reference
        The annotator whose labels come from adjudication.
    """

    def __init__(self, counted: pd.DataFrame, scheme: Scheme, reference: str) -> None:
        self._scheme, self._reference = scheme, reference
        self._by_article: defaultdict[str, dict[str, dict[str, Decision]]] = defaultdict(dict)
        for row in counted.to_dict("records"):
            target = row["target"] if scheme.has_targets else ""
            second = row[scheme.secondary] if scheme.secondary else ""
            unit = self._by_article[row["article_id"]].setdefault(target, {})
            unit[row["annotator"]] = Decision(row[scheme.name], second, row[TIME])

    def of(self, article_id: str) -> dict[str, dict[str, Decision]]:
        """Return the decisions about an article: by target, by annotator."""
        return self._by_article.get(article_id, {})

    def own(self, article_id: str, target: str, annotator: str) -> Decision | None:
        """Return what an annotator decided about a unit, or None."""
        return self.of(article_id).get(target, {}).get(annotator)

    def others(self, article_id: str, target: str) -> dict[str, Decision]:
        """Return what the annotators other than the reference decided about a unit."""
        unit = self.of(article_id).get(target, {})
        return {name: decision for name, decision in unit.items() if name != self._reference}

    def articles_of(self, annotator: str) -> int:
        """Count the articles about which an annotator decided anything."""
        return sum(any(annotator in unit for unit in units.values()) for units in self._by_article.values())

    def open_targets(self, article_id: str, annotator: str, way: Pass) -> list[str]:
        """Return the targets of an article that a second pass or the adjudication asks about."""
        return [
            target
            for target, unit in self.of(article_id).items()
            if annotator not in unit and len(self.others(article_id, target)) >= (2 if way is Pass.ADJUDICATE else 1)
        ]

    def waiting(self, order: Iterable[str], annotator: str, way: Pass, *, listed: bool) -> list[str]:
        """Return the articles that a pass asks an annotator for.

        Parameters
        ----------
        order
            All articles, in the order in which they are to come.
        listed
            Whether somebody chose these articles: then those that others labelled are asked for too.

        Returns
        -------
        list of str
            First labels: what nobody decided (`listed`: what the annotator didn't). Second pass: what others decided
            and the annotator didn't. Adjudication: what two decided and the reference didn't, disagreements first.
        """
        if way is Pass.LABEL:
            return [one for one in order if not (self._decided_by(one, annotator) if listed else self.of(one))]
        found = [one for one in order if self.open_targets(one, annotator, way)]
        if way is Pass.ADJUDICATE:
            found.sort(key=lambda one: not self._disputed(one, annotator))
        return found

    def _decided_by(self, article_id: str, annotator: str) -> bool:
        return any(annotator in unit for unit in self.of(article_id).values())

    def _disputed(self, article_id: str, annotator: str) -> bool:
        return any(
            len({(one.label, one.second) for one in self.others(article_id, target).values()}) > 1
            for target in self.open_targets(article_id, annotator, Pass.ADJUDICATE)
        )

    def agreement(self, annotator: str) -> list[Agreement]:
        """Return how far an annotator agrees with each other one, over the units that both decided."""
        pairs: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for name, mine, theirs in self._shared(annotator):
            pairs[name].append((mine, theirs))
        return [_agreement(name, both) for name, both in sorted(pairs.items())]

    def _shared(self, annotator: str) -> Iterator[tuple[str, str, str]]:
        for units in self._by_article.values():
            for unit in units.values():
                if mine := unit.get(annotator):
                    yield from ((name, mine.label, one.label) for name, one in unit.items() if name != annotator)


def _agreement(annotator: str, labels: Sequence[tuple[str, str]]) -> Agreement:
    codes = sorted({label for both in labels for label in both})
    confusion = np.zeros((len(codes), len(codes)))
    for mine, theirs in labels:
        confusion[codes.index(mine), codes.index(theirs)] += 1
    kappa = float(cohen_kappa(confusion))
    return Agreement(annotator, len(labels), float(observed_agreement(confusion)), None if np.isnan(kappa) else kappa)


def shuffled(article_ids: Iterable[str], seed: int) -> list[str]:
    """Return the articles in an order at random that adding or dropping articles doesn't change for the others."""
    return sorted(article_ids, key=lambda one: sha256(f"{seed}:{one}".encode()).digest())
