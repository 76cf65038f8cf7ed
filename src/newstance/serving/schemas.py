"""What the API takes and gives, beside the answers themselves (`newstance.bundle.answers`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from newstance.bundle.answers import Article
from newstance.bundle.manifest import TaskInfo
from newstance.scheme import Label

MAX_ARTICLES = 64
MAX_TARGETS = 16
MAX_TITLE = 1_000
MAX_TEXT = 50_000

# At least one character that isn't blank; those are named on whose blankness regex dialects differ.
Target = Annotated[str, Field(min_length=1, max_length=200, pattern=r"[^\s\u0000-\u001f\u0085\ufeff]")]


class ArticleIn(BaseModel):
    """An article to label."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "Council delays vote on harbour bridge",
                    "text": "The city council put off its vote on the harbour bridge on Tuesday. Opponents cheered.",
                    "targets": ["harbour bridge"],
                }
            ]
        },
    )

    title: str = Field(default="", max_length=MAX_TITLE)
    text: str = Field(max_length=MAX_TEXT)
    targets: list[Target] | None = Field(
        default=None,
        max_length=MAX_TARGETS,
        description="Whose stances are wanted; null: up to three are proposed from the text; empty: none",
    )
    outlet: str | None = Field(default=None, max_length=200, description="Not used for the answer")
    url: str | None = Field(default=None, max_length=2_000, description="Not used for the answer")

    def article(self) -> Article:
        """Return what the bundle labels."""
        return Article(title=self.title, text=self.text, targets=self.targets)


_ONE = TypeAdapter(ArticleIn)
_MANY = TypeAdapter(Annotated[list[ArticleIn], Field(max_length=MAX_ARTICLES)])


def parse_article(body: bytes) -> ArticleIn:
    """Read one article from JSON; wrong input is a `pydantic.ValidationError`."""
    return _ONE.validate_json(body)


def parse_articles(body: bytes) -> tuple[list[ArticleIn], bool]:
    """Read an article or a list of articles from JSON, and say whether it was a list.

    The first character decides: a union would report the errors of both readings.
    """
    if body.lstrip()[:1] == b"[":
        return _MANY.validate_json(body), True
    return [parse_article(body)], False


class SchemeOut(BaseModel):
    """A label scheme."""

    title: str
    has_targets: bool = Field(description="Whether a label is about a target")
    labels: list[Label]


class ModelsOut(BaseModel):
    """What answers at present."""

    version: str = Field(description="The bundle's version, as in every answer")
    package: str = Field(description="Version of newstance that wrote the bundle")
    tasks: dict[str, TaskInfo]
    schemes: dict[str, SchemeOut]


class Alive(BaseModel):
    """The process runs."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Requests are answered."""

    status: Literal["ready"] = "ready"
    version: str


class Reloaded(BaseModel):
    """The bundle was read anew."""

    version: str
    previous: str
    changed: bool
