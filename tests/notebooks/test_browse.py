import re

import pandas as pd
import pytest

from newstance.notebooks.browse import EVERY_OUTLET, SHOW_ALL, SHOW_LESS, ArticleBrowser, browse_articles, first_page
from newstance.notebooks.corpus import NO_OUTLET, NO_TITLE
from newstance.scheme import Label, Scheme

STORY = " ".join(f"word{number}" for number in range(30)) + "\nThe <end> of it."


def scheme(name: str, kind: str, codes: str) -> Scheme:
    labels = tuple(Label(code=code, name=code.title(), definition="") for code in codes.split())
    return Scheme(name=name, kind=kind, title=name.title(), annotations="labels.csv", labels=labels)


SCHEMES = {
    "topic": scheme("topic", "single-label", "health sport weather"),
    "stance": scheme("stance", "target-dependent", "favor against"),
}
TOPICS = pd.DataFrame(
    [
        ["n1", "Post", "2017-02-01", "Goals & <tears>", STORY, "sport", "train"],
        ["n2", "Times", "2017-02-02", "A new coach", STORY, "sport", "test"],
        ["n3", "Times", None, "", "Fog.", "weather", "train"],
        ["n4", "", "2017-02-02", "Snow " * 20, "Snow.", "weather", "train"],
    ],
    columns=["article_id", "outlet", "published", "title", "text", "topic", "split"],
).assign(published=lambda table: pd.to_datetime(table["published"]))
STANCES = TOPICS.head(2).drop(columns="topic").assign(target=["the league", "the coach"], stance="against")


@pytest.fixture
def browser() -> ArticleBrowser:
    return ArticleBrowser({"topic": TOPICS, "stance": STANCES}, SCHEMES)


def names(menu) -> list[str]:
    return [name for name, _ in menu.options]


def test_it_opens_with_the_first_label_that_occurs_and_shows_a_title_and_a_quote(browser):
    assert names(browser.task) == ["Topic", "Stance"]
    assert names(browser.label) == ["Sport (2)", "Weather (2)"]
    assert names(browser.outlet) == [f"{EVERY_OUTLET} (2)", "Post (1)", "Times (1)"]
    assert names(browser.titles) == ["Goals & <tears>", "A new coach"]
    assert "Goals &amp; &lt;tears&gt;" in browser.page.value
    assert "Post · 1 February 2017 · topic: Sport · in train" in browser.page.value
    assert "word11 …" in browser.page.value
    assert "word12" not in browser.page.value


def test_no_state_of_the_open_browser_holds_more_of_an_article_than_a_quote(browser):
    stated = [str(widget.get_state()) for widget in (browser, browser.titles, browser.page, browser.label)]
    assert not re.search("word12", " ".join(stated))


def test_the_button_shows_the_whole_text_and_takes_it_back(browser):
    browser.whole.click()
    assert "word29" in browser.page.value
    assert "<p>The &lt;end&gt; of it.</p>" in browser.page.value
    assert browser.whole.description == SHOW_LESS
    browser.whole.click()
    assert "word12" not in browser.page.value
    assert browser.whole.description == SHOW_ALL


def test_another_article_is_shown_by_its_beginning_again(browser):
    browser.whole.click()
    browser.titles.index = 1
    assert "A new coach" in browser.page.value
    assert "word12" not in browser.page.value
    assert browser.whole.description == SHOW_ALL


def test_menus_leave_the_articles_of_a_label_and_an_outlet(browser):
    browser.label.value = "weather"
    assert names(browser.outlet) == [f"{EVERY_OUTLET} (2)", f"{NO_OUTLET} (1)", "Times (1)"]
    browser.outlet.value = "Times"
    assert names(browser.titles) == [NO_TITLE]
    assert NO_TITLE in browser.page.value
    assert "Times · topic: Weather · in train" in browser.page.value  # no date, none shown
    browser.outlet.value = ""
    assert names(browser.titles) == [" ".join(["Snow"] * 12) + " …"]


def test_a_task_with_targets_shows_them(browser):
    browser.label.value = "weather"
    browser.outlet.value = "Times"
    browser.task.value = "stance"
    assert names(browser.label) == ["Against (2)"]
    assert names(browser.outlet) == [f"{EVERY_OUTLET} (2)", "Post (1)", "Times (1)"]
    assert names(browser.titles) == ["Goals & <tears> · the league", "A new coach · the coach"]
    assert "target: the league · stance: Against" in browser.page.value
    browser.task.value = "topic"
    assert names(browser.label) == ["Sport (2)", "Weather (2)"]
    assert "topic: Sport" in browser.page.value


def test_the_static_view_says_what_the_open_browser_shows(browser):
    text = first_page(browser)
    assert "**Topic · Sport (2) · every outlet (2)**" in text
    assert "1. Goals &amp; &lt;tears&gt;\n2. A new coach" in text
    assert "Post · 1 February 2017" in text
    assert "word11 …" in text
    assert "word12" not in text


def test_a_projects_labelled_units_are_browsed():
    class Project:
        schemes = SCHEMES

        def prepared(self, task: str) -> pd.DataFrame:
            return {"topic": TOPICS, "stance": STANCES}[task]

    assert names(browse_articles(Project()).task) == ["Topic", "Stance"]
