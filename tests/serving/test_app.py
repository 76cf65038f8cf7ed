from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from fake_bundle import FakeBundle
from http_server import Running, article, running
from newstance.serving.app import create_app
from newstance.serving.keys import make_key
from newstance.serving.middleware import SECURITY_HEADERS
from newstance.serving.problems import KINDS
from newstance.serving.settings import ServingSettings


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(FakeBundle) as found:
        yield found


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as found:
        yield found


PATHS = ["/", "/docs", "/docs.css", "/openapi.json", "/static/app.js", "/healthz", "/metrics", "/v1/models", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_security_headers_and_a_request_id(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert SECURITY_HEADERS.items() <= {name.title(): value for name, value in response.headers.items()}.items() | {
        (name, response.headers[name]) for name in SECURITY_HEADERS
    }
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    assert "server" not in response.headers


def test_errors_have_the_security_headers_too(client: httpx.Client) -> None:
    for response in (client.post("/v1/predict", json={}), client.post("/v1/predict", json=article("poison here"))):
        for name, value in SECURITY_HEADERS.items():
            assert response.headers[name] == value


def test_the_policy_allows_nothing_from_elsewhere() -> None:
    policy = dict(part.split(" ", 1) for part in SECURITY_HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert set(policy.values()) == {"'self'", "'none'"}


def test_a_client_may_choose_the_request_id_but_not_what_it_looks_like(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"x-request-id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    for wrong in ("a b", "a" * 65, '"', ""):
        assert client.get("/healthz", headers={"x-request-id": wrong}).headers["x-request-id"] != wrong


def test_answers_are_not_kept_by_caches(client: httpx.Client) -> None:
    assert client.post("/v1/predict", json=article()).headers["cache-control"] == "no-store"
    assert client.get("/static/app.js").headers["cache-control"] == "no-cache"


def test_no_other_site_is_given_leave(client: httpx.Client) -> None:
    headers = {"origin": "https://example.org", "access-control-request-method": "POST"}
    for response in (client.options("/v1/predict", headers=headers), client.get("/v1/models", headers=headers)):
        assert not [name for name in response.headers if name.startswith("access-control-")]


class Links(HTMLParser):
    """Collects what a page refers to, its anchors and whether it has scripts or styles inside."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [value for name in ("href", "src") if (value := found.get(name))]
        self.anchors |= {found["id"] or ""} if "id" in found else set()
        self.inline += [tag for name in found if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag in {"script", "style"} else []


def test_the_documentation_describes_everything_and_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")
    links = Links()
    links.feed(page.text)
    assert links.inline == []
    for link in links.links:
        if link.startswith("#"):
            assert link[1:] in links.anchors, link
        else:
            assert link.startswith("/")
            assert client.get(link).status_code == 200, link
    document = client.get("/openapi.json").json()
    assert {kind.name for kind in KINDS} <= links.anchors
    assert all(path in page.text for path in document["paths"])
    assert all(f"schema-{name}" in links.anchors for name in document["components"]["schemas"])


def test_every_kind_of_problem_is_documented_where_it_can_happen(tmp_path: Path) -> None:
    _, line = make_key("ada")
    (tmp_path / "keys").write_text(line)
    app = create_app(ServingSettings(keys=tmp_path / "keys", admin_keys=tmp_path / "keys"), FakeBundle)  # type: ignore[arg-type]
    paths = app.openapi()["paths"]
    assert set(paths["/v1/predict"]["post"]["responses"]) == set("200 400 401 408 413 415 422 500 503 504".split())
    assert set(paths["/v1/admin/reload"]["post"]["responses"]) == set("200 401 403 409 500 503".split())
    assert paths["/v1/predict"]["post"]["security"] == [{"bearer": []}, {"header": []}]
    assert "security" not in paths["/healthz"]["get"]


def test_the_document_is_valid_and_its_references_lead_somewhere(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    references: list[str] = re.findall(r'"\$ref":"#/components/schemas/(\w+)"', client.get("/openapi.json").text)
    assert set(references) <= set(document["components"]["schemas"])
    assert {"Answer", "ArticleIn", "Problem"} <= set(references)


@pytest.mark.slow
def test_whatever_is_sent_the_answer_is_as_documented(tmp_path: Path) -> None:
    key, line = make_key("ada")
    (tmp_path / "keys").write_text(line)
    options = ["--checks", "all", "--max-examples", "25", "--seed", "1", "--generation-database", "none", "--no-color"]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    with running(FakeBundle, keys=tmp_path / "keys", admin_keys=tmp_path / "keys") as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
                *("-H", f"Authorization: Bearer {key}", *options),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=tmp_path,
            env=environment,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 7" in done.stdout
