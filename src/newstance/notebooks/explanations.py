"""Which sentences and terms move a decision, and whether the answer falls when they are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from sklearn.pipeline import Pipeline

from newstance.bundle.answers import Answer, Article, Decision
from newstance.bundle.bundle import Bundle
from newstance.files import read_json
from newstance.models.persistence import load
from newstance.notebooks.display import as_table, quote
from newstance.notebooks.estimates import Mean, draw_means, mean_of
from newstance.notebooks.project import Project
from newstance.notebooks.samples import Span, as_articles, without
from newstance.reporting.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import records
from newstance.reporting.words import plural
from newstance.settings import EvaluationSettings

CHECKED = 80
SHOWN_TERMS = 8
# Fields whose terms say most: those of the sentences about a target, before those of the whole article.
FIELDS = ("masked_sentences", "target_sentences", "article")
BARS = [(BLUE, ""), (ORANGE, "///"), (VERMILLION, "xx"), (GREEN, "\\\\")]
NAMED, OTHERS = ("named by the explanation", VERMILLION, "s"), ("others, at random", BLUE, "o")


def sentence_deletions(bundle: Bundle, table: pd.DataFrame, settings: EvaluationSettings) -> pd.DataFrame:
    """Delete the sentence that is a decision's first evidence, and another drawn at random.

    Parameters
    ----------
    bundle
        Gives decisions with evidence.
    table
        Test articles; with targets, each has one.
    settings
        Of the draw.

    Returns
    -------
    DataFrame
        One row a decision: article, task, named and others (by how much the label's probability falls). Decisions
        without evidence for the label, and articles of one sentence or refused by the bundle, have no row.
    """
    draw = np.random.default_rng(settings.seed)
    articles = as_articles(table)
    rows: list[dict[str, Any]] = []
    cut: dict[str, list[Article]] = {}
    for number, (article, answer) in enumerate(zip(articles, bundle.predict(articles, evidence=1), strict=True)):
        for task, decision in decisions(answer).items():
            if not decision.evidence or decision.evidence[0].weight <= 0:
                continue
            named: Span = (decision.evidence[0].field, decision.evidence[0].start, decision.evidence[0].end)
            others: list[Any] = [span for span in bundle.sentences(article) if span != named]
            if others:
                other = others[draw.integers(len(others))]
                cut.setdefault(task, []).extend([without(article, [named]), without(article, [other])])
                rows.append({"article": number, "task": task, "label": decision.label, "before": decision.probability})
    found = pd.DataFrame(rows, columns=["article", "task", "label", "before"])
    parts = []
    for task, shortened in cut.items():
        part = found[found["task"] == task]
        places = [bundle.schemes[task].codes.index(label) for label in part["label"]]
        left = bundle.probabilities(task, shortened).reshape(len(part), 2, -1)[np.arange(len(part)), :, places]
        falls = part[["before"]].to_numpy() - left
        parts.append(part[["article", "task"]].assign(named=falls[:, 0], others=falls[:, 1]))
    columns = ["article", "task", "named", "others"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def decisions(answer: Answer) -> dict[str, Decision]:
    """Return the decisions of an answer by scheme, those about targets for the first one."""
    return answer.labels | (answer.targets[0].labels if answer.targets else {})


class Falls(NamedTuple):
    """By how much a label's probability falls on average.

    Attributes
    ----------
    named, others
        Without what an explanation names, and without as much of the rest.
    more
        The first minus the second, paired by article.
    """

    named: Mean
    others: Mean
    more: Mean


def mean_falls(deletions: pd.DataFrame, key: str, settings: EvaluationSettings) -> dict[Any, Falls]:
    """Average deletions by a column: the number of words, or the task."""
    return {
        value: Falls(
            mean_of(part["named"], part["article"], settings),
            mean_of(part["others"], part["article"], settings),
            mean_of(part["named"] - part["others"], part["article"], settings),
        )
        for value, part in deletions.groupby(key, sort=False)
    }


def deletions_chart(sentences: pd.DataFrame, words: pd.DataFrame, settings: EvaluationSettings) -> Chart:
    """Draw by how much the label's probability falls without what explanations name and without others.

    Parameters
    ----------
    sentences
        As `sentence_deletions` returns them.
    words
        As `newstance.notebooks.attributions.word_deletions` returns them; without rows nothing is drawn of them.
    settings
        Of the intervals.
    """
    falls = _falls(sentences, words, settings)
    title = _deletions_title(falls)
    with house_style():
        figure = new_figure(1.7 + 0.42 * len(falls), title)
        axes = figure.subplots()
        _draw_falls(axes, list(falls.values()))
        label_rows(axes, list(falls))
        axes.set_xlabel(f"fall of the label's probability when left out, with {100 * settings.confidence:g} % interval")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        counts = [f"{len(part)} decisions on {task}" for task, part in sentences.groupby("task", sort=False)]
        caption = (
            f"Mean fall of the predicted label's probability over {' and '.join(counts)} (a sentence, the bundle)"
            + (f" and {words['article'].nunique()} articles (words, the transformer)" if len(words) else "")
            + ". Squares: what the explanation names first; circles: as much of the rest, drawn at random. Bootstrap "
            "intervals by article."
        )
        return finish(figure, "deletions", title, caption)


def _falls(sentences: pd.DataFrame, words: pd.DataFrame, settings: EvaluationSettings) -> dict[str, Falls]:
    by_task = mean_falls(sentences, "task", settings)
    falls = {f"{task}: one sentence": one for task, one in by_task.items()}
    by_count = mean_falls(words, "deleted", settings)
    return falls | {f"transformer: {plural(count, 'word')}": one for count, one in by_count.items()}


def _draw_falls(axes: Axes, falls: Sequence[Falls]) -> None:
    axes.axvline(0, color=GREY, linewidth=1)
    rows = np.arange(len(falls))
    for shift, means, (name, color, marker) in (
        (-0.13, [one.named for one in falls], NAMED),
        (0.13, [one.others for one in falls], OTHERS),
    ):
        draw_means(axes, means, rows + shift, fmt=marker, color=color, label=name)
    axes.grid(axis="x")


def _deletions_title(falls: dict[str, Falls]) -> str:
    if not falls:
        return "No decision has a sentence that could be deleted"
    faithful = [one.more.low > 0 for one in falls.values()]
    found = "What explanations name moves the answer more than other text does"
    if not all(faithful):
        found += f" in\xa0{sum(faithful)}\xa0of\xa0{len(falls)}\xa0comparisons"
    name, largest = max(falls.items(), key=lambda one: one[1].more.value)
    return f"{found}; most for {name}: the probability falls by {largest.named.score}, else by {largest.others.score}"


def deletions_in_words(sentences: pd.DataFrame, words: pd.DataFrame, settings: EvaluationSettings) -> str:
    """State the difference between what is named and others, paired by article, for each comparison."""
    lines = [f"- {name}: difference {one.more.signed}" for name, one in _falls(sentences, words, settings).items()]
    return "What is named, less the others, paired by article:\n\n" + "\n".join(lines)


class Terms(NamedTuple):
    """The terms that a linear model goes by.

    Attributes
    ----------
    title, field
        The experiment's title, and which of its fields the terms are of.
    weights
        Columns label, term, weight: a row for each of a label's strongest terms, the strongest first. A weight is what
        one unit of TF-IDF adds to the label's score.
    """

    title: str
    field: str
    weights: pd.DataFrame


def linear_terms(project: Project, task: str) -> Terms | None:
    """Read the strongest terms of a task's best linear model (on validation) of words alone; None without one."""
    results = project.results[task]
    for row in records(results.ranked[(results.ranked["role"] == "baseline") & (results.ranked["kind"] == "linear")]):
        folder = Path(project.settings.run_folder(row["experiment"]))
        features = read_json(folder / "settings.json")["model"]["features"]
        if {one["kind"] for one in features} != {"tfidf"}:
            continue
        model = load(min((folder / "seeds").glob("*/model")))
        if hasattr(model.named_steps["classifier"], "coef_"):
            return _terms(row["title"], model, results.scheme.codes)
    return None


def terms_shown(project: Project, task: str) -> str:
    """Write the strongest terms of each label of a task, or that there is no such model."""
    found = linear_terms(project, task)
    if found is None:
        return f"No linear model of words alone was among the experiments on {task}."
    rows = [(str(label), ", ".join(part["term"])) for label, part in found.weights.groupby("label", sort=False)]
    return as_table(pd.DataFrame(rows, columns=["label", f"strongest terms of {found.title}"]))


def terms_charts(project: Project, task: str) -> list[Chart]:
    """Draw the strongest terms of a task with few labels; nothing where no linear model of words alone was fitted."""
    found = linear_terms(project, task)
    return [_terms_chart(found)] if found else []


def _terms(title: str, model: Pipeline, codes: Sequence[str]) -> Terms:
    union, classifier = model.named_steps["features"], model.named_steps["classifier"]
    coefficients = classifier.coef_
    if len(coefficients) == 1:  # of two classes only the second has coefficients
        coefficients = np.concatenate([-coefficients, coefficients])
    blocks, first = {}, 0
    for name, part in union.transformer_list:
        terms = part[-1].get_feature_names_out()
        weight = (union.transformer_weights or {}).get(name, 1.0)
        blocks[part[0].field] = (terms, weight * coefficients[:, first : first + len(terms)])
        first += len(terms)
    field = next(name for name in (*FIELDS, *blocks) if name in blocks)
    terms, weights = blocks[field]
    rows = []
    for code in (code for code in codes if code in classifier.classes_):
        row = weights[list(classifier.classes_).index(code)]
        rows += [(code, str(terms[place]), float(row[place])) for place in np.argsort(-row)[:SHOWN_TERMS]]
    return Terms(title, field, pd.DataFrame(rows, columns=["label", "term", "weight"]))


def _terms_chart(found: Terms) -> Chart:
    parts = {str(label): part for label, part in found.weights.groupby("label", sort=False)}
    first = [f"“{part['term'].iloc[0]}” for {label}" for label, part in parts.items()]
    title = f"The strongest terms of {found.title}: {', '.join(first)}"
    with house_style():
        figure = new_figure(1.3 + 0.25 * SHOWN_TERMS, title, width=7.6)
        panels = figure.subplots(1, len(parts), sharex=True, squeeze=False)[0]
        for number, (axes, (label, part)) in enumerate(zip(panels, parts.items(), strict=True)):
            color, hatch = BARS[number % len(BARS)]
            axes.barh(range(len(part)), part["weight"], height=0.66, color=color, hatch=hatch, edgecolor="white")
            label_rows(axes, part["term"].tolist(), characters=22)
            axes.set_title(label, fontsize=9)
            axes.grid(axis="x")
        figure.supxlabel("weight: score that a unit of TF-IDF adds", fontsize=9)
        caption = f"For each label, the terms of the field {found.field} with the greatest weights ({found.title})."
        return finish(figure, "terms", title, caption)


def evidence_table(bundle: Bundle, table: pd.DataFrame) -> str:
    """Write the decisions about the only article of a table, and the beginnings of the sentences that moved them."""
    (row,) = records(table)
    (answer,) = bundle.predict(as_articles(table))
    about = f"“{quote(row['title'])}” ({row['outlet']})"
    if answer.abstain is not None:
        return f"{about}: not labelled. {answer.abstain.detail}"
    rows = []
    for task, decision in decisions(answer).items():
        target = f" toward {answer.targets[0].target}" if bundle.schemes[task].has_targets else ""
        for one in decision.evidence:
            decided = f"{task}{target}: {decision.label} ({decision.probability:.2f})"
            rows.append([decided, f"{one.weight:+.2f}".replace("-", "−"), one.field, f"“{quote(one.text)}”"])
    columns = ["decision (probability)", "weight", "where", "sentence"]
    return f"{about}:\n\n{as_table(pd.DataFrame(rows, columns=columns))}"


def evidence_browser(bundle: Bundle, table: pd.DataFrame) -> ipywidgets.Widget:
    """Let the reader choose an article and see its evidence, as `evidence_table` writes it."""
    names = [f"{outlet}: {quote(title)}" for outlet, title in zip(table["outlet"], table["title"], strict=True)]
    choice = ipywidgets.Dropdown(
        options=list(zip(names, table["article_id"], strict=True)), description="Article", layout={"width": "48em"}
    )
    shown = ipywidgets.Output()

    def show_evidence(_: Any = None) -> None:
        text = evidence_table(bundle, table[table["article_id"] == choice.value])
        shown.outputs = ()
        shown.append_display_data(Markdown(text))  # type: ignore[no-untyped-call]

    choice.observe(show_evidence, "value")
    show_evidence()
    return ipywidgets.VBox([choice, shown])
