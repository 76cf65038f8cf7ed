"""HTTP load from one thread, as cheap as it gets: requests are ready bytes, connections kept, answers not decoded."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httptools
import numpy as np

PATIENCE = 120.0


def post(path: str, body: bytes) -> bytes:
    """Return a request with a JSON body."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Outcome:
    """What became of a request: when it was due, and how long after that the answer was there (both in seconds).

    `status` is the answer's, or the name of the error that came instead of one.
    """

    due: float
    seconds: float
    status: int | str


@dataclass(frozen=True)
class Phase:
    """Requests at a rate (a second) for some seconds."""

    rate: float
    seconds: float


class Connection(asyncio.Protocol):
    """A connection that is asked one thing after the other."""

    def __init__(self) -> None:
        self.open = False
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: Any) -> None:
        self.open = True
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self.open = False
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())
        if not self._parser.should_keep_alive():
            self.close()

    async def ask(self, request: bytes) -> int:
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.open = False
        self._transport.close()


class Client:
    """Sends requests to a port of this machine; opens as many connections as are needed at a time, and keeps them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def ask(self, request: bytes, due: float) -> Outcome:
        """Send a request and wait for the status of its answer."""
        clock = asyncio.get_running_loop().time
        status: int | str
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self._ask(request)
        except (OSError, TimeoutError) as error:
            status = type(error).__name__
        return Outcome(due, clock() - due, status)

    async def _ask(self, request: bytes) -> int:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                break
        else:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self._port)
        try:
            status = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return status

    def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def closed_loop(self, make: Callable[[], bytes], clients: int, seconds: float) -> list[Outcome]:
        """Let some clients ask for some seconds, each again as soon as it is answered."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        outcomes: list[Outcome] = []

        async def one() -> None:
            while (now := clock()) < end:
                outcomes.append(await self.ask(make(), now))

        await asyncio.gather(*(one() for _ in range(clients)))
        return outcomes

    async def arrivals(self, make: Callable[[], bytes], phases: Iterable[Phase], seed: int = 1) -> list[list[Outcome]]:
        """Send requests at random moments (a Poisson process), answered or not; return the outcomes of each phase.

        A request that is sent late, since the client was busy, was due when it should have been sent.
        """
        clock = asyncio.get_running_loop().time
        chance = random.Random(seed)
        sent: list[list[asyncio.Task[Outcome]]] = []
        start = clock()
        for phase in phases:
            sent.append([])
            due = start + chance.expovariate(phase.rate)
            while due < start + phase.seconds:
                await asyncio.sleep(max(0.0, due - clock()))
                sent[-1].append(asyncio.create_task(self.ask(make(), due)))
                due += chance.expovariate(phase.rate)
            start += phase.seconds
        await asyncio.sleep(max(0.0, start - clock()))
        return [list(await asyncio.gather(*tasks)) for tasks in sent]


def statuses(outcomes: Iterable[Outcome]) -> Counter[int | str]:
    return Counter(outcome.status for outcome in outcomes)


def failures(outcomes: Sequence[Outcome]) -> int:
    return len(outcomes) - statuses(outcomes)[200]


def milliseconds(outcomes: Iterable[Outcome], percent: float) -> float:
    """Return a percentile of the latency of what was answered with 200."""
    latencies = [outcome.seconds for outcome in outcomes if outcome.status == 200]
    return float(np.percentile(latencies, percent)) * 1000 if latencies else float("nan")


def throughput(outcomes: Sequence[Outcome]) -> float:
    """Return answers with 200 a second, from the first request to the last answer."""
    start = min(outcome.due for outcome in outcomes)
    end = max(outcome.due + outcome.seconds for outcome in outcomes)
    return statuses(outcomes)[200] / (end - start)
