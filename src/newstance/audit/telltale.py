"""Tokens that tell the label: words, and names of outlets, authors and sections.

Tokens are ranked by the log-odds ratio of a class against the others with an informative prior, divided by its standard
deviation (B. Monroe, M. Colaresi and K. Quinn, "Fightin' Words", Political Analysis 16, 2008); here the odds are those
that a unit of the class has the token, so that the length of articles plays no part. A token is tested as a rule with
one condition: a unit that has it gets the token's label, every other unit the label that is most frequent among the
units of train without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from newstance.audit.corpus import AuditedCorpus
from newstance.audit.names import Name, outlet_names
from newstance.audit.thresholds import NAMES_SHOWN, PRIOR, TOKEN_ARTICLES, TOKENS_A_CLASS
from newstance.evaluation.intervals import article_weights, percentile_interval
from newstance.settings import EvaluationSettings

Array = NDArray[np.float64]
TOKEN_COLUMNS = ["token", "kind", "label", "z", "train_units", "train_precision", "test_units", "class_share"]
TOKEN_COLUMNS += ["precision", "precision_low", "precision_high", "accuracy", "accuracy_low", "accuracy_high"]
WORD, OUTLET_WORD = "word", "word of an outlet name"


@dataclass(frozen=True)
class _Tokens:
    """Tokens, and which units have them, shape (units, tokens)."""

    names: list[Name]
    train: csr_array
    test: csr_array


def telltale_tokens(corpus: AuditedCorpus, names: Sequence[list[Name]], settings: EvaluationSettings) -> pd.DataFrame:
    """Find the tokens of train that tell the label, and test them.

    Parameters
    ----------
    corpus
        What is audited.
    names
        Of each article (`newstance.audit.names.find_names`).
    settings
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns `TOKEN_COLUMNS`: first the names (`kind` is that of `Name`), at most `NAMES_SHOWN`, then the
        `TOKENS_A_CLASS` first words of each class. `precision` is the share of the test units with the token that have
        its label (NaN without such units), `class_share` that of all test units, `accuracy` is the one-token rule's.
    """
    labels = corpus.labels("train")
    rows = []
    for tokens, limit in ((_names(corpus, names), None), (_words(corpus), TOKENS_A_CLASS)):
        if tokens is None:
            continue
        classes = np.eye(len(corpus.scheme.codes))[labels]
        counts: Array = (tokens.train.T @ classes).T
        scores = log_odds_z(counts, classes.sum(axis=0))
        for label, column in _chosen(scores, limit):
            rows.append(_row(corpus, tokens, counts, (label, column), settings) | {"z": scores[label, column]})
    return pd.DataFrame(rows, columns=TOKEN_COLUMNS)


def log_odds_z(counts: Array, units: Array) -> Array:
    """Return the z-score of each token's log-odds ratio in a class against the other classes.

    Parameters
    ----------
    counts
        Units of the class that have the token, shape (classes, tokens).
    units
        Units of the class, shape (classes,). The prior is `PRIOR` units, of which as many have the token as of all.

    Returns
    -------
    Array
        Shape (classes, tokens).
    """
    everywhere, total = counts.sum(axis=0), units.sum()
    # Half a unit keeps the odds of a token that all units have finite.
    prior = PRIOR * np.clip(everywhere / total, 0.5 / total, 1 - 0.5 / total)
    inside, outside = counts + prior, everywhere - counts + prior
    lacking = [size[:, None] + PRIOR - part for size, part in ((units, inside), (total - units, outside))]
    odds = np.log(inside / lacking[0]) - np.log(outside / lacking[1])
    z: Array = odds / np.sqrt(1 / inside + 1 / lacking[0] + 1 / outside + 1 / lacking[1])
    return z


def _chosen(scores: Array, limit: int | None) -> Iterator[tuple[int, int]]:
    """Return class and column of the tokens to show: `limit` a class, or each token once under its best class."""
    if limit is None:
        best = scores.argmax(axis=0)
        top = scores.max(axis=0)
        order = np.argsort(-top, kind="stable")[:NAMES_SHOWN]
        yield from ((int(best[column]), int(column)) for column in order if top[column] > 0)
        return
    for label, row in enumerate(scores):
        yield from ((label, int(column)) for column in np.argsort(-row, kind="stable")[:limit] if row[column] > 0)


def _row(
    corpus: AuditedCorpus, tokens: _Tokens, counts: Array, place: tuple[int, int], settings: EvaluationSettings
) -> dict[str, Any]:
    label, column = place
    units, labels = corpus.units["test"], corpus.labels("test")
    has = tokens.test[:, [column]].toarray()[:, 0] > 0
    others = np.bincount(corpus.labels("train"), minlength=len(counts)) - counts[:, column]
    right = labels == label
    ruled = np.where(has, right, labels == others.argmax())
    ids, article = np.unique(units["article_id"].to_numpy(dtype=str), return_inverse=True)
    sums = np.zeros((len(ids), 4))
    np.add.at(sums, article, np.column_stack([has & right, has, ruled, np.ones(len(has))]))
    hits, holders, correct, every = (article_weights(len(ids), settings) @ sums).T
    with np.errstate(invalid="ignore"):
        resampled = {"precision": hits / holders, "accuracy": correct / every}
    row: dict[str, Any] = {
        "token": tokens.names[column].name,
        "kind": tokens.names[column].kind,
        "label": corpus.scheme.codes[label],
        "train_units": int(counts[:, column].sum()),
        "train_precision": counts[label, column] / counts[:, column].sum(),
        "test_units": int(has.sum()),
        "class_share": right.mean(),
        "precision": right[has].mean() if has.any() else np.nan,
        "accuracy": ruled.mean(),
    }
    for metric, values in resampled.items():
        row[f"{metric}_low"], row[f"{metric}_high"] = percentile_interval(values, settings.confidence)
    return row


def _words(corpus: AuditedCorpus) -> _Tokens | None:
    """Return the words of titles and texts."""
    outlet_words = {word for name in outlet_names(corpus) for word in name.casefold().split()}
    outlet_words -= ENGLISH_STOP_WORDS
    texts = (corpus.articles["title"] + ". " + corpus.articles["text"]).to_numpy(dtype=object)
    counter = CountVectorizer(binary=True, min_df=TOKEN_ARTICLES, token_pattern=r"(?u)\b\w\w+\b")  # noqa: S106
    return _counted(corpus, counter, texts, lambda word: Name(OUTLET_WORD if word in outlet_words else WORD, word))


def _names(corpus: AuditedCorpus, names: Sequence[list[Name]]) -> _Tokens | None:
    lists = np.empty(len(names), dtype=object)
    lists[:] = [["\t".join(name) for name in named] for named in names]
    counter = CountVectorizer(binary=True, min_df=TOKEN_ARTICLES, analyzer=list)
    return _counted(corpus, counter, lists, lambda token: Name(*token.split("\t")))


def _counted(
    corpus: AuditedCorpus, counter: CountVectorizer, documents: NDArray[Any], name: Callable[[str], Name]
) -> _Tokens | None:
    """Count tokens by unit; None where none is in at least `TOKEN_ARTICLES` articles of train."""
    split = corpus.articles["split"].to_numpy()
    try:
        train = counter.fit_transform(documents[split == "train"])
    except ValueError:  # scikit-learn's for a vocabulary without words
        return None
    matrices = {"train": train, "test": counter.transform(documents[split == "test"])}
    units = {}
    for part, matrix in matrices.items():
        places = pd.Index(corpus.of_split(part)["article_id"]).get_indexer(corpus.units[part]["article_id"])
        units[part] = csr_array(matrix)[places]
    return _Tokens([name(token) for token in counter.get_feature_names_out()], units["train"], units["test"])
