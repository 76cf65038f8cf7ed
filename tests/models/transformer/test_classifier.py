import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict

from models.transformer.news import KINDS, classifier, fit, news
from newstance.errors import NewstanceError
from newstance.models.transformer import TransformerClassifier
from newstance.models.transformer.classifier import WEIGHTS
from tiny_backbone import POSITIONS, write_tiny_backbone

FAST = {"learning_rate": 1e-2, "head_learning_rate": 1e-2}
STANCES = ["against", "favor", "neutral"]
TABLE = news()
ODD = pd.DataFrame(
    [
        ("Long", "The ferry left the harbour and a bridge stays. " * 11_200, "ferry"),
        ("", "", "ferry"),
        ("🛳️", "🛳️🌊 🎉🎉🎉 🇮🇪", "🛳️"),
        ("Паром", "Мэр похвалил паром. 市长批评了大桥。 ولم تذكر الصحيفة شيئا.", "大桥"),
        ("No target", "It rained. Nobody came.", ""),
        ("Long target", "A name of many words.", "the council of the old harbour and the new island " * 9),
    ],
    columns=["title", "text", "target"],
)


@pytest.fixture(scope="session")
def of_kind(tiny_backbone):
    """Fitted classifiers by name in KINDS, each of them fitted once."""
    return cache(lambda kind: fit(tiny_backbone, **KINDS[kind]))


@pytest.fixture
def saved(of_kind, tmp_path) -> Path:
    of_kind("article").save(tmp_path / "model")
    return tmp_path / "model"


def assert_probabilities(probabilities, rows):
    assert probabilities.shape == (rows, len(STANCES))
    assert probabilities.dtype == np.float64
    assert (probabilities > 0).all()
    assert np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_classifier_predicts_the_same_when_loaded(of_kind, tmp_path, kind):
    fitted = of_kind(kind)
    fitted.save(tmp_path / "model")
    loaded = TransformerClassifier.load(tmp_path / "model")
    assert loaded.classes_.tolist() == fitted.classes_.tolist() == STANCES
    assert loaded.get_params() == fitted.get_params()
    assert loaded.history_ == fitted.history_
    assert loaded.predict_proba(TABLE).tolist() == fitted.predict_proba(TABLE).tolist()
    assert loaded.predict(TABLE).tolist() == fitted.predict(TABLE).tolist()
    if fitted.auxiliary:
        assert loaded.predict_auxiliary_proba(TABLE).tolist() == fitted.predict_auxiliary_proba(TABLE).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_neither_padding_nor_batch_size_changes_predictions(of_kind, monkeypatch, kind):
    fitted = of_kind(kind)
    long = TABLE.head(4).assign(text=lambda table: table["text"] + " It is a plain budget of the council." * 4)
    table = pd.concat([TABLE, long], ignore_index=True)
    together = fitted.predict_proba(table)
    assert_probabilities(together, len(table))
    alone = np.concatenate([fitted.predict_proba(table.iloc[[row]]) for row in range(len(table))])
    monkeypatch.setattr("newstance.models.transformer.classifier.PREDICT_BATCH", 3)
    assert np.abs(alone - together).max() < 1e-4
    assert np.abs(fitted.predict_proba(table) - together).max() < 1e-4
    assert np.ptp(together, axis=0).max() > 1e-3  # rows differ by more than that


@pytest.mark.parametrize("kind", KINDS)
def test_long_empty_and_foreign_texts_are_predicted(of_kind, kind):
    assert len(ODD["text"][0].split()) > 100_000
    assert_probabilities(of_kind(kind).predict_proba(ODD), len(ODD))


def test_a_table_without_rows_gives_no_predictions(of_kind):
    assert_probabilities(of_kind("pair").predict_proba(TABLE.head(0)), 0)
    assert of_kind("shared, auxiliary").predict_auxiliary_proba(TABLE.head(0)).shape == (0, 3)


@pytest.mark.parametrize("targets", ["pair", "shared"])
def test_the_stance_toward_each_target_of_an_article_is_learnt(tiny_backbone, targets):
    table = TABLE.assign(text=TABLE["text"].str.split("today. ").str[-1])
    # Slower than FAST, with which random weights sometimes learn no more than the commonest label.
    learner = classifier(
        tiny_backbone, targets=targets, epochs=80, learning_rate=3e-3, head_learning_rate=1e-2, dropout=0
    )
    found = learner.fit(table, table["stance"]).predict(table)
    assert table["stance"].value_counts(normalize=True).max() < 0.5
    assert (found == table["stance"]).mean() > 0.7


def test_the_auxiliary_label_is_learnt_too(tiny_backbone):
    learner = classifier(tiny_backbone, targets="shared", auxiliary="topic", epochs=12, dropout=0, **FAST)
    fitted = learner.fit(TABLE, TABLE["stance"])
    found = fitted.auxiliary_classes_[fitted.predict_auxiliary_proba(TABLE).argmax(axis=1)]
    assert TABLE["topic"].value_counts(normalize=True).max() < 0.4
    assert (found == TABLE["topic"]).mean() > 0.8


