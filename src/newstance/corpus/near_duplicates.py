"""Near-duplicates: the same wire story twice, or updated versions of one article.

MinHash LSH (A. Broder, "On the resemblance and containment of documents", 1997; J. Leskovec et al., "Mining of Massive
Datasets", ch. 3) proposes pairs, and the exact Jaccard similarity of their word shingles decides.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from datasketch import MinHash, MinHashLSH
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from newstance.settings import NearDuplicateSettings

PAIR_COLUMNS = ["first", "second", "similarity"]
# The share of pairs at the similarity threshold that the bands are made to propose; pairs above it: more.
RECALL = 0.99
_SEED = 1


def find(articles: pd.DataFrame, settings: NearDuplicateSettings) -> tuple[pd.Series[str], pd.DataFrame]:
    """Group near-duplicates by the Jaccard similarity of the word shingles of their texts.

    Parameters
    ----------
    articles
        Columns `article_id` and `text`. Texts with fewer words than a shingle are near-duplicates of none.
    settings
        Length of the shingles, number of permutations, similarity from which two articles share a group.

    Returns
    -------
    groups : Series of str
        The group of every article, index as in `articles`: the id of the group's first article. Groups are connected
        components, so two articles of a group may be less similar than the threshold.
    pairs : DataFrame
        Columns `PAIR_COLUMNS`: the ids of each near-duplicate pair in the corpus's order, and their similarity; the
        most similar pair first.
    """
    shingles = _shingles(articles["text"], settings.shingle_words)
    first, second, similarity = _verify(shingles, _propose(shingles, settings), settings.similarity)
    count = len(articles)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    component = connected_components(links, directed=False)[1]
    ids = articles["article_id"].reset_index(drop=True)
    groups = ids.groupby(component).transform("first").set_axis(articles.index).rename("group")
    pairs = pd.DataFrame({"first": ids[first].array, "second": ids[second].array, "similarity": similarity})
    order = np.lexsort((second, first, -similarity))
    return groups, pairs.iloc[order].reset_index(drop=True)


def _shingles(texts: pd.Series[str], words: int) -> csr_array:
    """Return a row an article; its column numbers are the hashes (31 bits) of its shingles, case apart."""
    vectorizer = HashingVectorizer(
        analyzer="word",
        token_pattern=r"\w+",  # noqa: S106 - words, not a password
        ngram_range=(words, words),
        n_features=2**31 - 1,
        binary=True,
        norm=None,
        alternate_sign=False,
    )
    return csr_array(vectorizer.transform(texts))


def _row(shingles: csr_array, number: int) -> np.ndarray:
    hashes: np.ndarray = shingles.indices[shingles.indptr[number] : shingles.indptr[number + 1]]
    return hashes


def bands(settings: NearDuplicateSettings) -> tuple[int, int]:
    """Return the number of LSH bands and the rows a band: as many rows as leave the recall at least `RECALL`.

    A pair of similarity s is proposed with probability 1 - (1 - s^rows)^bands; at the default settings (0.2, 128
    permutations) every row is a band of its own, and practically no pair at the threshold is missed.
    """
    choices = [(settings.permutations // rows, rows) for rows in range(2, settings.permutations + 1)]
    good = [(count, rows) for count, rows in choices if 1 - (1 - settings.similarity**rows) ** count >= RECALL]
    return good[-1] if good else (settings.permutations, 1)


def _propose(shingles: csr_array, settings: NearDuplicateSettings) -> set[tuple[int, int]]:
    """Return the pairs (smaller row, larger row) that share a band."""
    index = MinHashLSH(num_perm=settings.permutations, params=bands(settings))
    pairs: set[tuple[int, int]] = set()
    # Shingles are hashed already; the copies share the permutations, which take long to draw.
    empty = MinHash(num_perm=settings.permutations, seed=_SEED, hashfunc=int)
    for number in range(shingles.shape[0]):
        hashes = _row(shingles, number)
        if not len(hashes):
            continue
        signature = empty.copy()
        signature.update_batch(hashes.tolist())
        pairs.update((other, number) for other in index.query(signature))
        index.insert(number, signature)
    return pairs


def _verify(
    shingles: csr_array, proposed: set[tuple[int, int]], similarity: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first rows, second rows and similarities of the proposed pairs that are similar enough."""
    kept = []
    for first, second in sorted(proposed):
        left, right = _row(shingles, first), _row(shingles, second)
        shared = len(np.intersect1d(left, right, assume_unique=True))
        jaccard = shared / (len(left) + len(right) - shared)
        if jaccard >= similarity:
            kept.append((first, second, jaccard))
    table = np.array(kept, dtype=float).reshape(-1, 3)
    return table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2]
