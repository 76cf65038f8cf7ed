"""Agreement between annotators: Cohen's kappa and Krippendorff's alpha with bootstrap intervals over articles.

Of two annotators who both labelled every unit, each measure is a function of their confusion matrix. A bootstrap
sample of articles is a vector of article weights, so all resampled matrices are one product of the weights and the
articles' own matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

Array = NDArray[np.float64]
AGREEMENT_COLUMNS = ["task", "pair", "slice", "value", "units", "agreement"]
AGREEMENT_COLUMNS += ["kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high"]
REFERENCE_COLUMNS = ["task", "annotator", "units", "accuracy", "accuracy_low", "accuracy_high"]
REFERENCE_COLUMNS += ["macro_f1", "macro_f1_low", "macro_f1_high"]


def observed_agreement(confusion: Array) -> Array:
    """Share of units on the diagonal; `confusion` has shape (..., classes, classes), rows the first annotator's."""
    total = confusion.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore"):
        share: Array = np.trace(confusion, axis1=-2, axis2=-1) / total
    return share


def cohen_kappa(confusion: Array) -> Array:
    """Cohen's kappa (Cohen 1960) of confusion matrices, shape (..., classes, classes); NaN where one label is all."""
    total = confusion.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1) / total**2
        kappa: Array = (observed_agreement(confusion) - expected) / (1 - expected)
    return np.where(np.isfinite(kappa), kappa, np.nan)


def nominal_alpha(confusion: Array) -> Array:
    """Krippendorff's alpha (Krippendorff 2004) for nominal labels of two annotators; NaN where one label is all.

    Parameters
    ----------
    confusion
        Shape (..., classes, classes): counts of units that both annotators labelled.
    """
    values = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    total = values.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (total**2 - (values**2).sum(axis=-1)) / (total * (total - 1))
        alpha: Array = 1 - (1 - observed_agreement(confusion)) / expected
    return np.where(np.isfinite(alpha), alpha, np.nan)


def macro_f1(confusion: Array, classes: int) -> Array:
    """Mean F1 of the first `classes` classes that occur; shape (..., labels, labels), rows the reference's.

    Labels beyond `classes` (the scheme's `skip`) count as errors but are no class of their own. As in scikit-learn,
    a class that neither side uses is left out of the mean.
    """
    used = (confusion.sum(axis=-1) + confusion.sum(axis=-2))[..., :classes]
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)[..., :classes]
    with np.errstate(invalid="ignore", divide="ignore"):
        scores: Array = (2 * hits / np.where(used > 0, used, np.inf)).sum(axis=-1) / (used > 0).sum(axis=-1)
    return scores


@dataclass(frozen=True)
class Pair:
    """The units that two annotators both labelled, as one confusion matrix an article."""

    matrices: Array  # (articles, labels, labels)
    outlets: NDArray[Any]  # (articles,)

    @classmethod
    def of(
        cls, annotations: pd.DataFrame, articles: pd.DataFrame, scheme: Scheme, first: str, second: str
    ) -> Pair | None:
        """Match the units of two annotators, or None when they share none."""
        columns = [*scheme.unit, scheme.name]
        rows = annotations.loc[annotations["annotator"] == first, columns]
        both = rows.merge(annotations.loc[annotations["annotator"] == second, columns], on=scheme.unit)
        both = both.merge(articles[["article_id", "outlet"]], on="article_id")
        if both.empty:
            return None
        codes = [*scheme.codes, scheme.skip] if scheme.skip else scheme.codes
        article, ids = pd.factorize(both["article_id"])
        row, column = (pd.Categorical(both[scheme.name + side], categories=codes).codes for side in ("_x", "_y"))
        matrices = np.zeros((len(ids), len(codes), len(codes)))
        np.add.at(matrices, (article, row, column), 1)
        return cls(matrices, both.drop_duplicates("article_id")["outlet"].to_numpy())

    def only(self, outlet: str) -> Pair:
        """Keep the articles of one outlet."""
        chosen = self.outlets == outlet
        return Pair(self.matrices[chosen], self.outlets[chosen])

    def resampled(self, settings: EvaluationSettings) -> Array:
        """Confusion matrices of resampled articles, shape (resamples, labels, labels)."""
        articles = len(self.matrices)
        generator = np.random.default_rng(settings.seed)
        weights = generator.multinomial(articles, np.full(articles, 1 / articles), size=settings.resamples)
        flat = weights.astype(np.float64) @ self.matrices.reshape(articles, -1)
        return flat.reshape(-1, *self.matrices.shape[1:])


