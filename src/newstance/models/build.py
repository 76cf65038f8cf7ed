"""From settings to an unfitted scikit-learn pipeline."""

from __future__ import annotations

from typing import Any

from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from newstance.models.classifiers import ProbabilisticLinearSVC
from newstance.models.embeddings import FrozenEncoder, StaticEncoder
from newstance.models.fields import Category, SentimentScores, TextField
from newstance.models.mentions import Aliases
from newstance.models.settings import (
    CategoryFeatures,
    ClassifierSettings,
    EncoderFeatures,
    EnsembleModel,
    FeatureSettings,
    LinearModel,
    LinearSvmSettings,
    LogisticRegressionSettings,
    ModelSettings,
    NaiveBayesSettings,
    SentimentFeatures,
    StaticFeatures,
    TfidfFeatures,
    TransformerModel,
)
from newstance.models.tfidf import PlainTfidf
from newstance.models.transformer import TransformerClassifier

SENTENCE_FIELDS = {"target_sentences", "masked_sentences"}
DENSE = StaticFeatures | EncoderFeatures | SentimentFeatures


def build(settings: ModelSettings, aliases: Aliases, seed: int) -> Pipeline | TransformerClassifier:
    """Make the unfitted model: a pipeline of the two steps ``features`` and ``classifier``, or a transformer.

    Parameters
    ----------
    settings
        The experiment's `model`.
    aliases
        Further names of targets (`newstance.models.mentions.read_aliases`).
    seed
        For classifiers that draw at random.

    Returns
    -------
    Pipeline or TransformerClassifier
        `fit(X, y)` and `predict_proba(X)` take the article table; see `newstance.models`.
    """
    if isinstance(settings, TransformerModel):
        names = dict(aliases) if settings.targets else None
        return TransformerClassifier(**settings.model_dump(exclude={"kind", "pretraining"}), aliases=names, seed=seed)
    if isinstance(settings, EnsembleModel):
        raise TypeError("an ensemble is put together from finished runs, not built")
    if not isinstance(settings, LinearModel):
        return Pipeline([("features", "passthrough"), ("classifier", DummyClassifier(strategy="prior"))])
    parts, weights = [], {}
    for number, feature in enumerate(settings.features):
        name = f"{number}-{feature.kind}"
        part = _features(feature, aliases)
        if isinstance(settings.classifier, NaiveBayesSettings) and isinstance(feature, DENSE):
            part.steps.append(("scale", MinMaxScaler(clip=True)))  # counts can't be negative
        parts.append((name, part))
        weights[name] = getattr(feature, "weight", 1.0)
    union = FeatureUnion(parts, transformer_weights=weights)
    return Pipeline([("features", union), ("classifier", _classifier(settings.classifier, seed))])


def _features(settings: FeatureSettings, aliases: Aliases) -> Pipeline:
    if isinstance(settings, CategoryFeatures):
        return make_pipeline(Category(settings.column), OneHotEncoder(handle_unknown="ignore"))
    # The names go only where they are used, so that a saved topic model doesn't carry them.
    text = TextField(settings.field, dict(aliases) if settings.field in SENTENCE_FIELDS else None)
    if isinstance(settings, TfidfFeatures):
        return make_pipeline(text, _tfidf(settings))
    if isinstance(settings, SentimentFeatures):
        return make_pipeline(text, SentimentScores(), StandardScaler())
    if isinstance(settings, StaticFeatures):
        return make_pipeline(text, StaticEncoder(settings.backbone, settings.dimensions))
    return make_pipeline(text, FrozenEncoder(settings.backbone, settings.max_tokens))


def _tfidf(settings: TfidfFeatures) -> PlainTfidf:
    return PlainTfidf(
        sublinear_tf=True,
        strip_accents="unicode",
        analyzer=settings.analyzer,
        ngram_range=settings.ngrams,
        min_df=settings.min_documents,
        max_features=settings.max_features,
        stop_words=settings.stop_words,
        # scikit-learn's pattern drops one-letter words, and so the I of first-person pieces.
        token_pattern=r"(?u)\b\w+\b" if settings.analyzer == "word" else None,
    )


def _classifier(settings: ClassifierSettings, seed: int) -> Any:
    if isinstance(settings, LogisticRegressionSettings):
        # Newton's method takes a third of the time of scikit-learn's default on TF-IDF (benchmarks/speed.py).
        return LogisticRegression(C=settings.C, class_weight=settings.class_weight, solver="newton-cg", max_iter=500)
    if isinstance(settings, LinearSvmSettings):
        return ProbabilisticLinearSVC(C=settings.C, class_weight=settings.class_weight, random_state=seed)
    return ComplementNB(alpha=settings.alpha)
