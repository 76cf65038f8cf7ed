"""A real MLflow server on a free port of the loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postgres import LOOPBACK, free_port

PATIENCE = 300  # seconds: it first makes its tables


@contextmanager
def running_mlflow(store: str, folder: Path) -> Iterator[str]:
    """Start a server over a database, and stop it.

    Parameters
    ----------
    store
        URL of the database.
    folder
        For its log, and for the artifacts (in ``served``).

    Yields
    ------
    str
        Its address.
    """
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store, "--artifacts-destination", str(folder / "served")]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    uri = f"http://{LOOPBACK}:{port}"
    try:
        _wait_for(f"{uri}/health", process)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # it finishes what it does; nobody asks it any more
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    latest = time.monotonic() + PATIENCE
    while time.monotonic() < latest:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:  # refused, reset, or slow to answer on a busy machine
            time.sleep(0.5)
    raise AssertionError(f"no answer from {address}")
