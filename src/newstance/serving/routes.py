"""The API's routes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from newstance.bundle.answers import Answer
from newstance.serving import lines, problems
from newstance.serving.engine import Engine
from newstance.serving.keys import Keys
from newstance.serving.limits import read_body, require_media_type, unless_gone
from newstance.serving.metrics import Metrics
from newstance.serving.problems import ProblemError, documented
from newstance.serving.schemas import (
    MAX_ARTICLES,
    Alive,
    ModelsOut,
    Ready,
    Reloaded,
    SchemeOut,
    parse_articles,
)
from newstance.serving.settings import ServingSettings

_ANSWERS = TypeAdapter(list[Answer])
_ARTICLE = {"$ref": "#/components/schemas/ArticleIn"}
_PREDICT_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [_ARTICLE, {"type": "array", "items": _ARTICLE, "maxItems": MAX_ARTICLES}]}
        }
    },
}
_LINES_BODY = {
    "required": True,
    # Without a type: whatever is sent is a stream of lines, and what is wrong with a line is answered in its place.
    "content": {media_type: {"schema": {"description": "An ArticleIn a line"}} for media_type in lines.MEDIA_TYPES},
}


class Guard:
    """Lets those in who send one of the keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, request: Request) -> None:
        """Refuse a request without a known key."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        request.state.record.key = self._keys.owner(key)
        if request.state.record.key is None:
            raise ProblemError(problems.NO_KEY, headers={"WWW-Authenticate": "Bearer"})


_SCHEMES = (
    Depends(HTTPBearer(auto_error=False, scheme_name="bearer")),
    Depends(APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header")),
)


def api(engine: Engine, settings: ServingSettings, metrics: Metrics, keys: Keys) -> APIRouter:
    """Return the routes that need a key, if there are any."""
    router = APIRouter(
        dependencies=[Depends(Guard(keys)), *_SCHEMES] if keys else [],
        responses=documented(problems.NO_KEY) if keys else {},
    )

    @router.post(
        "/v1/predict",
        response_model=Answer | list[Answer],
        openapi_extra={"requestBody": _PREDICT_BODY},
        responses=documented(
            problems.INVALID_JSON,
            problems.SLOW_REQUEST,
            problems.TOO_LARGE,
            problems.WRONG_MEDIA_TYPE,
            problems.INVALID_ARTICLE,
            problems.QUEUE_FULL,
            problems.NOT_READY,
            problems.NO_ANSWER,
        ),
    )
    async def predict(request: Request) -> Response:
        """Label one article, or a list of them: topic, stance by target, evidence, or why not."""
        require_media_type(request.headers, ("application/json",))
        body = await read_body(request, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds)
        try:
            articles, many = parse_articles(body)
        except ValidationError as error:
            raise problems.invalid(error) from None
        request.state.record.add(articles)
        answers = await unless_gone(request.receive, engine.predict([article.article() for article in articles]))
        content = _ANSWERS.dump_json(answers) if many else answers[0].model_dump_json().encode()
        return Response(content, media_type="application/json")

    @router.post(
        "/v1/predict/batch",
        openapi_extra={"requestBody": _LINES_BODY},
        responses=documented(problems.WRONG_MEDIA_TYPE, problems.QUEUE_FULL, problems.NOT_READY),
        status_code=200,
        response_class=lines.LinesResponse,
    )
    async def predict_batch(request: Request) -> Response:
        """Label a stream of JSON Lines, one article a line; answers come as JSON Lines in the same order.

        A line that can't be answered is answered with a problem in its place, blank lines are left out. Read while you
        write: the server reads only a few lines ahead of the answers that you have read.
        """
        require_media_type(request.headers, lines.MEDIA_TYPES)
        engine.current()
        return lines.LinesResponse(engine, settings, request.state.record)

    @router.get("/v1/models", responses=documented(problems.QUEUE_FULL, problems.NOT_READY))
    async def models() -> ModelsOut:
        """Say which models answer, how good they are, and what their labels mean."""
        bundle = engine.current()
        return ModelsOut(
            version=bundle.version,
            package=bundle.about.package,
            tasks=bundle.about.tasks,
            schemes={
                name: SchemeOut(title=scheme.title, has_targets=scheme.has_targets, labels=list(scheme.labels))
                for name, scheme in bundle.schemes.items()
            },
        )

    @router.get("/metrics", response_class=PlainTextResponse)
    async def read_metrics() -> Response:
        """Give Prometheus its numbers."""
        return PlainTextResponse(metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def admin(engine: Engine, keys: Keys, admin_keys: Keys) -> APIRouter:
    """Return the routes of those who run the server."""
    router = APIRouter(dependencies=[*_SCHEMES] if admin_keys else [])
    responses: dict[int | str, dict[str, Any]] = documented(
        problems.NO_KEY, problems.FORBIDDEN, problems.BUNDLE_REFUSED, problems.QUEUE_FULL, problems.NOT_READY
    )

    @router.post("/v1/admin/reload", responses=responses)
    async def reload(request: Request) -> Reloaded:
        """Read the bundle's folder anew. No request is lost; a bundle that can't answer leaves the old one in place."""
        if not admin_keys:
            raise ProblemError(
                problems.FORBIDDEN, "The server was started without admin keys; send it the signal SIGHUP instead."
            )
        try:
            Guard(admin_keys)(request)
        except ProblemError:
            Guard(keys)(request)
            raise ProblemError(problems.FORBIDDEN, "This key is not an admin key.") from None
        return await engine.reload()

    return router


def probes(engine: Engine) -> APIRouter:
    """Return the routes that tell whether the server is well."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> Alive:
        """Say that the process runs."""
        return Alive()

    @router.get("/readyz", responses=documented(problems.NOT_READY))
    async def readyz() -> Ready:
        """Say whether requests are answered."""
        if engine.draining:
            raise ProblemError(problems.NOT_READY, "The server is about to stop.")
        return Ready(version=engine.current().version)

    return router
