"""The connection to a Ray cluster, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from newstance.errors import NewstanceError

# Seconds until an address is given up: when there is no machine, and when what answers is no Ray cluster.
KNOCK_SECONDS = 5.0
JOIN_SECONDS = 15.0
STARTS = 3  # of a cluster of one's own, each of which Ray gives half a minute: too little where much else runs
STORE_BYTES = 512 << 20  # shared memory of a cluster of one's own: what waits between reading and labelling


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[None]:
    """Connect to a cluster, and leave it at the end.

    Parameters
    ----------
    address
        HOST:PORT of the head of a cluster that this machine is part of, or ``auto`` to find it; None: what
        RAY_ADDRESS says, else a new one on this machine, which nobody else reaches.
    workers
        How many a new one needs room for; None: one a core.

    Raises
    ------
    NewstanceError
        When Ray is not installed, or no cluster answers.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    with _own_cluster(workers) if address in {None, "local"} else _cluster_at(str(address)):
        yield


@contextmanager
def _own_cluster(workers: int | None) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as room:
        settings = {
            # Ray's name for: listen on the loopback address only.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            # Else Ray writes a token into the home folder.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "TMPDIR": room,
            "RAY_agent_register_timeout_ms": "60000",  # else Ray gives up starting on a busy machine after 15 seconds
        }
        with (
            _environment(settings),
            _session(
                address="local",
                tries=STARTS,
                num_cpus=max(workers or 0, os.cpu_count() or 1),
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                _temp_dir=room,
            ),
        ):
            yield


@contextmanager
def _cluster_at(address: str) -> Iterator[None]:
    _knock(address)
    with _session(address=address, seconds=JOIN_SECONDS):
        yield


@contextmanager
def _session(*, address: str, seconds: float | None = None, tries: int = 1, **options: Any) -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else it warns of what Ray Data itself does
    try:
        import ray  # noqa: PLC0415  (an extra; and it reads the environment once, when it is imported)
        import ray.data  # noqa: PLC0415
    except ModuleNotFoundError:
        raise NewstanceError("ray is not installed: pip install 'newstance[scaling]'.") from None

    logging.getLogger("ray").setLevel(logging.ERROR)
    options |= {"configure_logging": False, "logging_level": logging.ERROR, "log_to_driver": False}
    for left in reversed(range(tries)):
        try:
            _within(seconds, lambda: ray.init(address=address, **options))
            break
        except Exception as error:  # Ray raises plain ones, too
            ray.shutdown()
            if not left:
                reason = str(error).rstrip(".")
                raise NewstanceError(f"The Ray cluster at {address} does not answer: {reason}.") from None
    try:
        yield
    finally:
        ray.shutdown()


def _within(seconds: float | None, work: Callable[[], object]) -> None:
    """Give something so much time: Ray waits for minutes where a port is open that is not its own."""
    if seconds is None:
        work()
        return
    ends: SimpleQueue[Exception | None] = SimpleQueue()

    def run() -> None:
        try:
            work()
        except Exception as error:
            ends.put(error)
        else:
            ends.put(None)

    Thread(target=run, daemon=True).start()
    try:
        error = ends.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"nothing came back in {seconds:.0f} seconds") from None
    if error:
        raise error


def _knock(address: str) -> None:
    """Find out quickly that nobody is there, which takes Ray a minute."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise NewstanceError(f"{address} is no address of a Ray cluster; give HOST:PORT, or auto for the one here.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise NewstanceError(
            f"No Ray cluster is at {address} ({error}); start one with `ray start --head`, or leave --address out."
        ) from None


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
