"""A small table of articles with targets, and quick settings, for the tests of fine-tuned transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from newstance.models.transformer import TransformerClassifier

VIEWS = {
    "favor": ("praised", "loved", "welcomed"),
    "against": ("condemned", "hated", "rejected"),
    "neutral": ("described", "listed", "mentioned"),
}
TOPICS = {"transport": "harbour island tram", "education": "school nurse council", "politics": "election vote budget"}
TARGETS = ("ferry", "bridge")
QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 8, "max_tokens": 64, "learning_rate": 1e-3}
# Every way to read an article that settings allow, and what else the network can have.
KINDS: dict[str, dict[str, Any]] = {
    "article": {},
    "head-tail": {"truncation": "head-tail", "max_tokens": 16},
    "windows": {"truncation": "windows", "max_tokens": 16},
    "frozen": {"frozen_layers": 2},
    "pair": {"targets": "pair"},
    "pair, head-tail": {"targets": "pair", "truncation": "head-tail", "max_tokens": 24},
    "pair, mentions-first": {"targets": "pair", "truncation": "mentions-first", "aliases": {"ferry": ["tram"]}},
    "pair, windows": {"targets": "pair", "truncation": "windows", "max_tokens": 16},
    "shared": {"targets": "shared"},
    "shared, head-tail, frozen": {"targets": "shared", "truncation": "head-tail", "max_tokens": 16, "frozen_layers": 1},
    "shared, auxiliary": {"targets": "shared", "auxiliary": "topic"},
}


def news(articles: int = 16, seed: int = 0) -> pd.DataFrame:
    """Return articles of different lengths; in each, every target has its own stance."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(articles):
        topic = list(TOPICS)[number % len(TOPICS)]
        stances = [list(VIEWS)[random.integers(3)] for _ in TARGETS]
        about = f"A {' '.join(random.choice(TOPICS[topic].split(), 3))} today."
        said = [
            f"The mayor {random.choice(VIEWS[stance])} the {target}."
            for target, stance in zip(TARGETS, stances, strict=True)
        ]
        text = " ".join([*[about] * random.integers(1, 4), *said])
        rows += [
            (f"a{number}", f"News {number}", text, target, stance, topic)
            for target, stance in zip(TARGETS, stances, strict=True)
        ]
    return pd.DataFrame(rows, columns=["article_id", "title", "text", "target", "stance", "topic"])


def classifier(backbone: str, **settings: Any) -> TransformerClassifier:
    """Return an unfitted classifier with quick settings."""
    return TransformerClassifier(backbone, **QUICK | settings)


def fit(backbone: str, table: pd.DataFrame | None = None, **settings: Any) -> TransformerClassifier:
    """Return a classifier that is fitted on stances, of `news()` unless there is a table, and stops by the same."""
    table = news() if table is None else table
    return classifier(backbone, **settings).fit(table, table["stance"], validation=(table, table["stance"]))
