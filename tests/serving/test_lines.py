from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from fake_bundle import FakeBundle
from http_server import Process, Running, article, running, send_piece, unfinished_post, wait_until

TYPE = {"content-type": "application/x-ndjson"}
PATH = "/v1/predict/batch"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(FakeBundle) as found:
        yield found


def ask(server: Running, body: bytes) -> list[dict[str, Any]]:
    with server.client() as client:
        response = client.post(PATH, content=body, headers=TYPE)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def line(text: str = "two words") -> bytes:
    return json.dumps(article(text)).encode() + b"\n"


def test_answers_come_in_order_and_a_bad_line_is_answered_in_its_place(server: Running) -> None:
    body = (
        line("short")
        + b"{broken\n"
        + line("poison secret")
        + b"\n \r\n"
        + json.dumps(article(targets=[""])).encode()
        + b"\r\n"
        + b"[]\n"
        + b'{"text": "\xff\xff"}\n'
        + line("the last one")[:-1]
    )
    answers = ask(server, body)
    found = [answer.get("status") or (answer["abstain"] or {}).get("reason", "labelled") for answer in answers]
    assert found == ["too-short", 400, 500, 422, 422, 400, "labelled"]
    assert [answer["line"] for answer in answers if "status" in answer] == [2, 3, 6, 7, 8]
    assert answers[3]["errors"][0]["pointer"] == "#/targets/0"
    assert "secret" not in json.dumps(answers)


def test_order_is_kept_over_many_batches(server: Running) -> None:
    texts = [f"article {number}" if number % 3 else "short" for number in range(500)]
    answers = ask(server, b"".join(map(line, texts)))
    assert [answer["abstain"] is None for answer in answers] == [text != "short" for text in texts]


def test_a_stream_of_nothing_is_answered_with_nothing(server: Running) -> None:
    assert ask(server, b"") == []
    assert ask(server, b"\n\n") == []


def test_a_line_that_is_too_long_is_refused_and_the_next_one_answered() -> None:
    with running(FakeBundle, max_line_bytes=2000) as server:
        answers = ask(server, line("a b") + line("a " * 2000) + line("a b") + b"x" * 5000)
    assert [answer.get("status", 200) for answer in answers] == [200, 413, 200, 413]


def test_the_first_answer_comes_before_the_last_line_is_sent(server: Running) -> None:
    connection = unfinished_post(server.port, PATH, TYPE["content-type"])
    send_piece(connection, line("first article")[:10])
    send_piece(connection, line("first article")[10:] + line("second")[:5])
    response = connection.getresponse()
    assert json.loads(response.readline())["labels"]["topic"]["label"] == "politics"
    send_piece(connection, line("second")[5:])
    assert json.loads(response.readline())["abstain"]["reason"] == "too-short"
    send_piece(connection, b"")
    assert response.read() == b""


def test_curl_streams_a_file(server: Running, tmp_path: Path) -> None:
    (tmp_path / "articles.jsonl").write_bytes(
        b"".join(line(f"article {number} " + "word " * 500) for number in range(2000))
    )
    done = subprocess.run(
        [
            "curl",
            "-sN",
            "-X",
            "POST",
            "-T",
            tmp_path / "articles.jsonl",
            "-H",
            "Content-Type: application/x-ndjson",
            server.url + PATH,
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2000


def send_until_closed(connection: socket.socket, piece: bytes) -> None:
    with suppress(OSError):
        while True:
            connection.sendall(piece)


def test_nothing_is_read_ahead_of_a_client_that_does_not_read() -> None:
    bundle = FakeBundle()
    piece = json.dumps(article(targets=["the mayor"] * 16)).encode() + b"\n"
    with running(lambda: bundle, stall_seconds=4) as server, socket.socket() as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sender.connect(("127.0.0.1", server.port))
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: {TYPE['content-type']}\r\nContent-Length: {10**9}"
        sender.sendall(f"{head}\r\n\r\n".encode())
        threading.Thread(target=send_until_closed, args=(sender, piece * 100)).start()
        counts: deque[int] = deque(maxlen=5)

        def stands_still() -> bool:
            time.sleep(0.1)
            counts.append(sum(map(len, bundle.batches)))
            return len(counts) == 5 and 0 < counts[0] == counts[4]

        wait_until(stands_still, seconds=60)
        with server.client() as other:
            assert other.post("/v1/predict", json=article()).status_code == 200
        # Given up only after the stated time, and then entirely.
        assert server.server.server_state.tasks
        wait_until(lambda: not server.server.server_state.tasks)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_stream(tmp_path: Path) -> None:
    process = Process.start(tmp_path)
    memory = psutil.Process(process.process.pid).memory_info
    connection = unfinished_post(process.port, PATH, TYPE["content-type"])
    piece = line("word " * 2000) * 10
    thread = threading.Thread(target=lambda: [send_piece(connection, piece) for _ in range(50)])
    thread.start()
    response = connection.getresponse()
    for _ in range(500):
        response.readline()
    thread.join()
    before = memory().rss
    thread = threading.Thread(target=lambda: [send_piece(connection, piece) for _ in range(500)])
    thread.start()
    for _ in range(5000):
        response.readline()
    thread.join()
    assert memory().rss < before + (10 << 20), "50 MB of articles went through"
    send_piece(connection, b"")
    assert response.read() == b""
    process.stop()


def test_a_client_that_goes_away_ends_its_stream_and_no_other(server: Running) -> None:
    bundle = FakeBundle(seconds=0.01)
    with running(lambda: bundle, max_batch=4) as own:
        gone = unfinished_post(own.port, PATH, TYPE["content-type"])
        send_piece(gone, line("gone away") * 2000)
        wait_until(lambda: bundle.batches)
        gone.close()
        assert len(ask(own, line("still here") * 20)) == 20
        assert sum(batch.count("gone away") for batch in bundle.batches) < 100


def test_a_client_that_stops_sending_is_told_so_in_the_last_line() -> None:
    with running(FakeBundle, stall_seconds=0.3) as server:
        connection = unfinished_post(server.port, PATH, TYPE["content-type"])
        send_piece(connection, line() + b'{"text": "never')
        answers = [json.loads(found) for found in connection.getresponse().read().splitlines()]
    assert [answer.get("status", 200) for answer in answers] == [200, 408]


def test_a_stream_waits_for_room_where_a_request_is_refused() -> None:
    bundle = FakeBundle(seconds=0.002)
    with running(lambda: bundle, max_queue=64, max_batch=64) as server:
        streams: list[list[dict[str, Any]]] = []
        threads = [
            threading.Thread(target=lambda: streams.append(ask(server, line("from a stream") * 100))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: bundle.batches)
        with server.client() as client:
            assert client.post("/v1/predict", json=[article()] * 16).status_code == 200
        for thread in threads:
            thread.join()
    assert [answer.get("status", 200) for stream in streams for answer in stream] == [200] * 400
