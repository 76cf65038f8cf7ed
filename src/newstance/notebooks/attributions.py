"""What each word adds to a fine-tuned transformer's decision, by integrated gradients, and whether that is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.bundle.answers import Article
from newstance.models.persistence import load
from newstance.notebooks.project import Project
from newstance.notebooks.samples import Span, as_articles, draw_articles, without
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    GREY,
    LIGHT,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import records
from newstance.settings import EvaluationSettings

if TYPE_CHECKING:
    import torch

    from newstance.models.transformer import TransformerClassifier

LEAD_WORDS = 40
EXPLAINED = 20
STEPS = 24
DELETED = (1, 3, 5)
DRAWS = 3
TITLE_END = ". "
SHOWN_LABELS, SHOWN_WORDS = 3, 9
TOLERANCE = 0.05  # of the mean change


@dataclass(frozen=True)
class Attribution:
    """What each word of an article adds to the log-probability of the label that it gets.

    Attributes
    ----------
    article
        Without targets.
    label, probability
        The predicted label and its probability.
    words, spans, pulls
        Each word, where it stands, and what it adds; shape (words,).
    total
        Sum over all tokens, those that are no words too.
    change
        Log-probability of the label, minus the one where every token is masked: what `total` should be.
    """

    article: Article
    label: str
    probability: float
    words: list[str]
    spans: list[Span]
    pulls: NDArray[np.float64]
    total: float
    change: float

    @property
    def strongest(self) -> pd.Series[float]:
        """What each distinct word adds, all its places together, the strongest pull toward the label first."""
        lower = [word.lower() for word in self.words]
        return pd.Series(self.pulls, index=lower).groupby(level=0).sum().sort_values(ascending=False, kind="stable")


class FoundTransformer(NamedTuple):
    """A fine-tuned transformer that labels articles, and the title of its experiment."""

    title: str
    model: TransformerClassifier


def find_transformer(project: Project) -> FoundTransformer | None:
    """Load the best fine-tuned transformer (on validation) of a task without targets; None where there is none."""
    for results in project.results.values():
        rows = [] if results.scheme.has_targets else records(results.ranked)
        for row in rows:
            folders = sorted(Path(project.settings.run_folder(row["experiment"])).glob("seeds/*/model"))
            if row["kind"] == "transformer" and folders:
                return FoundTransformer(row["title"], load(folders[0]))
    return None


def draw_leads(project: Project, task: str) -> pd.DataFrame:
    """Draw the test articles that are explained, their texts cut after `LEAD_WORDS` words."""
    drawn = draw_articles(project, task, EXPLAINED)
    return drawn.assign(text=[" ".join(text.split()[:LEAD_WORDS]) for text in drawn["text"]])


def attribute(model: TransformerClassifier, table: pd.DataFrame, steps: int = STEPS) -> list[Attribution]:
    """Attribute the predicted label of each article to its words by integrated gradients (Sundararajan et al. 2017).

    Gradients are integrated over the way from a text of mask tokens to the article, at the embeddings.

    Parameters
    ----------
    model
        One that reads an article as a single sequence.
    table
        Columns title and text.
    steps
        Points of the integral (Gauss-Legendre); more points come closer to completeness.
    """
    import torch  # noqa: PLC0415  (seconds)

    network = model.network_
    frozen, network.frozen_layers = network.frozen_layers, 0  # else the lower layers run without gradients
    for parameter in network.parameters():
        parameter.requires_grad_(False)  # those of the tokens are enough
    try:
        with torch.enable_grad():
            return [_attribute(model, article, steps) for article in as_articles(table[["title", "text"]])]
    finally:
        network.frozen_layers = frozen


def _attribute(model: TransformerClassifier, article: Article, steps: int) -> Attribution:
    import torch  # noqa: PLC0415
    from captum.attr import LayerIntegratedGradients  # noqa: PLC0415

    network, tokenizer = model.network_, model.tokenizer_
    text = f"{article.title}{TITLE_END}{article.text}"
    encoded = tokenizer(
        text,
        truncation=True,
        max_length=model.max_tokens,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_tensors="pt",
    )
    tokens, mask = encoded["input_ids"], encoded["attention_mask"]
    nothing = torch.full_like(tokens, tokenizer.mask_token_id or tokenizer.pad_token_id)
    empty = torch.where(encoded["special_tokens_mask"].bool(), tokens, nothing)

    def log_probabilities(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        units = torch.arange(len(ids))
        logits: torch.Tensor = network(input_ids=ids, attention_mask=mask, owners=units, units=units)["logits"]
        return logits.log_softmax(dim=1)

    with torch.no_grad():
        full, masked = log_probabilities(tokens, mask)[0], log_probabilities(empty, mask)[0]
    label = int(full.argmax())
    embeddings = network.backbone.embeddings
    gradients = LayerIntegratedGradients(lambda *batch: log_probabilities(*batch)[:, label], embeddings)
    by_dimension = gradients.attribute(
        tokens, baselines=empty, additional_forward_args=(mask,), n_steps=steps, method="gausslegendre"
    )
    values = by_dimension.sum(dim=-1)[0].double().numpy()
    read, spans, pulls = _words(text, len(article.title), encoded, values)
    return Attribution(
        article,
        str(model.classes_[label]),
        float(full[label].exp()),
        read,
        spans,
        pulls,
        float(values.sum()),
        float(full[label] - masked[label]),
    )


def _words(
    text: str, title: int, encoded: Any, values: NDArray[np.float64]
) -> tuple[list[str], list[Span], NDArray[np.float64]]:
    """Add up the values of each word's tokens; signs without letters and digits are no words."""
    offsets = encoded["offset_mapping"][0].tolist()
    by_word: dict[int, tuple[int, int, float]] = {}
    for place, number in enumerate(encoded.word_ids(0)):
        if number is not None:
            start, end = offsets[place]
            first, _, value = by_word.get(number, (start, end, 0.0))
            by_word[number] = (first, end, value + values[place])
    found = [one for one in by_word.values() if any(sign.isalnum() for sign in text[one[0] : one[1]])]
    before = title + len(TITLE_END)
    spans: list[Span] = [
        ("title", start, end) if start < title else ("text", start - before, end - before) for start, end, _ in found
    ]
    return [text[start:end] for start, end, _ in found], spans, np.array([value for _, _, value in found])


