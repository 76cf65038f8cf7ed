import re

import pytest
from pydantic import TypeAdapter

from newstance.errors import NewstanceError
from newstance.files import read_settings
from newstance.models.settings import (
    DEFAULT_BACKBONE,
    EncoderFeatures,
    EnsembleModel,
    LinearModel,
    LinearSvmSettings,
    LogisticRegressionSettings,
    MajorityModel,
    ModelSettings,
    NaiveBayesSettings,
    StaticFeatures,
    TfidfFeatures,
    TransformerModel,
)
from newstance.models.transformer import TransformerClassifier
from newstance.scheme import Strict


class Experiment(Strict):
    """The part of an experiment that is about the model."""

    model: ModelSettings


WHOLE = """
model:
  kind: linear
  features:
    - {kind: tfidf, field: article, ngrams: [1, 2], stop_words: english}
    - {kind: category, column: outlet}
    - {kind: static, field: text}
    - {kind: encoder, field: target_sentences, max_tokens: 128, weight: 2}
    - {kind: sentiment, field: masked_sentences}
  classifier: {kind: linear-svm, C: 0.5, class_weight: null}
"""


def read(tmp_path, text):
    path = tmp_path / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, Experiment).model


def test_a_whole_model_is_read(tmp_path):
    model = read(tmp_path, WHOLE)
    assert isinstance(model, LinearModel)
    assert [feature.kind for feature in model.features] == ["tfidf", "category", "static", "encoder", "sentiment"]
    assert model.features[0] == TfidfFeatures(field="article", ngrams=(1, 2), stop_words="english")
    assert model.features[2] == StaticFeatures(field="text", backbone=DEFAULT_BACKBONE, dimensions=256)
    assert model.features[3] == EncoderFeatures(field="target_sentences", max_tokens=128, weight=2.0)
    assert model.classifier == LinearSvmSettings(C=0.5, class_weight=None)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("logistic-regression", LogisticRegressionSettings()),
        ("linear-svm", LinearSvmSettings()),
        ("complement-naive-bayes", NaiveBayesSettings()),
    ],
)
def test_classifiers_have_defaults(tmp_path, kind, settings):
    text = f"model: {{kind: linear, features: [{{kind: category, column: outlet}}], classifier: {{kind: {kind}}}}}"
    assert read(tmp_path, text).classifier == settings


def test_class_imbalance_is_weighed_unless_said_otherwise():
    assert LogisticRegressionSettings().class_weight == LinearSvmSettings().class_weight == "balanced"


def test_a_majority_model_has_no_settings(tmp_path):
    assert read(tmp_path, "model: {kind: majority}") == MajorityModel(kind="majority")
    with pytest.raises(NewstanceError, match=r"unknown key 'model\.majority\.features'"):
        read(tmp_path, "model: {kind: majority, features: []}")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "field: article,",
            "field: article, min_document: 3,",
            "unknown key 'model.linear.features.0.tfidf.min_document'",
        ),
        ("C: 0.5", "c: 0.5", "unknown key 'model.linear.classifier.linear-svm.c'"),
        ("features:", "feature:", "unknown key 'model.linear.feature'"),
        ("features:", "feature:", "key 'model.linear.features' is missing"),
        ("kind: tfidf", "kind: tf-idf", "key 'model.linear.features.0'"),
        ("kind: linear-svm", "kind: svm", "key 'model.linear.classifier'"),
        ("kind: linear\n", "kind: tree\n", "key 'model'"),
        ("  kind: linear\n", "", "key 'model'"),
        ("field: article", "field: body", "key 'model.linear.features.0.tfidf.field'"),
        ("field: article, ", "", "key 'model.linear.features.0.tfidf.field' is missing"),
        ("ngrams: [1, 2]", "ngrams: [2, 1]", "key 'model.linear.features.0.tfidf.ngrams'"),
        ("ngrams: [1, 2]", "ngrams: [0, 1]", "key 'model.linear.features.0.tfidf.ngrams'"),
        ("ngrams: [1, 2]", "ngrams: 2", "key 'model.linear.features.0.tfidf.ngrams'"),
        ("stop_words: english", "stop_words: german", "key 'model.linear.features.0.tfidf.stop_words'"),
        ("max_tokens: 128", "max_tokens: 1000", "key 'model.linear.features.3.encoder.max_tokens'"),
        ("weight: 2", "weight: 0", "key 'model.linear.features.3.encoder.weight'"),
        ("C: 0.5", "C: 0", "key 'model.linear.classifier.linear-svm.C'"),
        ("C: 0.5", "C: much", "key 'model.linear.classifier.linear-svm.C'"),
        ("class_weight: null", "class_weight: equal", "key 'model.linear.classifier.linear-svm.class_weight'"),
    ],
)
def test_a_mistake_is_an_error_that_names_the_file_and_the_key(tmp_path, old, new, problem):
    assert WHOLE.count(old) == 1
    with pytest.raises(NewstanceError, match=re.escape(problem)) as error:
        read(tmp_path, WHOLE.replace(old, new))
    assert "experiment.yaml: " in str(error.value)


