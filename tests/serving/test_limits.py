from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from fake_bundle import FakeBundle
from http_server import Running, article, running, send_piece, unfinished_post, wait_until

JSON = "application/json"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(FakeBundle, max_body_bytes=2000, body_seconds=0.5, header_seconds=0.5, keep_alive_seconds=1) as found:
        yield found


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(server: Running) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(
        b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2001\r\n\r\n"
    )
    assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_refused_though_no_length_was_announced(server: Running) -> None:
    connection = unfinished_post(server.port, "/v1/predict", JSON)
    send_piece(connection, b" " * 1500)
    send_piece(connection, b" " * 1500)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["type"] == "/docs#too-large"


def test_a_body_of_just_the_size_is_taken(server: Running) -> None:
    body = json.dumps(article()).encode().ljust(2000)
    with server.client() as client:
        assert client.post("/v1/predict", content=body, headers={"content-type": JSON}).status_code == 200


def test_a_client_that_sends_its_body_slowly_is_given_up_and_others_are_answered(server: Running) -> None:
    connection = unfinished_post(server.port, "/v1/predict", JSON)
    send_piece(connection, b'{"text": ')
    with server.client() as client:
        assert client.post("/v1/predict", json=article()).status_code == 200
    response = connection.getresponse()
    assert response.status == 408
    assert json.loads(response.read())["type"] == "/docs#slow-request"


@pytest.mark.parametrize("begun", [b"", b"POST /v1/predict HTTP/1.1\r\nHost:"])
def test_a_connection_without_a_whole_head_is_closed(server: Running, begun: bytes) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(begun)
    connection.settimeout(10)
    started = time.monotonic()
    assert connection.recv(100) == b""
    assert 0.3 < time.monotonic() - started < 5


def test_trickling_a_second_head_does_not_hold_the_connection_either(server: Running) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(10)
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.recv(4000).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(OSError), socket.socket() as never:  # noqa: PT011, PT012 - closed is what matters
        for letter in b"GET /healthz HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":
            connection.sendall(bytes([letter]))
            time.sleep(0.05)
        never.connect(("127.0.0.1", 1))


def test_an_idle_connection_is_closed(server: Running) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(10)
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.recv(4000)
    assert connection.recv(100) == b""


def test_a_client_that_goes_away_while_sending_leaves_nothing_behind(server: Running) -> None:
    connection = unfinished_post(server.port, "/v1/predict", JSON)
    send_piece(connection, b'{"text": ')
    connection.close()
    wait_until(lambda: not server.server.server_state.tasks)


def test_what_is_no_http_is_refused(server: Running) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
