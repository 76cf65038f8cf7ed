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
FETCHED = Path(__file__).parents[1] / "build" / "browser"


def find_browser(playwright: Playwright) -> str | None:
    """Return the path of a Chromium, or None.

    The variable CHROMIUM names one; else a known name on PATH, playwright's own, and what fetch_browser.py fetched.
    """
    if named := os.environ.get("CHROMIUM"):
        return named
    found = [path for name in NAMES if (path := shutil.which(name))]
    others = [Path(playwright.chromium.executable_path), FETCHED / "chromium"]
    return next(iter([*found, *(str(path) for path in others if path.is_file())]), None)


def _environment(path: str) -> dict[str, str]:
    """Show a fetched browser the libraries and fonts that came with it."""
    if Path(path).parent != FETCHED:
        return dict(os.environ)
    own = {"LD_LIBRARY_PATH": str(FETCHED / "al2023" / "lib"), "FONTCONFIG_FILE": str(FETCHED / "fonts.conf")}
    return dict(os.environ) | own


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start a headless Chromium; without one the test fails: `make test` fetches it where a machine has none."""
    with sync_playwright() as playwright:
        path = find_browser(playwright)
        if path is None:
            pytest.fail("no Chromium: set CHROMIUM to one, put one on PATH, or run tests/fetch_browser.py")
        # Without the sandbox, which containers and root don't allow; the page under test is the project's own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], env=_environment(path))
        try:
            yield browser
        finally:
            browser.close()
