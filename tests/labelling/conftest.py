"""The labelling page in a real browser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from browser import running_browser
from labelling.pages import Open
from labelling.small_project import Labelling, served, write_small_project
from newstance.labelling.queue import Queue

ONE_LINE_A_REFUSED_REQUEST = "Failed to load resource: the server responded with a status of 422"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Labelling:
    return write_small_project(tmp_path, monkeypatch)


@pytest.fixture
def open_page(browser: Browser, project: Labelling) -> Iterator[Open]:
    """Serve the page and open it; complaints of the browser and requests elsewhere fail the test at its end."""
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(ONE_LINE_A_REFUSED_REQUEST):
            complaints.append(message.text)

    with contextlib.ExitStack() as stack:

        def open_one(
            width: int = 1280, options: dict[str, Any] | None = None, queue: Queue | None = None, **chosen: str
        ) -> Page:
            url = stack.enter_context(served(project, queue, **{"annotator": "Ann", **chosen})).url
            context = stack.enter_context(
                browser.new_context(viewport={"width": width, "height": 900}, **options or {})
            )
            page = context.new_page()
            page.on("console", complain)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda one: None if one.url.startswith(url) else complaints.append(one.url))
            page.goto(url)
            return page

        yield open_one
    assert complaints == []
