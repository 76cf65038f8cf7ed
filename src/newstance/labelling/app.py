"""The labelling page's application: routes, errors and the page, in the frame of the inference server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from fastapi import FastAPI, Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from newstance.errors import NewstanceError
from newstance.labelling.desk import Desk
from newstance.labelling.schemas import (
    About,
    Choice,
    DeskOut,
    ProjectOut,
    Question,
    SavedOut,
    SuggestionsOut,
    Who,
)
from newstance.serving.app import PAGE as SHARED
from newstance.serving.limits import read_body, require_media_type
from newstance.serving.metrics import Metrics
from newstance.serving.middleware import RequestMiddleware
from newstance.serving.problems import Kind, ProblemError, answer_problem, invalid
from newstance.serving.settings import ServingSettings

PAGE = Path(__file__).parent / "page"
REFUSED = Kind("refused", 422, "Not possible", "What was asked for can't be done; `detail` says why.")
MAX_BODY_BYTES = 1 << 16
LOCAL = ["127.0.0.1", "localhost"]

InT = TypeVar("InT", bound=BaseModel)


def create_app(project: ProjectOut, desks: Mapping[str, Desk]) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    project
        What the page is told at its start.
    desks
        By task.
    """
    settings = ServingSettings()
    app = FastAPI(title="newstance: labelling", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    async def read(request: Request, model: type[InT]) -> InT:
        require_media_type(request.headers, ("application/json",))
        body = await read_body(request, max_bytes=MAX_BODY_BYTES, seconds=settings.body_seconds)
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise invalid(error) from None

    def desk(who: Who) -> Desk:
        if who.task not in desks:
            raise NewstanceError(f"There is no task '{who.task}'; the tasks are {', '.join(desks)}.")
        return desks[who.task]

    @app.get("/v1/project")
    async def read_project() -> ProjectOut:
        return project

    @app.post("/v1/next")
    async def next_article(request: Request) -> DeskOut:
        who = await read(request, Who)
        return await asyncio.to_thread(desk(who).next, who)

    @app.post("/v1/skip")
    async def skip(request: Request) -> DeskOut:
        about = await read(request, About)
        return await asyncio.to_thread(desk(about).put_off, about)

    @app.post("/v1/decide")
    async def decide(request: Request) -> SavedOut:
        choice = await read(request, Choice)
        return await asyncio.to_thread(desk(choice).decide, choice)

    @app.post("/v1/undo")
    async def undo(request: Request) -> DeskOut:
        who = await read(request, Who)
        return await asyncio.to_thread(desk(who).undo, who)

    @app.post("/v1/suggest")
    async def suggest(request: Request) -> SuggestionsOut:
        question = await read(request, Question)
        return await asyncio.to_thread(desk(question).suggest, question)

    @app.api_route("/", methods=["GET", "HEAD"])
    async def page() -> Response:
        return FileResponse(PAGE / "index.html")

    app.mount("/static/labelling", StaticFiles(directory=PAGE, check_dir=False))
    app.mount("/static", StaticFiles(directory=SHARED, check_dir=False))
    app.add_exception_handler(ProblemError, answer_problem)
    app.add_exception_handler(HTTPException, answer_problem)
    app.add_exception_handler(NewstanceError, _refuse)
    # A page of another site, at a name of its own that leads here, must not read or write labels.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOCAL)
    app.add_middleware(RequestMiddleware, settings=settings, metrics=Metrics())
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    return await answer_problem(request, ProblemError(REFUSED, str(error)))
