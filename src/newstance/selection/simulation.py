"""What the strategies are worth: the labels of train are hidden and bought back, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import Progress
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from newstance.errors import NewstanceError
from newstance.experiment.fit import EMBEDDINGS
from newstance.experiment.noise import FOLDS
from newstance.models.build import build
from newstance.models.embeddings import embedding_cache
from newstance.models.mentions import Aliases
from newstance.scheme import Scheme
from newstance.selection.models import LEARNER, committee
from newstance.selection.pool import dense
from newstance.selection.strategies import NEW_LABELS, STRATEGIES, Array
from newstance.settings import SelectionSettings

Rows = NDArray[np.intp]
NEW, CORRECTED = "new labels", "corrections"
BUDGETS = {NEW: tuple(NEW_LABELS), CORRECTED: ("random", "suspects")}


class World:
    """A task's train and test texts as features, which need no label, and the quick models over them.

    Parameters
    ----------
    data
        Prepared tables by split; validation is not used.
    scheme
        The task's.
    aliases
        Further names of targets.
    """

    def __init__(self, data: Mapping[str, pd.DataFrame], scheme: Scheme, aliases: Aliases) -> None:
        train, test = data["train"], data["test"]
        self.codes = scheme.codes
        self.labels: NDArray[np.object_] = train[scheme.name].to_numpy(dtype=object)
        self.groups = train["group"].to_numpy()
        self.test_labels: NDArray[np.object_] = test[scheme.name].to_numpy(dtype=object)
        self.test_articles = test["article_id"].to_numpy()
        self.classifiers: dict[str, Any] = {}
        self._features: dict[str, tuple[Any, Any]] = {}
        made: dict[Any, tuple[Any, Any]] = {}
        for name, settings in committee(scheme).items():
            model = build(settings, aliases, seed=0)
            if settings.features not in made:
                with embedding_cache(EMBEDDINGS):
                    made[settings.features] = model[:-1].fit_transform(train), model[:-1].transform(test)
            self._features[name] = made[settings.features]
            self.classifiers[name] = model[-1]
        self.vectors = dense(self._features[LEARNER][0])

    def probabilities(self, name: str, rows: Rows, labels: NDArray[np.object_], asked: Rows | None) -> Array:
        """Fit a model on rows of train and ask it about others, or about test (None); shape (asked, codes)."""
        train, test = self._features[name]
        model = clone(self.classifiers[name]).fit(train[rows], labels)
        found = model.predict_proba(test if asked is None else train[asked])
        every = np.zeros((len(found), len(self.codes)))
        every[:, [self.codes.index(code) for code in model.classes_]] = found
        return every


@dataclass(frozen=True)
class HiddenPool:
    """Rows of train whose labels are hidden from the strategies, or are doubted (`doubted`)."""

    world: World
    rows: Rows
    labelled: Rows
    labels: NDArray[np.object_]  # of `labelled`
    doubted: bool = False

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.rows)

    @property
    def codes(self) -> list[str]:
        """The scheme's labels."""
        return self.world.codes

    def probabilities(self) -> Array:
        """Return the learner's probabilities; doubted units are judged by fits without their groups."""
        if not self.doubted:
            return self.world.probabilities(LEARNER, self.labelled, self.labels, self.rows)
        groups = self.world.groups[self.labelled]
        found = np.zeros((len(self.labelled), len(self.codes)))
        for kept, out in GroupKFold(min(FOLDS, len(set(groups)))).split(groups, groups=groups):
            found[out] = self.world.probabilities(LEARNER, self.labelled[kept], self.labels[kept], self.labelled[out])
        return found[np.isin(self.labelled, self.rows)]

    def committee(self) -> Mapping[str, Array]:
        """Return the probabilities of all quick models."""
        models = self.world.classifiers
        return {name: self.world.probabilities(name, self.labelled, self.labels, self.rows) for name in models}

    def embeddings(self) -> tuple[Array, Array]:
        """Return the vectors that the learner sees."""
        return self.world.vectors[self.rows], self.world.vectors[self.labelled]

    def given(self) -> NDArray[np.object_]:
        """Return the labels of doubted units."""
        return self.labels[np.isin(self.labelled, self.rows)]

    def names(self) -> list[str]:
        """Name the labelled units by their rows."""
        return [str(row) for row in self.labelled]


