from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fake_bundle import ABOUT, FakeBundle
from http_server import Running, article, running, wait_until
from newstance.serving.keys import make_key
from newstance.serving.schemas import MAX_ARTICLES, MAX_TARGETS, MAX_TEXT, MAX_TITLE


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(FakeBundle) as found:
        yield found


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as found:
        yield found


def problem(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """Check that a response is a problem of RFC 9457, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["status"] == status
    assert found["type"] == f"/docs#{name}"
    assert found["title"]
    assert found["detail"]
    assert found["instance"] == response.url.path
    assert found["request_id"] == response.headers["x-request-id"]
    return found


def test_an_article_is_answered_with_an_answer_and_a_list_with_a_list(client: httpx.Client) -> None:
    one = client.post("/v1/predict", json=article(targets=["the mayor"], outlet="Daily", url="https://example.org/1"))
    assert one.status_code == 200
    assert one.json()["labels"]["topic"]["label"] == "politics"
    assert [target["target"] for target in one.json()["targets"]] == ["the mayor"]
    many = client.post("/v1/predict", json=[article(), article("short")])
    assert [answer["abstain"] and answer["abstain"]["reason"] for answer in many.json()] == [None, "too-short"]
    assert client.post("/v1/predict", json=[article()]).json() == [client.post("/v1/predict", json=article()).json()]
    assert client.post("/v1/predict", json=[]).json() == []


def test_as_many_and_as_long_articles_as_allowed_are_answered(client: httpx.Client) -> None:
    longest = article("a " * (MAX_TEXT // 2), title="t" * MAX_TITLE, targets=["t" * 200] * MAX_TARGETS)
    assert len(client.post("/v1/predict", json=[longest] * MAX_ARTICLES).json()) == MAX_ARTICLES


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": "no text"}, "#/text"),
        (article(text=3), "#/text"),
        (article(text="a" * (MAX_TEXT + 1)), "#/text"),
        (article(title="a" * (MAX_TITLE + 1)), "#/title"),
        (article(targets=["a"] * (MAX_TARGETS + 1)), "#/targets"),
        (article(targets=["a", " \n"]), "#/targets/1"),
        (article(target="a"), "#/target"),
        ([article(), article(text=None)], "#/1/text"),
        ([article()] * (MAX_ARTICLES + 1), "#"),
        ("text", "#"),
        (17, "#"),
        (article() | {"a~b/c": 1}, "#/a~0b~1c"),
    ],
)
def test_what_is_wrong_with_an_article_is_said_with_its_place(client: httpx.Client, body: object, pointer: str) -> None:
    found = problem(client.post("/v1/predict", json=body), 422, "invalid-article")
    assert [fault["pointer"] for fault in found["errors"]] == [pointer]


def test_a_refused_text_is_not_repeated(client: httpx.Client) -> None:
    assert "secret" not in client.post("/v1/predict", json=article(targets="secret words")).text


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"text": "a b"} more', b'{"text": "\xff"}', b"[" * 100_000, b'{"text": "\\ud800"}']
)
def test_what_is_not_json_in_utf_8_is_refused(client: httpx.Client, body: bytes) -> None:
    response = client.post("/v1/predict", content=body, headers={"content-type": "application/json; charset=utf-8"})
    problem(response, 400, "invalid-json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict/batch"])
def test_other_media_types_are_refused(client: httpx.Client, path: str, content_type: str) -> None:
    response = client.post(path, content=b'{"text": "a b"}', headers={"content-type": content_type})
    problem(response, 415, "wrong-media-type")


def test_unknown_paths_and_methods_are_problems_too(client: httpx.Client) -> None:
    problem(client.get("/v1/nothing"), 404, "not-found")
    problem(client.get("/static/../settings.py"), 404, "not-found")
    problem(client.get("/static/%2e%2e/settings.py"), 404, "not-found")
    response = client.get("/v1/predict")
    problem(response, 405, "wrong-method")
    assert response.headers["allow"] == "POST"


def test_the_models_and_their_labels_are_told(client: httpx.Client) -> None:
    found = client.get("/v1/models").json()
    assert found["version"] == FakeBundle().version
    assert found["tasks"]["topic"]["metrics"] == ABOUT.tasks["topic"].metrics
    assert [label["code"] for label in found["schemes"]["stance"]["labels"]] == ["favor", "neutral", "against"]
    assert found["schemes"]["stance"]["has_targets"]
    assert all(label["medtop"] for label in found["schemes"]["topic"]["labels"])


def test_an_unforeseen_error_is_a_problem_without_the_text(client: httpx.Client) -> None:
    response = client.post("/v1/predict", json=article("poison secret"))
    problem(response, 500, "internal")
    assert "secret" not in response.text


def test_a_request_that_takes_too_long_is_given_up() -> None:
    bundle = FakeBundle()
    with running(lambda: bundle, request_seconds=0.2) as server, server.client() as client:
        bundle.gate.clear()
        problem(client.post("/v1/predict", json=article()), 504, "no-answer")
        bundle.gate.set()
        assert client.post("/v1/predict", json=article()).status_code == 200


def test_the_server_lives_at_once_and_is_ready_when_the_bundle_is_loaded() -> None:
    bundle = FakeBundle()
    bundle.gate.clear()

    def load() -> FakeBundle:
        bundle.gate.wait()
        return bundle

    with running(load, ready=False) as server, server.client() as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        for answer in (client.get("/readyz"), client.post("/v1/predict", json=article()), client.get("/v1/models")):
            problem(answer, 503, "not-ready")
            assert int(answer.headers["retry-after"]) >= 1
        bundle.gate.set()
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v1/predict", json=article()).status_code == 200


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A key and an admin key, with their files."""
    folder: Path = tmp_path_factory.mktemp("keys")
    found: dict[str, Any] = {}
    for name in ("ordinary", "admin"):
        found[name], line = make_key(name)
        (folder / name).write_text(f"# {name}\n{line}\n")
        found[f"{name}_file"] = folder / name
    return found


@pytest.fixture(scope="module")
def guarded(keys: dict[str, Any]) -> Iterator[Running]:
    with running(FakeBundle, keys=keys["ordinary_file"], admin_keys=keys["admin_file"]) as found:
        yield found


ASKED = [("POST", "/v1/predict"), ("POST", "/v1/predict/batch"), ("GET", "/v1/models"), ("GET", "/metrics")]


@pytest.mark.parametrize(("method", "path"), [*ASKED, ("POST", "/v1/admin/reload")])
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eA=="}, {"x-api-key": "é"}]
)
def test_without_a_known_key_nothing_is_answered(
    guarded: Running, method: str, path: str, headers: dict[str, str]
) -> None:
    with guarded.client() as client:
        response = client.request(method, path, headers={name: value.encode() for name, value in headers.items()})
        problem(response, 401, "no-key")
        assert response.headers["www-authenticate"] == "Bearer"


