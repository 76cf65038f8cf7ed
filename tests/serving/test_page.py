"""The page in a real browser, against the real server with a bundle that labels by keywords."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from browser import running_browser
from http_server import Running, running
from newstance.serving.app import PAGE
from serving.keyword_bundle import FRAME, TRUST, KeywordBundle

Open = Callable[..., Page]

TITLE = "Mayor Ada Quill defends the tram"
TEXT = (
    "The council met on Monday to hear about the tram. 🚋 Critics called the plan of Ada Quill unjust and shabby. "
    "Riders said the line was late.\n\nThe vote was put off, and the mayor left before the end of the debate. "
    "A loan of nine million pays for the rest."
)
ONE_CONSOLE_LINE_A_FAILED_REQUEST = "Failed to load resource"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(KeywordBundle) as found:
        yield found


@pytest.fixture
def open_page(browser: Browser, server: Running) -> Iterator[Open]:
    """Open the page; what any page must never do fails the test at its end."""
    opened: list[tuple[Page, list[str], str]] = []

    def open_one(url: str = server.url, *, requests_fail: bool = False, width: int = 1280, **options: Any) -> Page:
        page = browser.new_context(viewport={"width": width, "height": 900}, **options).new_page()
        complaints: list[str] = []
        opened.append((page, complaints, url))

        def complain(text: str) -> None:
            if not (requests_fail and text.startswith(ONE_CONSOLE_LINE_A_FAILED_REQUEST)):
                complaints.append(text)

        page.on("console", lambda message: complain(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("request", lambda request: None if request.url.startswith(url) else complain(request.url))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => console.error('policy', event.violatedDirective))"
        )
        page.goto(url)
        return page

    yield open_one
    for page, complaints, _ in opened:
        page.context.close()
        assert complaints == []


def pane(page: Page, letter: str = "a") -> Locator:
    return page.locator(f"form[aria-labelledby={letter}-heading]")


def fill(page: Page, title: str = TITLE, text: str = TEXT, targets: Sequence[str] = (), letter: str = "a") -> None:
    form = pane(page, letter)
    form.get_by_label("Headline").fill(title)
    form.get_by_label("Text", exact=True).fill(text)
    for target in targets:
        add_target(page, target, letter)


def add_target(page: Page, target: str, letter: str = "a") -> None:
    pane(page, letter).get_by_label("Target to add").fill(target)
    pane(page, letter).get_by_role("button", name="Add", exact=True).click()


def answer_to(page: Page, act: Callable[[], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the page sends when something is done, and what the server answers."""
    with page.expect_response("**/v1/predict") as found:
        act()
    page.locator("form[aria-busy=true]").wait_for(state="detached")
    return json.loads(found.value.request.post_data or "{}"), found.value.json()


def analyse(page: Page, letter: str = "a") -> tuple[dict[str, Any], dict[str, Any]]:
    return answer_to(page, pane(page, letter).get_by_role("button", name="Analyse").click)


def chips(page: Page, letter: str = "a") -> list[str]:
    return pane(page, letter).locator(".chip .name").all_inner_texts()


def percent(share: float) -> str:
    rounded = round(share * 100)
    return "<1%" if rounded == 0 else f"{rounded}%"


def marks(page: Page) -> list[dict[str, Any]]:
    """Return the marks of the article: where they begin and end in their field, in characters, and their look."""
    return page.evaluate(
        """() => [...document.querySelectorAll("mark")].map((mark) => {
            const before = document.createRange();
            before.setStart(mark.parentNode, 0);
            before.setEndBefore(mark);
            const start = Array.from(before.toString()).length;
            return {
                field: mark.closest("h2") ? "title" : "text",
                start,
                end: start + Array.from(mark.textContent).length,
                text: mark.textContent,
                line: getComputedStyle(mark).borderBottomStyle,
                sign: getComputedStyle(mark, "::after").content,
                strength: Number(mark.style.getPropertyValue("--strength")),
            };
        })"""
    )


def background(page: Page) -> list[int]:
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(",")]


# Labels


