"""The access log: one JSON object a request on stderr. It holds no article unless that was asked for."""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import Scope

from newstance.serving.schemas import ArticleIn

logger = logging.getLogger("newstance.access")

# As nginx logs a client that went away before it was answered.
CLIENT_GONE = 499
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure(handler: logging.Handler) -> None:
    """Send the log to `handler`, as it is and nowhere else."""
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.propagate = False


@dataclass
class Record:
    """What is noted of a request while it is answered."""

    request_id: str
    client: str | None
    method: str
    keep_articles: bool
    status: int = CLIENT_GONE
    articles: int = 0
    key: str | None = None
    texts: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, scope: Scope, *, keep_articles: bool) -> Record:
        """Begin the record of a request; an acceptable X-Request-ID of the client is kept."""
        given = Headers(scope=scope).get("x-request-id", "")
        client = scope.get("client")
        return cls(
            request_id=given if _REQUEST_ID.fullmatch(given) else uuid4().hex,
            client=client[0] if client else None,
            method=scope["method"],
            keep_articles=keep_articles,
        )

    @property
    def seconds(self) -> float:
        """Time since the request's head arrived."""
        return time.perf_counter() - self.started

    def add(self, articles: Sequence[ArticleIn]) -> None:
        """Note that these articles are to be labelled."""
        self.articles += len(articles)
        if self.keep_articles:
            self.texts += [article.model_dump(exclude_none=True) for article in articles]

    def failed(self, error: BaseException) -> None:
        """Log where an unforeseen error came from. Its message is left out: it may quote the article."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        entry = {"time": _now(), "event": "error", "request_id": self.request_id, "error": type(error).__name__}
        if self.keep_articles:
            entry["message"] = str(error)
        logger.error(json.dumps(entry | {"places": places}, ensure_ascii=False))

    def finish(self, route: str) -> None:
        """Log the request; `route` is a path of the API, not what the client wrote."""
        entry: dict[str, Any] = {
            "time": _now(),
            "event": "request",
            "request_id": self.request_id,
            "client": self.client,
            "key": self.key,
            "method": self.method,
            "route": route,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
            "articles": self.articles,
        }
        if self.texts:
            entry["texts"] = self.texts
        logger.info(json.dumps(entry, ensure_ascii=False))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
