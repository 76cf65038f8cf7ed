"""What happens to a stance when another target is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import pandas as pd
from IPython.display import Markdown

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.models.mentions import Aliases, mentioning, sentence_spans
from newstance.notebooks.display import as_table, quote
from newstance.notebooks.estimates import Mean, draw_means, mean_of, share_axis
from newstance.notebooks.samples import as_articles
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

ASKED = 45
NEUTRAL = "neutral"
OWN, ABSENT = "its own targets", "a target that it does not mention"
DIFFERENT, SAME = "stances differ", "stances are the same"


def ask_about_targets(
    bundle: Bundle, pairs: pd.DataFrame, scheme: Scheme, aliases: Aliases, settings: EvaluationSettings
) -> pd.DataFrame:
    """Ask about an article's own targets and about one that the article does not mention.

    Parameters
    ----------
    bundle
        Answers.
    pairs
        Test pairs of the task with targets; up to `ASKED` articles are drawn.
    scheme
        The task's.
    aliases
        Further names of targets: an article that has one mentions the target.
    settings
        Of the draw.

    Returns
    -------
    DataFrame
        One row a question: article_id, outlet, title, text, target, kind (`OWN` or `ABSENT`), label (of the pair; ""
        for absent targets), answer, probability (of the answer) and neutral (probability of `NEUTRAL`; NaN where the
        scheme has none). Absent targets are drawn as often as test articles have them.
    """
    draw = np.random.default_rng(settings.seed)
    ids = pairs["article_id"].drop_duplicates()
    chosen = ids.sample(min(ASKED, len(ids)), random_state=settings.seed)
    own = pairs[pairs["article_id"].isin(chosen)]
    own = own[["article_id", "outlet", "title", "text", "target"]].assign(kind=OWN, label=own[scheme.name])
    absent = own.drop_duplicates("article_id").assign(kind=ABSENT, label="")
    every = [str(name) for name in pairs["target"]]
    targets = own.groupby("article_id")["target"].agg(set)
    absent["target"] = [
        _absent(one, [name for name in every if name not in targets[key]], aliases, draw)
        for key, one in zip(absent["article_id"], as_articles(absent), strict=True)
    ]
    asked = pd.concat([own, absent[absent["target"] != ""]], ignore_index=True)
    found = bundle.probabilities(scheme.name, as_articles(asked))
    neutral = found[:, scheme.codes.index(NEUTRAL)] if NEUTRAL in scheme.codes else np.nan
    answers = np.array(scheme.codes, dtype=object)[found.argmax(axis=1)]
    return asked.assign(answer=answers, probability=found.max(axis=1), neutral=neutral)


def _absent(article: Article, targets: Sequence[str], aliases: Aliases, draw: np.random.Generator) -> str:
    """Draw a target that no sentence names or resembles; "" where there is none among the first hundred."""
    whole = f"{article.title}. {article.text}"
    spans = sentence_spans(whole)
    for place in draw.permutation(len(targets))[:100]:
        target = targets[int(place)]
        if not mentioning(whole, spans, target, aliases).any():
            return target
    return ""


def swaps(asked: pd.DataFrame) -> pd.DataFrame:
    """Pair the targets of each article, to see whether the answer changes with the target where the labels do.

    Returns
    -------
    DataFrame
        One row a pair of targets: article_id, kind (`DIFFERENT` or `SAME`, by the labels), changed (whether the two
        answers differ).
    """
    own = asked[asked["kind"] == OWN]
    rows = []
    for article, part in own.groupby("article_id", sort=False):
        labels, answers = part["label"].tolist(), part["answer"].tolist()
        for first in range(len(part)):
            for second in range(first + 1, len(part)):
                kind = DIFFERENT if labels[first] != labels[second] else SAME
                rows.append((article, kind, answers[first] != answers[second]))
    return pd.DataFrame(rows, columns=["article_id", "kind", "changed"])


class TargetFindings(NamedTuple):
    """Shares of answers, with intervals: neutral ones by kind of question, changed ones by the labels of two targets.

    `labelled` is the share of labels that are neutral; `more_neutral` is how much more often the answer is neutral for
    the target that an article doesn't mention than for its own, compared within articles.
    """

    neutral: dict[str, Mean]
    labelled: Mean
    more_neutral: Mean
    changed: dict[str, Mean]


def target_findings(asked: pd.DataFrame, settings: EvaluationSettings) -> TargetFindings:
    """Summarise what `ask_about_targets` found; intervals draw articles."""
    own, absent = (asked[asked["kind"] == kind] for kind in (OWN, ABSENT))
    pairs = swaps(asked)
    changed = {kind: pairs[pairs["kind"] == kind] for kind in (DIFFERENT, SAME)}
    return TargetFindings(
        {
            kind: mean_of(part["answer"] == NEUTRAL, part["article_id"], settings)
            for kind, part in ((OWN, own), (ABSENT, absent))
        },
        mean_of(own["label"] == NEUTRAL, own["article_id"], settings),
        _difference(own, absent, settings),
        {kind: mean_of(part["changed"], part["article_id"], settings) for kind, part in changed.items()},
    )


def _difference(own: pd.DataFrame, absent: pd.DataFrame, settings: EvaluationSettings) -> Mean:
    """Compare the share of neutral answers within each article."""
    mean = (own["answer"] == NEUTRAL).groupby(own["article_id"]).mean()
    there: np.ndarray = (absent["answer"] == NEUTRAL).to_numpy(dtype=np.float64)
    difference = there - mean.reindex(absent["article_id"]).to_numpy()
    return mean_of(difference, absent["article_id"], settings)


def targets_chart(asked: pd.DataFrame, settings: EvaluationSettings) -> Chart:
    """Draw how often answers are neutral for absent targets, and how often they change with the target."""
    found = target_findings(asked, settings)
    rows = {
        f"neutral answers about {OWN}": (found.neutral[OWN], BLUE, "o"),
        f"neutral labels of {OWN}": (found.labelled, GREEN, "D"),
        f"neutral answers about {ABSENT}": (found.neutral[ABSENT], VERMILLION, "s"),
    } | {
        f"answers that change between two targets of an article whose {kind}": (mean, color, marker)
        for (kind, mean), (color, marker) in zip(found.changed.items(), ((ORANGE, "^"), (BLUE, "v")), strict=True)
    }
    title = _targets_title(found)
    with house_style():
        figure = new_figure(1.5 + 0.52 * len(rows), title)
        axes = figure.subplots()
        for place, (mean, color, marker) in enumerate(rows.values()):
            draw_means(axes, [mean], [place], fmt=marker, color=color)
            axes.text(1.02, place, mean.percent, va="center", fontsize=8, transform=axes.get_yaxis_transform())
        label_rows(axes, list(rows), characters=40)
        share_axis(axes, f"share, with {100 * settings.confidence:g} % interval")
        articles = asked["article_id"].nunique()
        caption = (
            f"{words.plural(len(asked), 'question')} about {words.plural(articles, 'test article')}: each of an "
            "article's own targets, and a target of other articles that its text doesn't mention. Bootstrap intervals "
            "by article."
        )
        return finish(figure, "targets", title, caption)


def _targets_title(found: TargetFindings) -> str:
    more = found.more_neutral
    if np.isnan(more.value):
        return f"Neutral answers about an article's own targets: {found.neutral[OWN].percent}"
    shown = "more often than" if more.low > 0 else "less often than" if more.high < 0 else "no more often than"
    return (
        f"Asked about a target that the text does not mention, the answer is neutral {shown} about its own: "
        f"{found.neutral[ABSENT].percent} against {found.neutral[OWN].percent}"
    )


def swaps_in_words(asked: pd.DataFrame, settings: EvaluationSettings) -> str:
    """Say how often the answer changes with the target where the labels do, and where they don't."""
    changed = target_findings(asked, settings).changed
    counts = swaps(asked)["kind"].value_counts()
    parts = [
        f"where {kind} ({words.plural(counts[kind], 'pair')} of targets), the answers differ in {changed[kind].percent}"
        for kind in (DIFFERENT, SAME)
        if kind in counts
    ]
    if not parts:
        return "No article of the sample has two targets, so that none could be swapped."
    return f"Swapping one target of an article for another: {'; '.join(parts)}."


