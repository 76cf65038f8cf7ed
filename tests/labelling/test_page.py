"""The labelling page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Response, expect

from labelling.pages import Open, headline, key_of, press, saved
from labelling.small_project import Labelling, served

CONTRAST = Path(__file__).parents[1] / "serving" / "contrast.js"


def test_articles_are_labelled_by_keys_alone_and_saved_at_once(open_page: Open, project: Labelling) -> None:
    page = open_page()
    headline(page, "The council voted")
    expect(page.locator("#headline")).to_be_focused()
    press(page, key_of(page, "politics"))
    saved(page, "Saved: Politics and government.")
    assert project.rows("topic") == [["bridge", "Ann", "politics", ""]]
    press(page, f"Shift+{key_of(page, 'economy')}")
    saved(page, "Saved: Politics and government, second Economy, business and finance.")
    expect(page.locator("[data-code=politics]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#next")).to_be_focused()
    press(page, "Enter")
    headline(page, "A loan of nine million")
    expect(page.locator("#progress")).to_have_text("1 labelled by you · 3 to go")
    press(page, "s")
    headline(page, "Researchers praised")
    expect(page.locator("#progress")).to_contain_text("1 of them skipped")
    press(page, "0")
    saved(page, "Saved: No article.")
    assert project.rows("topic") == [["bridge", "Ann", "politics", "economy"], ["cells", "Ann", "skip", ""]]


def test_undo_takes_the_last_choice_back_and_shows_its_article(open_page: Open, project: Labelling) -> None:
    page = open_page()
    headline(page, "The council voted")
    expect(page.locator("#undo")).to_be_disabled()
    press(page, "1")
    saved(page, "Saved: Arts, culture, entertainment and media.")
    press(page, "Enter")
    headline(page, "A loan")
    press(page, "u")
    headline(page, "The council voted")
    saved(page, "Taken back.")
    assert project.rows("topic") == []
    assert len(Path("seeds/topics.csv").read_text("utf-8").splitlines()) == 3


def test_the_champion_is_silent_until_the_choice(open_page: Open) -> None:
    page = open_page()
    headline(page, "The council voted")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    expect(page.locator("#suggestion")).to_be_hidden()
    press(page, key_of(page, "economy"))
    expect(page.locator("#suggestion")).to_contain_text("The champion says: politics and government")
    expect(page.locator("#suggestion")).not_to_contain_text("You asked")
    assert [url.rpartition("/")[2] for url in sent] == ["decide", "suggest"]
    press(page, "Enter")
    headline(page, "A loan")
    press(page, "?")
    expect(page.locator("#suggestion")).to_contain_text("You asked before you chose: your label may lean on it.")


def test_targets_are_proposed_edited_added_and_labelled_one_after_the_other(
    open_page: Open, project: Labelling
) -> None:
    page = open_page(task="stance")
    headline(page, "The council voted")
    picks = page.locator(".pick")
    expect(picks).to_have_text(["Ada Quillnot labelled"])
    page.get_by_role("button", name="Edit target Ada Quill").click()
    expect(page.get_by_label("Target to add")).to_have_value("Ada Quill")
    page.get_by_label("Target to add").fill("Mayor Ada Quill")
    press(page, "Enter")
    page.get_by_label("Target to add").fill("the toll")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Stance toward the toll")).to_be_visible()
    press(page, "3")
    saved(page, "Saved toward the toll: Against.")
    expect(page.get_by_role("heading", name="Stance toward Mayor Ada Quill")).to_be_visible()
    press(page, "2")
    saved(page, "Saved toward Mayor Ada Quill: Neutral.")
    expect(page.locator("#next")).to_be_focused()
    assert project.rows("stance") == [
        ["bridge", "Ann", "the toll", "against"],
        ["bridge", "Ann", "Mayor Ada Quill", "neutral"],
    ]


def test_a_blind_pass_shows_and_loads_nothing_that_others_chose(open_page: Open) -> None:
    first = open_page()
    headline(first, "The council voted")
    press(first, key_of(first, "society"))
    saved(first, "Saved: Society.")
    page = open_page(annotator="", **{"pass": "blind"})
    expect(page.locator("#annotator")).to_be_focused()
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response) if "/v1/" in response.url else None)
    page.keyboard.type("Bo")
    press(page, "Enter")
    headline(page, "The council voted")
    expect(page.locator("#opinions")).to_be_hidden()
    assert "society" not in answers[0].text()
    assert "Ann" not in answers[0].text()
    press(page, "?")
    expect(page.locator("#ask")).to_be_hidden()
    press(page, key_of(page, "politics"))
    saved(page, "Saved: Politics and government.")
    assert "society" not in answers[1].text()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Nothing is left to label here")).to_be_focused()
    assert [answer.url.rpartition("/")[2] for answer in answers] == ["next", "decide", "next"]
    expect(page.locator("#suggestion")).to_be_hidden()
    expect(page.locator("#progress")).to_have_text("1 labelled by you · 0 to go")
    expect(page.locator("#agreement")).to_have_text("")


def test_adjudication_shows_both_labels_side_by_side_and_settles(open_page: Open, project: Labelling) -> None:
    with served(project) as desk:
        for name, code in (("Ann", "society"), ("Bo", "politics")):
            desk.ask("decide", task="topic", annotator=name, **{"pass": "label"}, article_id="bridge", label=code)
    page = open_page(**{"pass": "adjudicate"})
    headline(page, "The council voted")
    expect(page.get_by_role("combobox", name="Annotator")).to_have_value("gold")
    left, right = (page.locator(".opinion").nth(place).bounding_box() for place in (0, 1))
    assert left
    assert right
    assert left["y"] == right["y"]
    expect(page.locator(".opinion")).to_contain_text(["Society", "Politics and government"])
    expect(page.locator("#opinions")).to_contain_text("They disagree.")
    press(page, key_of(page, "politics"))
    saved(page, "Saved: Politics and government.")
    assert ["bridge", "gold", "politics", ""] in project.rows("topic")


def test_without_a_name_the_page_asks_and_warns_when_the_labels_would_not_train(open_page: Open) -> None:
    page = open_page(annotator="")
    expect(page.get_by_role("combobox", name="Annotator")).to_be_focused()
    page.keyboard.type("Cy-2")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("'Cy-2' is no annotator's name")
    page.get_by_role("combobox", name="Annotator").fill("Cy")
    press(page, "Enter")
    headline(page, "The council voted")
    expect(page.locator("#who-note")).to_contain_text("add the name to labels.training")


def test_keys_type_letters_in_fields_and_can_be_switched_off(open_page: Open, project: Labelling) -> None:
    page = open_page(task="stance")
    headline(page, "The council voted")
    page.get_by_label("Target to add").focus()
    page.keyboard.type("1s u")
    expect(page.get_by_label("Target to add")).to_have_value("1s u")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    press(page, "1", "s")
    headline(page, "The council voted")
    assert not Path("seeds/stances.csv").exists()
    page.locator("[data-code=favor]").click()
    saved(page, "Saved toward Ada Quill: In favor.")
    assert project.rows("stance") == [["bridge", "Ann", "Ada Quill", "favor"]]


def test_the_codebook_is_at_hand(open_page: Open) -> None:
    page = open_page()
    page.get_by_text("Codebook", exact=True).click()
    expect(page.locator("#definitions")).to_contain_text("elections, parties, governments")
    expect(page.locator("#codebook-text")).to_contain_text("Ties: a law or policy fought over")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_contrast_and_every_control_a_name(open_page: Open, theme: str) -> None:
    page = open_page(options={"color_scheme": theme, "reduced_motion": "reduce"}, task="stance")
    headline(page, "The council voted")
    press(page, "?")
    expect(page.locator("#suggestion")).to_be_visible()
    press(page, "1")
    saved(page, "Saved toward Ada Quill: In favor.")
    page.get_by_text("Codebook", exact=True).click()
    assert page.evaluate(CONTRAST.read_text(encoding="utf-8")) == []
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, progress, a")]
            .filter((control) => !(control.ariaLabel || control.labels?.length || control.textContent.trim()))
            .map((control) => control.outerHTML)"""
    )
    assert nameless == []


def test_a_phone_needs_no_sideways_scrolling(open_page: Open) -> None:
    page = open_page(width=360, task="stance")
    headline(page, "The council voted")
    page.get_by_label("Target to add").fill("Donaudampfschifffahrtsgesellschaft" * 4)
    press(page, "Enter")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
