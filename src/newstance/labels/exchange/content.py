"""What is exchanged: units with their articles, the labels that count, and what a model says of the units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from newstance.labels.history import TIME
from newstance.scheme import Scheme

ARTICLE_PART = ["outlet", "url", "published", "title", "text"]


@dataclass(frozen=True)
class Content:
    """What is written.

    Attributes
    ----------
    scheme
        The task's.
    units
        The unit's columns and `ARTICLE_PART`, one row a unit, all text; an article may be without a label.
    labels
        Columns `label_columns`, all text: the decisions that count. Each is about one of the units.
    predictions
        Probabilities by code, by the values of the unit's columns; none where no model was asked.
    version
        Of the bundle that was asked.
    """

    scheme: Scheme
    units: pd.DataFrame
    labels: pd.DataFrame
    predictions: Mapping[tuple[Any, ...], Mapping[str, float]] = field(default_factory=dict)
    version: str = ""


def label_columns(scheme: Scheme) -> list[str]:
    """Return the columns of exchanged labels: those of the annotation file, and the time."""
    return [*scheme.annotation_columns, TIME]


def label_codes(scheme: Scheme) -> list[str]:
    """Return what a label may be: the scheme's codes, and the one that marks a text as no article."""
    return [*scheme.codes, scheme.skip] if scheme.skip else scheme.codes
