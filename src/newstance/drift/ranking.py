"""Which new articles to label first: those unlike the training articles, and those of which a champion is unsure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from newstance.reporting.results import Row, records
from newstance.scheme import Scheme


def queue(
    decisions: pd.DataFrame, distances: Mapping[str, float], scheme: Scheme, refused: Mapping[str, str]
) -> pd.DataFrame:
    """Rank units for labelling, as ``newstance label --queue`` reads them.

    The score is the mean of two ranks from 0 to 1: how far the article is from its nearest training articles, and how
    improbable the champion's label is. An article that the champions refuse stands first in the second.

    Parameters
    ----------
    decisions
        As `newstance.drift.predictions.predictions` returns them.
    distances
        Of every article to its nearest training articles.
    scheme
        The task's.
    refused
        Why the champions abstain, by article. For a scheme with targets these are left out: no target is known.

    Returns
    -------
    DataFrame
        The unit's columns, `rank`, `score` and `reason`; the first to label on top.
    """
    units = decisions[["article_id", "target", "label", "probability"]]
    if not scheme.has_targets:
        lacking = pd.DataFrame({"article_id": list(refused), "target": "", "label": "", "probability": 0.0})
        units = pd.concat([units, lacking], ignore_index=True)
    units = units.assign(distance=units["article_id"].map(distances).astype("float64"))
    unlike = units["distance"].rank(pct=True)
    unsure = (1 - units["probability"]).rank(pct=True)
    reasons = [
        _reason(row, refused, farther=far >= doubt)
        for row, far, doubt in zip(records(units), unlike, unsure, strict=True)
    ]
    units = units.assign(score=(unlike + unsure) / 2, reason=reasons)
    units = units.sort_values(["score", *scheme.unit], ascending=[False, *[True] * len(scheme.unit)])
    return units.assign(rank=range(1, len(units) + 1))[[*scheme.unit, "rank", "score", "reason"]]


def _reason(row: Row, refused: Mapping[str, str], *, farther: bool) -> str:
    if not row["label"]:
        return f"refused: {refused[str(row['article_id'])]}"
    if farther:
        return f"unlike the training articles (distance {row['distance']:.2f})"
    return f"the champion is unsure ({row['label']}, {row['probability']:.2f})"
