"""Test articles for experiments with a model: drawn, turned into what a bundle takes, and shortened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pandas as pd

from newstance.bundle.answers import Article
from newstance.notebooks.project import Project

Field = Literal["title", "text"]
Span = tuple[Field, int, int]


def draw_articles(project: Project, task: str, most: int) -> pd.DataFrame:
    """Draw test articles of a task, the same ones each time.

    Parameters
    ----------
    project, task
        Where they come from; of several targets, an article has the first one.
    most
        How many, or all where there are fewer.
    """
    table = project.prepared(task).query("split == 'test'").drop_duplicates("article_id")
    return table.sample(min(most, len(table)), random_state=project.settings.evaluation.seed).reset_index(drop=True)


def as_articles(table: pd.DataFrame) -> list[Article]:
    """Return rows of prepared data as a bundle takes them, with their target where they have one."""
    targets = table["target"] if "target" in table else [""] * len(table)
    rows = zip(table["title"], table["text"], targets, strict=True)
    return [Article(title, text, [target] if target else []) for title, text, target in rows]


def without(article: Article, spans: Iterable[Span]) -> Article:
    """Leave out parts of an article that don't overlap."""
    fields = {"title": article.title, "text": article.text}
    for field, start, end in sorted(spans, reverse=True):
        fields[field] = fields[field][:start] + fields[field][end:]
    return Article(fields["title"], fields["text"], article.targets)
