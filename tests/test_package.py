import shutil

import pytest

import newstance
from newstance import load_champion
from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.errors import NewstanceError
from tiny_bundle import CHAMPIONS


@pytest.fixture
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
def test_the_champions_are_loaded_from_a_folder(tiny_bundles, kind):
    bundle = load_champion(kind(tiny_bundles.merged))
    assert isinstance(bundle, Bundle)
    assert set(bundle.schemes) == set(CHAMPIONS)
    assert bundle.predict([Article("Short", "A few words.")])[0].abstain.reason == "too-short"


def test_without_a_folder_they_are_loaded_from_where_export_writes_them(tiny_bundles, working_directory):
    shutil.copytree(tiny_bundles.single["view"], working_directory / "bundle")
    assert set(load_champion().schemes) == {"view"}


@pytest.mark.parametrize("path", [None, "elsewhere"])
def test_where_there_is_none_one_sentence_names_the_command_that_makes_one(working_directory, path):
    with pytest.raises(NewstanceError, match=rf"^{path or 'bundle'} is no bundle .*`newstance export`"):
        load_champion(path)


def test_what_the_package_promises_is_there_and_another_name_is_an_error():
    assert all(callable(getattr(newstance, name)) for name in newstance.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = newstance.no_such_name
