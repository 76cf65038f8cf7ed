"""One small example of every kind of model, for the tests of building and of saving."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sklearn.pipeline import Pipeline

from newstance.models.build import build
from newstance.models.settings import ModelSettings
from newstance.models.transformer import TransformerClassifier

ALIASES = {"ferry": ["boat"]}
FEATURES: dict[str, dict[str, Any]] = {
    "words": {"kind": "tfidf", "field": "article", "ngrams": [1, 2], "min_documents": 1},
    "characters": {"kind": "tfidf", "field": "masked_sentences", "analyzer": "char_wb", "ngrams": [2, 4]},
    "stop words": {"kind": "tfidf", "field": "text", "min_documents": 1, "stop_words": "english", "weight": 0.5},
    "category": {"kind": "category", "column": "outlet"},
    "static": {"kind": "static", "field": "text", "dimensions": 16},
    "encoder": {"kind": "encoder", "field": "target_sentences", "max_tokens": 32},
    "sentiment": {"kind": "sentiment", "field": "target_sentences"},
}
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "logistic regression": {"kind": "logistic-regression", "C": 10},
    "linear SVM": {"kind": "linear-svm", "class_weight": None},
    "naive Bayes": {"kind": "complement-naive-bayes", "alpha": 0.1},
}
SVM = CLASSIFIERS["linear SVM"]


def model(features: list[dict[str, Any]], classifier: dict[str, Any], backbone: str = "", seed: int = 1) -> Pipeline:
    """Build an unfitted model; `backbone` is the one of all embeddings."""
    own = [
        feature | ({"backbone": backbone} if feature["kind"] in {"static", "encoder"} else {}) for feature in features
    ]
    settings = {"kind": "linear", "features": own, "classifier": classifier}
    return build(TypeAdapter(ModelSettings).validate_python(settings), ALIASES, seed)


def majority() -> Pipeline:
    """Build an unfitted majority model."""
    return build(TypeAdapter(ModelSettings).validate_python({"kind": "majority"}), ALIASES, 1)


def transformer(backbone: str, **settings: Any) -> TransformerClassifier:
    """Build an unfitted transformer that reads little and learns for one epoch."""
    whole = {"kind": "transformer", "backbone": backbone, "epochs": 1, "max_tokens": 32, **settings}
    return build(TypeAdapter(ModelSettings).validate_python(whole), ALIASES, 1)
