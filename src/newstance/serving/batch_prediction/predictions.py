"""The answer to one row of the input."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from newstance.bundle.answers import Abstention, Answer, Decision, TargetAnswer
from newstance.serving.batch_prediction.reading import Row


class Prediction(BaseModel):
    """An `Answer`, and which row it is about; or what is wrong with that row."""

    model_config = ConfigDict(frozen=True)

    article_id: str | None = Field(description="As given; for a text file its name without suffix")
    source: str = Field(description="The file, or - for standard input")
    row: int = Field(ge=1, description="Which row of the file (heading apart); for JSON Lines, which line")
    labels: dict[str, Decision] = Field(description="Decision by scheme; empty after an abstention or an error")
    targets: list[TargetAnswer]
    abstain: Abstention | None
    error: str | None = Field(description="What is wrong with the row, which then has no labels")
    version: str = Field(description="Which bundle answered")

    @classmethod
    def of(cls, row: Row, answer: Answer) -> Prediction:
        """Put together a row and its answer."""
        return cls(article_id=row.article_id, source=row.source, row=row.number, error=None, **dict(answer))

    @classmethod
    def failed(cls, row: Row, version: str) -> Prediction:
        """Stand in the place of a row that is no article."""
        return cls(
            article_id=row.article_id,
            source=row.source,
            row=row.number,
            labels={},
            targets=[],
            abstain=None,
            error=row.error,
            version=version,
        )


@dataclass
class Summary:
    """How many rows there were, and of these, how many were not labelled."""

    rows: int = 0
    abstentions: int = 0
    errors: int = 0

    def add(self, predictions: list[Prediction]) -> None:
        """Count further predictions."""
        self.rows += len(predictions)
        self.abstentions += sum(prediction.abstain is not None for prediction in predictions)
        self.errors += sum(prediction.error is not None for prediction in predictions)

    def __str__(self) -> str:
        counts = [f"{self.rows - self.abstentions - self.errors:,} labelled"]
        counts += [f"{self.abstentions:,} abstained from"] if self.abstentions else []
        counts += [f"{self.errors:,} with an error"] if self.errors else []
        return f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}: {', '.join(counts)}"
