"""What surrounds every request: its record, the security headers, the bound on requests in flight."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newstance.serving.metrics import Metrics
from newstance.serving.problems import INTERNAL, QUEUE_FULL, ClientGoneError, ProblemError
from newstance.serving.protocol import Connection
from newstance.serving.records import CLIENT_GONE, Record
from newstance.serving.settings import ServingSettings

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RequestMiddleware:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, settings: ServingSettings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens on the way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = Record.of(scope, keep_articles=self._settings.log_articles)
        scope.setdefault("state", {})["record"] = record
        self._in_flight += 1
        try:
            await self._answer(scope, receive, self._dressed(scope, send, record))
        finally:
            self._in_flight -= 1
            route = _route(scope)
            self._metrics.request(route, record.status, record.seconds)
            record.finish(route)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        record: Record = scope["state"]["record"]
        try:
            # Probes are answered however many requests there are.
            if self._in_flight > self._settings.max_requests and scope["path"].startswith("/v1/"):
                busy = ProblemError(QUEUE_FULL, headers={"Retry-After": "1"})
                await busy.response(scope["path"], record.request_id)(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        except (ClientGoneError, asyncio.CancelledError):
            # Cancelled: the server stops, and has waited long enough.
            record.status = CLIENT_GONE
            _drop(scope)
        except Exception as error:
            record.failed(error)
            if record.status == CLIENT_GONE:
                await ProblemError(INTERNAL).response(scope["path"], record.request_id)(scope, receive, send)
            else:
                record.status = INTERNAL.status
                _drop(scope)

    def _dressed(self, scope: Scope, send: Send, record: Record) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = record.request_id
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        return dressed


def _drop(scope: Scope) -> None:
    """Close the connection at once: an orderly end would wait for a client that may not read any more."""
    if connection := Connection.of(scope):
        connection.transport.abort()


def _route(scope: Scope) -> str:
    """Return the route, one of a few whatever is asked for: it is a label of metrics."""
    if path := getattr(scope.get("route"), "path", None):
        return str(path)
    return "/static" if scope["path"].startswith("/static/") else "other"