def test_a_key_is_taken_from_either_header(guarded: Running, keys: dict[str, Any]) -> None:
    for headers in ({"authorization": f"Bearer {keys['ordinary']}"}, {"x-api-key": keys["ordinary"]}):
        with guarded.client(headers=headers) as client:
            assert client.post("/v1/predict", json=article()).status_code == 200
            assert client.get("/metrics").status_code == 200


def test_page_documentation_and_probes_need_no_key(guarded: Running) -> None:
    with guarded.client() as client:
        for path in ("/", "/docs", "/docs.css", "/openapi.json", "/healthz", "/readyz", "/static/app.js"):
            assert client.get(path).status_code == 200, path


def test_only_an_admin_key_reloads_and_it_does_nothing_else(guarded: Running, keys: dict[str, Any]) -> None:
    with guarded.client() as client:
        ordinary, admin = ({"x-api-key": keys[name]} for name in ("ordinary", "admin"))
        problem(client.post("/v1/admin/reload", headers=ordinary), 403, "forbidden")
        assert client.post("/v1/admin/reload", headers=admin).status_code == 200
        problem(client.get("/v1/models", headers=admin), 401, "no-key")


def test_without_admin_keys_nobody_reloads_by_http(client: httpx.Client) -> None:
    problem(client.post("/v1/admin/reload", headers={"x-api-key": "a" * 40}), 403, "forbidden")
