"""Labelling articles with a bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from newstance.bundle.abstention import NearestTraining, TextCheck
from newstance.bundle.answers import Abstention, Answer, Article, Decision, Evidence, Score, TargetAnswer
from newstance.bundle.documents import Document, forget_texts
from newstance.bundle.manifest import Manifest, Precision, read_manifest
from newstance.bundle.members import Array, Member, Unit, apply_temperature
from newstance.bundle.networks import Encoded, Networks, Request
from newstance.bundle.novelty import Novelty
from newstance.bundle.stored import TASKS, load_task
from newstance.bundle.targets import TargetProposer, mentions
from newstance.files import read_json
from newstance.scheme import Scheme

TARGETS = "targets.json"
SHOWN_LABELS = 3
CHUNK = 64


@dataclass(frozen=True)
class Task:
    """A scheme with the model that labels by it."""

    scheme: Scheme
    member: Member
    temperature: float

    def probabilities(self, unit: Unit) -> Array:
        """Return the calibrated probability of each code of the scheme; one that training never saw gets nearly 0."""
        raw = np.zeros(len(self.scheme.labels))
        raw[self.member.columns] = self.member.probabilities(unit)
        return apply_temperature(raw, self.temperature)

    def decide(self, unit: Unit, evidence: int) -> Decision:
        """Return the likeliest label with up to `evidence` sentences that moved it."""
        probabilities = self.probabilities(unit)
        ranking = np.argsort(-probabilities, kind="stable")
        scores = [self._score(int(column), probabilities) for column in ranking[:SHOWN_LABELS]]
        return Decision(
            **scores[0].model_dump(),
            probabilities=dict(zip(self.scheme.codes, probabilities.tolist(), strict=True)),
            top=scores,
            evidence=self._evidence(unit, int(ranking[0]), evidence) if evidence else [],
        )

    def _score(self, column: int, probabilities: Array) -> Score:
        label = self.scheme.labels[column]
        return Score(label=label.code, name=label.name, medtop=label.medtop, probability=float(probabilities[column]))

    def _evidence(self, unit: Unit, column: int, most: int) -> list[Evidence]:
        moves = self.member.moves(unit, column, self.temperature)
        total = float(np.abs(moves).sum())
        strongest = np.argsort(-np.abs(moves), kind="stable")[:most]
        sentences = unit.document.sentences
        return [
            Evidence(
                field=sentences[number].field,
                start=sentences[number].start,
                end=sentences[number].end,
                text=sentences[number].text,
                weight=float(np.clip(moves[number] / total, -1, 1)),
            )
            for number in strongest
            if moves[number]
        ]


@dataclass(frozen=True)
class _Parts:
    """What all tasks share."""

    networks: Networks
    novelty: Novelty
    targets: TargetProposer


@dataclass(frozen=True)
class _Plan:
    """An article that is labelled: its targets, and what the networks must read."""

    document: Document
    targets: list[str]
    requests: list[Request]


class Bundle:
    """The champions of one or more tasks, ready to label articles.

    Attributes
    ----------
    about
        The manifest.
    version
        Names the bundle's whole content.
    schemes
        By task.
    """

    def __init__(self, about: Manifest, version: str, tasks: Mapping[str, Task], parts: _Parts) -> None:
        self.about = about
        self.version = version
        self._tasks = tasks
        self.schemes = {name: task.scheme for name, task in tasks.items()}
        self._articles = {name: task for name, task in tasks.items() if not task.scheme.has_targets}
        self._pairs = {name: task for name, task in tasks.items() if task.scheme.has_targets}
        self._parts = parts
        self._check = TextCheck()

    @classmethod
    def load(cls, path: Path, *, precision: Precision | None = None, threads: int | None = None) -> Bundle:
        """Read a bundle after checking the hash of every file.

        Parameters
        ----------
        path
            The bundle's folder.
        precision
            Which variant of the networks answers; None: the one that was chosen at export.
        threads
            On how many cores the networks run; None: all.

        Raises
        ------
        NewstanceError
            When there is none or it was changed.
        """
        about, version = read_manifest(path)
        precisions = {name: precision or task.precision for name, task in about.tasks.items()}
        tasks = {name: Task(*load_task(path / TASKS / name, precisions[name])) for name in about.tasks}
        networks = Networks(path, threads or _cores())
        # In the precision of a task that reads every article, which then needn't be read once more.
        first = min(tasks, key=lambda name: tasks[name].scheme.has_targets)
        novelty = Novelty.load(path, precisions[first])
        targets = TargetProposer.from_json(read_json(path / TARGETS))
        return cls(about, version, tasks, _Parts(networks, novelty, targets))

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        """Label articles.

        Parameters
        ----------
        articles
            What to label. An article's answer doesn't depend on the others.
        evidence
            How many sentences are given for each decision at most.

        Returns
        -------
        list of Answer
            In the order of the articles.
        """
        answers = []
        for start in range(0, len(articles), CHUNK):
            answers += self._predict(articles[start : start + CHUNK], evidence)
            forget_texts()
        return answers

    def probabilities(self, task: str, articles: Sequence[Article]) -> Array:
        """Return a task's calibrated probabilities without looking at whether the articles should be labelled.

        Parameters
        ----------
        task
            Name of the scheme.
        articles
            For a scheme with targets, each with the one target that is asked about.

        Returns
        -------
        ndarray of shape (articles, codes)
        """
        model = self._tasks[task]
        rows = []
        for start in range(0, len(articles), CHUNK):
            chunk = articles[start : start + CHUNK]
            documents = [Document(article, self._parts.targets.aliases) for article in chunk]
            targets = [one.article.targets[0] if one.article.targets else "" for one in documents]
            units = list(zip(documents, targets, strict=True))
            encoded = self._parts.networks.submit(one for unit in units for one in model.member.requests(*unit))
            for document, target in units:
                states = {one: encoded[one].result() for one in model.member.requests(document, target)}
                rows.append(model.probabilities(Unit(document, target, states)))
        return np.array(rows)

    def embed(self, articles: Sequence[Article]) -> Array:
        """Return the vectors by which articles unlike those of training are refused.

        Parameters
        ----------
        articles
            Their targets don't matter.

        Returns
        -------
        ndarray of shape (articles, dimensions)
            Rows have unit length.
        """
        novelty, rows = self._parts.novelty, []
        for start in range(0, len(articles), CHUNK):
            documents = [Document(article, {}) for article in articles[start : start + CHUNK]]
            requests = [novelty.request(document) for document in documents]
            encoded = self._parts.networks.submit(requests)
            rows += [novelty.vector(encoded[request].result()) for request in requests]
        return np.array(rows, dtype=np.float64)

    @property
    def nearest(self) -> NearestTraining:
        """The training articles that `embed`'s vectors are compared with."""
        return self._parts.novelty.nearest

    def sentences(self, article: Article) -> list[tuple[str, int, int]]:
        """Return field, first and last character of each sentence, the title among them."""
        document = Document(article, self._parts.targets.aliases)
        return [(one.field, one.start, one.end) for one in document.sentences]

    def _predict(self, articles: Sequence[Article], evidence: int) -> list[Answer]:
        documents = [Document(article, self._parts.targets.aliases) for article in articles]
        checked = [(one, self._check.check(one.article.title, one.article.text)) for one in documents]
        plans = [self._plan(document) for document, abstention in checked if abstention is None]
        encoded = self._parts.networks.submit(request for plan in plans for request in plan.requests)
        remaining = iter(plans)
        return [
            self._abstain(abstention)
            if abstention is not None
            else self._answer(plan := next(remaining), {one: encoded[one].result() for one in plan.requests}, evidence)
            for _, abstention in checked
        ]

    def _abstain(self, abstention: Abstention) -> Answer:
        return Answer(labels={}, targets=[], abstain=abstention, version=self.version)

    def _answer(self, plan: _Plan, encoded: Mapping[Request, Encoded], evidence: int) -> Answer:
        abstention = self._parts.novelty.check(encoded[plan.requests[0]])
        if abstention is not None:
            return self._abstain(abstention)
        labels = {
            name: task.decide(Unit(plan.document, "", encoded), evidence) for name, task in self._articles.items()
        }
        return Answer(
            labels=labels,
            targets=[self._target(plan, target, encoded, evidence) for target in plan.targets],
            version=self.version,
        )

    def _target(self, plan: _Plan, target: str, encoded: Mapping[Request, Encoded], evidence: int) -> TargetAnswer:
        article, unit = plan.document.article, Unit(plan.document, target, encoded)
        return TargetAnswer(
            target=target,
            proposed=article.targets is None,
            mentioned=mentions(article.title, article.text, target, self._parts.targets.aliases),
            labels={name: task.decide(unit, evidence) for name, task in self._pairs.items()},
        )

    def _plan(self, document: Document) -> _Plan:
        targets = self._targets_of(document.article)
        return _Plan(document, targets, list(dict.fromkeys(self._requests(document, targets))))

    def _targets_of(self, article: Article) -> list[str]:
        if not self._pairs:
            return []
        if article.targets is not None:
            return list(article.targets)
        return self._parts.targets.propose(article.title, article.text)

    def _requests(self, document: Document, targets: Sequence[str]) -> Iterator[Request]:
        # First what tells whether the article is like those of training.
        yield self._parts.novelty.request(document)
        for task in self._articles.values():
            yield from task.member.requests(document, "")
        for task in self._pairs.values():
            for target in targets:
                yield from task.member.requests(document, target)


def _cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