@pytest.mark.parametrize("nothing", [None, np.nan])
def test_articles_without_an_auxiliary_label_train_the_first_one_alone(tiny_backbone, nothing):
    some = TABLE.assign(topic=TABLE["topic"].astype(object).where(TABLE["topic"] == "politics", nothing))
    fitted = fit(tiny_backbone, some, targets="shared", auxiliary="topic", epochs=1)
    assert fitted.auxiliary_classes_.tolist() == ["politics"]
    assert_probabilities(fitted.predict_proba(some), len(some))


def test_without_any_auxiliary_label_training_is_that_of_the_first_one(of_kind, tiny_backbone):
    fitted = fit(tiny_backbone, TABLE.assign(topic=None), targets="shared", auxiliary="topic")
    assert fitted.predict_proba(TABLE).tolist() == of_kind("shared").predict_proba(TABLE).tolist()


@given(order=st.permutations(range(len(TABLE))), kept=st.integers(1, len(TABLE)))
@settings(max_examples=15)
def test_targets_of_one_article_are_read_together_and_answered_in_the_order_of_rows(of_kind, order, kept):
    rows = order[:kept]
    for kind in ("shared", "pair"):
        expected = of_kind(kind).predict_proba(TABLE)[rows]
        found = of_kind(kind).predict_proba(TABLE.iloc[rows])
        assert np.allclose(found, expected, atol=1e-5)


def test_a_repeated_row_is_answered_twice(of_kind):
    twice = pd.concat([TABLE.head(3), TABLE.head(3)])
    found = of_kind("shared").predict_proba(twice)
    assert np.allclose(found[:3], found[3:], atol=1e-6)


def test_only_titles_texts_and_targets_count(of_kind):
    odd = TABLE.set_index(TABLE.index * 7 - 3).assign(article_id="same", stance=None, note=1)
    for kind in ("article", "pair", "shared"):
        assert of_kind(kind).predict_proba(odd).tolist() == of_kind(kind).predict_proba(TABLE).tolist()


@pytest.mark.parametrize("kind", ["article", "head-tail", "windows"])
def test_a_target_that_is_not_asked_for_changes_nothing(of_kind, kind):
    shorter = TABLE.drop(columns="target")
    assert of_kind(kind).predict_proba(shorter).tolist() == of_kind(kind).predict_proba(TABLE).tolist()


def test_the_same_settings_and_seed_predict_the_same_whatever_ran_before(tiny_backbone):
    settings = {"targets": "shared", "auxiliary": "topic", "frozen_layers": 1, "epochs": 1}
    first = fit(tiny_backbone, **settings)
    fit(tiny_backbone, news(10, seed=3), targets="pair", seed=7, epochs=1).predict_proba(TABLE)
    again = fit(tiny_backbone, **settings)
    assert again.predict_proba(TABLE).tolist() == first.predict_proba(TABLE).tolist()
    assert again.history_ == first.history_
    another = fit(tiny_backbone, **settings | {"seed": 1})
    assert another.predict_proba(TABLE).tolist() != first.predict_proba(TABLE).tolist()


def test_a_clone_has_the_parameters_and_nothing_that_was_learnt(of_kind):
    fitted = of_kind("pair, mentions-first")
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert copy.get_params()["aliases"] == {"ferry": ["tram"]}
    with pytest.raises(NotFittedError):
        copy.predict_proba(TABLE)


def test_cross_validation_works(tiny_backbone):
    unfitted = classifier(tiny_backbone, targets="pair", epochs=1)
    assert_probabilities(cross_val_predict(unfitted, TABLE, TABLE["stance"], cv=2, method="predict_proba"), len(TABLE))


def test_validation_labels_that_training_lacks_are_left_out(tiny_backbone):
    train = TABLE[TABLE["stance"] != "neutral"]
    unfitted = classifier(tiny_backbone, epochs=1)
    with_all = clone(unfitted).fit(train, train["stance"], validation=(TABLE, TABLE["stance"]))
    with_known = clone(unfitted).fit(train, train["stance"], validation=(train, train["stance"]))
    assert with_all.classes_.tolist() == ["against", "favor"]
    assert with_all.history_ == with_known.history_
    unknown = TABLE.assign(stance="mixed")
    with pytest.raises(NewstanceError, match="validation data have no label that the training data have"):
        clone(unfitted).fit(train, train["stance"], validation=(unknown, unknown["stance"]))


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"targets": "pairs"}, "targets: Input should be 'pair' or 'shared'"),
        ({"truncation": "tail"}, "truncation: Input should be 'head'"),
        ({"truncation": "mentions-first"}, "use it with targets 'pair'"),
        ({"truncation": "windows", "targets": "shared"}, "use 'head' or 'head-tail'"),
        ({"auxiliary": "topic"}, "beside targets 'shared' only"),
        ({"balance": "equal"}, "balance: Input should be 'none'"),
        ({"epochs": 0}, "epochs: Input should be greater than or equal to 1"),
        ({"max_tokens": POSITIONS + 1}, f"max_tokens is {POSITIONS + 1}, but backbone .* reads {POSITIONS} at most"),
        ({"frozen_layers": 4}, "frozen_layers is 4, but the backbone has 3 layers"),
    ],
)
def test_a_wrong_parameter_is_one_clear_error(tiny_backbone, parameters, problem):
    with pytest.raises(NewstanceError, match=problem) as error:
        classifier(tiny_backbone, **parameters).fit(TABLE, TABLE["stance"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "column"),
    [("article", "text"), ("pair", "target"), ("pair, mentions-first", "title"), ("shared", "target")],
)
def test_a_missing_column_is_named(of_kind, kind, column):
    with pytest.raises(NewstanceError, match=rf"column\(s\) {column}, which"):
        of_kind(kind).predict_proba(TABLE.drop(columns=column))


