"""The servers that benchmarks/serving.py compares, each started as its documentation says."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient

from newstance.tracking.registry import ALIAS, model_name
from newstance.tracking.store import ENVIRONMENT, store_uri

HERE = Path(__file__).parent
TASK = "topic"
PATIENCE = 180


@dataclass(frozen=True)
class Subject:
    """A server.

    Attributes
    ----------
    command
        Makes its command line for a port.
    ready
        Path that answers 200 when it is ready.
    path, body
        Where an article is posted, and what of its title and text.
    label
        Takes the label out of an answer; None where the server doesn't answer with the whole champion.
    """

    name: str
    command: Callable[[int], list[str]]
    ready: str
    path: str
    body: Callable[[str, str], bytes]
    label: Callable[[Any], str] | None


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    pid: int
    port: int
    seconds_to_ready: float

    def memory_mb(self) -> float:
        """Return its resident set."""
        return psutil.Process(self.pid).memory_info().rss / 2**20

    def cpu_seconds(self) -> float:
        """Return the processor time that it and its children have taken."""
        server = psutil.Process(self.pid)
        times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
        return sum(time.user + time.system for time in times)


def _for_newstance(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text, "targets": []}).encode()


def _for_mlflow(title: str, text: str) -> bytes:
    return json.dumps({"dataframe_split": {"columns": ["title", "text"], "data": [[title, text]]}}).encode()


def _for_pipeline(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text}).encode()


def _label(answer: Any) -> str:
    label: str = answer["labels"]["topic"]["label"]
    return label


def _mlflow(uri: str, port: int) -> list[str]:
    return f"mlflow models serve -m {uri} --env-manager local --port {port}".split()


def _model_before_export(task: str) -> str:
    """Find what the champion's run logged when it was tracked: the models as they were trained, and no bundle."""
    client = MlflowClient(store_uri())
    version = client.get_model_version_by_alias(model_name(task), ALIAS)
    run = client.get_run(version.run_id)
    models = client.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id = '{version.run_id}'")
    (model,) = (one for one in models if one.name == version.tags["newstance.experiment"])
    return f"models:/{model.model_id}"


NEWSTANCE = Subject(
    "newstance",
    lambda port: [sys.executable, "-m", "newstance", "serve", "--port", str(port)],
    "/readyz",
    "/v1/predict",
    _for_newstance,
    _label,
)
NO_EVIDENCE = replace(
    NEWSTANCE,
    name="newstance, no evidence",
    command=lambda port: [sys.executable, str(HERE / "serving_subjects.py"), "no-evidence", str(port)],
)
MLFLOW = Subject(
    "mlflow models serve",
    lambda port: _mlflow(f"models:/{model_name(TASK)}@{ALIAS}", port),
    "/ping",
    "/invocations",
    _for_mlflow,
    lambda answer: answer["predictions"][0]["label"],
)
MLFLOW_BEFORE_EXPORT = replace(
    MLFLOW, name="mlflow, before export", command=lambda port: _mlflow(_model_before_export(TASK), port), label=None
)
PIPELINE = Subject(
    "transformers pipeline",
    lambda port: [sys.executable, str(HERE / "serving_pipeline.py"), str(port)],
    "/ping",
    "/classify",
    _for_pipeline,
    None,
)
STOCK = (MLFLOW, MLFLOW_BEFORE_EXPORT, PIPELINE)
SUBJECTS = (NEWSTANCE, NO_EVIDENCE, *STOCK)


@contextmanager
def started(subject: Subject, core: int | None = None) -> Iterator[Running]:
    """Start a server, on one core if wanted, wait until it is ready, and end it afterwards."""
    port = _free_port()
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    command = pinned + subject.command(port)
    # A number of threads that was set for training is none of a server's defaults.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"MLFLOW_TRACKING_URI": store_uri(), **ENVIRONMENT}
    with tempfile.TemporaryFile("w+") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            while not _is_ready(port, subject.ready):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                    log.seek(0)
                    raise SystemExit(f"{subject.name} does not start:\n{log.read()[-3000:]}")
                time.sleep(0.005)
            yield Running(process.pid, port, time.perf_counter() - began)
        finally:
            _end(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and those that it started: MLflow's is a child of a shell."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            if how == signal.SIGTERM and not _group_lives(process.pid):
                return
    process.wait()


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
