from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save
from sklearn.linear_model import LogisticRegression

from models.conftest import ROWS
from models.kinds import CLASSIFIERS, FEATURES, majority, model, transformer
from newstance.bundle.answers import Article
from newstance.bundle.documents import Document
from newstance.bundle.members import Unit
from newstance.bundle.networks import Networks
from newstance.bundle.stored import ARRAYS, MODEL, SCHEME, StoredModel, load_task
from newstance.champion.graphs import write_graph
from newstance.champion.parts import Parts
from newstance.errors import NewstanceError
from newstance.files import write_json
from newstance.models import embeddings
from newstance.models.ensemble import EnsembleClassifier
from tiny_backbone import write_tiny_backbone

CODES = ["favor", "unclear", "neutral", "against"]  # not sorted as classes are, and with one that no article has
ALIASES = {"ferry": ["boat"]}
UNITS = pd.DataFrame(ROWS, columns=["title", "text", "target", "outlet", "stance"])
NEW = pd.DataFrame(
    [
        ["", "The boat was praised. Residents love the wonderful ferry and the bridge.", "ferry", "New Post"],
        ["Café costs", "", "bridge", "New Post"],
        ["Bridge", "Nothing that anyone has read before!", "tunnel", "New Post"],
    ],
    columns=["title", "text", "target", "outlet"],
)
WORDS = [FEATURES["words"], FEATURES["stop words"], FEATURES["words"] | {"field": "masked_sentences"}]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch

    torch.set_num_threads(1)
    return write_tiny_backbone(tmp_path_factory.mktemp("backbone"), layers=1)


def scheme() -> dict[str, Any]:
    labels = [{"code": code, "name": code, "definition": code} for code in CODES]
    about = {"name": "stance", "kind": "target-dependent", "title": "Stance", "annotations": "stances.csv"}
    return about | {"labels": labels}


def rebuilt(fitted: Any, folder: Path) -> np.ndarray:
    """Take a model apart, write the parts, read them, and return probabilities of all units by code."""
    parts = Parts(folder, CODES)
    write_json(folder / MODEL, StoredModel(temperature=1.0, model=parts.member(fitted)).model_dump(mode="json"))
    write_json(folder / SCHEME, scheme())
    for name, reading in parts.centers.items():
        parts.arrays[name] = np.zeros(parts.encoders[reading.encoder].module.config.hidden_size, dtype=np.float32)
    (folder / ARRAYS).write_bytes(save(parts.arrays))
    for encoder in parts.encoders.values():
        write_graph([encoder], 0, ["A ferry."], folder)
    _, member, _ = load_task(folder, "fp32")
    networks = Networks(folder, 1) if parts.encoders else None
    table = pd.concat([UNITS, NEW])
    found = np.zeros((len(table), len(CODES)))
    for row, unit in zip(found, table.itertuples(), strict=True):
        document = Document(Article(unit.title, unit.text), ALIASES)
        answers = networks.submit(member.requests(document, unit.target)) if networks else {}
        encoded = {request: answer.result(60) for request, answer in answers.items()}
        row[member.columns] = member.probabilities(Unit(document, unit.target, encoded))
    return found


def expected(fitted: Any) -> np.ndarray:
    table = pd.concat([UNITS, NEW])
    found = pd.DataFrame(fitted.predict_proba(table), columns=list(fitted.classes_))
    return found.reindex(columns=CODES, fill_value=0.0).to_numpy()


def fit(unfitted: Any, classes: int = 3) -> Any:
    units = UNITS if classes == 3 else UNITS[UNITS["stance"] != "neutral"]
    return unfitted.fit(units, units["stance"])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("classifier", list(CLASSIFIERS))
def test_linear_models_over_words_give_the_probabilities_that_they_gave(
    classifier: str, classes: int, tmp_path: Path
) -> None:
    fitted = fit(model(WORDS, CLASSIFIERS[classifier]), classes)
    assert len(fitted.classes_) == classes
    found = rebuilt(fitted, tmp_path)
    np.testing.assert_allclose(found, expected(fitted), atol=1e-5)
    assert np.ptp(found[:, 0]) > 0.1, "answers must differ for the comparison to mean something"


