"""Notebook 5: an answer as a page with its evidence marked, as a figure, and a widget to ask about any text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from newstance.bundle.answers import Answer, Article, Decision
from newstance.bundle.bundle import Bundle
from newstance.notebooks.display import quote
from newstance.notebooks.serving import Asked, chance
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, DARK, GREY, LIGHT, Chart, finish, house_style, new_figure

MARK = "background: #fff1a8; color: inherit; border-bottom: 2px solid #b58900"
MOST_DRAWN = 5
LIKELIEST = 3
EMPTY_PAGE, NO_ANSWER = "an empty page", "Nothing was asked yet."
PROPOSE = "A; B; leave it empty to have some proposed"


def decisions(answer: Answer) -> Iterator[tuple[str, Decision]]:
    """Yield what each decision of an answer is about, and the decision."""
    yield from answer.labels.items()
    for target in answer.targets:
        for scheme, decision in target.labels.items():
            yield f"{scheme} toward {target.target}", decision


def page(article: Article, answer: Answer) -> str:
    """Write an answer as HTML: the decisions, then the article with the sentences that moved them most marked."""
    marks: defaultdict[tuple[str, int, int], list[str]] = defaultdict(list)
    for about, decision in decisions(answer):
        for one in decision.evidence:
            share = f"{100 * one.weight:+.0f}".replace("-", "−")
            moved = f"{about.removeprefix('stance toward ')} {share} %"
            marks[one.field, one.start, one.end].append(moved.replace(" ", "\N{NO-BREAK SPACE}"))
    title = _marked(article.title, "title", marks)
    text = _marked(article.text, "text", marks)
    paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n") if part.strip())
    return (
        f"<div style='border-left: 4px solid {BLUE}; padding: 0 1em; max-width: 52em; line-height: 1.5'>"
        f"<h4 style='line-height: 1.6'>{title}</h4>{_decided(answer)}{paragraphs}</div>"
    )


def _decided(answer: Answer) -> str:
    if answer.abstain:
        return f"<p><strong>Not labelled ({answer.abstain.reason}).</strong> {escape(answer.abstain.detail)}</p>"
    rows = [
        f"<tr><td>{escape(about)}</td><td><strong>{escape(decision.name)}</strong></td>"
        f"<td>{chance(decision.probability)}</td><td>{_runners_up(decision)}</td></tr>"
        for about, decision in decisions(answer)
    ]
    head = "".join(f"<th>{name}</th>" for name in ("question", "answer", "probability", "next likeliest"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _runners_up(decision: Decision) -> str:
    return escape(", ".join(f"{score.name} {chance(score.probability)}" for score in decision.top[1:])) or words.MISSING


def _marked(content: str, field: str, marks: dict[tuple[str, int, int], list[str]]) -> str:
    """Escape a title or text, and mark its sentences with what they moved and how much."""
    parts, done = [], 0
    for (where, start, end), moved in sorted(marks.items()):
        if where == field:
            mark = f"<mark style='{MARK}'>{escape(content[start:end])}</mark>"
            parts += [escape(content[done:start]), mark, f"<sup>{escape('; '.join(moved))}</sup>"]
            done = end
    return "".join([*parts, escape(content[done:])])


def probabilities(asked: Sequence[Asked]) -> Chart | str:
    """Draw the likeliest labels of the first articles that are answered, topics on the left, stances on the right."""
    drawn = [one for one in asked if not one.answer.abstain][:MOST_DRAWN]
    topics = [(quote(one.article.title, 6), decision) for one in drawn for decision in one.answer.labels.values()]
    stances = [
        (target.target, decision)
        for one in drawn
        for target in one.answer.targets
        for decision in target.labels.values()
    ]
    panels = [(name, found) for name, found in (("of an article", topics), ("toward a target", stances)) if found]
    if not panels:
        return "The bundle answers about none of these articles, so there are no probabilities to draw."
    title = _title(drawn)
    with house_style():
        tallest = max(len(found) for _, found in panels)
        figure = new_figure(1.2 + 1.0 * tallest, title, width=9.2)
        for axes, (name, found) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            _panel(axes, found, tallest)
            axes.set_title(f"label {name}", fontsize=9.5)
        caption = (
            f"The {LIKELIEST} likeliest labels and their calibrated probabilities, the answer dark. They are "
            "predictions about single articles, so they have no intervals; how often such answers are right is the "
            "next figure's question."
        )
        return finish(figure, "serving-probabilities", title, caption)


def _title(drawn: Sequence[Asked]) -> str:
    found = [(one, decision) for one in drawn for _, decision in decisions(one.answer)]
    about, least = min(found, key=lambda pair: pair[1].probability)
    learnt = "that the models have learnt from" if about.met else "that no model has learnt from"
    title = f"The least sure of {words.plural(len(found), 'answer')}, “{least.label}” with {chance(least.probability)},"
    return f"{title} is about an article {learnt}"


def _panel(axes: Axes, found: Sequence[tuple[str, Decision]], tallest: int) -> None:
    """Draw groups of bars with a heading each."""
    labels, places = [], []
    for group, (heading, decision) in enumerate(found):
        top = group * (LIKELIEST + 1.6)
        axes.text(0, top - 0.85, heading, fontsize=8.5, fontweight="bold", va="center", color=DARK)
        for rank, score in enumerate(decision.top):
            color, hatch = (BLUE, "") if rank == 0 else (LIGHT, "////")
            axes.barh(top + rank, score.probability, 0.74, color=color, hatch=hatch, edgecolor=GREY, linewidth=0.6)
            axes.text(score.probability + 0.02, top + rank, chance(score.probability), va="center", fontsize=8)
            labels.append(score.label.replace("_", " "))
            places.append(top + rank)
    axes.set_yticks(places, labels)
    axes.set_ylim(tallest * (LIKELIEST + 1.6) - 1, -1.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=(0, 1.12), xlabel="calibrated probability", xticks=[0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="x")


class AskPane(widgets.VBox):  # type: ignore[misc]
    """Fields for title, text and targets, and a button that asks the bundle.

    It begins with the first article; its answer is shown.

    Parameters
    ----------
    bundle
        What answers.
    asked
        The articles that the menu offers.
    """

    def __init__(self, bundle: Bundle, asked: Sequence[Asked]) -> None:
        self._bundle = bundle
        wide = widgets.Layout(width="98%")
        names: list[tuple[str, int | None]] = [
            (f"{one.name}: {quote(one.article.title, 8)}", number) for number, one in enumerate(asked)
        ]
        names.append((EMPTY_PAGE, None))
        self.example = widgets.Dropdown(description="Begin with", options=names, layout=wide)
        self.title = widgets.Text(description="Title", layout=wide)
        self.text = widgets.Textarea(description="Text", rows=8, layout=wide)
        self.targets = widgets.Text(description="Targets", placeholder=PROPOSE, layout=wide)
        self.button = widgets.Button(description="Label", icon="tag")
        self.answer = widgets.HTML(NO_ANSWER, layout=wide)
        self._asked = asked
        self.example.observe(lambda _: self._fill(), names="value")
        self.button.on_click(lambda _: self._ask())
        super().__init__([self.example, self.title, self.text, self.targets, self.button, self.answer])
        self._fill()
        if asked:
            self.answer.value = page(asked[0].article, asked[0].answer)

    def _fill(self) -> None:
        chosen = None if self.example.value is None else self._asked[self.example.value].article
        self.title.value = chosen.title if chosen else ""
        self.text.value = chosen.text if chosen else ""
        self.targets.value = "; ".join(chosen.targets or ()) if chosen else ""
        self.answer.value = NO_ANSWER

    def _ask(self) -> None:
        named = [target.strip() for target in self.targets.value.split(";") if target.strip()]
        article = Article(self.title.value, self.text.value, named or None)
        (answer,) = self._bundle.predict([article])
        self.answer.value = page(article, answer)
