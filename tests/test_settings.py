from pathlib import Path

import pytest
from pydantic import ValidationError

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.settings import LabelSettings, load_settings

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
        ("split: {sead: 1}\n", "unknown key 'split.sead'"),
        ("corpus: {min_words: many}\n", "key 'corpus.min_words': .*got 'many'"),
        ("corpus: {source: csv}\n", "key 'corpus.source': .*'news-articles' or 'table'.*got 'csv'"),
        ("corpus: {sample: 0}\n", "key 'corpus.sample'"),
        ("labels: {schemes: topic}\n", "key 'labels.schemes'"),
        ("experiments: [topic-majority]\n", "key 'experiments'"),
        ("evaluation: {resamples: 10, confidence: 1}\n", "'evaluation.resamples'.*'evaluation.confidence'"),
    ],
)
def test_wrong_settings_are_refused_with_their_key(tmp_path, text, problem):
    write_text(tmp_path / "params.yaml", text)
    with pytest.raises(NewstanceError, match=rf"params\.yaml: .*{problem}"):
        load_settings(tmp_path / "params.yaml")


def test_missing_settings_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NewstanceError, match=r"^params\.yaml does not exist\.$"):
        load_settings()


def test_settings_cannot_be_changed(tmp_path):
    write_text(tmp_path / "params.yaml", "experiments: {}\n")
    with pytest.raises(ValidationError, match="frozen"):
        load_settings(tmp_path / "params.yaml").corpus.min_words = 3


def test_schemes_are_read_from_the_folder_of_the_labels(tmp_path):
    for name in ("topic", "stance"):
        write_text(tmp_path / "schemes" / f"{name}.yaml", (ROOT / f"seeds/schemes/{name}.yaml").read_text("utf-8"))
    assert list(LabelSettings(directory=tmp_path, schemes=("stance",)).load_schemes()) == ["stance"]
