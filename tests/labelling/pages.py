"""What tests do at the labelling page."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

Open = Callable[..., Page]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def headline(page: Page, words: str) -> None:
    expect(page.locator("#headline")).to_contain_text(words)


def saved(page: Page, words: str) -> None:
    expect(page.locator("#saved")).to_have_text(words)


def key_of(page: Page, code: str) -> str:
    return page.locator(f"[data-code={code}] kbd").inner_text().lower()