def test_the_majority_gives_the_shares_of_training(tmp_path: Path) -> None:
    found = rebuilt(fit(majority()), tmp_path)
    np.testing.assert_allclose(found, [[0.4, 0, 0.3, 0.3]] * len(found), atol=1e-6)


def test_an_ensemble_of_a_transformer_and_a_linear_model_over_words_and_an_encoder_gives_the_same(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "bfloat16_is_fast", lambda: False)  # where it is fast, frozen encoders round
    encoder = FEATURES["encoder"] | {"weight": 2.0}
    linear = fit(model([*WORDS, encoder], CLASSIFIERS["linear SVM"], backbone))
    of_two = fit(model([FEATURES["words"], encoder], CLASSIFIERS["logistic regression"], backbone), 2)
    tuned = fit(transformer(backbone, learning_rate=0.01, epochs=2))
    members = [linear, of_two, tuned]
    both = EnsembleClassifier(members, [0.3, 0.2, 0.5], [0.7, 1.0, 2.0])
    found = rebuilt(both, tmp_path)
    np.testing.assert_allclose(found, expected(both), atol=1e-4)
    assert np.ptp(found[:, 0]) > 0.05


@pytest.mark.parametrize("feature", ["characters", "category", "static", "sentiment"])
def test_a_feature_that_a_bundle_can_not_hold_is_refused_in_one_sentence(
    feature: str, backbone: str, tmp_path: Path
) -> None:
    unfit = model([FEATURES[feature]], CLASSIFIERS["logistic regression"], backbone)
    # Which feature it is shows before it is looked at what it has learnt.
    unfit.set_params(classifier=LogisticRegression().fit([[0.0], [1.0]], ["against", "favor"]))
    with pytest.raises(NewstanceError, match=r"can't be exported.*Choose another champion") as caught:
        Parts(tmp_path, CODES).member(unfit)
    assert "\n" not in str(caught.value)


def test_an_encoder_that_is_scaled_for_naive_bayes_is_refused(backbone: str, tmp_path: Path) -> None:
    unfit = fit(model([FEATURES["encoder"]], CLASSIFIERS["naive Bayes"], backbone))
    with pytest.raises(NewstanceError, match=r"FrozenEncoder, MinMaxScaler can't be exported"):
        Parts(tmp_path, CODES).member(unfit)


@pytest.mark.parametrize(
    "settings",
    [{"truncation": "windows"}, {"truncation": "head-tail"}, {"targets": "pair"}, {"targets": "shared"}],
    ids=str,
)
def test_a_transformer_that_reads_anything_but_the_head_of_an_article_is_refused(
    settings: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(NewstanceError, match=r"can't be exported.*Choose another champion") as caught:
        Parts(tmp_path, CODES).member(transformer("backbone", **settings))
    assert all(value in str(caught.value) for value in settings.values())


def test_an_ensemble_with_a_member_that_can_not_be_held_is_refused(tmp_path: Path) -> None:
    words = fit(model([FEATURES["words"]], CLASSIFIERS["linear SVM"]))
    both = EnsembleClassifier([words, transformer("backbone", targets="pair")], [0.5, 0.5], [1.0, 1.0])
    with pytest.raises(NewstanceError, match="targets 'pair'"):
        Parts(tmp_path, CODES).member(both)


def test_one_encoder_under_several_features_is_held_once(backbone: str, tmp_path: Path) -> None:
    title = FEATURES["encoder"] | {"field": "title"}
    parts = Parts(tmp_path, CODES)
    parts.member(fit(model([FEATURES["encoder"], title], CLASSIFIERS["linear SVM"], backbone)))
    assert len(parts.encoders) == 1
    assert {reading.field for reading in parts.centers.values()} == {"title", "target_sentences"}
