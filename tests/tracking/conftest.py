"""An MLflow store in a working directory of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runs import write_run

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def client(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A client of the default store, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_database, "mlflow.db")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def use_another_store(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], MlflowClient]:
    """A function that makes a second, empty store the current one."""

    def switch() -> MlflowClient:
        from mlflow import MlflowClient

        path = tmp_path / "other/mlflow.db"
        path.parent.mkdir()
        shutil.copy(empty_database, path)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        return MlflowClient(tracking_uri=f"sqlite:///{path}")

    return switch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "runs/stance-tfidf")
