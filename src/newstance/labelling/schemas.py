"""What the labelling page sends and is sent."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from newstance.labelling.decisions import Agreement, Pass
from newstance.scheme import Label
from newstance.serving.schemas import MAX_TARGETS, Target


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Who(_In):
    """Who labels, and why."""

    task: str
    annotator: str = Field(max_length=64)
    way: Pass = Field(alias="pass")


class About(Who):
    """An article, as somebody labels it."""

    article_id: str


class Choice(About):
    """What somebody decided about an article, or about a target in it."""

    target: Target | None = None
    label: str = Field(min_length=1)
    second: str = ""


class Question(About):
    """A question to the champion; before the own choice it must be asked for."""

    targets: Annotated[list[Target], Field(max_length=MAX_TARGETS)]
    asked: bool = False


class TaskOut(BaseModel):
    """A label scheme as the page needs it."""

    name: str
    title: str
    has_targets: bool
    labels: list[Label]
    secondary: bool = Field(description="Whether a second label may be given")
    skip: str | None = Field(description="The code for a text that is no article")
    champion: bool = Field(description="Whether the bundle has suggestions")


class ProjectOut(BaseModel):
    """What there is to label."""

    tasks: list[TaskOut]
    articles: int
    training: list[str] = Field(description="The annotators whose labels train")
    reference: str = Field(description="The annotator whose labels come from adjudication")
    codebook: str = Field(description="The codebook's text; empty where there is none")
    chosen: Who = Field(description="What the command line says; an empty annotator is to be asked for")


class Opinion(BaseModel):
    """What another annotator decided."""

    annotator: str
    label: str
    second: str


class TargetOut(BaseModel):
    """A unit of the article at hand; its target is empty where the scheme has none."""

    target: str
    label: str = Field(description="The annotator's own choice; empty, too, where a list asks for it anew")
    second: str
    required: bool = Field(description="Whether the article stays open until this is decided")
    others: list[Opinion] = Field(description="What others decided; only in adjudication")


class ItemOut(BaseModel):
    """The article at hand. Its outlet is left out: a label must follow from the text alone."""

    article_id: str
    title: str
    subtitle: str
    text: str
    place: str = Field(description="Where the list has it; empty where it came at random")
    units: list[TargetOut]


class DeskOut(BaseModel):
    """What comes next, and how far things are."""

    item: ItemOut | None
    labelled: int = Field(description="Articles that the pass asked for and the annotator labelled")
    waiting: int = Field(description="Articles that the pass still asks for")
    skipped: int = Field(description="How many of them were put off")
    agreement: list[Agreement] = Field(
        description="With each other annotator, on what both labelled; in steps where others labelled the articles"
    )
    can_undo: bool


class SavedOut(BaseModel):
    """A choice is on the disk."""

    label: str
    second: str
    labelled_at: str
    reason: str = Field(description="Why the list has the article; a blind pass is not told")


class SuggestionOut(BaseModel):
    """What the champion says about a unit."""

    target: str
    label: str
    name: str
    probability: float
    mentioned: bool = Field(description="Whether a sentence names the target; if not, it is a guess")


class SuggestionsOut(BaseModel):
    """What the champion says; where it abstains, why."""

    suggestions: list[SuggestionOut]
    abstains: str
