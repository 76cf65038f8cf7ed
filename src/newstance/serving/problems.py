"""Every error the server answers with, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with the input."""

    detail: str
    pointer: str = Field(description="Where: a JSON pointer as a URI fragment, such as #/0/text")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Which kind of problem; a link to its description")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for")
    request_id: str = Field(description="As in the X-Request-ID header and the server's log")
    errors: list[Fault] | None = Field(default=None, description="What is wrong where, for invalid input")
    line: int | None = Field(default=None, description="Which line of a stream, counted from 1")


@dataclass(frozen=True)
class Kind:
    """A kind of problem: the last part of its `type`, its status and what it means."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The link to the description."""
        return f"/docs#{self.name}"


INVALID_JSON = Kind("invalid-json", 400, "Not JSON", "The body is not valid JSON in UTF-8.")
NO_KEY = Kind("no-key", 401, "No valid key", "Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.")
FORBIDDEN = Kind("forbidden", 403, "Not allowed", "The key is not an admin key, or the server was started without any.")
NOT_FOUND = Kind("not-found", 404, "Not found", "There is nothing at this path.")
WRONG_METHOD = Kind("wrong-method", 405, "Wrong method", "The path takes other methods; see the Allow header.")
SLOW_REQUEST = Kind("slow-request", 408, "Request too slow", "The body did not arrive in time.")
BUNDLE_REFUSED = Kind(
    "bundle-refused",
    409,
    "Bundle refused",
    "The new bundle can't be used or is being loaded; the old one still answers.",
)
TOO_LARGE = Kind("too-large", 413, "Too large", "The body, or a line of a stream, is larger than the server takes.")
WRONG_MEDIA_TYPE = Kind("wrong-media-type", 415, "Wrong media type", "The Content-Type header names no accepted type.")
INVALID_ARTICLE = Kind("invalid-article", 422, "Invalid article", "`errors` says what is wrong where.")
INTERNAL = Kind("internal", 500, "Internal error", "A mistake of the server; the log has more under the request's id.")
QUEUE_FULL = Kind("queue-full", 503, "Too busy", "More is asked than can be computed; try again after Retry-After.")
NOT_READY = Kind("not-ready", 503, "Not ready", "The bundle is being loaded, or the server is about to stop.")
NO_ANSWER = Kind("no-answer", 504, "No answer in time", "Computing took longer than a request may wait.")

KINDS = (
    INVALID_JSON,
    NO_KEY,
    FORBIDDEN,
    NOT_FOUND,
    WRONG_METHOD,
    SLOW_REQUEST,
    BUNDLE_REFUSED,
    TOO_LARGE,
    WRONG_MEDIA_TYPE,
    INVALID_ARTICLE,
    INTERNAL,
    QUEUE_FULL,
    NOT_READY,
    NO_ANSWER,
)


class ProblemError(Exception):
    """A problem on its way to the client."""

    def __init__(
        self,
        kind: Kind,
        detail: str | None = None,
        *,
        errors: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.detail = detail or kind.meaning
        self.errors = errors
        self.headers = headers

    def problem(self, path: str, request_id: str, line: int | None = None) -> Problem:
        """Return what the client reads."""
        return Problem(
            type=self.kind.type,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            instance=path,
            request_id=request_id,
            errors=self.errors,
            line=line,
        )

    def response(self, path: str, request_id: str) -> Response:
        """Return the problem as a response."""
        body = self.problem(path, request_id).model_dump_json(exclude_none=True)
        return Response(body, status_code=self.kind.status, headers=self.headers, media_type=MEDIA_TYPE)


class ClientGoneError(Exception):
    """The client went away; nobody waits for an answer."""


def invalid(error: ValidationError) -> ProblemError:
    """Turn a validation error into a problem; what the client sent is not repeated."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return ProblemError(INVALID_JSON, f"{found[0]['msg']}.")
    faults = [Fault(detail=fault["msg"], pointer=_pointer(fault["loc"])) for fault in found]
    return ProblemError(INVALID_ARTICLE, f"{len(faults)} error(s) in the input.", errors=faults)


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "#" + "".join(f"/{part}" for part in parts)


async def answer_problem(request: Request, error: Exception) -> Response:
    """Answer a `ProblemError`, or an HTTPException of the framework (no such path, wrong method)."""
    if isinstance(error, HTTPException):
        kinds = {kind.status: kind for kind in (NOT_FOUND, WRONG_METHOD)}
        kind = kinds.get(error.status_code, Kind("http", error.status_code, error.detail, error.detail))
        error = ProblemError(kind, headers=error.headers)
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for these two
    return error.response(request.url.path, request.state.record.request_id)


def documented(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that answers with these problems."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            kind.status, {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        )
        entry["description"] = " ".join(filter(None, (entry.get("description"), f"{kind.title}: {kind.meaning}")))
    return responses