def percentile_interval(values: Array, confidence: float) -> tuple[float, float]:
    """Percentile interval; resamples where the measure is undefined are left out."""
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _measures(confusion: Array, resampled: Array, confidence: float) -> list[float]:
    """Units, agreement, kappa and alpha with intervals, in the order of the table's columns."""
    row = [int(confusion.sum()), float(observed_agreement(confusion))]
    for measure in (cohen_kappa, nominal_alpha):
        row += [float(measure(confusion)), *percentile_interval(measure(resampled), confidence)]
    return row


def _one_versus_rest(confusion: Array, label: int) -> Array:
    """Collapse matrices of shape (..., labels, labels) to (..., 2, 2): the label against all others."""
    both = confusion[..., label, label]
    first = confusion[..., label, :].sum(axis=-1) - both
    second = confusion[..., :, label].sum(axis=-1) - both
    neither = confusion.sum(axis=(-2, -1)) - both - first - second
    return np.stack([np.stack([both, first], axis=-1), np.stack([second, neither], axis=-1)], axis=-2)


def _pairs(annotations: pd.DataFrame, articles: pd.DataFrame, scheme: Scheme) -> Iterator[tuple[str, Pair]]:
    for first, second in combinations(annotations["annotator"].unique(), 2):
        if pair := Pair.of(annotations, articles, scheme, first, second):
            yield f"{first}-{second}", pair


def agreement_table(
    annotations: pd.DataFrame, articles: pd.DataFrame, scheme: Scheme, settings: EvaluationSettings
) -> pd.DataFrame:
    """Compute how far every two annotators agree: over all units, per class and per outlet.

    Parameters
    ----------
    annotations
        As `read_annotations` returns them; annotators are paired in the order in which they first appear.
    articles
        Columns `article_id` and `outlet`; annotations of other articles are left out.
    settings
        The bootstrap draws articles, so the stances of one article are drawn together.

    Returns
    -------
    DataFrame
        Columns `AGREEMENT_COLUMNS`. `slice` is ``overall``, ``class`` (one against the rest; `units` counts those
        that at least one of the two gave the class) or ``outlet``; `value` is the class or outlet. Undefined
        measures are NaN.
    """
    rows: list[list[Any]] = []
    for name, pair in _pairs(annotations, articles, scheme):
        confusion, resampled = pair.matrices.sum(axis=0), pair.resampled(settings)
        rows.append([scheme.name, name, "overall", "", *_measures(confusion, resampled, settings.confidence)])
        for index, code in enumerate(scheme.codes):
            binary = _one_versus_rest(confusion, index)
            measures = _measures(binary, _one_versus_rest(resampled, index), settings.confidence)
            rows.append([scheme.name, name, "class", code, int(binary.sum() - binary[1, 1]), *measures[1:]])
        for outlet in sorted(set(pair.outlets)):
            part = pair.only(outlet)
            measures = _measures(part.matrices.sum(axis=0), part.resampled(settings), settings.confidence)
            rows.append([scheme.name, name, "outlet", outlet, *measures])
    return pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)


def reference_agreement(
    annotations: pd.DataFrame, articles: pd.DataFrame, scheme: Scheme, reference: str, settings: EvaluationSettings
) -> pd.DataFrame:
    """Score every annotator against the reference as if the annotator were a model.

    This is the line beside the models' scores. It is optimistic where the reference was made from the annotators'
    own labels (an adjudicated reference keeps every label on which they agree), so read it as an upper mark and
    not as what an independent annotator would reach. Units that the reference skipped are left out; a `skip` by
    the annotator is an error.

    Returns
    -------
    DataFrame
        Columns `REFERENCE_COLUMNS`, one row an annotator who shares units with the reference; macro-F1 is the mean
        over the classes that occur.
    """
    rows: list[list[Any]] = []
    classes = len(scheme.codes)
    skipped = (annotations["annotator"] == reference) & (annotations[scheme.name] == (scheme.skip or ""))
    annotations = annotations[~skipped]
    for annotator in annotations["annotator"].unique():
        pair = Pair.of(annotations, articles, scheme, reference, annotator) if annotator != reference else None
        if pair is None:
            continue
        confusion, resampled = pair.matrices.sum(axis=0), pair.resampled(settings)
        accuracy = [
            float(observed_agreement(confusion)),
            *percentile_interval(observed_agreement(resampled), settings.confidence),
        ]
        f1 = macro_f1(resampled, classes)
        scores = [*accuracy, float(macro_f1(confusion, classes)), *percentile_interval(f1, settings.confidence)]
        rows.append([scheme.name, annotator, int(confusion.sum()), *scores])
    return pd.DataFrame(rows, columns=REFERENCE_COLUMNS)
