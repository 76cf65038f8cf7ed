import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_bundle import FakeBundle
from newstance.bundle.answers import Abstention, Answer, Article, Decision, Evidence, Score, TargetAnswer
from newstance.notebooks.answers import EMPTY_PAGE, NO_ANSWER, AskPane, page, probabilities
from newstance.notebooks.serving import Asked

TITLE, TEXT = "Ferry <late>", "The ferry is late & slow. Nobody waits.\n\nIt rains."


def decision(label: str, probability: float, *evidence: Evidence) -> Decision:
    other = Score(label="other_thing", name="other thing", probability=1 - probability)
    score = Score(label=label, name=label.title(), probability=probability)
    return Decision(
        **score.model_dump(), probabilities={label: probability}, top=[score, other], evidence=list(evidence)
    )


def sentence(field: str, content: str, part: str, weight: float) -> Evidence:
    start = content.index(part)
    return Evidence(field=field, start=start, end=start + len(part), text=part, weight=weight)


def answer() -> Answer:
    about = decision("labour", 0.81, sentence("text", TEXT, "The ferry is late & slow.", 0.31))
    toward = decision(
        "against",
        0.7,
        sentence("text", TEXT, "The ferry is late & slow.", -0.2),
        sentence("title", TITLE, TITLE, 0.11),
    )
    target = TargetAnswer(target="A & B", proposed=False, mentioned=True, labels={"stance": toward})
    return Answer(labels={"topic": about}, targets=[target], version="1")


def refused() -> Answer:
    return Answer(labels={}, targets=[], abstain=Abstention(reason="too-short", detail="<2 words."), version="1")


def asked(found: Answer, name: str = "ferry", split: str = "") -> Asked:
    return Asked(name, Article(TITLE, TEXT, ("A & B",)), found, {}, split)


def test_a_page_has_the_decisions_and_marks_evidence_once_with_all_that_it_moved():
    html = page(Article(TITLE, TEXT), answer())
    assert html.count("<mark ") == 2
    assert ">The ferry is late &amp; slow.</mark><sup>topic\xa0+31\xa0%; A\xa0&amp;\xa0B\xa0−20\xa0%</sup>" in html
    assert ">Ferry &lt;late&gt;</mark><sup>A\xa0&amp;\xa0B\xa0+11\xa0%</sup>" in html
    assert "<strong>Labour</strong></td><td>0.81</td><td>other thing 0.19</td>" in html
    assert "stance toward A &amp; B" in html
    assert html.count("<p>") == 2


def test_a_refused_article_is_shown_with_the_reason_and_without_a_table():
    html = page(Article(TITLE, TEXT), refused())
    assert "Not labelled (too-short)" in html
    assert "&lt;2 words." in html
    assert "<table>" not in html


@given(st.text(), st.text())
def test_nothing_of_an_article_becomes_markup(title, text):
    html = page(Article(title, text + "<script>"), refused())
    assert "<script" not in html
    assert html.count("<h4 ") == 1


def test_the_figure_says_whether_the_least_sure_answer_is_about_an_article_that_models_have_met():
    sure = Answer(labels={"topic": decision("sport", 0.999)}, targets=[], version="1")
    chart = probabilities([asked(sure, split="train"), asked(answer())])
    assert chart.title == (
        "The least sure of 3 answers, “against” with 0.70, is about an article that no model has learnt from"
    )
    assert "that the models have learnt from" in probabilities([asked(answer(), split="train")]).title
    topics, stances = chart.figure.axes
    assert [label.get_text() for label in topics.get_yticklabels()] == ["sport", "other thing", "labour", "other thing"]
    assert "> 0.99" in [text.get_text() for text in topics.texts]
    assert "A & B" in [text.get_text() for text in stances.texts]


def test_refused_articles_are_not_drawn_and_alone_leave_no_figure():
    assert len(probabilities([asked(answer()), asked(refused())]).figure.axes) == 2
    assert "no probabilities to draw" in probabilities([asked(refused())])


@pytest.fixture
def pane() -> AskPane:
    bundle = FakeBundle()
    bundle.predict([])
    return AskPane(bundle, [asked(answer()), asked(refused(), "second")])


def test_the_pane_begins_with_the_first_article_and_its_answer(pane):
    assert pane.title.value == TITLE
    assert pane.targets.value == "A & B"
    assert pane.answer.value == page(Article(TITLE, TEXT), answer())


def test_the_button_asks_about_what_stands_in_the_fields(pane):
    pane.text.value, pane.targets.value = "Some other words", "Mayor ; ; Union"
    pane.button.click()
    assert pane._bundle.batches == [["Some other words"]]
    assert "politics" in pane.answer.value
    assert "stance toward Union" in pane.answer.value


def test_an_empty_page_has_no_answer_until_it_is_asked(pane):
    pane.example.label = EMPTY_PAGE
    assert [field.value for field in (pane.title, pane.text, pane.targets)] == [""] * 3
    assert pane.answer.value == NO_ANSWER
    pane.button.click()
    assert "Not labelled (too-short)" in pane.answer.value
