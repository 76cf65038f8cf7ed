"""Dynamic batching: articles of concurrent requests are labelled together.

One worker thread computes. The policy:

- An idle engine starts at once: a lone client never waits for company.
- While it computes, articles queue up; they are the next batch, at most `max_batch`.
- After a batch that served several requests, or left some queued, it gives their clients up to `max_wait` to come
  back, and starts as soon as as many articles are queued as there were. So batching adds at most `max_wait` to any
  article, and clients that ask in a loop stay in one batch.
- A batch takes one article of each request in turn, so that a long list does not hold up a single article.
- The queue holds `max_queue` articles; a request that doesn't fit, or would begin later than `max_delay` as far as the
  last batches' speed tells, is refused at once. So a slow machine queues less, and an overload is soon over.
- A request whose client went away leaves the queue, uncomputed.
- If a batch fails, its articles are computed one by one: a bad one fails alone.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from newstance.bundle.answers import Answer, Article


class Predictor(Protocol):
    """What the batcher needs of a bundle."""

    def predict(self, articles: Sequence[Article]) -> list[Answer]:
        """Label articles, in their order."""


class QueueFullError(Exception):
    """The queue has no room for the request.

    Attributes
    ----------
    retry_after
        Seconds after which there should be some.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass(eq=False, repr=False)
class _Job:
    predictor: Predictor
    articles: Sequence[Article]
    future: asyncio.Future[list[Answer]]
    taken: int = 0
    answers: dict[int, Answer] = field(default_factory=dict)


_Batch = list[tuple[_Job, int]]


class Batcher:
    """The queue and its worker.

    Parameters
    ----------
    max_batch, max_queue
        In articles.
    max_wait, max_delay
        In seconds.
    observe
        Called after each batch with its articles and seconds.
    """

    def __init__(
        self,
        *,
        max_batch: int,
        max_wait: float,
        max_queue: int,
        max_delay: float,
        observe: Callable[[int, float], None],
    ) -> None:
        self.queued = 0
        self._computing = 0
        self._max_batch = max_batch
        self._max_wait = max_wait
        self._max_queue = max_queue
        self._max_delay = max_delay
        self._observe = observe
        self._jobs: deque[_Job] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._company = 1
        self._company_until = 0.0
        self._seconds_an_article = 0.05

    async def submit(self, predictor: Predictor, articles: Sequence[Article]) -> list[Answer]:
        """Label articles.

        All of them are labelled by `predictor`, whatever is submitted later. Cancelling takes out what isn't computed.

        Raises
        ------
        QueueFullError
            At once, when they don't fit.
        """
        if not self._fits(len(articles)):
            raise QueueFullError(self._retry_after())
        if not articles:
            return []
        job = _Job(predictor, articles, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self.queued += len(articles)
        self._arrived.set()
        try:
            return await job.future
        finally:
            self._drop(job)

    async def room(self) -> None:
        """Wait until less than half of the queue is taken: streams wait here and leave the rest to single requests."""
        while self.queued >= self._max_queue // 2 or self._delay() > self._max_delay / 2:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Compute batches until cancelled."""
        with ThreadPoolExecutor(1, "newstance-engine") as worker:
            while True:
                await self._until_due()
                # What was cancelled during the wait is gone from the queue.
                if batch := self._take():
                    self._computing = len(batch)
                    await self._compute(batch, worker)
                    self._computing = 0
                    self._room.set()
                    self._expect_company(batch)

    async def _until_due(self) -> None:
        while not self._jobs:
            self._arrived.clear()
            await self._arrived.wait()
        loop = asyncio.get_running_loop()
        while self.queued < self._company and loop.time() < self._company_until:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._company_until):
                    await self._arrived.wait()

    def _expect_company(self, batch: _Batch) -> None:
        requests = {job for job, _ in batch} | set(self._jobs)
        self._company = min(self._max_batch, len(batch) + self.queued) if len(requests) > 1 else 1
        self._company_until = asyncio.get_running_loop().time() + self._max_wait

    def _take(self) -> _Batch:
        """Take the next batch, one article of each request in turn, all for the same predictor."""
        batch: _Batch = []
        others: list[_Job] = []
        while self._jobs and len(batch) < self._max_batch:
            job = self._jobs.popleft()
            if batch and job.predictor is not batch[0][0].predictor:
                others.append(job)
                continue
            batch.append((job, job.taken))
            job.taken += 1
            if job.taken < len(job.articles):
                self._jobs.append(job)
        self._jobs.extendleft(reversed(others))
        self.queued -= len(batch)
        self._room.set()
        return batch

    async def _compute(self, batch: _Batch, worker: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        articles = [job.articles[place] for job, place in batch]
        try:
            answers = await loop.run_in_executor(worker, batch[0][0].predictor.predict, articles)
            answered = list(zip(batch, answers, strict=True))
        except Exception as error:
            await self._compute_one_by_one(batch, worker, error)
            return
        seconds = loop.time() - started
        self._seconds_an_article += 0.2 * (seconds / len(batch) - self._seconds_an_article)
        self._observe(len(batch), seconds)
        for (job, place), answer in answered:
            job.answers[place] = answer
            if len(job.answers) == len(job.articles) and not job.future.done():
                job.future.set_result([job.answers[place] for place in range(len(job.articles))])

    async def _compute_one_by_one(self, batch: _Batch, worker: ThreadPoolExecutor, error: Exception) -> None:
        if len(batch) > 1:
            for entry in batch:
                await self._compute([entry], worker)
            return
        job = batch[0][0]
        if not job.future.done():
            job.future.set_exception(error)

    def _drop(self, job: _Job) -> None:
        if waiting := len(job.articles) - job.taken:
            self._jobs.remove(job)
            self.queued -= waiting
            self._room.set()

    def _delay(self) -> float:
        """Estimate after how many seconds an article that arrives now begins."""
        return (self.queued + self._computing) * self._seconds_an_article

    def _fits(self, articles: int) -> bool:
        return self.queued + articles <= self._max_queue and self._delay() <= self._max_delay

    def _retry_after(self) -> int:
        return min(60, max(1, math.ceil(self._delay())))
