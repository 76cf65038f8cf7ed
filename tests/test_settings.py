from pathlib import Path

import pytest

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.settings import load_settings

ROOT = Path(__file__).parents[1]


def test_the_repositorys_settings_are_valid_and_their_values_are_the_defaults(tmp_path):
    write_text(tmp_path / "params.yaml", "experiments: {}\n")
    defaults = load_settings(tmp_path / "params.yaml")
    settings = load_settings(ROOT / "params.yaml")
    assert settings.model_copy(update={"experiments": {}}) == defaults


def test_the_smoke_set_differs_in_size_and_experiments_only():
    full, smoke = (load_settings(ROOT / name).model_dump() for name in ("params.yaml", "params.smoke.yaml"))
    assert smoke["corpus"].pop("sample") == 400
    assert full["corpus"].pop("sample") is None
    assert smoke["evaluation"].pop("resamples") < full["evaluation"].pop("resamples")
    assert smoke.pop("experiments").items() <= full.pop("experiments").items()
    assert smoke == full


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("corpus: {source: table}\n", "'path' must be given with source 'table'"),
        ("corpus: {path: a.csv}\n", "'path' must be given with source 'table'"),
        ("corpus: {near_duplicates: {similarity: 2}}\n", "key 'corpus.near_duplicates.similarity'"),
        ("split: {validation: 0}\n", "key 'split.validation'"),
        ("evalaution: {}\n", "unknown key 'evalaution'"),
    ],
)
def test_wrong_settings_are_refused_with_their_key(tmp_path, text, problem):
    write_text(tmp_path / "params.yaml", text)
    with pytest.raises(NewstanceError, match=problem):
        load_settings(tmp_path / "params.yaml")
