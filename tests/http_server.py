"""The real server on a free loopback port: in a thread, or in a process of its own."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from fake_bundle import FakeBundle
from newstance.serving.server import Server, listen
from newstance.serving.settings import ServingSettings

PATIENCE = 20


@dataclass
class Running:
    """A server in a thread of the test."""

    server: Server
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> httpx.Client:
        """Return a client of it."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, **options)


@contextmanager
def running(load: Callable[[], Any], *, ready: bool = True, **settings: Any) -> Iterator[Running]:
    """Run a server in a thread, and wait until it is ready."""
    chosen = ServingSettings(port=0, **settings)
    with listen(chosen) as listener:
        found = Running(Server(chosen, load), listener.getsockname()[1])
        thread = threading.Thread(target=found.server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            if ready:
                wait_until(lambda: found.server.engine.bundle is not None)
            yield found
        finally:
            found.server.should_exit = True
            thread.join(timeout=PATIENCE)
    assert not thread.is_alive(), "the server did not stop"


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    latest = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < latest, f"not within {seconds} seconds"
        time.sleep(0.005)


def article(text: str = "Two words", **more: Any) -> dict[str, Any]:
    """Return an article as the API takes it."""
    return {"title": "", "text": text, **more}


@dataclass
class Process:
    """A server in a process; `log` is what it said on stderr, line by line."""

    process: subprocess.Popen[str]
    port: int
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    def start(cls, folder: Path, bundle: dict[str, Any] | None = None, **settings: Any) -> Self:
        """Start the server; the bundle is read from a file, `bundle.json`, so that a test can change it."""
        (folder / "bundle.json").write_text(json.dumps(bundle or {}))
        options = json.dumps({"port": 0, "drain_seconds": 0, **settings}, default=str)
        process = subprocess.Popen(
            [sys.executable, __file__, str(folder / "bundle.json"), options], stderr=subprocess.PIPE, text=True
        )
        found = cls(process, 0)
        threading.Thread(target=found._read, daemon=True).start()
        wait_until(lambda: process.poll() is not None or any("Serving on" in line for line in found.log))
        assert process.poll() is None, found.log
        (line,) = (line for line in found.log if "Serving on" in line)
        found.port = int(line.rpartition(":")[2])
        wait_until(found.ready)
        return found

    def ready(self) -> bool:
        """Ask /readyz."""
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def entries(self) -> list[dict[str, Any]]:
        """Return what was logged as JSON."""
        return [json.loads(line) for line in self.log if line.startswith("{")]

    def stop(self) -> int:
        """End it, and return its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)

    def _read(self) -> None:
        assert self.process.stderr
        self.log.extend(iter(self.process.stderr.readline, ""))


def unfinished_post(port: int, path: str, content_type: str) -> http.client.HTTPConnection:
    """Begin a chunked POST, whose body the test then sends piece by piece."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", content_type)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    return connection


def send_piece(connection: http.client.HTTPConnection, piece: bytes) -> None:
    """Send a piece of a chunked body; an empty one ends it."""
    connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def main() -> None:
    """Serve a fake bundle in this process."""
    import logging

    from newstance.errors import NewstanceError
    from newstance.serving.server import run

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("newstance").setLevel(logging.INFO)
    file, options = sys.argv[1:]

    def load() -> Any:
        values = json.loads(Path(file).read_text())
        if values.get("damaged"):
            raise NewstanceError("A file of the bundle was changed.")
        return FakeBundle(**values, remembers=False)

    try:
        run(ServingSettings.model_validate_json(options), load)
    except NewstanceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
