"""The quick models that choose: of different families, so that they can disagree."""

from __future__ import annotations

from newstance.models.settings import (
    EncoderFeatures,
    FeatureSettings,
    LinearModel,
    LinearSvmSettings,
    LogisticRegressionSettings,
    NaiveBayesSettings,
    TfidfFeatures,
)
from newstance.scheme import Scheme

LEARNER = "encoder"


def committee(scheme: Scheme) -> dict[str, LinearModel]:
    """Return the models that disagree, by short names; the one called `LEARNER` is also who is uncertain.

    Texts are embedded with the lengths of the experiments with a frozen encoder, so that they share embeddings.
    """
    words: tuple[FeatureSettings, ...] = (TfidfFeatures(field="article"),)
    vectors: tuple[FeatureSettings, ...] = (EncoderFeatures(field="article", max_tokens=256),)
    if scheme.has_targets:
        # Targets are few at first, and may share no word at all: every word of theirs counts.
        words += (TfidfFeatures(field="target", min_documents=1), TfidfFeatures(field="masked_sentences"))
        vectors += (
            EncoderFeatures(field="target", max_tokens=32),
            EncoderFeatures(field="target_sentences", max_tokens=128),
        )
    return {
        LEARNER: LinearModel(kind="linear", features=vectors, classifier=LogisticRegressionSettings(C=10)),
        "svm": LinearModel(kind="linear", features=words, classifier=LinearSvmSettings(C=0.5)),
        "bayes": LinearModel(kind="linear", features=words, classifier=NaiveBayesSettings(alpha=0.1)),
    }
