"""A browser for tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser(playwright: Playwright) -> str | None:
    """Return the path of a Chromium: the variable CHROMIUM, a known name on PATH, or playwright's own; None without."""
    if named := os.environ.get("CHROMIUM"):
        return named
    found = [path for name in NAMES if (path := shutil.which(name))]
    own = playwright.chromium.executable_path
    return next(iter(found), own if Path(own).is_file() else None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start a headless Chromium; skip the test when the machine has none."""
    with sync_playwright() as playwright:
        path = find_browser(playwright)
        if path is None:
            pytest.skip("no Chromium: set CHROMIUM to one, put one on PATH, or run `playwright install chromium`")
        # Without the sandbox, which containers and root don't allow; the page under test is the project's own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
