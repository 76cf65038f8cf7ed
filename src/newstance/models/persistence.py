"""Saving and loading fitted models without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import skops.io
from sklearn.pipeline import Pipeline

from newstance.errors import NewstanceError
from newstance.files import atomic_path, read_json, write_json
from newstance.models.ensemble import EnsembleClassifier
from newstance.models.transformer import TransformerClassifier

MODEL_FILE = "pipeline.skops"
MODEL_JSON = "model.json"
MEMBERS = "members"
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


def save(model: Any, path: Path) -> None:
    """Write a fitted model to the folder `path`: its parts, and a readable description (JSON).

    A pipeline is written with skops, a fine-tuned transformer with safetensors, an ensemble as its members.
    """
    with atomic_path(path) as temporary:
        temporary.mkdir()
        about: dict[str, Any] = {"kind": _kind(model), "classes": list(model.classes_)}
        if isinstance(model, Pipeline):
            skops.io.dump(model, temporary / MODEL_FILE, compression=8, compresslevel=1)
            about["steps"] = list(model.named_steps)
        elif isinstance(model, EnsembleClassifier):
            for number, member in enumerate(model.members):
                save(member, temporary / MEMBERS / str(number))
            about |= {"weights": list(model.weights), "temperatures": list(model.temperatures)}
        else:
            model.save(temporary / "transformer")
        write_json(temporary / MODEL_JSON, about)


def _kind(model: Any) -> str:
    kinds = {Pipeline: "pipeline", EnsembleClassifier: "ensemble", TransformerClassifier: "transformer"}
    return kinds[type(model)]


def load(path: Path) -> Any:
    """Read a model that `save` wrote.

    Returns
    -------
    classifier
        With `classes_` and `predict_proba`, which takes the article table.

    Raises
    ------
    NewstanceError
        When there is none, it is damaged, or it holds types that newstance doesn't write.
    """
    about = read_json(path / MODEL_JSON)
    kind = about.get("kind")
    if kind == "transformer":
        return TransformerClassifier.load(path / "transformer")
    if kind == "ensemble":
        return _load_ensemble(path, about)
    if kind == "pipeline":
        return _load_pipeline(path)
    raise NewstanceError(f"{path / MODEL_JSON}: key 'kind' says {kind!r}, which newstance doesn't write.")


def _load_ensemble(path: Path, about: dict[str, Any]) -> EnsembleClassifier:
    weights, temperatures = about.get("weights"), about.get("temperatures")
    if not isinstance(weights, list) or not isinstance(temperatures, list) or len(weights) != len(temperatures):
        raise NewstanceError(f"{path / MODEL_JSON} has no weight and temperature for each member; it is damaged.")
    members = [load(path / MEMBERS / str(number)) for number in range(len(weights))]
    return EnsembleClassifier(members, weights, temperatures)


def _load_pipeline(path: Path) -> Pipeline:
    try:
        model = skops.io.load(path / MODEL_FILE, trusted=TRUSTED)
    except Exception as error:  # a damaged file fails in many ways: in zipfile, zlib, json, numpy or skops
        raise NewstanceError(f"{path} can't be loaded as a newstance model: {' '.join(str(error).split())}.") from None
    if not isinstance(model, Pipeline):
        raise NewstanceError(f"{path} holds a {type(model).__name__}, not a newstance model.")
    return model