def test_a_model_without_features_is_refused(tmp_path):
    text = "model: {kind: linear, features: [], classifier: {kind: linear-svm}}"
    with pytest.raises(NewstanceError, match=r"key 'model\.linear\.features'"):
        read(tmp_path, text)


def test_settings_survive_json(tmp_path):
    model = read(tmp_path, WHOLE)
    adapter = TypeAdapter(ModelSettings)
    assert adapter.validate_json(adapter.dump_json(model)) == model


def test_a_transformer_is_read_and_the_defaults_are_those_of_the_classifier(tmp_path):
    model = read(tmp_path, "model: {kind: transformer, targets: pair, truncation: mentions-first, frozen_layers: 3}")
    assert isinstance(model, TransformerModel)
    assert (model.targets, model.truncation, model.frozen_layers) == ("pair", "mentions-first", 3)
    defaults = TransformerClassifier().get_params()
    assert set(defaults) - set(TransformerModel.model_fields) == {"aliases", "seed"}
    plain = TransformerModel(kind="transformer").model_dump(exclude={"kind", "pretraining"})
    assert plain == {name: value for name, value in defaults.items() if name in plain}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("targets: pairs", "key 'model.transformer.targets'"),
        ("truncation: tail", "key 'model.transformer.truncation'"),
        ("truncation: mentions-first", "use it with targets 'pair'"),
        ("truncation: mentions-first, targets: shared", "use it with targets 'pair'"),
        ("truncation: windows, targets: shared", "use 'head' or 'head-tail'"),
        ("auxiliary: topic", "beside targets 'shared' only"),
        ("auxiliary: topic, targets: pair", "beside targets 'shared' only"),
        ("max_tokens: 8", "key 'model.transformer.max_tokens'"),
        ("frozen_layers: -1", "key 'model.transformer.frozen_layers'"),
        ("epochs: 0", "key 'model.transformer.epochs'"),
        ("patience: 0", "key 'model.transformer.patience'"),
        ("batch_size: 0", "key 'model.transformer.batch_size'"),
        ("accumulation: 0", "key 'model.transformer.accumulation'"),
        ("learning_rate: 0", "key 'model.transformer.learning_rate'"),
        ("head_learning_rate: -0.1", "key 'model.transformer.head_learning_rate'"),
        ("layer_decay: 1.1", "key 'model.transformer.layer_decay'"),
        ("layer_decay: 0", "key 'model.transformer.layer_decay'"),
        ("weight_decay: -1", "key 'model.transformer.weight_decay'"),
        ("warmup: 1", "key 'model.transformer.warmup'"),
        ("schedule: constant", "key 'model.transformer.schedule'"),
        ("dropout: 1", "key 'model.transformer.dropout'"),
        ("label_smoothing: 1", "key 'model.transformer.label_smoothing'"),
        ("balance: balanced", "key 'model.transformer.balance'"),
        ("seed: 1", "unknown key 'model.transformer.seed'"),
        ("learning_rate: .nan", "key 'model.transformer.learning_rate'"),
    ],
)
def test_a_mistake_in_a_transformer_is_named(tmp_path, settings, problem):
    with pytest.raises(NewstanceError, match=re.escape(problem)):
        read(tmp_path, f"model: {{kind: transformer, {settings}}}")


@pytest.mark.parametrize("targets", ["pair", "shared", "null"])
@pytest.mark.parametrize("truncation", ["head", "head-tail"])
def test_heads_and_tails_can_be_read_with_and_without_targets(tmp_path, targets, truncation):
    text = f"model: {{kind: transformer, targets: {targets}, truncation: {truncation}}}"
    assert read(tmp_path, text).truncation == truncation


def test_an_ensemble_names_its_members(tmp_path):
    model = read(tmp_path, "model: {kind: ensemble, members: [topic-svm, topic-bert], weight: 0.3}")
    assert model == EnsembleModel(kind="ensemble", members=("topic-svm", "topic-bert"), weight=0.3)
    assert read(tmp_path, "model: {kind: ensemble, members: [a, b, c]}").weight == 0.5


@pytest.mark.parametrize(
    "settings", ["members: [alone]", "members: [a, b], weight: 0", "members: [a, b], weight: 1", ""]
)
def test_a_mistake_in_an_ensemble_is_named(tmp_path, settings):
    key = "weight" if "weight" in settings else "members"
    with pytest.raises(NewstanceError, match=rf"key 'model\.ensemble\.{key}'"):
        read(tmp_path, f"model: {{kind: ensemble, {settings}}}")
