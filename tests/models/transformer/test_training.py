import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from models.transformer.news import classifier, fit, news
from newstance.models.transformer import training
from newstance.models.transformer.network import load_backbone

TABLE = news()
ONE_STEP = {"epochs": 1, "batch_size": 64, "warmup": 0, "weight_decay": 0, "dropout": 0}


@pytest.fixture
def full_precision(monkeypatch):
    """A processor on which bfloat16 isn't fast."""
    monkeypatch.setattr(training, "bfloat16_is_fast", lambda: False)


@pytest.fixture
def scored(monkeypatch):
    """Let the epochs have given scores; returns the network's weights after each of them."""
    weights = []

    def script(*scores):
        left = iter(scores)
        predict = training.predict_logits

        def watched(network, *args):
            weights.append({name: value.clone() for name, value in network.state_dict().items()})
            return predict(network, *args)

        monkeypatch.setattr(training, "predict_logits", watched)
        monkeypatch.setattr(training, "f1_score", lambda *_, **__: next(left))
        return weights

    return script


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def changes(backbone, fitted):
    """The largest change of each weight of the backbone, by name."""
    before = load_backbone(backbone, 0.0).state_dict()
    after = fitted.network_.backbone.state_dict()
    return {name: float((after[name] - before[name]).abs().max()) for name in after}


@pytest.mark.parametrize(
    ("scores", "patience", "trained", "best"),
    [
        ((0.5, 0.8, 0.6, 0.7), 2, 4, 2),
        ((0.5, 0.4, 0.6, 0.7, 0.2), 2, 5, 4),
        ((0.9, 0.9), 1, 2, 1),
        ((0.9, 0.1, 0.1, 0.1, 0.1), 9, 5, 1),
        ((0.1, 0.2, 0.3, 0.4, 0.5), 1, 5, 5),
    ],
)
def test_training_stops_when_it_gets_no_better_and_keeps_the_best_epoch(
    tiny_backbone, scored, scores, patience, trained, best
):
    weights = scored(*scores)
    fitted = fit(tiny_backbone, epochs=5, patience=patience)
    assert [one["macro_f1"] for one in fitted.history_["epochs"]] == list(scores)
    assert [one["epoch"] for one in fitted.history_["epochs"]] == list(range(1, trained + 1))
    assert fitted.history_["best_epoch"] == best
    kept = fitted.network_.state_dict()
    assert [equal(one, kept) for one in weights] == [number == best for number in range(1, trained + 1)]


def test_without_validation_all_epochs_are_trained_and_the_last_one_counts(tiny_backbone):
    fitted = classifier(tiny_backbone, epochs=3).fit(TABLE, TABLE["stance"])
    assert (fitted.history_["best_epoch"], fitted.history_["epochs"]) == (3, [])
    assert [point["step"] for point in fitted.history_["curve"]] == [4, 8, 10, 12]


def test_the_scores_of_epochs_are_those_of_the_predictions_on_validation(tiny_backbone, full_precision):
    fitted = fit(tiny_backbone, epochs=1)
    probabilities = fitted.predict_proba(TABLE)
    truth = TABLE["stance"].to_numpy()
    of_label = probabilities[np.arange(len(truth)), np.searchsorted(fitted.classes_, truth)]
    (epoch,) = fitted.history_["epochs"]
    assert epoch["log_loss"] == pytest.approx(-np.log(of_label).mean(), abs=1e-5)
    found = fitted.predict(TABLE)
    scores = [
        2 * ((found == one) & (truth == one)).sum() / ((found == one).sum() + (truth == one).sum())
        for one in set(truth)
    ]
    assert epoch["macro_f1"] == pytest.approx(np.mean(scores), abs=1e-6)


def test_the_monitor_sees_loss_scores_and_time_left(tiny_backbone):
    seen = []
    classifier(tiny_backbone).fit(TABLE, TABLE["stance"], validation=(TABLE, TABLE["stance"]), monitor=seen.append)
    assert [(one.step, sorted(one.metrics)) for one in seen] == [
        (4, ["learning_rate", "loss"]),
        (4, ["log_loss", "macro_f1"]),
        (8, ["learning_rate", "loss"]),
        (8, ["log_loss", "macro_f1"]),
    ]
    assert {one.steps for one in seen} == {8}
    assert all(math.isfinite(one.seconds_left) for one in seen)
    assert seen[0].seconds_left > 0 == seen[-1].seconds_left


@pytest.mark.parametrize("frozen", [1, 2, 3])
def test_frozen_layers_stay_as_they_are_while_the_others_learn(tiny_backbone, frozen):
    fitted = fit(tiny_backbone, frozen_layers=frozen)
    for name, change in changes(tiny_backbone, fitted).items():
        layer = int(name.split(".")[2]) if name.startswith("encoder.") else -1
        if layer < frozen:
            assert change == 0, name
        elif not name.endswith("key.bias"):  # which attention doesn't depend on
            assert change > 0, name


