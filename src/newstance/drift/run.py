"""The command: read new articles, compare them with the champions' own, write a page, tables and queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.bundle.answers import Answer, Article
from newstance.bundle.bundle import CHUNK, Bundle
from newstance.corpus.prepared import read_prepared
from newstance.drift.measures import Array, Distance, Domain, domain_classifier, energy_distance
from newstance.drift.predictions import label_shift, predictions, share, task_shift
from newstance.drift.ranking import queue
from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.reading import expand, read_rows
from newstance.settings import PREPARED, EvaluationSettings

FEWEST = 20  # new articles: with fewer, nothing but a change of everything is seen
MOST = 1000  # articles a side; more take longer and show no more
Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Drift:
    """Everything that was found.

    Attributes
    ----------
    sizes
        Articles of the reference, new ones whose embeddings were compared, and new ones in all.
    domain, distance
        Of the embeddings.
    labels, tasks
        How the predictions shift (`label_shift`, `task_shift`), of all tasks.
    abstentions
        Share of refused articles with its interval, of the reference and of the new ones.
    reasons
        How many new articles are refused for which reason.
    queues
        Which to label first, by task.
    settings
        Of the intervals.
    """

    sizes: tuple[int, int, int]
    domain: Domain
    distance: Distance
    labels: pd.DataFrame
    tasks: pd.DataFrame
    abstentions: tuple[list[float], list[float]]
    reasons: Counter[str]
    queues: dict[str, pd.DataFrame]
    settings: EvaluationSettings


def read_articles(paths: Iterable[Path]) -> tuple[list[str], list[Article]]:
    """Read articles with their ids; one without an id gets file and row.

    Raises
    ------
    NewstanceError
        When a file or one of its rows can't be read, an id comes twice, or there are fewer than `FEWEST`.
    """
    ids, articles = [], []
    for row in read_rows(expand(paths)):
        if row.article is None:
            raise NewstanceError(f"{row.source}, row {row.number}: {row.error} Correct or remove it.")
        ids.append(row.article_id or f"{row.source}:{row.number}")
        # Targets are proposed for both sides alike.
        articles.append(Article(row.article.title, row.article.text))
    if len(articles) < FEWEST:
        raise NewstanceError(f"{len(articles)} new articles are too few to see drift; give {FEWEST} or more.")
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise NewstanceError(f"The article_id '{twice[0]}' comes twice; give each article an id of its own.")
    return ids, articles


def read_reference(schemes: Iterable[str], seed: int, folder: Path = PREPARED) -> tuple[list[str], list[Article]]:
    """Read articles that the champions know the kind of and didn't learn from: test of their tasks.

    Validation is left out: most models are fitted on train and validation in the end.
    """
    parts = [read_prepared(task, folder)["test"] for task in schemes]
    table = pd.concat([part[["article_id", "title", "text"]] for part in parts]).drop_duplicates("article_id")
    if len(table) < FEWEST:
        raise NewstanceError(f"{folder} holds {len(table)} articles of test; {FEWEST} or more are needed to compare.")
    if len(table) > MOST:
        table = table.sample(MOST, random_state=seed)
    texts = zip(table["title"], table["text"], strict=True)
    return table["article_id"].tolist(), [Article(title, text) for title, text in texts]


def compare(
    reference: tuple[Sequence[str], Sequence[Article]],
    new: tuple[Sequence[str], Sequence[Article]],
    bundle: Bundle,
    settings: EvaluationSettings,
    advance: Advance = lambda done, total: None,
) -> Drift:
    """Compare new articles with the reference.

    Parameters
    ----------
    reference, new
        Ids and articles. All new ones are labelled and ranked; the embeddings of at most `MOST` are compared.
    bundle
        The champions, whose encoder embeds the articles.
    settings
        Level, resamples and seed.
    advance
        Is told how many articles of how many were read.
    """
    known_ids, ids = reference[0], new[0]
    everything = [*reference[1], *new[1]]
    both, said = _read(bundle, everything, advance)
    known_vectors, vectors = np.split(both, [len(known_ids)])
    known, answers = said[: len(known_ids)], said[len(known_ids) :]
    refused = {name: one.abstain.reason for name, one in zip(ids, answers, strict=True) if one.abstain}
    distances = {name: bundle.nearest.distance(vector) for name, vector in zip(ids, vectors, strict=True)}
    labels, tasks, queues = [], [], {}
    for name, scheme in bundle.schemes.items():
        before, after = predictions(known_ids, known, scheme), predictions(ids, answers, scheme)
        labels.append(label_shift(before, after, scheme, settings))
        tasks.append(task_shift(before, after, scheme, settings))
        queues[name] = queue(after, distances, scheme, refused)
    generator = np.random.default_rng(settings.seed)
    compared = vectors[np.sort(generator.choice(len(ids), min(MOST, len(ids)), replace=False))]
    return Drift(
        (len(known_ids), len(compared), len(ids)),
        domain_classifier(known_vectors, compared, settings),
        energy_distance(known_vectors, compared, settings),
        pd.concat(labels, ignore_index=True),
        pd.concat(tasks, ignore_index=True),
        (_abstentions(known, settings), _abstentions(answers, settings)),
        Counter(refused.values()),
        queues,
        settings,
    )


def _read(bundle: Bundle, articles: Sequence[Article], advance: Advance) -> tuple[Array, list[Answer]]:
    """Embed and label articles."""
    vectors, answers = [], []
    for start in range(0, len(articles), CHUNK):
        chunk = articles[start : start + CHUNK]
        vectors.append(bundle.embed(chunk))
        answers += bundle.predict(chunk, evidence=0)
        advance(start + len(chunk), len(articles))
    return np.concatenate(vectors), answers


def _abstentions(answers: Sequence[Answer], settings: EvaluationSettings) -> list[float]:
    return share(sum(one.abstain is not None for one in answers), len(answers), settings.confidence)
