"""Reading a request's body: only so much, for only so long, and of the right type."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive

from newstance.serving.problems import SLOW_REQUEST, TOO_LARGE, WRONG_MEDIA_TYPE, ClientGoneError, ProblemError

T = TypeVar("T")


def require_media_type(headers: Headers, accepted: Collection[str]) -> None:
    """Refuse a body of another type.

    This also keeps other web sites' pages out: a browser sends JSON across sites only with leave, which is never given.
    """
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        raise ProblemError(
            WRONG_MEDIA_TYPE, f"Send {' or '.join(accepted)} as Content-Type.", headers={"Accept": ", ".join(accepted)}
        )


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """Read the whole body, with or without a Content-Length."""
    too_large = ProblemError(TOO_LARGE, f"The body may have {max_bytes} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in pieces(request.receive):
                body += piece
                if len(body) > max_bytes:
                    raise too_large
    except TimeoutError:
        raise ProblemError(SLOW_REQUEST, f"The body did not arrive in {seconds:g} seconds.") from None
    return bytes(body)


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the body as it arrives."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """Wait for `work`, and cancel it when the client goes away. The body must have been read."""
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGoneError
    finally:
        task.cancel()
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
