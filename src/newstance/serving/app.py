"""The application: routes, errors, documentation and page, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from newstance.serving import docs, routes
from newstance.serving.engine import Engine
from newstance.serving.keys import ADMIN_KEYS, API_KEYS, Keys
from newstance.serving.metrics import Metrics
from newstance.serving.middleware import RequestMiddleware
from newstance.serving.problems import INTERNAL, Problem, ProblemError, answer_problem, documented
from newstance.serving.schemas import ArticleIn
from newstance.serving.settings import ServingSettings

if TYPE_CHECKING:
    from newstance.bundle.bundle import Bundle

PAGE = Path(__file__).parent / "page"


def create_app(settings: ServingSettings, load: Callable[[], Bundle]) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    settings
        Limits, key files, logging. Where to listen is the server's business (`newstance.serving.server`).
    load
        Gives the bundle: called once in the background when the application starts, and again at each reload.

    Returns
    -------
    FastAPI
        Its `state` holds the `engine`, and `reload_keys`, which reads the key files anew.
    """
    keys, admin_keys = Keys(settings.keys, API_KEYS), Keys(settings.admin_keys, ADMIN_KEYS)
    metrics = Metrics()
    engine = Engine(settings, load, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        engine.start()
        yield
        await engine.stop()

    def reload_keys() -> None:
        keys.reload()
        admin_keys.reload()

    app = FastAPI(
        title="newstance",
        version=version("newstance"),
        description="Topic and stance of news articles.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=documented(INTERNAL),
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.state.engine = engine
    app.state.reload_keys = reload_keys
    app.include_router(routes.probes(engine))
    app.include_router(routes.api(engine, settings, metrics, keys))
    app.include_router(routes.admin(engine, keys, admin_keys))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign] # FastAPI's way to extend the document
    _add_pages(app)
    app.add_exception_handler(ProblemError, answer_problem)
    app.add_exception_handler(HTTPException, answer_problem)
    app.add_middleware(RequestMiddleware, settings=settings, metrics=metrics)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the models that FastAPI doesn't see since bodies are read by hand."""
    if not app.openapi_schema:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, definitions = models_json_schema(
            [(ArticleIn, "validation"), (Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        document["components"]["schemas"] |= definitions["$defs"]
        app.openapi_schema = document
    return app.openapi_schema


def _add_pages(app: FastAPI) -> None:
    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html")

    @app.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def documentation() -> Response:
        return HTMLResponse(docs.page(app.openapi()))

    @app.api_route("/docs.css", methods=["GET", "HEAD"], include_in_schema=False)
    async def stylesheet() -> Response:
        return FileResponse(docs.STYLESHEET)

    app.mount("/static", StaticFiles(directory=PAGE, check_dir=False), name="static")
