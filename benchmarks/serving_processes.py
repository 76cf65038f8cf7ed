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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newstance.tracking.store import ENVIRONMENT, store_uri

HERE = Path(__file__).parent
PATIENCE = 180


@dataclass(frozen=True)
class Subject:
    """A server.

    Attributes
    ----------
    command
        Its command line; PORT stands for the port.
    ready
        Path that answers 200 when it is ready.
    path, body
        Where an article is posted, and what of its title and text.
    label
        Takes the label out of an answer; None where the server doesn't answer with the whole champion.
    """

    name: str
    command: tuple[str, ...]
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
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _for_newstance(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text, "targets": []}).encode()


def _for_mlflow(title: str, text: str) -> bytes:
    return json.dumps({"dataframe_split": {"columns": ["title", "text"], "data": [[title, text]]}}).encode()


def _for_pipeline(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text}).encode()


def _label(answer: Any) -> str:
    label: str = answer["labels"]["topic"]["label"]
    return label


NEWSTANCE = Subject(
    "newstance",
    (sys.executable, "-m", "newstance", "serve", "--port", "PORT"),
    "/readyz",
    "/v1/predict",
    _for_newstance,
    _label,
)
NO_EVIDENCE = Subject(
    "newstance, no evidence",
    (sys.executable, str(HERE / "serving_subjects.py"), "no-evidence", "PORT"),
    "/readyz",
    "/v1/predict",
    _for_newstance,
    _label,
)
MLFLOW = Subject(
    "mlflow models serve",
    tuple("mlflow models serve -m models:/newstance-topic@champion --env-manager local --port PORT".split()),
    "/ping",
    "/invocations",
    _for_mlflow,
    lambda answer: answer["predictions"][0]["label"],
)
PIPELINE = Subject(
    "transformers pipeline",
    (sys.executable, str(HERE / "serving_pipeline.py"), "PORT"),
    "/ping",
    "/classify",
    _for_pipeline,
    None,
)
SUBJECTS = (NEWSTANCE, NO_EVIDENCE, MLFLOW, PIPELINE)


@contextmanager
def started(subject: Subject, core: int | None = None) -> Iterator[Running]:
    """Start a server, on one core if wanted, wait until it is ready, and end it afterwards."""
    port = _free_port()
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    command = pinned + [word.replace("PORT", str(port)) for word in subject.command]
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