def test_bars_show_every_probability_the_likeliest_first_and_emphasised(open_page: Open) -> None:
    page = open_page()
    fill(page)
    _, answer = analyse(page)
    topic = answer["labels"]["topic"]
    shares = sorted(topic["probabilities"].values(), reverse=True)
    rows = page.locator(".bars li")
    assert rows.count() == 17
    assert rows.locator(".share").all_inner_texts() == [percent(share) for share in shares]
    assert rows.first.locator(".name").inner_text().lower() == topic["name"]
    widths = [box["width"] for row in rows.all() if (box := row.locator(".bar span").bounding_box())]
    whole = rows.first.locator(".bar").bounding_box()
    assert whole is not None
    assert widths[:3] == pytest.approx([share * whole["width"] for share in shares[:3]], abs=1)
    heights = [box["height"] for row in rows.all() if (box := row.locator(".bar").bounding_box())]
    assert heights[0] > heights[1] == heights[2] > heights[3]
    expect(page.get_by_text("IPTC 11000000").first).to_be_visible()


def test_a_scale_leans_to_the_likelier_end_and_says_so_in_words(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["Ada Quill"])
    _, answer = analyse(page)
    stance = answer["targets"][0]["labels"]["stance"]
    favor, neutral, against = (stance["probabilities"][code] for code in ("favor", "neutral", "against"))
    assert against > favor
    track, middle, marker, last = (
        page.locator(f".target .{name}").first.bounding_box()
        for name in ("track", "segment.middle", "marker", "segment.last")
    )
    assert track
    assert middle
    assert marker
    assert last
    centre = track["x"] + track["width"] / 2
    assert middle["x"] + middle["width"] / 2 == pytest.approx(centre, abs=1)
    assert last["width"] == pytest.approx(against * track["width"] / 2, abs=1)
    assert marker["x"] == pytest.approx(centre + (against - favor) * track["width"] / 2, abs=2)
    assert page.locator(".target .legend li").all_inner_texts() == [
        f"in favor {percent(favor)}",
        f"neutral {percent(neutral)}",
        f"against {percent(against)}",
    ]


def test_a_target_that_no_sentence_names_is_called_a_guess(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["Ada Quill", "Greenpeace"])
    analyse(page)
    assert page.locator(".target").filter(has_text="so this is a guess").locator("h3").all_inner_texts() == [
        "Greenpeace"
    ]


def test_schemes_that_the_page_never_heard_of_are_drawn(open_page: Open) -> None:
    with running(lambda: KeywordBundle(FRAME, TRUST)) as other:
        page = open_page(other.url)
        fill(page, targets=["Ada Quill"])
        analyse(page)
        frame = page.locator(".article-labels").filter(has_text="Frame")
        assert frame.locator(".bars li").count() == 2
        trust = page.locator(".target .decision").filter(has_text="Trust")
        assert [text.split()[0] for text in trust.locator(".legend li").all_inner_texts()] == list(TRUST.codes)
        assert trust.locator(".segment.first").count() == trust.locator(".segment.last").count() == 2


def test_no_label_is_written_into_the_page(open_page: Open) -> None:
    names = [label.name for scheme in KeywordBundle().schemes.values() for label in scheme.labels if " " in label.name]
    code = [path for path in PAGE.iterdir() if path.suffix in {".js", ".html"} and path.name != "examples.js"]
    assert len(code) >= 8
    assert [(path.name, name) for path in code for name in names if name in path.read_text(encoding="utf-8")] == []


def test_the_footer_names_the_bundle_its_limits_and_what_labels_mean(open_page: Open) -> None:
    page = open_page()
    footer = page.get_by_role("contentinfo")
    expect(footer).to_contain_text(f"Bundle {KeywordBundle.version}.")
    expect(footer).to_contain_text("repeat the labels that they learned from")
    expect(footer).to_contain_text("don't use the answers to score people or outlets")
    assert footer.get_by_role("link").get_attribute("href") == "docs"
    page.get_by_text("What the labels mean").click()
    expect(footer).to_contain_text("elections, parties, governments")
    expect(footer).to_contain_text("IPTC 11000000")


# Evidence


