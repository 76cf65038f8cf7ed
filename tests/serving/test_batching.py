from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_bundle import FakeBundle
from newstance.bundle.answers import Answer, Article
from newstance.serving.batching import Batcher, QueueFullError

Story = Callable[[Batcher, FakeBundle], Coroutine[Any, Any, None]]


def play(
    story: Story,
    *,
    max_batch: int = 8,
    max_wait: float = 0.05,
    max_queue: int = 64,
    max_delay: float = 60,
    seconds: float = 0,
) -> FakeBundle:
    """Run a story with a running batcher."""

    async def main() -> FakeBundle:
        bundle = FakeBundle(seconds=seconds)
        bundle.predict([])  # the probe
        batcher = Batcher(
            max_batch=max_batch,
            max_wait=max_wait,
            max_queue=max_queue,
            max_delay=max_delay,
            observe=lambda *_: None,
        )
        running = asyncio.create_task(batcher.run())
        try:
            await asyncio.wait_for(story(batcher, bundle), timeout=20)
        finally:
            bundle.gate.set()
            running.cancel()
        assert batcher.queued == 0
        return bundle

    return asyncio.run(main())


def texts(*numbers: int) -> list[Article]:
    return [Article("", f"article {number}") for number in numbers]


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


def test_a_lone_article_starts_at_once() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        for number in range(3):
            started = time.monotonic()
            await batcher.submit(bundle, texts(number))
            assert time.monotonic() - started < 1

    assert play(story, max_wait=5).batches == [["article 0"], ["article 1"], ["article 2"]]


def test_what_queues_up_while_the_engine_is_busy_is_computed_together() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        others = [asyncio.create_task(batcher.submit(bundle, texts(number))) for number in range(1, 6)]
        await until(lambda: batcher.queued == 5)
        bundle.gate.set()
        await asyncio.gather(first, *others)

    assert [len(batch) for batch in play(story).batches] == [1, 5]


def test_batching_adds_no_more_than_the_stated_wait() -> None:
    wait = 0.2

    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        # Two clients together, so that company is expected; then one of them stays away.
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        pair = [asyncio.create_task(batcher.submit(bundle, texts(number))) for number in (1, 2)]
        await until(lambda: batcher.queued == 2)
        bundle.gate.set()
        await asyncio.gather(first, *pair)
        started = time.monotonic()
        await batcher.submit(bundle, texts(3))
        waited = time.monotonic() - started
        assert wait / 2 < waited < wait + 0.1

    play(story, max_wait=wait)


def test_clients_that_ask_in_a_loop_stay_in_one_batch() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        async def client(number: int) -> None:
            for _ in range(10):
                await batcher.submit(bundle, texts(number))

        await asyncio.gather(*(client(number) for number in range(8)))

    sizes = [len(batch) for batch in play(story, max_wait=1, seconds=0.001).batches]
    assert sizes[2:-1] == [8] * (len(sizes) - 3)


def test_a_long_list_does_not_hold_up_a_single_article() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        listed = asyncio.create_task(batcher.submit(bundle, texts(*range(100, 140))))
        single = asyncio.create_task(batcher.submit(bundle, texts(1)))
        await until(lambda: batcher.queued == 41)
        bundle.gate.set()
        await asyncio.gather(first, listed, single)

    batches = play(story).batches
    assert "article 1" in batches[1]
    assert max(len(batch) for batch in batches) == 8


def test_a_full_queue_refuses_at_once_and_takes_again_later() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        waiting = asyncio.create_task(batcher.submit(bundle, texts(1, 2, 3)))
        await until(lambda: batcher.queued == 3)
        started = time.monotonic()
        with pytest.raises(QueueFullError) as full:
            await batcher.submit(bundle, texts(4, 5))
        assert time.monotonic() - started < 0.1
        assert full.value.retry_after >= 1
        one_more = asyncio.create_task(batcher.submit(bundle, texts(6)))
        await asyncio.sleep(0)
        bundle.gate.set()
        await asyncio.gather(first, waiting, one_more)

    play(story, max_queue=4)


