"""A PostgreSQL server of the test's own: in a folder for temporary files, on a free port of the loopback."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

LOOPBACK = "127.0.0.1"
USER = "newstance"
PATIENCE = 60


def find_programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, or None; Debian keeps those of the server off PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1] if found else None


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int
    password: str

    def create(self, database: str) -> str:
        """Make an empty database and return its URL."""
        with closing(self._connect("postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{database}"')
        return f"postgresql+psycopg2://{USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def ask(self, database: str, question: str) -> list[tuple[Any, ...]]:
        """Return the rows that a query gives."""
        with closing(self._connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchall()

    def _connect(self, database: str) -> Any:
        return psycopg2.connect(
            host=LOOPBACK, port=self.port, user=USER, password=self.password, dbname=database, connect_timeout=2
        )


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server, and stop it; without the programs the test fails: `make test` fetches them where it can."""
    programs = find_programs()
    if programs is None:
        pytest.fail("no PostgreSQL: install Debian's package postgresql, or run tests/fetch_postgres.py as root")
    found = Postgres(free_port(), secrets.token_hex(16))
    # Not pytest's folder, which no other user may enter; PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="newstance-postgres-"))
    user = _other_user() if os.geteuid() == 0 else None
    try:
        (folder / "password").write_text(found.password, encoding="utf-8")
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        options = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", f"--username={USER}", "--encoding=UTF8"]
        init = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--no-sync", "--locale=C", *options]
        subprocess.run(init, check=True, capture_output=True, user=user, cwd=folder)
        with _server(programs, folder, found, user):
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def _server(programs: Path, folder: Path, found: Postgres, user: str | None) -> Iterator[None]:
    settings = {"port": found.port, "listen_addresses": LOOPBACK, "unix_socket_directories": folder, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *options]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    try:
        latest = time.monotonic() + PATIENCE
        while not _answers(found):
            assert process.poll() is None, (folder / "server.log").read_text(encoding="utf-8")
            assert time.monotonic() < latest, "PostgreSQL does not answer"
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: it waits for no client
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=PATIENCE)
        process.kill()


def _answers(found: Postgres) -> bool:
    try:
        found.ask("postgres", "SELECT 1")
    except psycopg2.OperationalError:
        return False
    return True