def test_each_decision_marks_exactly_its_evidence_in_the_text_as_sent(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["Ada Quill"])
    _, answer = analyse(page)
    decisions = [answer["labels"]["topic"], answer["targets"][0]["labels"]["stance"]]
    assert page.locator(".reading .body").evaluate("(body) => body.textContent") == TEXT
    for place, decision in enumerate(decisions):
        if place > 0:
            page.locator(".decision .why").nth(place).click()
        found = [(mark["field"], mark["start"], mark["end"], mark["text"]) for mark in marks(page)]
        wanted = [(each["field"], each["start"], each["end"], each["text"]) for each in decision["evidence"]]
        assert sorted(found) == sorted(wanted)
        for field, start, end, text in found:
            assert {"title": TITLE, "text": TEXT}[field][start:end] == text
        assert {mark["text"] for mark in marks(page)} == set(page.locator(".decision.chosen .quote").all_inner_texts())


def test_pull_toward_and_away_and_its_strength_are_told_apart_without_colour(open_page: Open) -> None:
    page = open_page()
    fill(page)
    _, answer = analyse(page)
    weights = {each["text"]: each["weight"] for each in answer["labels"]["topic"]["evidence"]}
    assert min(weights.values()) < 0 < max(weights.values())
    strongest = max(abs(weight) for weight in weights.values())
    for mark in marks(page):
        weight = weights[mark["text"]]
        assert mark["line"] == ("solid" if weight > 0 else "dashed")
        assert mark["sign"].startswith('"▲' if weight > 0 else '"▽')
        assert mark["strength"] == pytest.approx(abs(weight) / strongest, abs=1e-4)
    expect(page.locator("ol.evidence li.away").first).to_contain_text("away from “politics and government”")


def test_pointing_at_a_decision_or_focusing_it_marks_its_evidence_for_as_long(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["Ada Quill"])
    analyse(page)
    caption, stance = page.locator(".caption strong"), page.locator(".target .decision")
    expect(caption).to_have_text("Topic: politics and government")
    stance.hover()
    expect(caption).to_have_text("Stance toward Ada Quill: against")
    page.mouse.move(1, 1)
    expect(caption).to_have_text("Topic: politics and government")
    stance.locator(".why").focus()
    expect(caption).to_have_text("Stance toward Ada Quill: against")


def test_a_quote_brings_its_sentence_into_view(open_page: Open) -> None:
    page = open_page(width=360)
    fill(page)
    analyse(page)
    page.locator(".quote").first.click()
    expect(page.locator("mark").first).to_be_in_viewport()


# Text


def test_html_in_an_article_and_in_targets_stays_text(open_page: Open) -> None:
    page = open_page()
    html = "<img src=x onerror='window.harmed = 1'><script>window.harmed = 1</script>"
    fill(page, f"{html} council", f"{html} The council vote was unjust.\n{TEXT}", [f"{html} & Sons"])
    analyse(page)
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.harmed") is None
    expect(page.locator(".headline")).to_have_text(f"{html} council")
    expect(page.locator(".target h3")).to_have_text(f"{html} & Sons")


def test_results_go_when_the_text_they_are_about_changes(open_page: Open) -> None:
    page = open_page()
    fill(page)
    analyse(page)
    assert len(chips(page)) == 1
    page.get_by_role("button", name="Edit text").click()
    assert page.locator(".decision").count() > 0
    page.get_by_label("Text", exact=True).press_sequentially("x")
    assert page.locator(".decision").count() == 0
    assert chips(page) == []


def test_every_example_is_labelled(open_page: Open) -> None:
    page = open_page()
    names = page.locator("#a-examples + .choices button").all_inner_texts()
    assert 3 <= len(names) <= 4
    for name in names:
        page.locator("form").first.get_by_role("button", name=name).click()
        sent, answer = analyse(page)
        assert len(sent["text"].split()) >= 120
        assert answer["abstain"] is None
        page.get_by_role("button", name="New article").click()
        assert page.get_by_label("Text", exact=True).input_value() == ""


@pytest.mark.parametrize(
    ("name", "content", "targets"),
    [
        ("story.txt", f"{TITLE}\n\n{TEXT}\n".encode(), []),
        ("story.json", json.dumps({"title": TITLE, "text": TEXT, "targets": ["Ada Quill"]}).encode(), ["Ada Quill"]),
    ],
)
def test_a_file_fills_the_form(open_page: Open, name: str, content: bytes, targets: list[str]) -> None:
    page = open_page()
    page.locator("#a-drop + input").set_input_files({"name": name, "mimeType": "", "buffer": content})
    expect(page.get_by_label("Headline")).to_have_value(TITLE)
    expect(page.get_by_label("Text", exact=True)).to_have_value(TEXT)
    assert chips(page) == targets


