"""Saving and loading fitted models without pickle."""

from __future__ import annotations

from pathlib import Path

import skops.io
from sklearn.pipeline import Pipeline

from newstance.errors import NewstanceError
from newstance.files import atomic_path, read_json, write_json

MODEL_FILE = "pipeline.skops"
# What a newstance pipeline may hold beyond scikit-learn's, scipy's and numpy's own types; a file with any other type
# is refused.
TRUSTED = [
    "newstance.models.classifiers.ProbabilisticLinearSVC",
    "newstance.models.embeddings.FrozenEncoder",
    "newstance.models.embeddings.StaticEncoder",
    "newstance.models.fields.Category",
    "newstance.models.fields.SentimentScores",
    "newstance.models.fields.TextField",
    "newstance.models.tfidf.PlainTfidf",
]


def save(model: Pipeline, path: Path) -> None:
    """Write a fitted model to the folder `path`: its pipeline (skops) and a readable description (JSON)."""
    with atomic_path(path) as temporary:
        temporary.mkdir()
        skops.io.dump(model, temporary / MODEL_FILE, compression=8, compresslevel=1)
        write_json(temporary / "model.json", {"classes": list(model.classes_), "steps": list(model.named_steps)})


def load(path: Path) -> Pipeline:
    """Read a model that `save` wrote.

    Raises
    ------
    NewstanceError
        When there is none, it is damaged, or it holds types that newstance doesn't write.
    """
    read_json(path / "model.json")
    try:
        model = skops.io.load(path / MODEL_FILE, trusted=TRUSTED)
    except Exception as error:  # a damaged file fails in many ways: in zipfile, zlib, json, numpy or skops
        raise NewstanceError(f"{path} can't be loaded as a newstance model: {' '.join(str(error).split())}.") from None
    if not isinstance(model, Pipeline):
        raise NewstanceError(f"{path} holds a {type(model).__name__}, not a newstance model.")
    return model
