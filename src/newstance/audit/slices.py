"""The text models on parts of test: outlets that train has and hasn't, articles with and without a near-duplicate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from newstance.audit.corpus import AuditedCorpus
from newstance.audit.scores import Scored, difference
from newstance.audit.shared import DUPLICATE, OUTLET_IDENTITY, OUTLET_NAME, Shared
from newstance.audit.shortcuts import FULL, MASKED, Models

SIDE_COLUMNS = ["comparison", "side", "model", "articles", "units", "accuracy", "accuracy_low", "accuracy_high"]
SIDE_COLUMNS += ["macro_f1", "macro_f1_low", "macro_f1_high"]
DIFFERENCE_COLUMNS = ["comparison", "model", "difference", "low", "high", "smaller_side"]
OUTLETS, DUPLICATES = "outlet", "near-duplicate"
SIDES = {
    OUTLETS: ("an outlet of train", "an unseen outlet"),
    DUPLICATES: ("a near-duplicate in train", "no near-duplicate in train"),
}


@dataclass(frozen=True)
class Sides:
    """Scores on either side of each comparison.

    Attributes
    ----------
    table
        Columns `SIDE_COLUMNS`; sides without articles are left out.
    differences
        Columns `DIFFERENCE_COLUMNS`: accuracy on the first side of `SIDES` minus that on the second, with the number of
        articles of the smaller side; only where both sides have articles.
    """

    table: pd.DataFrame
    differences: pd.DataFrame


def compare_sides(corpus: AuditedCorpus, shared: Shared, models: Models) -> Sides:
    """Score the models of the full and the masked text on either side of each comparison."""
    ids = corpus.of_split("test")["article_id"].to_numpy(dtype=str)
    rows, differences = [], []
    for comparison, flag in _flags(shared).items():
        for model in (FULL, MASKED):
            tested = models.tested[model]
            first, second = tested.only(ids[flag]), tested.only(ids[~flag])
            sizes = int(flag.sum()), int((~flag).sum())
            for side, part, size in zip(SIDES[comparison], (first, second), sizes, strict=True):
                rows.append(_row(comparison, side, model, size, part))
            if min(sizes):
                differences.append([comparison, model, *difference(first, second), min(sizes)])
    table = pd.DataFrame([row for row in rows if row["articles"]], columns=SIDE_COLUMNS)
    return Sides(table, pd.DataFrame(differences, columns=DIFFERENCE_COLUMNS))


def _flags(shared: Shared) -> dict[str, NDArray[np.bool_]]:
    """Return which test articles lie on the first side of each comparison that the data allow."""
    flags = {DUPLICATES: shared.flags[DUPLICATE]}
    outlets = shared.flags.get(OUTLET_IDENTITY, shared.flags.get(OUTLET_NAME))
    return flags if outlets is None else {OUTLETS: outlets, **flags}


def _row(comparison: str, side: str, model: str, articles: int, part: Scored) -> dict[str, str | float]:
    row: dict[str, str | float] = {"comparison": comparison, "side": side, "model": model, "articles": articles}
    return row | ({"units": part.units, **part.columns()} if articles else {})
