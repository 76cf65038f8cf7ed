"""What has been decided so far, and how far annotators agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from operator import itemgetter

import numpy as np
import pandas as pd

from newstance.labels.agreement import cohen_kappa, observed_agreement
from newstance.labels.history import TIME
from newstance.scheme import Scheme

STEP, FEWEST = 10, 20  # an agreement in steps is over so many units, or more by so many


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

    @property
    def has_targets(self) -> bool:
        """Whether a decision is about a target."""
        return self._scheme.has_targets

    def of(self, article_id: str) -> dict[str, dict[str, Decision]]:
        """Return the decisions about an article: by target, by annotator."""
        return self._by_article.get(article_id, {})

    def own(self, article_id: str, target: str, annotator: str) -> Decision | None:
        """Return what an annotator decided about a unit, or None."""
        return self.of(article_id).get(target, {}).get(annotator)

    def others(self, article_id: str, target: str) -> dict[str, Decision]:
        """Return what the annotators other than the reference decided about a unit, by who decided first."""
        unit = self.of(article_id).get(target, {})
        return {name: decision for name, decision in unit.items() if name != self._reference}

    def open_targets(self, article_id: str, annotator: str, way: Pass) -> list[str]:
        """Return the targets of an article that a second pass or the adjudication asks about."""
        return [
            target
            for target, unit in self.of(article_id).items()
            if annotator not in unit and len(self.others(article_id, target)) >= (2 if way is Pass.ADJUDICATE else 1)
        ]

    def disputed(self, article_id: str, annotator: str) -> bool:
        """Whether annotators differ about a unit that the adjudication asks about."""
        return any(
            len({(one.label, one.second) for one in self.others(article_id, target).values()}) > 1
            for target in self.open_targets(article_id, annotator, Pass.ADJUDICATE)
        )

    def agreement(self, annotator: str, *, in_steps: bool = False) -> list[Agreement]:
        """Return how far an annotator agrees with each other one, over the units that both decided.

        Parameters
        ----------
        annotator
            Whose.
        in_steps
            Whether it is over the first 20, 30, 40, ... of the units alone, and left out below 20, so that no change of
            it tells whether the last label was the other's, too.
        """
        pairs: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for name, mine, theirs in self._shared(annotator):
            pairs[name].append((mine.labelled_at, mine.label, theirs.label))
        found = []
        for name, both in sorted(pairs.items()):
            labels = [labels for _, *labels in sorted(both, key=itemgetter(0))]
            units = len(labels) // STEP * STEP if in_steps else len(labels)
            if units >= (FEWEST if in_steps else 1):
                found.append(_agreement(name, labels[:units]))
        return found

    def _shared(self, annotator: str) -> Iterator[tuple[str, Decision, Decision]]:
        for units in self._by_article.values():
            for unit in units.values():
                if mine := unit.get(annotator):
                    yield from ((name, mine, one) for name, one in unit.items() if name != annotator)


def _agreement(annotator: str, labels: Sequence[Sequence[str]]) -> Agreement:
    codes = sorted({label for both in labels for label in both})
    confusion = np.zeros((len(codes), len(codes)))
    for mine, theirs in labels:
        confusion[codes.index(mine), codes.index(theirs)] += 1
    kappa = float(cohen_kappa(confusion))
    return Agreement(annotator, len(labels), float(observed_agreement(confusion)), None if np.isnan(kappa) else kappa)


def shuffled(article_ids: Iterable[str], seed: int) -> list[str]:
    """Return the articles in an order at random that adding or dropping articles doesn't change for the others."""
    return sorted(article_ids, key=lambda one: sha256(f"{seed}:{one}".encode()).digest())