def first_article(asked: pd.DataFrame) -> pd.DataFrame:
    """Return the questions about the first article."""
    first: pd.DataFrame = asked[asked["article_id"] == asked["article_id"].iloc[0]]
    return first


def answers_table(bundle: Bundle, scheme: Scheme, questions: pd.DataFrame) -> str:
    """Write the probabilities of each label for questions about one article, a row a target."""
    found = bundle.probabilities(scheme.name, as_articles(questions))
    rows = [[name, *(f"{value:.2f}" for value in row)] for name, row in zip(questions["target"], found, strict=True)]
    first = questions.iloc[0]
    about = f"About “{quote(first['title'])}” ({first['outlet']}):"
    return f"{about}\n\n{as_table(pd.DataFrame(rows, columns=['target', *scheme.codes]))}"


def target_browser(bundle: Bundle, scheme: Scheme, asked: pd.DataFrame) -> ipywidgets.Widget:
    """Let the reader choose an article and write a target; show the answer beside those about its own targets."""
    articles = asked.drop_duplicates("article_id")
    names = [f"{outlet}: {quote(title)}" for outlet, title in zip(articles["outlet"], articles["title"], strict=True)]
    choice = ipywidgets.Dropdown(
        options=list(zip(names, articles["article_id"], strict=True)), description="Article", layout={"width": "48em"}
    )
    target = ipywidgets.Text(description="Target", placeholder="a person, a country, a plan", continuous_update=False)
    shown = ipywidgets.Output()

    def answer(_: Any = None) -> None:
        questions = asked[asked["article_id"] == choice.value]
        if name := target.value.strip():
            questions = pd.concat([questions, questions.head(1).assign(target=name)])
        shown.outputs = ()
        shown.append_display_data(Markdown(answers_table(bundle, scheme, questions)))  # type: ignore[no-untyped-call]

    choice.observe(answer, "value")
    target.observe(answer, "value")
    answer()
    return ipywidgets.VBox([choice, target, shown])
