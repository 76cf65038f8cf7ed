import json

import numpy as np
import pandas as pd
import pytest

from newstance.bundle.answers import Answer, TargetAnswer
from newstance.errors import NewstanceError
from newstance.exchange import bring_in, export_labels
from newstance.labels.annotations import read_annotations
from newstance.labels.exchange.importing import Imported
from newstance.settings import load_settings
from projects import GOLD, UNSEEN_TARGET, prepare, write_project


class SayingBundle:
    """Proposes one target to every article, and is sure of the first label."""

    version = "v1"

    def __init__(self, schemes):
        self.schemes = schemes

    def predict(self, articles, *, evidence):
        assert evidence == 0
        target = TargetAnswer(target="Mayor Lund", proposed=True, mentioned=True, labels={})
        return [Answer(labels={}, targets=[target], version="v1") for _ in articles]

    def probabilities(self, task, articles):
        return np.tile(np.eye(len(self.schemes[task].codes))[0], (len(articles), 1))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    prepare(folder)
    return folder


@pytest.fixture
def settings(project, monkeypatch):
    monkeypatch.chdir(project)
    return load_settings()


@pytest.mark.parametrize("kind", ["label-studio", "datasets", "csv"])
@pytest.mark.parametrize("task", ["subject", "view"])
def test_a_projects_labels_come_back_as_they_were(settings, tmp_path, kind, task):
    written = export_labels(task, kind, tmp_path / "out.json", settings)
    empty = settings.labels.model_copy(update={"directory": tmp_path / "labels"})
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/schemes").symlink_to(settings.labels.directory.resolve() / "schemes")
    done = bring_in(task, kind, tmp_path / "out.json", settings.model_copy(update={"labels": empty}))
    assert done == Imported(added=len(written.labels), changed=0, known=0)
    scheme = settings.labels.load_schemes()[task]
    before, after = (read_annotations(scheme, path) for path in (settings.labels.directory, tmp_path / "labels"))
    assert task == "view" or "skip" in set(before["subject"]), "what annotators took for no article is there"
    key = ["annotator", *scheme.unit]
    pd.testing.assert_frame_equal(
        before.sort_values(key).reset_index(drop=True), after.sort_values(key).reset_index(drop=True)
    )


def test_unlabelled_articles_go_along_with_proposed_targets_and_predictions(settings, tmp_path):
    path = settings.labels.directory / "views.csv"
    before = path.read_text(encoding="utf-8")
    labelled = before.splitlines(keepends=True)
    try:
        path.write_text("".join(line for line in labelled if not line.startswith("n02")), encoding="utf-8")
        export_labels(
            "view", "label-studio", tmp_path / "out.json", settings,
            bundle=SayingBundle(settings.labels.load_schemes()), unlabelled=True,
        )  # fmt: skip
    finally:
        path.write_text(before, encoding="utf-8")
    tasks = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    fresh = [task for task in tasks if task["data"]["article_id"].startswith("n02")]
    assert len(fresh) == 10
    assert {task["data"]["target"] for task in fresh} == {"Mayor Lund"}
    assert all(task["annotations"] == [] for task in fresh)
    assert all(task["predictions"][0]["result"][0]["value"] == {"choices": ["for"]} for task in tasks)
    assert sum(task["data"]["target"] == UNSEEN_TARGET for task in tasks) <= GOLD


@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        (["mood", "csv"], {}, "has no task 'mood'; it has subject, view"),
        (["view", "label-studio"], {"unlabelled": True}, "come from the bundle"),
        (["view", "csv"], {"unlabelled": True}, "are for label-studio; leave them out for csv"),
        (
            ["view", "label-studio"],
            {"bundle": SayingBundle({"topic": None})},
            "The bundle has no model of 'view'; it has topic",
        ),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(settings, tmp_path, arguments, more, message):
    with pytest.raises(NewstanceError, match=message):
        export_labels(*arguments, tmp_path / "out", settings, **more)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_replaced(settings, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(NewstanceError, match="is there already"):
        export_labels("view", "datasets", tmp_path / "out", settings)


def test_a_file_without_labels_or_no_file_is_refused(settings, tmp_path):
    with pytest.raises(NewstanceError, match=r"none\.csv does not exist"):
        bring_in("view", "csv", tmp_path / "none.csv", settings)
    (tmp_path / "empty.csv").write_text("article_id,annotator,target,view\n", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"empty\.csv holds no label"):
        bring_in("view", "csv", tmp_path / "empty.csv", settings)
