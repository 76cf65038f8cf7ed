from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_server import running_mlflow
from newstance import tracking
from newstance.errors import NewstanceError
from postgres import LOOPBACK, free_port
from tracking.contents import everything, found, run_live

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


def test_import_leaves_mlflow_alone() -> None:
    code = "import sys, newstance.tracking as t; assert t.available(); assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_store_is_the_variable_or_a_file_in_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert tracking.store_uri() == "http://tracking:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert tracking.store_uri() == "sqlite:///mlflow.db"


def test_without_mlflow_an_experiment_runs_and_tracking_says_what_is_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    caplog.set_level(logging.INFO, "newstance")
    assert not tracking.available()
    run_live(folder)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    with pytest.raises(NewstanceError, match=r"newstance\[tracking\]"):
        tracking.track(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_server_that_is_not_there_is_one_error_within_seconds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"http://user:secret@{LOOPBACK}:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(NewstanceError, match=r"http://\*\*\*@127.0.0.1.*MLFLOW_TRACKING_URI") as raised:
        tracking.track(folder)
    assert "secret" not in str(raised.value)
    with pytest.raises(NewstanceError, match="MLFLOW_TRACKING_URI"):
        run_live(folder)
    assert time.monotonic() - start < 10


def test_a_server_that_never_answers_is_one_error_within_seconds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind((LOOPBACK, 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{LOOPBACK}:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(NewstanceError, match="MLFLOW_TRACKING_URI"):
            tracking.track(folder)
    assert time.monotonic() - start < 10


def test_a_file_that_is_no_database_is_one_error_at_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("mlflow.db").write_text("not a database, just text " * 20)
    with pytest.raises(NewstanceError, match=r"mlflow\.db.*not a database"):
        tracking.track(folder)


def test_a_deleted_mlflow_experiment_is_named_with_the_way_back(client: MlflowClient, folder: Path) -> None:
    tracking.track(folder)
    client.delete_experiment(found(client, folder)[0].info.experiment_id)
    with pytest.raises(NewstanceError, match=r"'newstance-stance'.*experiments restore"):
        tracking.track(folder)


@pytest.mark.slow
def test_two_processes_at_once_make_one_run_in_a_store_that_is_not_there_yet(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'new/mlflow.db'}")
    copy = shutil.copytree(folder, tmp_path / "copy")
    code = "import sys, pathlib, newstance.tracking as t; print(t.track(pathlib.Path(sys.argv[1])))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        for path in (folder, copy)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert sorted(output.split("created=")[1].strip() for output, _ in answers) == ["False)", "True)"]
    assert [noise for _, noise in answers] == ["", ""]
    assert everything(MlflowClient(tracking_uri=tracking.store_uri()), folder)["models"] == 2


@pytest.fixture
def server(tmp_path: Path, empty_database: Path) -> Iterator[str]:
    """The address of a real MLflow server."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    with running_mlflow(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path) as uri:
        yield uri


@pytest.mark.slow
def test_a_server_gets_the_same_runs_as_a_local_store(
    server: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use_another_store: Callable[[], MlflowClient],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    run_live(folder)
    first = tracking.track(folder)
    assert tracking.track(folder) == tracking.Tracked(first.run_id, created=False)
    served = everything(MlflowClient(tracking_uri=server), folder)
    assert list((tmp_path / "served").rglob("settings.json"))

    local = use_another_store()
    tracking.track(folder)
    assert served == everything(local, folder)
