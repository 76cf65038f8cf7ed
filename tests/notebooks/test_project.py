import os
import stat
from pathlib import Path

import pytest

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.notebooks.project import open_project
from projects import prepare, write_project


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    write_text(tmp_path / "dvc.yaml", "stages: {}\n")
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def finish(folder: Path) -> None:
    prepare(folder)
    write_text(folder / "bundle/manifest.json", "{}")


def test_a_notebook_finds_the_finished_project_around_it(folder):
    finish(folder)
    project = open_project(folder / "notebooks")
    assert Path.cwd() == folder
    assert set(project.schemes) == {"subject", "view"}
    assert "whole corpus" in project.note
    assert set(project.prepared("subject")["split"]) == {"train", "validation", "test"}
    assert set(project.prepared("subject")["article_id"]) <= set(project.articles["article_id"])
    assert project.study == {}


def test_where_only_the_set_up_ran_the_smoke_slice_is_made_once_and_said(folder, monkeypatch, capsys):
    slice_folder = folder / "build/smoke"
    write_project(slice_folder)
    params = (slice_folder / "params.yaml").read_text(encoding="utf-8")
    finish(slice_folder)
    (slice_folder / "bundle/manifest.json").unlink()
    write_text(slice_folder / "params.yaml", params.replace("sample: null", "sample: 72"))
    make = folder / "bin/make"
    write_text(make, "#!/bin/sh\necho $@ >> made\necho '{}' > build/smoke/bundle/manifest.json\n")
    make.chmod(make.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{make.parent}{os.pathsep}{os.environ['PATH']}")
    for _ in range(2):
        os.chdir(folder)
        project = open_project("notebooks")
        assert Path.cwd() == slice_folder
        assert "smoke slice" in project.note
        assert "72 articles" in project.note
    assert (folder / "made").read_text(encoding="utf-8") == "smoke\n"
    assert "two or three minutes" in capsys.readouterr().out


def test_a_smoke_slice_that_fails_is_one_sentence(folder, monkeypatch):
    make = folder / "bin/make"
    write_text(make, "#!/bin/sh\necho no room left on the pier\nexit 1\n")
    make.chmod(make.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{make.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(NewstanceError, match="no room left on the pier"):
        open_project(folder)


def test_a_place_that_is_no_project_is_said(tmp_path):
    with pytest.raises(NewstanceError, match="no project here"):
        open_project(tmp_path)
