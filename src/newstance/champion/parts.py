"""From fitted models to a bundle's numbers: what each class of model is in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline

from newstance.bundle.stored import (
    StoredEncoder,
    StoredEnsemble,
    StoredLinear,
    StoredMember,
    StoredTerms,
    StoredTransformer,
)
from newstance.champion.graphs import Encoder
from newstance.errors import NewstanceError
from newstance.files import write_json
from newstance.models.classifiers import ProbabilisticLinearSVC
from newstance.models.embeddings import FrozenEncoder
from newstance.models.ensemble import EnsembleClassifier
from newstance.models.fields import TextField
from newstance.models.tfidf import PlainTfidf
from newstance.models.transformer import TransformerClassifier
from newstance.models.transformer.network import load_backbone, load_tokenizer

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """What an encoder reads: a field, up to so many tokens of it."""

    encoder: str
    field: str
    max_tokens: int


@dataclass
class Parts:
    """What a task's model consists of, gathered while it is taken apart.

    Attributes
    ----------
    folder
        The task's folder in the bundle; terms are written there.
    codes
        Of the scheme.
    arrays
        By name.
    encoders
        By the hash of their weights.
    centers
        Names of the arrays that take the mean token vector of what is read.
    """

    folder: Path
    codes: list[str]
    arrays: dict[str, Floats] = field(default_factory=dict)
    encoders: dict[str, Encoder] = field(default_factory=dict)
    centers: dict[str, Reading] = field(default_factory=dict)
    _frozen: dict[str, str] = field(default_factory=dict)

    def member(self, model: Any) -> StoredMember:
        """Take a fitted model apart.

        Raises
        ------
        NewstanceError
            When it has a part that a bundle can't hold.
        """
        if isinstance(model, EnsembleClassifier):
            members = tuple(self.member(member) for member in model.members)
            weights, temperatures = tuple(model.weights), tuple(model.temperatures)
            return StoredEnsemble(members=members, weights=weights, temperatures=temperatures)
        if isinstance(model, TransformerClassifier):
            return self._transformer(model)
        return self._linear(model)

    def frozen(self, backbone: str) -> str:
        """Load a pretrained encoder, once; return its hash."""
        if backbone not in self._frozen:
            encoder = Encoder.of(load_backbone(backbone, 0.0), load_tokenizer(backbone))
            self.encoders[encoder.weights] = encoder
            self._frozen[backbone] = encoder.weights
        return self._frozen[backbone]

    def _columns(self, model: Any) -> tuple[int, ...]:
        return tuple(self.codes.index(label) for label in model.classes_)

    def _name(self) -> str:
        return str(len(self.arrays))

    def _transformer(self, model: TransformerClassifier) -> StoredTransformer:
        if model.targets or model.truncation != "head":
            raise NewstanceError(
                f"A fine-tuned transformer with targets '{model.targets}' and truncation '{model.truncation}' can't be "
                "exported: a bundle holds those that read the head of an article. Choose another champion."
            )
        encoder = Encoder.of(model.network_.backbone, model.tokenizer_)
        self.encoders[encoder.weights] = encoder
        name = self._name()
        head = model.network_.head
        self.arrays[f"{name}.weights"] = head.weight.detach().numpy().T.copy()
        self.arrays[f"{name}.bias"] = head.bias.detach().numpy().copy()
        self.centers[f"{name}.center"] = Reading(encoder.weights, "article", model.max_tokens)
        return StoredTransformer(
            arrays=name, columns=self._columns(model), encoder=encoder.weights, max_tokens=model.max_tokens
        )

    def _linear(self, model: Pipeline) -> StoredLinear:
        classifier = model.named_steps["classifier"]
        coefficients, intercept = _coefficients(classifier)
        name = self._name()
        self.arrays[f"{name}.intercept"] = intercept.astype(np.float32)
        features, first = [], 0
        if not isinstance(classifier, DummyClassifier):
            union = model.named_steps["features"]
            for part, pipeline in union.transformer_list:
                width = _width(pipeline)
                block = coefficients[first : first + width] * (union.transformer_weights or {}).get(part, 1.0)
                features.append(self._feature(pipeline, block.astype(np.float32)))
                first += width
        return StoredLinear(arrays=name, columns=self._columns(model), features=tuple(features))

    def _feature(self, pipeline: Pipeline, coefficients: Floats) -> StoredTerms | StoredEncoder:
        text, extractor = (step for _, step in pipeline.steps)
        name = self._name()
        # In rows: safetensors writes an array that lies in columns without a word as if it lay in rows.
        self.arrays[f"{name}.coefficients"] = np.ascontiguousarray(coefficients)
        if isinstance(extractor, FrozenEncoder):
            encoder = self.frozen(extractor.backbone)
            self.centers[f"{name}.center"] = Reading(encoder, text.field, extractor.max_tokens)
            return StoredEncoder(arrays=name, field=text.field, encoder=encoder, max_tokens=extractor.max_tokens)
        self.arrays[f"{name}.idf"] = extractor.idf_.astype(np.float32)
        file = f"terms-{name}.json"
        write_json(self.folder / file, sorted(extractor.vocabulary_, key=extractor.vocabulary_.__getitem__))
        stop_words = tuple(sorted(extractor.get_stop_words() or ()))
        return StoredTerms(
            arrays=name, field=text.field, ngrams=extractor.ngram_range, stop_words=stop_words, terms=file
        )


def _coefficients(classifier: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coefficients, shape (features, classes), and intercepts, whose softmax are the probabilities."""
    if isinstance(classifier, DummyClassifier):
        return np.zeros((0, len(classifier.classes_))), np.log(classifier.class_prior_)
    if isinstance(classifier, ComplementNB):
        return classifier.feature_log_prob_.T, np.zeros(len(classifier.classes_))
    coefficients, intercept = classifier.coef_.T, np.atleast_1d(classifier.intercept_)
    if coefficients.shape[1] > 1:
        return coefficients, intercept
    # Of two classes only the second has coefficients. A machine's margin counts for one class and against the other.
    first = -1.0 if isinstance(classifier, ProbabilisticLinearSVC) else 0.0
    sides = np.array([[first, 1.0]])
    return coefficients * sides, intercept * sides[0]


def _width(pipeline: Pipeline) -> int:
    """Return how many columns a feature has, after checking that a bundle can hold it."""
    text, extractor = pipeline.steps[0][1], pipeline.steps[-1][1]
    if len(pipeline.steps) == 2 and isinstance(text, TextField):
        if isinstance(extractor, FrozenEncoder):
            return int(load_backbone(extractor.backbone, 0.0).config.hidden_size)
        if isinstance(extractor, PlainTfidf) and extractor.analyzer == "word":
            return len(extractor.vocabulary_)
    names = ", ".join(type(step).__name__ for _, step in pipeline.steps)
    raise NewstanceError(
        f"A model with the feature {names} can't be exported: a bundle holds TF-IDF of words and frozen encoders. "
        "Choose another champion."
    )
