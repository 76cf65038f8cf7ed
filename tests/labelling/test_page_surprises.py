"""The labelling page with a list, and when keys, fields or answers are not as expected, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from labelling.pages import Open, headline, key_of, press, saved
from labelling.small_project import Labelling, write_labels, write_list


def test_a_list_says_its_reason_after_the_choice_and_asks_anew_without_the_old_label(
    open_page: Open, project: Labelling
) -> None:
    write_labels("topic", "cells,Ann,science,,2026-03-01T10:00:00Z")
    page = open_page(queue=write_list(project, "cells,labelled science with probability 0.03", "bridge,"))
    headline(page, "Researchers praised")
    expect(page.locator("#place")).to_have_text("ranked 1 of 2")
    expect(page.locator("[aria-pressed=true][data-code]")).to_have_count(0)
    assert "0.03" not in page.content()
    press(page, key_of(page, "science"))
    expect(page.locator("#reason")).to_have_text("Why it is on the list: labelled science with probability 0.03")
    press(page, "Enter")
    headline(page, "The council voted")
    expect(page.locator("#reason")).to_have_text("")
    press(page, "1")
    saved(page, "Saved: Arts, culture, entertainment and media.")
    expect(page.locator("#reason")).to_have_text("")
    press(page, "Enter", "u")
    headline(page, "The council voted")
    press(page, "u")
    headline(page, "Researchers praised")
    expect(page.locator("[aria-pressed=true][data-code]")).to_have_count(0)


def test_every_target_that_a_list_names_is_labelled_before_the_next_article(
    open_page: Open, project: Labelling
) -> None:
    lines = ["truce,Dora Pike,near", "truce,the army,far", "bridge,,"]
    page = open_page(task="stance", queue=write_list(project, *lines, columns="article_id,target,reason"))
    headline(page, "The army kept")
    expect(page.locator(".pick")).to_have_count(2)
    expect(page.get_by_role("button", name="Remove target")).to_have_count(0)
    page.get_by_label("Target to add").fill("the valley")
    press(page, "Enter")
    expect(page.get_by_role("button", name="Remove target the valley")).to_be_visible()
    press(page, "k", "k", "1")
    saved(page, "Saved toward Dora Pike: In favor.")
    expect(page.locator("#reason")).to_have_text("Why it is on the list, toward Dora Pike: near")
    page.locator("#next").click()
    expect(page.get_by_role("alert")).to_have_text("Label “the army” first, or skip the article.")
    press(page, "2")
    saved(page, "Saved toward the army: Neutral.")
    page.locator("#next").click()
    headline(page, "The council voted")


def test_another_name_in_the_field_counts_from_start_on(open_page: Open, project: Labelling) -> None:
    page = open_page()
    headline(page, "The council voted")
    name = page.get_by_role("combobox", name="Annotator")
    name.fill("Bo")
    expect(page.locator("#who-note")).to_have_text("Labels are saved as Ann until you press Start.")
    page.locator("[data-code=politics]").click()
    saved(page, "Saved: Politics and government.")
    assert project.rows("topic") == [["bridge", "Ann", "politics", ""]]
    name.fill("A")
    press(page, "Enter")
    headline(page, "A loan of nine million")
    expect(page.locator("#who-note")).to_have_text("")
    page.locator("[data-code=politics]").click()
    saved(page, "Saved: Politics and government.")
    assert project.rows("topic")[1] == ["budget", "A", "politics", ""]


def test_a_key_that_is_held_down_acts_once(open_page: Open) -> None:
    page = open_page()
    headline(page, "The council voted")
    for _ in range(4):
        page.keyboard.down("s")
    page.keyboard.up("s")
    headline(page, "A loan of nine million")
    press(page, "1")
    saved(page, "Saved: Arts, culture, entertainment and media.")
    expect(page.locator("#progress")).to_contain_text("1 of them skipped")


def test_the_number_pad_labels_only_where_it_types_digits(open_page: Open, project: Labelling) -> None:
    page = open_page()
    headline(page, "The council voted")
    for code, key in (("Numpad1", "End"), ("Numpad0", "Insert"), ("Numpad2", "2")):
        page.locator("#headline").dispatch_event("keydown", {"code": code, "key": key, "bubbles": True})
    second = page.locator("#choices button").nth(1)
    expect(second).to_have_attribute("aria-pressed", "true")
    assert project.rows("topic") == [["bridge", "Ann", second.get_attribute("data-code"), ""]]
    assert len(Path("seeds/topics.csv").read_text("utf-8").splitlines()) == 2


def test_after_an_unknown_error_the_page_goes_on(open_page: Open) -> None:
    page = open_page()
    headline(page, "The council voted")
    page.route("**/v1/decide", lambda route: route.fulfill(body="{", content_type="application/json"))
    press(page, "1")
    expect(page.get_by_role("alert")).to_contain_text("The page failed (SyntaxError: ")
    page.unroute("**/v1/decide")
    press(page, "1")
    saved(page, "Saved: Arts, culture, entertainment and media.")
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("path", ["decide", "suggest", "skip"])
def test_another_task_while_an_answer_is_awaited_does_no_harm(open_page: Open, path: str) -> None:
    page = open_page()
    headline(page, "The council voted")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/v1/{path}", hold, times=1)
    with page.expect_request(f"**/v1/{path}"):
        press(page, "s" if path == "skip" else "1")
    page.get_by_label("Task").select_option("stance")
    expect(page.locator("#desk")).to_be_hidden()
    with page.expect_response(f"**/v1/{path}"):
        held[0].continue_()
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".pick").first).to_contain_text("not labelled")
    expect(page.get_by_role("alert")).to_be_hidden()
    press(page, "1")
    expect(page.locator("#saved")).to_contain_text("Saved toward ")
