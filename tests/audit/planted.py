"""Small prepared data, made up, clean by construction; the tests plant leaks in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from newstance.scheme import Scheme

LABELS = ("left", "center", "right")
SIZES = {"train": 180, "validation": 30, "test": 90}
# What each class writes about: the signal that a model may use.
SUBJECTS = {
    "left": "union rent commons wages solidarity welfare".split(),
    "center": "compromise survey council budget average forum".split(),
    "right": "border heritage tariff parish enterprise order".split(),
}
FILLER = (
    "grey morning people market spoke happened weekend neighbours waited further news small office river others early "
    "bridge tram ferry library harbour garden station winter summer letter window morning evening street corner"
).split()


def scheme(*, targets: bool = False) -> Scheme:
    """Return the scheme of the task `leaning`."""
    return Scheme.model_validate(
        {
            "name": "leaning",
            "kind": "target-dependent" if targets else "single-label",
            "title": "Leaning",
            "annotations": "leanings.csv",
            "labels": [{"code": code, "name": code, "definition": f"written by the {code}"} for code in LABELS],
        }
    )


def clean_data(*, targets: bool = False, seed: int = 3) -> dict[str, pd.DataFrame]:
    """Return splits that share no outlet, and in which nothing but the words of the text tells the label.

    With `targets` every article has two rows, of the same two targets whatever the label.
    """
    generator = np.random.default_rng(seed)
    tables = {split: _table(split, size, generator) for split, size in SIZES.items()}
    if targets:
        tables = {
            split: table.loc[table.index.repeat(2)].assign(target=["the tram", "the ferry"] * len(table))
            for split, table in tables.items()
        }
    return {split: table.reset_index(drop=True) for split, table in tables.items()}


def _table(split: str, size: int, generator: np.random.Generator) -> pd.DataFrame:
    labels = [LABELS[number % 3] for number in range(size)]
    return pd.DataFrame(
        {
            "article_id": [f"{split}-{number}" for number in range(size)],
            "outlet": [f"{split.title()} Gazette {'ABCD'[number]}" for number in generator.integers(0, 4, size)],
            "url": "",
            "published": pd.Timestamp("2017-01-01") + pd.to_timedelta(generator.integers(0, 90, size), unit="D"),
            "title": [f"About the {generator.choice(FILLER)}" for _ in range(size)],
            "text": [_text(label, generator) for label in labels],
            "leaning": labels,
        }
    )


def _text(label: str, generator: np.random.Generator) -> str:
    sentences = []
    for _ in range(5):
        filler = generator.choice(FILLER, 8)
        # Half of the sentences are about any class, so that no model is always right.
        about = label if generator.random() < 0.5 else str(generator.choice(LABELS))
        sentences.append(f"The {' '.join(filler[:4])} and {generator.choice(SUBJECTS[about])} {' '.join(filler[4:])}.")
    return " ".join(sentences)


def prefixed(table: pd.DataFrame, rows: Sequence[int] | pd.Index, text: str) -> pd.DataFrame:
    """Put a text before those of some rows."""
    texts = table["text"].copy()
    texts.loc[list(rows)] = text + "\n" + texts.loc[list(rows)]
    return table.assign(text=texts)