def test_a_dropped_file_fills_the_form_it_is_dropped_on(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Compare two").click()
    data = page.evaluate_handle(
        """(text) => { const data = new DataTransfer(); data.items.add(new File([text], "b.txt")); return data; }""",
        f"{TITLE}\n{TEXT}",
    )
    page.locator("#b-text").dispatch_event("drop", {"dataTransfer": data})
    expect(page.locator("#b-title")).to_have_value(TITLE)
    expect(page.locator("#a-title")).to_have_value("")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("story.pdf", b"%PDF", "“story.pdf” is neither a .txt nor a .json file."),
        ("story.txt", b"caf\xe9", "“story.txt” is not UTF-8 text; save it as UTF-8."),
        ("story.json", b"{", "“story.json” is not valid JSON."),
        ("story.json", b"[1]", "“story.json” needs a “text” and may have a “title”, both of them strings."),
        ("story.json", b"null", "“story.json” needs a “text” and may have a “title”, both of them strings."),
    ],
)
def test_a_file_that_is_no_article_is_refused_in_one_sentence(
    open_page: Open, name: str, content: bytes, said: str
) -> None:
    page = open_page()
    page.locator("#a-drop + input").set_input_files({"name": name, "mimeType": "", "buffer": content})
    expect(pane(page).get_by_role("alert")).to_have_text(said)


def test_pasting_an_article_puts_its_first_line_into_the_headline(open_page: Open) -> None:
    page = open_page()
    page.locator("#a-text").evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        f"{TITLE}\n\n{TEXT}",
    )
    expect(page.get_by_label("Headline")).to_have_value(TITLE)
    expect(page.get_by_label("Text", exact=True)).to_have_value(TEXT)


# Targets


def test_without_targets_the_server_proposes_and_the_page_says_so(open_page: Open) -> None:
    page = open_page()
    fill(page)
    sent, answer = analyse(page)
    assert sent["targets"] is None
    assert chips(page) == [target["target"] for target in answer["targets"]] == ["Ada Quill"]
    assert page.locator(".chip .tag, .target h3 .tag").all_inner_texts() == ["proposed", "proposed"]


def test_adding_a_target_keeps_the_proposed_ones_and_removing_the_last_asks_for_proposals(open_page: Open) -> None:
    page = open_page()
    fill(page)
    analyse(page)
    sent, _ = answer_to(page, lambda: add_target(page, "council"))
    assert sent["targets"] == ["Ada Quill", "council"]
    assert page.locator(".target h3").all_inner_texts() == ["Ada Quill", "council"]
    assert page.locator(".tag").count() == 0
    sent, _ = answer_to(page, page.get_by_role("button", name="Remove target Ada Quill").click)
    assert sent["targets"] == ["council"]
    sent, _ = answer_to(page, page.get_by_role("button", name="Remove target council").click)
    assert sent["targets"] is None
    assert chips(page) == ["Ada Quill"]


def test_a_target_is_taken_once_and_sixteen_are_the_most(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=[f"Target {number}" for number in range(16)])
    add_target(page, "target 3")
    expect(page.locator("#a-target-note")).to_have_text("“Target 3” is already there.")
    add_target(page, "one more")
    expect(page.locator("#a-target-note")).to_have_text("16 targets are the most; remove one first.")
    sent, _ = analyse(page)
    assert sent["targets"] == [f"Target {number}" for number in range(16)]


def test_a_target_that_was_typed_but_not_added_counts(open_page: Open) -> None:
    page = open_page()
    fill(page)
    page.get_by_label("Target to add").fill("tram")
    sent, _ = analyse(page)
    assert sent["targets"] == ["tram"]


# Comparison


