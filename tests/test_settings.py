from pathlib import Path

import pytest
from pydantic import ValidationError

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.settings import LabelSettings, load_settings

ROOT = Path(__file__).parents[1]
NAMED = ("experiments", "weak", "ensembles", "study", "study_ensembles")


def test_the_repositorys_settings_are_valid_and_their_values_are_the_defaults(tmp_path):
    write_text(tmp_path / "params.yaml", "experiments: {}\n")
    defaults = load_settings(tmp_path / "params.yaml")
    settings = load_settings(ROOT / "params.yaml")
    # What is simulated, like what is run, has no default.
    unnamed = {key: {} for key in NAMED} | {"selection": settings.selection.model_copy(update={"tasks": ()})}
    assert settings.model_copy(update=unnamed) == defaults


def test_the_smoke_set_differs_in_size_and_experiments_only():
    full, smoke = (load_settings(ROOT / name).model_dump() for name in ("params.yaml", "params.smoke.yaml"))
    assert smoke["corpus"].pop("sample") == 400
    assert full["corpus"].pop("sample") is None
    assert smoke["evaluation"].pop("resamples") < full["evaluation"].pop("resamples")
    simulated = smoke.pop("selection"), full.pop("selection")
    assert set(simulated[0].pop("tasks")) <= set(simulated[1].pop("tasks"))
    assert all(simulated[0][size] <= simulated[1][size] for size in simulated[1])
    for task in ("topic", "stance"):
        assert task in smoke["experiments"].values()
    for named in NAMED:
        assert smoke.pop(named).items() <= full.pop(named).items()
    assert smoke == full


@pytest.mark.parametrize("name", ["params.yaml", "params.smoke.yaml"])
def test_no_experiment_is_named_twice_and_every_member_is_named_before_its_ensemble(name):
    settings = load_settings(ROOT / name)
    names = settings.names(study=True)
    assert len(set(names)) == len(names)
    for ensembles, known in ((settings.ensembles, settings.names()), (settings.study_ensembles, names)):
        for ensemble in ensembles.values():
            assert set(ensemble.members) <= set(known)


def test_names_and_folders_are_of_the_default_set_or_of_the_study(tmp_path):
    both = "{task: topic, members: [one, two]}"
    text = f"experiments: {{one: topic}}\nensembles: {{both: {both}}}\nstudy: {{two: topic}}\n"
    write_text(tmp_path / "params.yaml", f"{text}study_ensembles: {{all: {both}}}\n")
    settings = load_settings(tmp_path / "params.yaml")
    assert settings.names() == ["one", "both"]
    assert settings.names(study=True) == ["one", "both", "two", "all"]
    assert [settings.run_folder(name) for name in ("one", "both")] == [Path("runs/one"), Path("runs/both")]
    assert [settings.run_folder(name) for name in ("two", "all")] == [Path("study/runs/two"), Path("study/runs/all")]
    assert settings.run_folder("unnamed") == Path("runs/unnamed")


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
        ("corpus: {source: csv}\n", "key 'corpus.source': .*'news-articles', 'table' or 'own'.*got 'csv'"),
        ("corpus: {sample: 0}\n", "key 'corpus.sample'"),
        ("labels: {schemes: topic}\n", "key 'labels.schemes'"),
        ("experiments: [topic-majority]\n", "key 'experiments'"),
        ("study: [two]\n", "key 'study'"),
        ("ensembles: {both: topic}\n", "key 'ensembles.both'"),
        ("ensembles: {both: {members: [one, two]}}\n", "key 'ensembles.both.task' is missing"),
        ("ensembles: {both: {task: topic, members: [one]}}\n", "key 'ensembles.both.members'"),
        ("study_ensembles: {both: {task: topic, members: [one, two], weight: 1}}\n", "study_ensembles.both.weight"),
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
