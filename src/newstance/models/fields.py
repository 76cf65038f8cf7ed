"""From the article table to what feature extractors take: texts, categories, sentiment scores."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from newstance.errors import NewstanceError
from newstance.models.mentions import Aliases, sentences, target_sentences


def require(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    NewstanceError
        Names the missing columns.
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise NewstanceError(f"The model needs the column(s) {', '.join(missing)}, which its input doesn't have.")


class TextField(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take one text from each row of the article table.

    Parameters
    ----------
    field
        ``title``, ``text``, ``target``; ``article`` (title, then text); ``target_sentences`` or
        ``masked_sentences`` (`newstance.models.mentions.target_sentences`).
    aliases
        Further names of targets, for the sentence fields.
    """

    def __init__(self, field: str, aliases: Aliases | None = None) -> None:
        self.field = field
        self.aliases = aliases

    def fit(self, table: pd.DataFrame, y: Any = None) -> Self:
        """Do nothing: there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, table: pd.DataFrame) -> list[str]:
        """Return one text a row."""
        if self.field in {"title", "text", "target"}:
            require(table, (self.field,))
            return [str(value) for value in table[self.field]]
        if self.field == "article":
            require(table, ("title", "text"))
            return [f"{title}. {text}" for title, text in zip(table["title"], table["text"], strict=True)]
        require(table, ("title", "text", "target"))
        rows = zip(table["title"], table["text"], table["target"], strict=True)
        mask = self.field == "masked_sentences"
        return [target_sentences(title, text, target, self.aliases or {}, mask=mask) for title, text, target in rows]


class Category(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take one column of the article table as categories, shape (rows, 1); a missing value is a category too."""

    def __init__(self, column: str) -> None:
        self.column = column

    def fit(self, table: pd.DataFrame, y: Any = None) -> Self:
        """Do nothing: there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, table: pd.DataFrame) -> NDArray[np.object_]:
        """Return the column's values."""
        require(table, (self.column,))
        return table[[self.column]].astype(object).fillna("").map(str).to_numpy(dtype=object)


@lru_cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415  (reads its lexicon)

    return SentimentIntensityAnalyzer()


@lru_cache(maxsize=16384)
def sentiment(text: str) -> tuple[float, ...]:
    """Return the six scores of a text; see `SentimentScores`."""
    scores = [_analyzer().polarity_scores(sentence) for sentence in sentences(text) or ("",)]
    values = np.array([[score["pos"], score["neg"], score["compound"], score["neu"]] for score in scores])
    return (*values.mean(axis=0), values[:, 2].min(), values[:, 2].max())


class SentimentScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """VADER scores (Hutto and Gilbert 2014) of a text's sentences: their mean, lowest and highest.

    `transform` returns shape (texts, 6): positive, negative and compound means, share of neutral words, and the
    lowest and highest compound.
    """

    def fit(self, texts: list[str], y: Any = None) -> Self:
        """Do nothing: the lexicon is fixed."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, texts: list[str]) -> NDArray[np.float64]:
        """Return the scores, shape (texts, 6)."""
        return np.array([sentiment(text) for text in texts])