def test_what_would_begin_too_late_is_refused_at_once_however_much_room_there_is() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        for number in range(20):  # the batcher learns that an article takes 20 ms
            await batcher.submit(bundle, texts(number))
        bundle.gate.clear()
        waiting = [asyncio.create_task(batcher.submit(bundle, texts(*range(30, 50))))]
        await until(lambda: batcher.queued)
        for number in range(50, 80):
            waiting.append(asyncio.create_task(batcher.submit(bundle, texts(number))))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await batcher.submit(bundle, texts(80))
        bundle.gate.set()
        answered = await asyncio.gather(*waiting, return_exceptions=True)
        refused = [found for found in answered if isinstance(found, QueueFullError)]
        assert 0 < len(refused) < 30
        assert len(refused) + len([found for found in answered if isinstance(found, list)]) == len(waiting)
        await batcher.submit(bundle, texts(81))

    play(story, max_queue=1000, max_delay=0.5, seconds=0.02)


def test_a_cancelled_request_is_not_computed_and_frees_its_place() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        gone = asyncio.create_task(batcher.submit(bundle, texts(1, 2)))
        stays = asyncio.create_task(batcher.submit(bundle, texts(3)))
        await until(lambda: batcher.queued == 3)
        gone.cancel()
        await until(lambda: batcher.queued == 1)
        bundle.gate.set()
        await asyncio.gather(first, stays)

    assert play(story).batches == [["article 0"], ["article 3"]]


def test_an_article_that_fails_fails_alone() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        bad = asyncio.create_task(batcher.submit(bundle, [Article("", "poison here")]))
        good = asyncio.create_task(batcher.submit(bundle, texts(1, 2)))
        await until(lambda: batcher.queued == 3)
        bundle.gate.set()
        with pytest.raises(ValueError, match="can't label"):
            await bad
        assert len(await good) == 2
        assert len(await batcher.submit(bundle, texts(3))) == 1
        await first

    play(story)


def test_requests_keep_the_bundle_that_was_there_when_they_came() -> None:
    async def story(batcher: Batcher, old: FakeBundle) -> None:
        new = FakeBundle(version="new", seconds=0)
        new.predict([])  # the probe
        old.gate.clear()
        first = asyncio.create_task(batcher.submit(old, texts(0)))
        await until(lambda: old.batches)
        olds = [asyncio.create_task(batcher.submit(old, texts(number, number + 1))) for number in (1, 3)]
        news = [asyncio.create_task(batcher.submit(new, texts(number))) for number in (5, 6)]
        await until(lambda: batcher.queued == 6)
        old.gate.set()
        await first
        for requests, version in ((olds, old.version), (news, "new")):
            for answers in await asyncio.gather(*requests):
                assert {answer.version for answer in answers} == {version}

    play(story, max_batch=3)


def test_streams_leave_half_of_the_queue_to_others() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        bundle.gate.clear()
        first = asyncio.create_task(batcher.submit(bundle, texts(0)))
        await until(lambda: bundle.batches)
        rest = asyncio.create_task(batcher.submit(bundle, texts(1, 2, 3, 4)))
        await until(lambda: batcher.queued == 4)
        stream = asyncio.create_task(batcher.room())
        await asyncio.sleep(0.02)
        assert not stream.done()
        single = asyncio.create_task(batcher.submit(bundle, texts(5)))
        await asyncio.sleep(0)
        bundle.gate.set()
        await asyncio.gather(first, rest, stream, single)

    play(story, max_queue=8)


@given(sizes=st.lists(st.integers(0, 5), max_size=12), max_batch=st.integers(1, 7))
def test_every_request_gets_its_own_answers_in_order(sizes: list[int], max_batch: int) -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        def labelled(articles: list[Article]) -> list[Answer]:
            return [FakeBundle(version=article.text)._answer(article) for article in articles]

        class Echo:
            predict = staticmethod(labelled)

        requests = [texts(*range(100 * number, 100 * number + size)) for number, size in enumerate(sizes)]
        answers = await asyncio.gather(*(batcher.submit(Echo(), articles) for articles in requests))
        for articles, found in zip(requests, answers, strict=True):
            assert [answer.version for answer in found] == [article.text for article in articles]

    play(story, max_batch=max_batch, max_wait=0, max_queue=100)


def test_computing_leaves_the_event_loop_free() -> None:
    async def story(batcher: Batcher, bundle: FakeBundle) -> None:
        thread = threading.get_ident()
        computed: list[int] = []

        class Noting(FakeBundle):
            def predict(self, articles: Any, *, evidence: int = 3) -> list[Answer]:
                computed.append(threading.get_ident())
                return super().predict(articles)

        await batcher.submit(Noting(), texts(0))
        assert computed
        assert computed[0] != thread

    play(story)
