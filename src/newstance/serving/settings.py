"""The server's settings and limits."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from newstance.scheme import Strict
from newstance.serving.schemas import MAX_ARTICLES
from newstance.settings import BUNDLE


class ServingSettings(Strict):
    """All that `newstance serve` can be told.

    Attributes
    ----------
    bundle
        The folder that `newstance export` wrote.
    host, port
        Where to listen; port 0 takes a free one.
    keys, admin_keys
        Files of key hashes (`newstance.serving.keys`); without keys everybody may ask, without admin keys nobody may
        reload by HTTP.
    insecure
        Whether a public address may be served without keys.
    log_articles
        Whether the access log holds the articles.
    max_batch, max_wait_ms, max_queue, max_delay_seconds
        Dynamic batching (`newstance.serving.batching`), in articles, milliseconds and seconds.
    max_body_bytes, body_seconds
        Size of a request's body, and how long its sending may take.
    max_line_bytes, stall_seconds
        Size of a line of a stream, and how long a client may neither send nor read.
    request_seconds
        How long a request waits for its answer.
    header_seconds, keep_alive_seconds
        How long a connection may take to send a request's head, and to send its next request.
    max_requests
        Requests in flight, all clients together.
    drain_seconds, shutdown_seconds
        After SIGTERM: how long the server still answers while `/readyz` already says 503, and how long it then waits
        for requests in flight.
    """

    bundle: Path = BUNDLE
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    keys: Path | None = None
    admin_keys: Path | None = None
    insecure: bool = False
    log_articles: bool = False
    max_batch: int = Field(default=32, ge=1)
    max_wait_ms: float = Field(default=5, ge=0)
    max_queue: int = Field(default=MAX_ARTICLES, ge=MAX_ARTICLES)
    max_delay_seconds: float = Field(default=2, gt=0)
    max_body_bytes: int = Field(default=4 << 20, ge=1 << 10)
    body_seconds: float = Field(default=15, gt=0)
    max_line_bytes: int = Field(default=1 << 20, ge=1 << 10)
    stall_seconds: float = Field(default=60, gt=0)
    request_seconds: float = Field(default=30, gt=0)
    header_seconds: float = Field(default=10, gt=0)
    keep_alive_seconds: int = Field(default=15, ge=1)
    max_requests: int = Field(default=512, ge=1)
    drain_seconds: float = Field(default=1, ge=0)
    shutdown_seconds: int = Field(default=30, ge=1)