def test_two_articles_are_compared_on_their_shared_targets_and_can_be_asked_about_all(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["Ada Quill", "tram"])
    analyse(page)
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("heading", name="Side by side")).to_be_hidden()
    praise = "Passengers praised Ada Quill for a wonderful and excellent tram, and a welcome one. " * 3
    fill(page, "A new tram", praise, ["ada quill", "city"], letter="b")
    analyse(page, "b")
    comparison = page.get_by_role("region", name="Side by side")
    stance = comparison.locator("section").filter(has_text="Stance toward Ada Quill")
    expect(stance).to_contain_text("Different")
    a, b = (box["x"] for marker in stance.locator(".marker").all() if (box := marker.bounding_box()))
    assert b < a  # in favor is the left end
    expect(comparison).to_contain_text("only in A: tram; only in B: city")
    with page.expect_response("**/v1/predict"), page.expect_response("**/v1/predict"):
        comparison.get_by_role("button", name="Ask both about all of them").click()
    expect(comparison.locator(".unshared")).to_have_count(0)
    assert chips(page) == chips(page, "b") == ["Ada Quill", "tram", "city"]
    page.get_by_role("button", name="Compare two").click()
    expect(comparison).to_be_hidden()
    expect(pane(page, "b")).to_have_count(0)


# Abstention and errors


def test_an_abstention_says_why_and_what_to_do(open_page: Open) -> None:
    page = open_page()
    fill(page, text="Only a few words.")
    analyse(page)
    card = page.locator(".abstention")
    expect(card.get_by_role("heading")).to_have_text("This text is too short to judge")
    expect(card).to_contain_text("The text has 4 words; 20 are the fewest that can be judged.")
    expect(card).to_contain_text("What to do: Paste the whole article")
    expect(pane(page).get_by_role("status").filter(has_text="Not labelled")).to_have_count(1)
    assert page.locator(".decision").count() == 0


def test_an_article_that_is_too_long_is_refused_with_the_field_s_name(open_page: Open) -> None:
    page = open_page(requests_fail=True)
    fill(page, text="word " * 10_001)
    analyse(page)
    alert = pane(page).get_by_role("alert")
    expect(alert).to_have_text("Text: String should have at most 50000 characters.")
    fill(page, targets=["Ada Quill"])
    analyse(page)
    expect(alert).to_be_hidden()
    expect(page.locator(".target h3")).to_have_text("Ada Quill")


def test_an_empty_article_is_not_sent(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Analyse").click()
    expect(pane(page).get_by_role("alert")).to_contain_text("There is no text yet")
    expect(page.get_by_label("Text", exact=True)).to_be_focused()


def busy(route: Route) -> None:
    problem = {"title": "Too busy", "status": 503, "detail": "Too much is asked."}
    headers = {"Retry-After": "4", "Content-Type": "application/problem+json"}
    route.fulfill(status=503, headers=headers, body=json.dumps(problem))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (busy, "The server is busy; try again in 4 seconds."),
        (lambda route: route.abort(), "The server can't be reached; check the connection and try again."),
        (lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"), "The server answered with error 502"),
    ],
)
def test_a_failing_server_is_reported_in_place_and_asked_again(
    open_page: Open, answer: Callable[[Route], None], said: str
) -> None:
    page = open_page(requests_fail=True)
    page.route("**/v1/predict", answer)
    fill(page)
    page.get_by_role("button", name="Analyse").click()
    expect(pane(page).get_by_role("alert")).to_contain_text(said)
    page.unroute("**/v1/predict")
    answer_to(page, page.get_by_role("button", name="Try again").click)
    expect(pane(page).get_by_role("alert")).to_be_hidden()
    assert page.locator(".decision").count() == 2


