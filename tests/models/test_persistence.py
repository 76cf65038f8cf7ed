import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from models.kinds import CLASSIFIERS, FEATURES, SVM, majority, model
from newstance.errors import NewstanceError
from newstance.files import read_json
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


def test_the_description_names_classes_and_steps(saved):
    assert read_json(saved / "model.json") == {
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
