"""`newstance init`: what it writes, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from newstance import cli
from newstance.errors import NewstanceError
from newstance.experiment.settings import load_experiment
from newstance.files import write_text
from newstance.labels.annotations import read_annotations
from newstance.settings import Settings, load_settings
from newstance.starting.project import start_project
from starting.derived import STAGES, TEMPLATES, derived
from starting.invented import invent, write_articles, write_schemes


@pytest.fixture
def schemes(tmp_path) -> list[Path]:
    return write_schemes(tmp_path)


@pytest.fixture
def texts(tmp_path) -> Path:
    write_articles(tmp_path / "texts", invent(8))
    return tmp_path / "texts"


@pytest.fixture
def project(tmp_path, schemes, texts) -> Path:
    return start_project(tmp_path / "mine", schemes, texts, ["ada", "ben"])


def test_the_settings_name_what_is_there_and_are_otherwise_those_of_this_project(project, monkeypatch):
    monkeypatch.chdir(project)
    settings = load_settings()
    assert settings.labels.schemes == ("frame", "tone")
    assert settings.labels.training == ("ada", "ben")
    assert settings.labels.load_schemes()["frame"].labels[0].examples == ("higher fees",)
    changed = settings.model_dump(exclude={"experiments"}, exclude_defaults=True)
    assert changed == {
        "corpus": {"source": "own"},
        "labels": {"schemes": ("frame", "tone"), "training": ("ada", "ben")},
        "split": {"validation": 0.2},
    }
    assert {name: task for name, task in settings.experiments.items() if load_experiment_of(name).task != task} == {}
    assert set(settings.experiments) == {path.stem for path in Path("experiments").iterdir()}
    assert [name for name in settings.experiments if "target" in name] == ["tone-target-only"]


def load_experiment_of(name: str):
    return load_experiment(Path("experiments") / f"{name}.yaml")


def test_articles_are_copied_and_wait_for_their_labels(project, texts):
    copied = sorted((project / "seeds/articles").iterdir())
    assert [path.read_bytes() for path in copied] == [path.read_bytes() for path in sorted(texts.iterdir())]
    scheme = load_settings(project / "params.yaml").labels.model_copy(update={"directory": project / "seeds"})
    for one in scheme.load_schemes().values():
        assert read_annotations(one, project / "seeds").empty


def test_the_pipeline_is_one_that_dvc_reads_with_a_stage_for_each_experiment(project):
    with Repo(str(project)) as repo:
        stages = {stage.name for stage in repo.index.stages}
    settings = load_settings(project / "params.yaml")
    expected = set(STAGES) - {"experiment", "weak_experiment", "ensemble"} | {
        f"experiment@{name}" for name in settings.experiments
    }
    assert stages == expected


def test_an_experiment_with_weak_labels_runs_again_when_its_words_or_its_articles_change(project):
    params = project / "params.yaml"
    text = params.read_text(encoding="utf-8")
    write_text(params, text.replace("weak: {}", "weak: {frame-weak: frame}"))
    with Repo(str(project)) as repo:
        (stage,) = (stage for stage in repo.index.stages if stage.name == "weak_experiment@frame-weak")
    needed = {dep.def_path for dep in stage.deps}
    assert {"data/clean", "data/prepared/frame", "seeds/weak/frame.yaml"} <= needed


def test_the_templates_follow_from_this_projects_own_pipeline_and_experiments():
    wanted = derived()
    found = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in wanted}
    assert found == wanted, "run: python tests/starting/derived.py"


def test_without_articles_the_project_waits_for_them(tmp_path, schemes):
    folder = start_project(tmp_path / "mine", schemes[:1])
    assert list((folder / "seeds/articles").iterdir()) == []
    assert list(load_settings(folder / "params.yaml").experiments) == [
        "frame-majority",
        "frame-tfidf-svm",
        "frame-tfidf-encoder-svm",
    ]


def test_outside_git_dvc_is_told_so_and_inside_it_what_is_made_is_ignored(tmp_path, schemes):
    assert "no_scm = True" in (start_project(tmp_path / "alone", schemes) / ".dvc/config").read_text(encoding="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path / "kept"], check=True)
    folder = start_project(tmp_path / "kept" / "mine", schemes)
    assert "no_scm" not in (folder / ".dvc/config").read_text(encoding="utf-8")
    made = ["data/raw/x", "bundle/manifest.json", "runs/frame-majority/seeds/1/x", "mlflow.db"]
    kept = ["seeds/frames.csv", "runs/frame-majority/predictions.parquet", "dvc.lock"]
    assert git(folder, "check-ignore", *made, *kept).split() == made
    assert git(folder, "diff", "--cached", "--name-only") == ""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def written(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path, schemes):
    (tmp_path / "mine").mkdir()
    start_project(tmp_path / "mine", schemes)  # an empty one does
    before = written(tmp_path)
    with pytest.raises(NewstanceError, match="mine is there already and not empty; name a new folder"):
        start_project(tmp_path / "mine", schemes)
    assert written(tmp_path) == before


def test_the_working_directory_may_become_the_project_and_stays_the_one_it_was(tmp_path, schemes, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = folder.stat().st_ino
    assert start_project(Path(), schemes) == Path()
    assert folder.stat().st_ino == before
    assert load_settings().labels.schemes == ("frame", "tone")
    assert start_project(Path("../third"), schemes).is_dir()
    assert {path.name for path in folder.iterdir()} == {path.name for path in (tmp_path / "third").iterdir()}


def test_a_folder_in_a_file_is_refused(tmp_path, schemes):
    with pytest.raises(
        NewstanceError, match=r"frame\.yaml is a file, so no folder can be made in it; name another one"
    ):
        start_project(schemes[0] / "mine", schemes)


@pytest.mark.parametrize("name", ["no", "null", "on", "true"])
def test_names_that_yaml_takes_for_something_else_are_kept(tmp_path, schemes, name):
    text = schemes[0].read_text(encoding="utf-8").replace("name: frame", f'name: "{name}"', 1)
    schemes[0].write_text(text, encoding="utf-8")
    folder = start_project(tmp_path / "mine", schemes[:1], annotators=[name, "ben", f" {name} "])
    settings = load_settings(folder / "params.yaml")
    assert (settings.labels.schemes, settings.labels.training) == ((name,), (name, "ben"))
    assert set(settings.experiments.values()) == {name}
    for path in (folder / "experiments").iterdir():
        assert load_experiment(path).task == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x: y", "'x: y' is no annotator's name; use a letter"),
        ("a, b", "'a, b' is no annotator's name"),
        ("", "'' is no annotator's name"),
        ("Gold", "'gold' is the annotator whose labels test; name with --annotator whose labels train"),
    ],
)
def test_an_annotator_who_cannot_train_is_refused_and_nothing_is_written(tmp_path, schemes, name, problem):
    with pytest.raises(NewstanceError, match=problem):
        start_project(tmp_path / "mine", schemes, annotators=["ada", name])
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("kind: single-label", "kind: guess"), r"frame\.yaml: key 'kind'"),
        (("name: frame", "name: text"), "is the name of another column; choose another word"),
        (("frames.csv", "../frames.csv"), r"frame\.yaml: key 'annotations': .*without a path"),
        (("frames.csv", "frames.txt"), r"'annotations' is 'frames\.txt'; it must be the name of a \.csv file"),
        (("frames.csv", "tones.csv"), "Two schemes have the same 'annotations', 'tones.csv'"),
        (("name: frame", "name: tone"), "Two schemes have the same 'name', 'tone'"),
    ],
)
def test_a_scheme_that_would_not_work_is_refused_and_nothing_is_written(tmp_path, schemes, change, problem):
    schemes[0].write_text(schemes[0].read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    before = written(tmp_path)
    with pytest.raises(NewstanceError, match=problem):
        start_project(tmp_path / "mine", schemes)
    assert written(tmp_path) == before


def test_articles_that_cannot_be_read_are_named_and_nothing_is_written(tmp_path, schemes, texts):
    (texts / "text-003.txt").write_text("Only a title\n", encoding="utf-8")
    before = written(tmp_path)
    with pytest.raises(NewstanceError, match=r"text-003\.txt has a title but no text"):
        start_project(tmp_path / "mine", schemes, texts)
    with pytest.raises(NewstanceError, match=r"holds no articles; they are \.txt files"):
        start_project(tmp_path / "mine", schemes, tmp_path)
    with pytest.raises(NewstanceError, match="is no folder; give the folder of the articles"):
        start_project(tmp_path / "mine", schemes, schemes[0])
    assert written(tmp_path) == before


def test_without_dvc_one_sentence_says_what_to_install(tmp_path, schemes, monkeypatch):
    monkeypatch.setitem(sys.modules, "dvc.repo", None)
    with pytest.raises(NewstanceError, match=r"pip install 'newstance\[tracking\]'"):
        start_project(tmp_path / "mine", schemes)
    assert not (tmp_path / "mine").exists()


def test_the_command_makes_a_project_for_labels_of_own(tmp_path, schemes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["newstance", "init", "mine", "--scheme", os.fspath(schemes[0])])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert load_settings(Path("mine/params.yaml")).labels == Settings().labels.model_copy(
        update={"schemes": ("frame",), "training": ("own",)}
    )