def learn(world: World, strategy: str, settings: SelectionSettings, seed: int) -> NDArray[np.object_]:
    """Label more and more of train, as a strategy chooses; the first units are drawn at random.

    Returns
    -------
    ndarray of str, shape (batches + 1, test units)
        What the learner says of test after `counts` labels.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(world.labels))
    first = order[: settings.start]
    if len(set(world.labels[first])) < 2:  # a learner needs two labels: take the first unit with another one
        other = order[world.labels[order] != world.labels[order[0]]][0]
        first = np.append(first[:-1], other)
    labelled, predicted = first, []
    for count in counts(NEW, settings, len(order)):
        if count > len(labelled):
            pool = HiddenPool(world, np.setdiff1d(order, labelled), labelled, world.labels[labelled])
            chosen = STRATEGIES[strategy](pool, count - len(labelled), generator).rows
            labelled = np.append(labelled, pool.rows[chosen])
        predicted.append(_said(world, labelled, world.labels[labelled]))
    return np.stack(predicted)


def correct(world: World, strategy: str, settings: SelectionSettings, seed: int) -> NDArray[np.object_]:
    """Correct more and more labels of a part of train of which a share is wrong; the wrong ones are drawn at random.

    Returns
    -------
    ndarray of str, shape (batches + 1, test units)
        What the learner says of test after `counts` labels were read and, where wrong, corrected.
    """
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(len(world.labels))[: settings.labels])
    labels = world.labels[rows].copy()
    for place in generator.permutation(len(rows))[: round(settings.wrong * len(rows))]:
        labels[place] = generator.choice([code for code in world.codes if code != labels[place]])
    unread, predicted, done = rows, [], 0
    for count in counts(CORRECTED, settings, len(world.labels)):
        if count > done:
            pool = HiddenPool(world, unread, rows, labels, doubted=True)
            read = unread[STRATEGIES[strategy](pool, count - done, generator).rows]
            places = np.isin(rows, read)
            labels[places] = world.labels[rows[places]]
            unread, done = np.setdiff1d(unread, read), count
        predicted.append(_said(world, rows, labels))
    return np.stack(predicted)


def counts(budget: str, settings: SelectionSettings, units: int) -> list[int]:
    """Return how many labels are bought (or read) at each point of a curve, with so many units in train."""
    first, last = (settings.start, settings.labels) if budget == NEW else (0, settings.corrections)
    return list(range(first, min(last, settings.labels, units) + 1, settings.batch))


def _said(world: World, rows: Rows, labels: NDArray[np.object_]) -> NDArray[np.object_]:
    likeliest = world.probabilities(LEARNER, rows, labels, None).argmax(axis=1)
    said: NDArray[np.object_] = np.array(world.codes, dtype=object)[likeliest]
    return said


def simulate(world: World, settings: SelectionSettings, progress: Progress, name: str) -> dict[str, dict[str, Any]]:
    """Run every strategy with every seed; strategies of one seed start from the same units.

    Returns
    -------
    dict
        Budget (`BUDGETS`) to strategy to what is said of test: str, shape (seeds, points, test units).

    Raises
    ------
    NewstanceError
        When train has fewer units than are labelled at first.
    """
    if len(world.labels) < settings.start:
        raise NewstanceError(
            f"Task '{name}' has {len(world.labels)} labels in train; make 'selection.start' ({settings.start}) less."
        )
    bar = progress.add_task(name, total=settings.seeds * sum(map(len, BUDGETS.values())))
    found: dict[str, dict[str, Any]] = {}
    for budget, strategies in BUDGETS.items():
        run = learn if budget == NEW else correct
        for strategy in strategies:
            progress.update(bar, description=f"{name}: {budget}, {strategy}")
            curves = []
            for seed in range(settings.seeds):
                curves.append(run(world, strategy, settings, seed))
                progress.advance(bar)
            found.setdefault(budget, {})[strategy] = np.stack(curves)
    return found