def test_without_the_schemes_the_page_says_so_and_tries_again(open_page: Open, server: Running) -> None:
    page = open_page(requests_fail=True)
    page.route("**/v1/models", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The server can't be reached")
    page.unroute("**/v1/models")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("contentinfo")).to_contain_text(f"Bundle {KeywordBundle.version}.")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_server_with_keys_is_given_one_for_the_session_alone(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "a-key-with-enough-letters"
    monkeypatch.setenv("NEWSTANCE_API_KEYS", key)
    with running(KeywordBundle) as closed:
        page = open_page(closed.url, requests_fail=True)
        dialog = page.get_by_role("dialog", name="This server asks for an API key")
        dialog.get_by_label("API key").fill("a wrong one")
        dialog.get_by_role("button", name="Use the key").click()
        expect(dialog).to_contain_text("The key was not accepted.")
        page.keyboard.press("Escape")
        expect(page.get_by_role("alert")).to_contain_text("This server needs an API key; enter one to go on.")
        page.get_by_role("button", name="Try again").click()
        dialog.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        expect(page.get_by_role("contentinfo")).to_contain_text(f"Bundle {KeywordBundle.version}.")
        fill(page)
        analyse(page)
        assert page.locator(".decision").count() == 2
        assert page.evaluate("[Object.values(sessionStorage), Object.values(localStorage)]") == [[key], []]
        page.get_by_role("button", name="Forget the API key").click()
        assert page.evaluate("sessionStorage.length") == 0


# For everybody


def test_the_whole_way_is_possible_with_the_keyboard_and_is_announced(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("contentinfo")).to_contain_text("Bundle")
    keyboard = page.keyboard
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the article")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(page.get_by_label("Headline")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    keyboard.insert_text(TITLE)
    keyboard.press("Tab")
    keyboard.insert_text(TEXT)
    for _ in range(6):  # the file, four examples, then the target
        keyboard.press("Tab")
    keyboard.type("Ada Quill")
    keyboard.press("Enter")
    answer_to(page, lambda: keyboard.press("Control+Enter"))
    expect(page.get_by_role("heading", name="Result")).to_be_focused()
    status = pane(page).get_by_role("status").filter(has_text="Stance toward Ada Quill: against")
    expect(status).to_have_count(1)
    for name in ("Edit text", "New article", "Remove target Ada Quill"):
        keyboard.press("Tab")
        expect(page.get_by_role("button", name=name)).to_be_focused()
    for _ in range(2):
        keyboard.press("Tab")
    while page.evaluate("!document.activeElement.matches('.target .why')"):
        keyboard.press("Tab")
    keyboard.press("Enter")
    expect(page.locator(".target .evidence")).to_be_visible()
    expect(page.locator(".caption strong")).to_have_text("Stance toward Ada Quill: against")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"


def test_removing_a_target_keeps_the_focus_near(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["one", "two"])
    page.get_by_role("button", name="Remove target one").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove target two")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Target to add")).to_be_focused()


def test_every_control_and_picture_has_a_name_or_is_hidden_from_screen_readers(open_page: Open) -> None:
    page = open_page()
    fill(page, targets=["Ada Quill"])
    analyse(page)
    page.get_by_role("button", name="Compare two").click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, a")]
            .filter((control) => !(control.ariaLabel || control.labels?.length || control.textContent.trim()))
            .map((control) => control.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("svg:not([aria-hidden=true])").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))


def test_a_phone_needs_no_sideways_scrolling(open_page: Open) -> None:
    page = open_page(width=360)

    def width() -> int:
        return page.evaluate("document.documentElement.scrollWidth")

    assert width() == 360
    endless = "Donaudampfschifffahrtsgesellschaft" * 4
    fill(page, f"{TITLE} {endless}", f"{TEXT} The {endless} council vote was unjust.", [endless, "Ada Quill"])
    analyse(page)
    assert width() == 360
    page.get_by_role("button", name="Compare two").click()
    fill(page, targets=[endless], letter="b")
    analyse(page, "b")
    expect(page.get_by_role("region", name="Side by side")).to_be_visible()
    assert width() == 360


def test_the_system_s_theme_is_followed_and_the_toggle_overrides_and_is_remembered(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    toggle = page.get_by_role("button", name="Dark")
    assert max(background(page)) < 60
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    assert min(background(page)) > 200
    page.reload()
    assert min(background(page)) > 200
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "false")
    page = open_page(color_scheme="light")
    assert min(background(page)) > 200
    page.emulate_media(color_scheme="dark")
    assert max(background(page)) < 60


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_a_contrast_of_at_least_four_and_a_half(open_page: Open, theme: str) -> None:
    page = open_page(color_scheme=theme, reduced_motion="reduce")
    fill(page, targets=["Ada Quill", "Greenpeace"])
    analyse(page)
    page.get_by_role("button", name="Compare two").click()
    fill(page, targets=["Ada Quill"], letter="b")
    analyse(page, "b")
    pane(page, "b").get_by_role("button", name="New article").click()
    pane(page, "b").get_by_role("button", name="Analyse").click()
    page.get_by_text("What the labels mean").click()
    assert page.evaluate((Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_those_who_want_it_still(open_page: Open, motion: str, moves: bool) -> None:
    page = open_page(reduced_motion=motion)
    duration = page.locator("#theme").evaluate("(button) => parseFloat(getComputedStyle(button).transitionDuration)")
    assert (duration > 0) is moves
