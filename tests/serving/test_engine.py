from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fake_bundle import FakeBundle
from http_server import PATIENCE, Running, article, running, wait_until
from newstance.errors import NewstanceError
from newstance.serving.keys import make_key
from newstance.serving.schemas import MAX_ARTICLES


def begin_predict(server: Running, text: str) -> socket.socket:
    """Ask, and don't wait for the answer."""
    body = json.dumps(article(text)).encode()
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(
        b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )
    return connection


def test_overload_is_answered_with_200_and_503_only_and_passes() -> None:
    bundle = FakeBundle(seconds=0.002)
    answers: list[httpx.Response] = []
    with running(lambda: bundle, max_queue=MAX_ARTICLES) as server:

        def ask(_: int) -> None:
            with server.client() as client:
                for _ in range(5):
                    answers.append(client.post("/v1/predict", json=[article()] * 8))

        bundle.gate.clear()
        with ThreadPoolExecutor(40) as pool:
            asked = pool.map(ask, range(40))
            wait_until(lambda: any(answer.status_code == 503 for answer in answers))
            bundle.gate.set()
            list(asked)
        assert set(Counter(answer.status_code for answer in answers)) == {200, 503}
        refused = [answer for answer in answers if answer.status_code == 503]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert {answer.json()["type"] for answer in refused} == {"/docs#queue-full"}
        with server.client() as client:
            assert client.post("/v1/predict", json=article()).status_code == 200


def test_a_full_queue_refuses_at_once() -> None:
    bundle = FakeBundle()
    with running(lambda: bundle, max_queue=MAX_ARTICLES) as server, ThreadPoolExecutor(2) as pool:
        bundle.gate.clear()

        def ask(articles: list[dict[str, Any]]) -> int:
            with server.client() as client:
                return client.post("/v1/predict", json=articles).status_code

        computing = pool.submit(ask, [article()])
        wait_until(lambda: bundle.batches)
        waiting = pool.submit(ask, [article()] * MAX_ARTICLES)
        wait_until(lambda: server.server.engine._batcher.queued == MAX_ARTICLES)
        started = time.monotonic()
        assert ask([article()]) == 503
        assert time.monotonic() - started < 1
        bundle.gate.set()
        assert (computing.result(), waiting.result()) == (200, 200)


def test_more_requests_than_the_server_holds_are_refused_but_probes_are_answered() -> None:
    bundle = FakeBundle()
    with running(lambda: bundle, max_requests=2) as server, server.client() as client:
        bundle.gate.clear()
        held = [begin_predict(server, f"held {number}") for number in range(2)]
        wait_until(lambda: len(server.server.server_state.tasks) == 2)
        refused = client.post("/v1/predict", json=article())
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert client.get("/healthz").status_code == 200
        bundle.gate.set()
        for connection in held:
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert client.post("/v1/predict", json=article()).status_code == 200


def test_a_request_whose_client_went_away_is_not_computed_and_harms_no_other() -> None:
    bundle = FakeBundle()
    with running(lambda: bundle) as server:
        bundle.gate.clear()
        first = begin_predict(server, "first one")
        wait_until(lambda: bundle.batches)
        gone = [begin_predict(server, f"gone {number}") for number in range(5)]
        stays = begin_predict(server, "stays here")
        wait_until(lambda: server.server.engine._batcher.queued == 6)
        for connection in gone:
            connection.close()
        wait_until(lambda: server.server.engine._batcher.queued == 1)
        bundle.gate.set()
        for connection in (first, stays):
            connection.settimeout(PATIENCE)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert bundle.batches == [["first one"], ["stays here"]]


class Shelf:
    """What the next loading finds."""

    def __init__(self) -> None:
        self.versions = itertools.count()
        self.damage: Exception | None = None
        self.held = threading.Event()
        self.held.set()

    def load(self) -> FakeBundle:
        self.held.wait()
        if self.damage:
            raise self.damage
        return FakeBundle(version=f"v{next(self.versions)}", seconds=0.001, remembers=False)


@pytest.fixture
def admin(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    key, line = make_key("admin")
    (tmp_path / "admin").write_text(line)
    return tmp_path / "admin", {"authorization": f"Bearer {key}"}


def test_a_hot_swap_under_load_drops_nothing(admin: tuple[Path, dict[str, str]]) -> None:
    file, key = admin
    shelf, stop = Shelf(), threading.Event()
    with running(shelf.load, admin_keys=file) as server, ThreadPoolExecutor(8) as pool:

        def ask(_: int) -> list[tuple[int, frozenset[str]]]:
            found = []
            with server.client() as client:
                while not stop.is_set():
                    answer = client.post("/v1/predict", json=[article()] * 3)
                    found.append((answer.status_code, frozenset(one["version"] for one in answer.json())))
            return found

        asking = pool.map(ask, range(8))
        with server.client(headers=key) as client:
            for number in range(5):
                time.sleep(0.1)
                swapped = client.post("/v1/admin/reload").json()
                assert swapped == {"version": f"v{number + 1}", "previous": f"v{number}", "changed": True}
                # From the answer on, the new one answers.
                assert client.post("/v1/predict", json=article()).json()["version"] == f"v{number + 1}"
                assert client.get("/v1/models").json()["version"] == f"v{number + 1}"
        stop.set()
        found = list(itertools.chain.from_iterable(asking))
    assert {status for status, _ in found} == {200}
    assert all(len(versions) == 1 for _, versions in found), "one request, one version"
    assert {version for _, versions in found for version in versions} >= {"v0", "v5"}


@pytest.mark.parametrize("damage", [NewstanceError("model.onnx was changed."), RuntimeError("no such operator")])
def test_a_bundle_that_can_not_be_used_leaves_the_old_one_answering(
    admin: tuple[Path, dict[str, str]], damage: Exception
) -> None:
    file, key = admin
    shelf = Shelf()
    with running(shelf.load, admin_keys=file) as server, server.client(headers=key) as client:
        shelf.damage = damage
        refused = client.post("/v1/admin/reload")
        assert refused.status_code == 409
        assert refused.json()["type"] == "/docs#bundle-refused"
        assert str(damage) in refused.json()["detail"]
        assert client.post("/v1/predict", json=article()).json()["version"] == "v0"
        assert 'newstance_reloads_total{outcome="refused"} 1.0' in client.get("/metrics").text
        shelf.damage = None
        assert client.post("/v1/admin/reload").json()["version"] == "v1"


def test_a_bundle_that_loads_but_does_not_answer_is_refused_too(admin: tuple[Path, dict[str, str]]) -> None:
    file, key = admin
    bundles = [FakeBundle(version="good"), FakeBundle(version="bad")]
    bundles[1].predict = lambda articles, **_: 1 / 0  # type: ignore[method-assign]
    with running(lambda: bundles.pop(0), admin_keys=file) as server, server.client(headers=key) as client:
        assert client.post("/v1/admin/reload").status_code == 409
        assert client.get("/readyz").json()["version"] == "good"


def test_a_second_reload_meanwhile_is_refused_and_answers_go_on(admin: tuple[Path, dict[str, str]]) -> None:
    file, key = admin
    shelf = Shelf()
    with (
        running(shelf.load, admin_keys=file) as server,
        server.client(headers=key) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        shelf.held.clear()
        first = pool.submit(httpx.post, f"{server.url}/v1/admin/reload", headers=key, timeout=PATIENCE)
        wait_until(server.server.engine._loading.locked)
        assert client.post("/v1/admin/reload").status_code == 409
        assert client.post("/v1/predict", json=article()).json()["version"] == "v0"
        shelf.held.set()
        assert first.result().json()["version"] == "v1"