def word_deletions(
    found: FoundTransformer | None, attributions: Sequence[Attribution], settings: EvaluationSettings
) -> pd.DataFrame:
    """Delete the words that pull most toward the label, and others drawn at random, and see how the label falls.

    Returns
    -------
    DataFrame
        One row an article and number of words: article, deleted, named and others (by how much the label's
        probability falls; `others` is a mean over draws). Articles with too few words have no row; without a
        transformer there is none at all.
    """
    draw = np.random.default_rng(settings.seed)
    cases: list[tuple[int, int, Article]] = []
    for number, one in enumerate(attributions):
        order = np.argsort(-one.pulls, kind="stable")
        for count in DELETED:
            rest = order[count:]
            if len(rest) < count:
                continue
            chosen = [order[:count], *(draw.choice(rest, count, replace=False) for _ in range(DRAWS))]
            cases += [(number, count, without(one.article, [one.spans[place] for place in some])) for some in chosen]
    if found is None or not cases:
        return pd.DataFrame(columns=["article", "deleted", "named", "others"])
    table = pd.DataFrame([(case.title, case.text) for _, _, case in cases], columns=["title", "text"])
    columns = np.searchsorted(found.model.classes_, [attributions[number].label for number, _, _ in cases])
    left = found.model.predict_proba(table)[np.arange(len(cases)), columns]
    falls = np.array([attributions[number].probability for number, _, _ in cases]) - left
    groups = falls.reshape(-1, DRAWS + 1)
    keys = pd.DataFrame([case[:2] for case in cases[:: DRAWS + 1]], columns=["article", "deleted"])
    return keys.assign(named=groups[:, 0], others=groups[:, 1:].mean(axis=1))


