"""`newstance serve`: the application on a socket, with signals."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from newstance.bundle.manifest import MANIFEST
from newstance.errors import NewstanceError
from newstance.serving import records
from newstance.serving.app import create_app
from newstance.serving.engine import Engine
from newstance.serving.keys import API_KEYS, Keys
from newstance.serving.problems import ProblemError
from newstance.serving.protocol import with_header_timeout
from newstance.serving.settings import ServingSettings

if TYPE_CHECKING:
    from newstance.bundle.bundle import Bundle

logger = logging.getLogger(__name__)


def serve(settings: ServingSettings) -> None:
    """Serve the bundle until SIGTERM or SIGINT.

    Raises
    ------
    NewstanceError
        When there is no usable bundle or key file, the address can't be had, or it is public and there are no keys.
    """
    if not (settings.bundle / MANIFEST).is_file():
        raise NewstanceError(f"There is no bundle in {settings.bundle}; make one with `newstance export`.")

    def load() -> Bundle:
        # Imported while the server already listens: the runtime takes a second.
        from newstance.bundle.bundle import Bundle  # noqa: PLC0415

        return Bundle.load(settings.bundle)

    run(settings, load)


def run(settings: ServingSettings, load: Callable[[], Bundle]) -> None:
    """Serve what `load` gives; see `serve`."""
    server = Server(settings, load)
    _require_keys(settings)
    records.configure(logging.StreamHandler(sys.stderr))
    with listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        logger.info("Serving on http://%s:%d", f"[{host}]" if ":" in host else host, port)
        server.run(sockets=[listener])
    if server.engine.failure:
        raise server.engine.failure


def _require_keys(settings: ServingSettings) -> None:
    if settings.insecure or _is_loopback(settings.host) or Keys(settings.keys, API_KEYS):
        return
    raise NewstanceError(
        f"{settings.host} can be reached from other machines, and there are no API keys; "
        "give --keys FILE (`newstance key` makes one), or --insecure to let everybody in."
    )


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewstanceError(f"The host {host} is not known: {error.strerror}.") from None
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def listen(settings: ServingSettings) -> socket.socket:
    """Return a socket that listens; `NewstanceError` when the address can't be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise NewstanceError(
                f"Port {settings.port} of {settings.host} is in use; choose another with --port."
            ) from None
        raise NewstanceError(f"Can't listen on {settings.host} port {settings.port}: {error.strerror}.") from None


class Server(uvicorn.Server):
    """uvicorn's server; besides, SIGHUP reloads, SIGTERM is announced at /readyz, and without a bundle it stops."""

    def __init__(self, settings: ServingSettings, load: Callable[[], Bundle]) -> None:
        self._app = create_app(settings, load)
        self.engine: Engine = self._app.state.engine
        self._drain_seconds = settings.drain_seconds
        self._drained = float("inf")
        self._reloads: set[asyncio.Task[None]] = set()
        super().__init__(
            uvicorn.Config(
                self._app,
                http=with_header_timeout(settings.header_seconds),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=settings.keep_alive_seconds,
                timeout_graceful_shutdown=settings.shutdown_seconds,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen for SIGHUP too, where there is one."""
        await super().startup(sockets=sockets)
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin_reload)

    async def on_tick(self, counter: int) -> bool:
        """Say ten times a second whether to stop."""
        if self.engine.failure or time.monotonic() >= self._drained:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain first; at a second signal, or Ctrl+C, don't wait for balancers to look elsewhere."""
        if self.should_exit:
            self.force_exit = True
        if sig == signal.SIGINT or self.engine.draining:
            self.should_exit = True
        self.engine.draining = True
        self._drained = time.monotonic() + self._drain_seconds

    def _begin_reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload(self) -> None:
        try:
            self._app.state.reload_keys()
        except NewstanceError as error:
            logger.error("The old keys stay: %s", error)  # noqa: TRY400 - a sentence for a person
        try:
            await self.engine.reload()
        except ProblemError as problem:
            logger.warning("Not reloaded: %s", problem.detail)
