"""uvicorn's HTTP protocol, with a time limit on a request's head, and with what ASGI doesn't tell of a connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


@dataclass
class Connection:
    """The connection of a request.

    ASGI has no way to drop a client that doesn't read, and tells that it is gone only to who reads all of the body.
    """

    transport: asyncio.Transport
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    @staticmethod
    def of(scope: Scope) -> Connection | None:
        """Return the connection of a request; None under another server."""
        found: Connection | None = scope["state"].get("connection")
        return found


def with_header_timeout(seconds: float) -> type[HttpToolsProtocol]:
    """Return the protocol; it closes a connection whose next request's head takes longer than `seconds`."""

    class Protocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None
        _connection: Connection

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
            super().connection_made(transport)
            self._connection = Connection(transport)
            self._await_head()

        def data_received(self, data: bytes) -> None:
            self._await_head()
            super().data_received(data)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["state"]["connection"] = self._connection

        def on_headers_complete(self) -> None:
            self._stop_waiting()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._connection.lost.set()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            # The rest of a body that was answered early counts too: no request begins until it ends.
            between_requests = self.cycle is None or self.cycle.response_complete
            if self._deadline is None and between_requests:
                self._deadline = self.loop.call_later(seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Protocol