def in_words(found: FoundTransformer | None, attributions: Sequence[Attribution]) -> str:
    """Say what is explained, or that there is nothing to explain."""
    if found is None:
        return "No fine-tuned transformer was among the experiments, so this section has nothing to show."
    tokens = np.mean([len(one.words) for one in attributions])
    return (
        f"Explained: {words.plural(len(attributions), 'test article')}, each cut after {LEAD_WORDS} words of its text "
        f"({tokens:.0f} words with the title, on average), as {found.title} labels them."
    )


def words_charts(found: FoundTransformer | None, attributions: Sequence[Attribution]) -> list[Chart]:
    """Draw the words that pull most toward and away from the label; nothing without attributions.

    Of the labels that are most surely given, the surest decision is shown.
    """
    return [_words_chart(found.title, attributions)] if found and attributions else []


def _words_chart(title: str, attributions: Sequence[Attribution]) -> Chart:
    surest: dict[str, Attribution] = {}
    for one in sorted(attributions, key=lambda one: -one.probability):
        surest.setdefault(one.label, one)
    shown = list(surest.values())[:SHOWN_LABELS]
    first = [f"“{one.strongest.index[0]}” for {one.label}" for one in shown]
    finding = f"Words that move {title} most: {', '.join(first)}"
    with house_style():
        figure = new_figure(1.5 + 0.23 * SHOWN_WORDS, finding, width=7.6)
        panels = figure.subplots(1, len(shown), sharex=True, squeeze=False)[0]
        for axes, one in zip(panels, shown, strict=True):
            pulls = pd.concat([one.strongest.head(SHOWN_WORDS - 2), one.strongest.tail(2)])
            for chosen, color, hatch in ((pulls > 0, BLUE, ""), (pulls <= 0, VERMILLION, "///")):
                rows = np.flatnonzero(chosen)
                axes.barh(rows, pulls[chosen], height=0.66, color=color, hatch=hatch, edgecolor="white")
            axes.axvline(0, color=GREY, linewidth=1)
            label_rows(axes, [str(word) for word in pulls.index])
            axes.set_title(f"{one.label} ({one.probability:.2f})", fontsize=9)
            axes.grid(axis="x")
        figure.supxlabel("what the word adds to the label's log-probability (natural logarithm)", fontsize=9)
        caption = (
            f"The surest decisions of {len(shown)} labels among {words.plural(len(attributions), 'article')} "
            "(probability in brackets), so not typical ones: the words that pull most toward the label (plain), and "
            "the two that pull most away from it or least toward it. A word that stands several times has one bar. "
            "Integrated gradients against a text of mask tokens."
        )
        return finish(figure, "words", finding, caption)


def completeness_charts(attributions: Sequence[Attribution]) -> list[Chart]:
    """Draw whether the attributions of each article add up to what they explain; nothing without attributions."""
    return [_completeness_chart(attributions)] if attributions else []


def _completeness_chart(attributions: Sequence[Attribution]) -> Chart:
    totals = np.array([one.total for one in attributions])
    changes = np.array([one.change for one in attributions])
    gap = np.abs(totals - changes).max()
    verdict = "add up" if gap < TOLERANCE * np.abs(changes).mean() else "do not quite add up"
    title = (
        f"Attributions {verdict}: the sums miss the change of log-probability by {gap:.3f} at most, "
        f"of {np.abs(changes).mean():.2f} on average"
    )
    with house_style():
        figure = new_figure(3.6, title, width=5.6)
        axes = figure.subplots()
        low, high = min(totals.min(), changes.min(), 0), max(totals.max(), changes.max())
        axes.plot([low, high], [low, high], color=GREY, linestyle=":", label="complete")
        axes.plot(changes, totals, linestyle="none", marker="o", color=BLUE, markerfacecolor="none", label="an article")
        axes.set(xlabel="change of log-probability from masked text to article", ylabel="sum of attributions")
        axes.grid(color=LIGHT)
        axes.legend(loc="upper left")
        caption = (
            f"{len(attributions)} test articles; the distance from the line is the convergence gap of the integral "
            f"over {STEPS} points. Both axes in natural logarithms."
        )
        return finish(figure, "completeness", title, caption)
