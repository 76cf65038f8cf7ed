import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from models.kinds import CLASSIFIERS, FEATURES, SVM, majority, model, transformer
from newstance.errors import NewstanceError
from newstance.files import read_json, write_json
from newstance.models.ensemble import EnsembleClassifier
from newstance.models.persistence import MODEL_FILE, load, save


@pytest.fixture
def saved(articles, tmp_path) -> Path:
    """A folder with a small model."""
    folder = tmp_path / "model"
    save(model([FEATURES["words"]], SVM).fit(articles, articles["stance"]), folder)
    return folder


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("feature", FEATURES)
def test_a_loaded_model_gives_equal_probabilities(articles, small_backbone, tmp_path, feature, classifier):
    fitted = model([FEATURES[feature]], CLASSIFIERS[classifier], small_backbone).fit(articles, articles["stance"])
    expected = fitted.predict_proba(articles)
    save(fitted, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    assert loaded.predict_proba(articles).tolist() == expected.tolist()


def test_a_model_of_all_features_survives_and_holds_no_pickle_and_no_weights(articles, small_backbone, tmp_path):
    fitted = model([*FEATURES.values()], SVM, small_backbone).fit(articles, articles["stance"])
    expected = fitted.predict_proba(articles)
    save(fitted, tmp_path / "model")
    assert load(tmp_path / "model").predict_proba(articles).tolist() == expected.tolist()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", MODEL_FILE]
    assert (tmp_path / "model" / MODEL_FILE).stat().st_size < 1_000_000
    with zipfile.ZipFile(tmp_path / "model" / MODEL_FILE) as archive:
        names = archive.namelist()
        assert {Path(name).suffix for name in names} <= {".json", ".npy", ".npz"}
        for name in names:
            if not name.endswith(".json"):
                np.load(io.BytesIO(archive.read(name)), allow_pickle=False)  # would raise for pickled objects


def test_a_majority_model_survives(articles, tmp_path):
    save(majority().fit(articles, articles["stance"]), tmp_path / "model")
    assert np.allclose(load(tmp_path / "model").predict_proba(articles), [0.3, 0.4, 0.3])


def test_a_model_saved_again_is_the_same_model(saved, articles, tmp_path):
    loaded = load(saved)
    save(loaded, tmp_path / "again")
    assert load(tmp_path / "again").predict_proba(articles).tolist() == loaded.predict_proba(articles).tolist()


def test_a_saved_model_can_be_moved(saved, articles, tmp_path):
    expected = load(saved).predict(articles).tolist()
    shutil.move(saved, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").predict(articles).tolist() == expected


def test_the_description_names_kind_classes_and_steps(saved):
    assert read_json(saved / "model.json") == {
        "kind": "pipeline",
        "classes": ["against", "favor", "neutral"],
        "steps": ["features", "classifier"],
    }


def test_saving_replaces_the_model_that_is_there(saved, articles):
    save(majority().fit(articles, articles["stance"]), saved)
    assert np.allclose(load(saved).predict_proba(articles), [0.3, 0.4, 0.3])


def test_a_failed_save_leaves_the_old_model_and_nothing_else(saved, articles):
    with pytest.raises(AttributeError):
        save(model([FEATURES["words"]], SVM), saved)  # not fitted
    assert len(load(saved).predict(articles)) == len(articles)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(NewstanceError, match=r"model\.json is missing"):
        load(tmp_path)


def test_a_folder_without_the_pipeline_is_refused(saved):
    (saved / MODEL_FILE).unlink()
    with pytest.raises(NewstanceError, match="can't be loaded as a newstance model"):
        load(saved)


def test_a_damaged_file_is_refused_wherever_it_is_damaged(saved):
    path = saved / MODEL_FILE
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        inside = [entry.header_offset + 60 + entry.compress_size // 2 for entry in archive.infolist()]
    damaged = [b"", b"no archive", whole[: len(whole) // 2], whole[:-30]]
    damaged += [whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :] for place in inside]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(NewstanceError, match="can't be loaded as a newstance model"):
            load(saved)


@pytest.mark.parametrize("schema", ["", "[]", "{}", '{"__loader__": "ObjectNode"}'])
def test_an_archive_of_something_else_is_refused(saved, schema):
    with zipfile.ZipFile(saved / MODEL_FILE, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(NewstanceError, match="can't be loaded as a newstance model"):
        load(saved)


def test_a_file_with_a_foreign_type_is_refused_by_name(saved):
    skops.io.dump(Pipeline([("files", FunctionTransformer(shutil.rmtree))]), saved / MODEL_FILE)
    with pytest.raises(NewstanceError, match=r"shutil\.rmtree"):
        load(saved)


def test_a_file_with_no_pipeline_is_refused(saved):
    skops.io.dump(["a", "list"], saved / MODEL_FILE)
    with pytest.raises(NewstanceError, match="holds a list, not a newstance model"):
        load(saved)


def test_a_description_that_is_no_json_is_refused(saved):
    (saved / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"model\.json is not valid JSON"):
        load(saved)


@pytest.fixture
def ensemble(articles, tiny_backbone) -> EnsembleClassifier:
    """A small model and a transformer that doesn't know the label neutral, combined."""
    svm = model([FEATURES["words"]], SVM).fit(articles, articles["stance"])
    some = articles[articles["stance"] != "neutral"]
    return EnsembleClassifier([svm, transformer(tiny_backbone).fit(some, some["stance"])], [0.7, 0.3], [1.5, 0.8])


def test_a_loaded_transformer_gives_equal_probabilities(articles, tiny_backbone, tmp_path):
    fitted = transformer(tiny_backbone, targets="shared").fit(articles, articles["stance"])
    save(fitted, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.predict_proba(articles).tolist() == fitted.predict_proba(articles).tolist()
    assert loaded.get_params() == fitted.get_params()
    assert read_json(tmp_path / "model/model.json") == {
        "kind": "transformer",
        "classes": ["against", "favor", "neutral"],
    }


def test_a_loaded_ensemble_gives_equal_probabilities(articles, ensemble, tmp_path):
    save(ensemble, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.classes_.tolist() == ["against", "favor", "neutral"]
    assert loaded.predict_proba(articles).tolist() == ensemble.predict_proba(articles).tolist()
    assert (loaded.weights, loaded.temperatures) == ([0.7, 0.3], [1.5, 0.8])
    assert read_json(tmp_path / "model/model.json")["kind"] == "ensemble"
    save(loaded, tmp_path / "again")
    assert load(tmp_path / "again").predict_proba(articles).tolist() == ensemble.predict_proba(articles).tolist()


@pytest.mark.parametrize("part", ["transformer/model.safetensors", "transformer/classifier.json", "model.json"])
def test_an_ensemble_without_a_part_of_a_member_is_refused(ensemble, tmp_path, part):
    save(ensemble, tmp_path / "model")
    (tmp_path / "model/members/1" / part).unlink()
    with pytest.raises(NewstanceError, match=r"members/1"):
        load(tmp_path / "model")


def test_a_model_of_an_unknown_kind_is_refused(saved):
    write_json(saved / "model.json", {"kind": "oracle", "classes": []})
    with pytest.raises(NewstanceError, match=r"model\.json: key 'kind' says 'oracle', which newstance doesn't write"):
        load(saved)


def test_a_failed_save_of_an_ensemble_leaves_nothing(articles, ensemble, tmp_path):
    ensemble.members.append(majority())  # not fitted
    with pytest.raises(AttributeError):
        save(ensemble, tmp_path / "model")
    assert not list(tmp_path.glob("*model*"))
