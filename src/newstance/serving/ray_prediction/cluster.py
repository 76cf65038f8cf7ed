"""The connection to a Ray cluster, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from newstance.errors import NewstanceError

PATIENCE = 10.0  # seconds until an address is given up
STORE_BYTES = 512 << 20  # shared memory of a cluster of one's own: what waits between reading and labelling


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[None]:
    """Connect to a cluster, and leave it at the end.

    Parameters
    ----------
    address
        HOST:PORT of a cluster's head, ray://HOST:PORT for one that this machine is no part of, ``auto`` for the one
        that runs here; None: what RAY_ADDRESS says, else a new one on this machine, which nobody else reaches.
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
        }
        with (
            _environment(settings),
            _session(
                address="local",
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
    try:
        with _session(address=address):
            yield
    except ConnectionError as error:
        raise NewstanceError(f"No Ray cluster answers at {address}: {error}.") from None


@contextmanager
def _session(**options: Any) -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415  (an extra; and it reads the environment once, when it is imported)
        import ray.data  # noqa: PLC0415
    except ModuleNotFoundError:
        raise NewstanceError("ray is not installed: pip install 'newstance[scaling]'.") from None

    ray.init(configure_logging=False, logging_level=logging.ERROR, log_to_driver=False, **options)
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out quickly that nobody is there: Ray itself waits for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdecimal():
        raise NewstanceError(f"--address {address} is no address; give HOST:PORT, ray://HOST:PORT or auto.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise NewstanceError(
            f"No Ray cluster answers at {address} ({error}); start one with `ray start --head`, or leave --address out."
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
