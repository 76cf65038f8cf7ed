"""What the experiments are meant to reach, read from a file, beside what they reached."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from newstance.corpus.splits import STANDARD
from newstance.evaluation.metrics import METRICS
from newstance.files import read_settings
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, scored
from newstance.reporting.results import Row, TaskResults, by_experiment
from newstance.scheme import Strict
from newstance.settings import STUDY

GOALS = STUDY / "goals.yaml"


class Goal(Strict):
    """A metric on test that the best experiment of a task is to reach."""

    task: str
    protocol: str = STANDARD
    metric: str
    at_least: float = Field(gt=0, le=1)

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        if metric not in METRICS:
            raise ValueError(f"must be one of {', '.join(METRICS)}")
        return metric


class Goals(Strict):
    """The file: a list of goals."""

    goals: tuple[Goal, ...]


def read_goals(path: Path = GOALS) -> tuple[Goal, ...]:
    """Read the goals; there are none where there is no file."""
    return read_settings(path, Goals).goals if path.is_file() else ()


def goals_table(results: TaskResults, goals: tuple[Goal, ...]) -> Table | None:
    """Put each goal of the task beside the score of the best experiment; None where the task has none."""
    rows = []
    for goal in goals:
        reached = by_experiment(results.compared(goal.protocol)).get(results.best["experiment"])
        if goal.task == results.scheme.name and reached is not None:
            name = goal.metric.replace("macro_f1", "macro-F1").replace("_", " ")
            name += "" if goal.protocol == STANDARD else f", {goal.protocol}"
            rows.append(
                [Cell(name), Cell(f"≥ {goal.at_least:g}"), scored(reached, goal.metric), Cell(_outcome(goal, reached))]
            )
    if not rows:
        return None
    caption = f"Goals on test and what {results.best['title']}, the best on validation, reached."
    return Table(caption, ["goal", "at least", "score", "outcome"], rows)


def _outcome(goal: Goal, row: Row) -> str:
    margin = row[goal.metric] - goal.at_least
    return "reached" if margin >= 0 else f"missed by {words.score(-margin)}"
