"""JSON Lines in, JSON Lines out: as many articles as one likes, in bounded memory.

A few lines are read ahead, as many as a batch holds; nothing more is read until the client has read the first answers.
So a client must read while it writes (``curl -T`` does).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from newstance.serving.engine import Engine
from newstance.serving.limits import pieces
from newstance.serving.problems import INTERNAL, SLOW_REQUEST, TOO_LARGE, ClientGoneError, ProblemError, invalid
from newstance.serving.protocol import Connection
from newstance.serving.records import Record
from newstance.serving.schemas import parse_article
from newstance.serving.settings import ServingSettings

MEDIA_TYPES = ("application/x-ndjson", "application/jsonl", "application/jsonlines", "application/x-jsonlines")

_Slots = asyncio.Queue["asyncio.Task[bytes] | None"]


class LinesResponse(Response):
    """Answers every line of the request's body, in order; an error is a problem in its line's place."""

    media_type = MEDIA_TYPES[0]

    def __init__(self, engine: Engine, settings: ServingSettings, record: Record) -> None:
        super().__init__()
        # The length isn't known beforehand.
        del self.headers["content-length"]
        self._engine = engine
        self._settings = settings
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, compute and write at the same time."""
        slots: _Slots = asyncio.Queue(self._settings.max_batch)
        gone = False
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read(scope["path"], receive, slots, group))
                watching = group.create_task(_watch(Connection.of(scope)))
                await self._write(send, slots)
                reading.cancel()
                watching.cancel()
        except* (ClientGoneError, TimeoutError):
            # It went away, or stopped to read: either way, nobody is there to be told.
            gone = True
        if gone:
            raise ClientGoneError

    async def _read(self, path: str, receive: Receive, slots: _Slots, group: asyncio.TaskGroup) -> None:
        number = 0
        try:
            async for line in _lines(receive, self._settings.max_line_bytes, self._settings.stall_seconds):
                number += 1
                if line is None or line.strip():
                    await slots.put(group.create_task(self._answer(line, number, path)))
        except TimeoutError:
            stalled = ProblemError(SLOW_REQUEST, f"No line arrived in {self._settings.stall_seconds:g} seconds.")
            await slots.put(group.create_task(self._problem(stalled, number + 1, path)))
        await slots.put(None)
        # Nothing more to read, but from now on nobody else would see the client go.
        async for _ in pieces(receive):
            pass

    async def _write(self, send: Send, slots: _Slots) -> None:
        # The head waits for the first answer: until the body was asked for, a client may be told to go on (100).
        slot = await slots.get()
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while slot is not None:
            await self._send(send, {"type": "http.response.body", "body": await slot, "more_body": True})
            slot = await slots.get()
        await self._send(send, {"type": "http.response.body", "body": b""})

    async def _send(self, send: Send, message: dict[str, Any]) -> None:
        async with asyncio.timeout(self._settings.stall_seconds):
            await send(message)

    async def _answer(self, line: bytes | None, number: int, path: str) -> bytes:
        try:
            if line is None:
                raise ProblemError(TOO_LARGE, f"A line may have {self._settings.max_line_bytes} bytes.")  # noqa: TRY301
            article = parse_article(line)
            self._record.add([article])
            answer = await self._engine.predict_patiently(article.article())
        except ValidationError as error:
            return await self._problem(invalid(error), number, path)
        except ProblemError as error:
            return await self._problem(error, number, path)
        except Exception as error:
            self._record.failed(error)
            return await self._problem(ProblemError(INTERNAL), number, path)
        return answer.model_dump_json().encode() + b"\n"

    async def _problem(self, error: ProblemError, number: int, path: str) -> bytes:
        problem = error.problem(path, self._record.request_id, number)
        return problem.model_dump_json(exclude_none=True).encode() + b"\n"


async def _watch(connection: Connection | None) -> None:
    """Raise when the client is gone: while its lines wait to be computed, nobody reads the body to its end."""
    if connection:
        await connection.lost.wait()
        raise ClientGoneError


async def _lines(receive: Receive, max_bytes: int, stall_seconds: float) -> AsyncIterator[bytes | None]:
    """Yield the lines of the body without their ends, None for one that is too long."""
    line: bytearray | None = bytearray()
    body = pieces(receive)
    while True:
        async with asyncio.timeout(stall_seconds):
            piece = await anext(body, None)
        if piece is None:
            break
        first, *others = piece.split(b"\n")
        line = _longer(line, first, max_bytes)
        for other in others:
            yield None if line is None else bytes(line)
            line = _longer(bytearray(), other, max_bytes)
    if line is None or line:
        yield None if line is None else bytes(line)


def _longer(line: bytearray | None, piece: bytes, max_bytes: int) -> bytearray | None:
    """Return the line with the piece, or None once it is too long: its rest isn't kept."""
    if line is None or len(line) + len(piece) > max_bytes:
        return None
    line += piece
    return line
