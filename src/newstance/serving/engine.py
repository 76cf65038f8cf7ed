"""The bundle that answers: loaded in the background, replaced without losing a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from newstance.bundle.answers import Answer, Article
from newstance.errors import NewstanceError
from newstance.serving.batching import Batcher, QueueFullError
from newstance.serving.metrics import Metrics
from newstance.serving.problems import BUNDLE_REFUSED, NO_ANSWER, NOT_READY, QUEUE_FULL, ProblemError
from newstance.serving.schemas import Reloaded
from newstance.serving.settings import ServingSettings

if TYPE_CHECKING:
    from newstance.bundle.bundle import Bundle

logger = logging.getLogger(__name__)

# Answered before a bundle is taken: what can't label this serves nobody, and the first answer is the slowest.
PROBE = Article(
    title="Council delays vote on the harbour bridge",
    text=(
        "The city council put off its vote on the new harbour bridge on Tuesday after a long and angry debate. "
        "Supporters of the bridge said the delay would cost the city millions and hurt the people who need work. "
        "The mayor, who had promised that building would begin this spring, called the decision a serious mistake. "
        "Opponents cheered in the hall and said that the money belongs to schools and hospitals instead."
    ),
    targets=("harbour bridge",),
)


class Engine:
    """The present bundle, its queue and its state.

    Attributes
    ----------
    bundle
        What answers; None until it is loaded.
    failure
        Why the first loading failed, or None.
    draining
        Whether the server is about to stop.
    """

    def __init__(self, settings: ServingSettings, load: Callable[[], Bundle], metrics: Metrics) -> None:
        self.bundle: Bundle | None = None
        self.failure: NewstanceError | None = None
        self.draining = False
        self._settings = settings
        self._load = load
        self._metrics = metrics
        self._loading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._batcher = Batcher(
            max_batch=settings.max_batch,
            max_wait=settings.max_wait_ms / 1000,
            max_queue=settings.max_queue,
            max_delay=settings.max_delay_seconds,
            observe=metrics.batch,
        )
        metrics.watch_queue(lambda: self._batcher.queued)

    def start(self) -> None:
        """Begin to load the bundle and to compute."""
        self._tasks = [asyncio.create_task(self._load_first()), asyncio.create_task(self._batcher.run())]

    async def stop(self) -> None:
        """Stop computing."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def current(self) -> Bundle:
        """Return the present bundle; a 503 problem while there is none."""
        if self.bundle is None:
            raise ProblemError(NOT_READY, "The bundle is being loaded.", headers={"Retry-After": "1"})
        return self.bundle

    async def predict(self, articles: Sequence[Article]) -> list[Answer]:
        """Label articles; what goes wrong on the way is a problem for the client."""
        bundle = self.current()
        try:
            async with asyncio.timeout(self._settings.request_seconds):
                answers = await self._batcher.submit(bundle, articles)
        except QueueFullError as full:
            raise ProblemError(QUEUE_FULL, headers={"Retry-After": str(full.retry_after)}) from None
        except TimeoutError:
            raise ProblemError(NO_ANSWER) from None
        self._metrics.answers(answers)
        return answers

    async def predict_patiently(self, article: Article) -> Answer:
        """Label one article of a stream, which waits for room instead of being refused."""
        await self._batcher.room()
        return (await self.predict([article]))[0]

    async def reload(self) -> Reloaded:
        """Load the bundle anew and let it answer from now on; requests in flight end with the old one.

        Raises
        ------
        ProblemError
            When the new bundle is damaged or can't answer, or one is being loaded already. The old one stays.
        """
        if self._loading.locked():
            raise ProblemError(BUNDLE_REFUSED, "A bundle is being loaded already.")
        previous = self.current()
        try:
            bundle = await self._loaded()
        except NewstanceError as error:
            logger.error("The old bundle %s stays: %s", previous.version, error)  # noqa: TRY400 - a sentence for a person
            raise ProblemError(BUNDLE_REFUSED, str(error)) from None
        logger.info("Bundle %s answers, after %s.", bundle.version, previous.version)
        return Reloaded(version=bundle.version, previous=previous.version, changed=bundle.version != previous.version)

    async def _load_first(self) -> None:
        try:
            bundle = await self._loaded()
        except NewstanceError as error:
            self.failure = error
        else:
            logger.info("Ready: bundle %s.", bundle.version)

    async def _loaded(self) -> Bundle:
        async with self._loading:
            try:
                bundle = await asyncio.to_thread(self._load_and_try)
            except Exception as error:
                self._metrics.refused()
                if isinstance(error, NewstanceError):
                    raise
                raise NewstanceError(f"The bundle can't be used: {type(error).__name__}: {error}.") from error
            self.bundle = bundle
            self._metrics.loaded(bundle)
            return bundle

    def _load_and_try(self) -> Bundle:
        bundle = self._load()
        bundle.predict([PROBE])
        return bundle
