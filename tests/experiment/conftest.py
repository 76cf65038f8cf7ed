"""A prepared project, made once; every test gets a copy of it as its working directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from newstance.settings import Settings, load_settings
from projects import prepare, write_project
from tiny_backbone import write_tiny_backbone


@pytest.fixture(scope="session")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    prepare(folder)
    return folder


@pytest.fixture(scope="session")
def backbone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_tiny_backbone(tmp_path_factory.mktemp("backbone")))


@pytest.fixture
def project(prepared_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a prepared project in the working directory; no run is there yet."""
    folder = tmp_path / "project"
    shutil.copytree(prepared_folder, folder)
    monkeypatch.chdir(folder)
    return load_settings()


@pytest.fixture
def tiny(project: Settings, backbone_folder: Path) -> Settings:
    """The project with a tiny encoder in its folder ``backbone``; torch takes one thread, as the cores are shared."""
    import torch

    torch.set_num_threads(1)
    shutil.copytree(backbone_folder, "backbone")
    return project