def test_kept_states_train_as_states_that_are_made_anew(tiny_backbone, monkeypatch):
    settings = {"targets": "shared", "auxiliary": "topic", "frozen_layers": 2, "epochs": 3}
    kept = fit(tiny_backbone, **settings)
    monkeypatch.setattr("newstance.models.transformer.batches.STATES_BYTES", 0)
    anew = fit(tiny_backbone, **settings)
    # Kept states are rounded to bfloat16, which has eight bits: 0.4 percent.
    assert np.allclose(kept.predict_proba(TABLE), anew.predict_proba(TABLE), atol=0.01)
    assert not np.array_equal(kept.predict_proba(TABLE), anew.predict_proba(TABLE))
    losses = [[point["loss"] for point in one.history_["curve"]] for one in (kept, anew)]
    assert np.allclose(*losses, rtol=0.01)


@pytest.mark.usefixtures("full_precision")
def test_frozen_layers_work_where_bfloat16_is_slow(tiny_backbone):
    kept = fit(tiny_backbone, frozen_layers=2)
    assert {value.dtype for value in kept.network_.state_dict().values()} == {torch.float32}
    assert np.allclose(kept.predict_proba(TABLE).sum(axis=1), 1)


def test_bfloat16_changes_training_little(tiny_backbone, monkeypatch):
    found = []
    for fast in (True, False):
        monkeypatch.setattr(training, "bfloat16_is_fast", lambda fast=fast: fast)
        found.append(fit(tiny_backbone, targets="pair").predict_proba(TABLE))
    assert np.allclose(*found, atol=0.02)
    assert not np.array_equal(*found)


@pytest.mark.usefixtures("full_precision")
def test_accumulated_batches_are_one_large_batch(tiny_backbone):
    large, small = (fit(tiny_backbone, dropout=0, batch_size=size, accumulation=8 // size) for size in (8, 2))
    assert np.allclose(large.predict_proba(TABLE), small.predict_proba(TABLE), atol=1e-3)
    losses = [[point["loss"] for point in one.history_["curve"]] for one in (large, small)]
    assert np.allclose(*losses, rtol=1e-3)


@pytest.mark.usefixtures("full_precision")
def test_each_layer_has_its_learning_rate(tiny_backbone):
    settings = ONE_STEP | {"learning_rate": 1e-2, "layer_decay": 0.1, "head_learning_rate": 0.5}
    fitted = classifier(tiny_backbone, **settings).fit(TABLE, TABLE["stance"])
    # The first step of Adam moves each weight that has a gradient by its learning rate.
    moved = changes(tiny_backbone, fitted)
    for layer, rate in enumerate([1e-4, 1e-3, 1e-2]):
        assert moved[f"encoder.layer.{layer}.output.dense.weight"] == pytest.approx(rate, rel=0.02)
    assert moved["embeddings.word_embeddings.weight"] == pytest.approx(1e-5, rel=0.05)
    other = classifier(tiny_backbone, **settings | {"head_learning_rate": 0.1}).fit(TABLE, TABLE["stance"])
    apart = fitted.network_.head.weight - other.network_.head.weight
    assert float(apart.detach().abs().max()) == pytest.approx(0.4, rel=0.02)


def test_the_learning_rate_rises_and_falls(tiny_backbone, monkeypatch):
    monkeypatch.setattr(training, "LOGGED_STEPS", 1)
    for schedule, middle in (("linear", 5e-4), ("cosine", 5e-4)):
        fitted = classifier(tiny_backbone, epochs=5, warmup=0.2, schedule=schedule).fit(TABLE, TABLE["stance"])
        rates = [point["learning_rate"] for point in fitted.history_["curve"]]
        assert rates[:5] == pytest.approx([0, 2.5e-4, 5e-4, 7.5e-4, 1e-3])
        assert rates[12] == pytest.approx(middle)
        assert all(later < earlier for earlier, later in pairwise(rates[4:]))
    assert rates[6] > 9.5e-4  # a cosine is flat at its top


def test_what_is_done_for_rare_classes_decides_how_likely_they_get(tiny_backbone):
    table = pd.DataFrame({"title": "News", "text": "It rained."}, index=range(16))
    labels = ["rare"] * 4 + ["usual"] * 12
    settings = {"frozen_layers": 3, "epochs": 40, "batch_size": 16, "dropout": 0, "head_learning_rate": 0.1}
    found = {}
    for balance in ("none", "weights", "logit-adjustment"):
        fitted = classifier(tiny_backbone, balance=balance, **settings).fit(table, labels)
        found[balance] = fitted.predict_proba(table)[0, 0]
    # Texts say nothing here. Weights are inverse to the square root of 1/4 and 3/4.
    assert found["none"] == pytest.approx(0.25, abs=0.03)
    assert found["weights"] == pytest.approx(math.sqrt(0.25) / (math.sqrt(0.25) + math.sqrt(0.75)), abs=0.03)
    assert found["logit-adjustment"] == pytest.approx(0.5, abs=0.03)


def test_label_smoothing_keeps_probabilities_from_the_ends(tiny_backbone):
    table = pd.DataFrame({"title": "News", "text": ["It rained.", "The mayor praised the ferry."] * 8})
    settings = {"frozen_layers": 3, "epochs": 30, "batch_size": 16, "dropout": 0, "head_learning_rate": 0.3}
    sharp, smooth = (
        classifier(tiny_backbone, label_smoothing=share, **settings).fit(table, ["wet", "dry"] * 8).predict_proba(table)
        for share in (0, 0.4)
    )
    assert sharp.max() > 0.95
    assert smooth.max() == pytest.approx(0.8, abs=0.05)