def test_training_needs_articles_and_the_auxiliary_column(tiny_backbone):
    with pytest.raises(NewstanceError, match="no article to train on"):
        classifier(tiny_backbone).fit(TABLE.head(0), [])
    with pytest.raises(NewstanceError, match="learns the column 'topic' too, which its input doesn't have"):
        fit(tiny_backbone, TABLE.drop(columns="topic"), targets="shared", auxiliary="topic")


def test_a_backbone_in_half_precision_is_trained_and_saved_in_full(tiny_backbone, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(tiny_backbone, folder)
    weights = {name: value.half() for name, value in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    fitted = fit(str(folder), epochs=1)
    assert {value.dtype for value in fitted.network_.state_dict().values()} == {torch.float32}
    fitted.save(tmp_path / "model")
    loaded = TransformerClassifier.load(tmp_path / "model")
    assert loaded.predict_proba(TABLE).tolist() == fitted.predict_proba(TABLE).tolist()


def test_another_kind_of_encoder_is_trained_whole_and_not_frozen(tmp_path):
    backbone = write_tiny_backbone(tmp_path / "distilbert", kind="distilbert", layers=2)
    assert_probabilities(fit(backbone, epochs=1).predict_proba(TABLE), len(TABLE))
    with pytest.raises(NewstanceError, match="Layers of a 'distilbert' backbone can't be frozen; use frozen_layers: 0"):
        fit(backbone, frozen_layers=1)


def without(name):
    return lambda folder: (folder / name).unlink()


def overwritten(name, content):
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        without("config.json"),
        without(WEIGHTS),
        without("tokenizer.json"),
        overwritten("config.json", b"{"),
        overwritten("config.json", b'{"model_type": "unheard-of"}'),
        overwritten("tokenizer.json", b"{}"),
        overwritten(WEIGHTS, b""),
        overwritten(WEIGHTS, b"\x10\x00\x00\x00\x00\x00\x00\x00no weights"),
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1000]),
        lambda folder: save_file({"other": torch.zeros(2)}, folder / WEIGHTS, metadata={"format": "pt"}),
    ],
)
def test_a_damaged_backbone_is_one_clear_error(tiny_backbone, tmp_path, damage):
    folder = tmp_path / "backbone"
    shutil.copytree(tiny_backbone, folder)
    damage(folder)
    with pytest.raises(NewstanceError, match=f"^Backbone '{folder}' can't be loaded from {folder}: ") as error:
        fit(str(folder))
    assert "\n" not in str(error.value)


def test_an_unknown_backbone_is_one_clear_error_when_offline(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(NewstanceError, match="Backbone 'nobody/nothing' is no local folder and no installed package"):
        fit("nobody/nothing")


def test_a_saved_classifier_holds_no_pickle_and_needs_no_backbone(tiny_backbone, tmp_path):
    backbone = tmp_path / "backbone"
    shutil.copytree(tiny_backbone, backbone)
    fitted = fit(str(backbone), epochs=1)
    fitted.save(tmp_path / "model")
    expected = fitted.predict_proba(TABLE).tolist()
    shutil.rmtree(backbone)
    assert TransformerClassifier.load(tmp_path / "model").predict_proba(TABLE).tolist() == expected
    suffixes = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".txt"}


def test_what_was_never_fitted_is_not_saved(tiny_backbone, tmp_path):
    with pytest.raises(NotFittedError):
        classifier(tiny_backbone).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        without(WEIGHTS),
        without("classifier.json"),
        without("backbone/config.json"),
        overwritten(WEIGHTS, b"no weights"),
        overwritten("classifier.json", b"{}"),
        overwritten("classifier.json", b"[]"),
        overwritten("classifier.json", b"{"),
        overwritten("classifier.json", b'{"parameters": {"colour": 1}}'),
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100]),
        lambda folder: save_file({"head.weight": torch.zeros(2)}, folder / WEIGHTS),
    ],
)
def test_a_damaged_saved_classifier_is_one_clear_error(saved, damage):
    damage(saved)
    with pytest.raises(NewstanceError, match=str(saved)) as error:
        TransformerClassifier.load(saved)
    assert "\n" not in str(error.value)
