"""What goes into a bundle and what comes out: the words of the API, the command line and MLflow alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class Article:
    """A text to label.

    Attributes
    ----------
    title, text
        The article; either may be empty.
    targets
        Whose stances are wanted. None: the bundle proposes up to three; an empty list: none.
    """

    title: str
    text: str
    targets: Sequence[str] | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Evidence(_Answer):
    """A sentence that moved a decision."""

    field: Literal["title", "text"]
    start: int = Field(ge=0, description="First character of the sentence in the field as it was sent")
    end: int = Field(ge=0, description="Character after its last one")
    text: str
    weight: float = Field(
        ge=-1, le=1, description="Share of all sentences' pull on the decision; negative: it pulled away from the label"
    )


class Score(_Answer):
    """A label and its probability."""

    label: str = Field(description="Code in the scheme")
    name: str
    medtop: str | None = Field(default=None, description="IPTC Media Topic number, where the label has one")
    probability: float = Field(ge=0, le=1, description="Calibrated")


class Decision(Score):
    """The likeliest label, and what stands behind it."""

    probabilities: dict[str, float] = Field(description="Calibrated probability of every label, by code")
    top: list[Score] = Field(description="The three likeliest labels, likeliest first")
    evidence: list[Evidence] = Field(description="The sentences that moved the decision most, strongest first")


class TargetAnswer(_Answer):
    """The decisions about one target."""

    target: str
    proposed: bool = Field(description="Whether the bundle proposed the target, and not the caller")
    mentioned: bool = Field(description="Whether a sentence names the target; if not, the stance is a guess")
    labels: dict[str, Decision] = Field(description="Decision by scheme, such as `stance`")


class Abstention(_Answer):
    """Why an article is not labelled."""

    reason: Literal["too-short", "not-english", "not-news-like", "out-of-distribution"]
    detail: str = Field(description="One sentence for a person")


class Answer(_Answer):
    """What is said of one article."""

    labels: dict[str, Decision] = Field(description="Decision by scheme, such as `topic`; empty after an abstention")
    targets: list[TargetAnswer] = Field(description="One entry a target, in the order asked for")
    abstain: Abstention | None = Field(default=None, description="Set when the article is not labelled, and why")
    version: str = Field(description="Which bundle answered")
