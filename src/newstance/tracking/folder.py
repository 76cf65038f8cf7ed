"""What tracking reads of a run folder, checked where it enters."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.parquet as pq
from pyarrow.lib import ArrowException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, ValidationError

from newstance.errors import NewstanceError
from newstance.evaluation.summary import DIGITS
from newstance.files import describe_problems, read_json

RecordT = TypeVar("RecordT", bound=BaseModel)


class Identity(BaseModel):
    """run.json: one execution of an experiment. Its `id` is what makes two folders the same run."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    created: AwareDatetime
    git_commit: str | None
    dvc_stage: str | None

    @property
    def started(self) -> int:
        """Start of the run, in milliseconds since 1970."""
        return int(self.created.timestamp() * 1000)


class Settings(BaseModel):
    """settings.json: the keys that tracking names; the others (`model_extra`) are parameters like them."""

    model_config = ConfigDict(extra="allow")

    experiment: str = Field(min_length=1)
    title: str
    task: str = Field(min_length=1)
    role: str
    model: dict[str, Any]
    seeds: list[int] = Field(min_length=1)
    data: str


class SearchStep(BaseModel):
    """One setting of the grid, tried on validation."""

    seed: int
    macro_f1: float
    log_loss: float


class Scores(BaseModel):
    """scores.json: what each seed chose and reached."""

    seeds: dict[int, dict[str, Any]]
    search: list[SearchStep]


class Step(BaseModel):
    """What a transformer's training said at a step: of its batches, or of validation after an epoch."""

    step: int

    def points(self) -> Iterator[tuple[str, float, int]]:
        """Yield the values under the names and with the rounding that they have in a live run."""
        for name, value in self.model_dump(exclude={"step"}).items():
            yield f"training/{name}", round(value, DIGITS), self.step


class CurveStep(Step):
    """Every few steps."""

    loss: float
    learning_rate: float


class EpochStep(Step):
    """After an epoch."""

    macro_f1: float
    log_loss: float


class Training(BaseModel):
    """training.json of one seed: the curves of a transformer; the other keys (`model_extra`) are parameters."""

    model_config = ConfigDict(extra="allow")

    curve: list[CurveStep] = Field(default_factory=list)
    epochs: list[EpochStep] = Field(default_factory=list)


class Trainings(RootModel[dict[int, Training]]):
    """training.json, by seed."""


class Timing(BaseModel):
    """timing.json: medians over seeds."""

    fit_seconds: float = Field(ge=0)
    predict_seconds_per_unit: float = Field(ge=0)


class Environment(BaseModel):
    """environment.json: where the experiment ran."""

    packages: dict[str, str]
    hardware: str = Field(min_length=1)


def parse(model: type[RecordT], value: Any, source: Path | str) -> RecordT:
    """Check the content of a JSON file; `source` is what the error names."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise NewstanceError(f"{source}: {describe_problems(error)}.") from None


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings under their path, joined by ``/``: the names that MLflow groups by."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def numbers(values: Mapping[str, Any], source: Path | str) -> dict[str, float]:
    """Flatten nested metrics; an undefined one (null) is left out, anything but a finite number is an error."""
    metrics = {}
    for name, value in flatten(values):
        if value is None:
            continue
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise NewstanceError(f"{source}: metric '{name}' must be a number, got {value!r}.")
        metrics[name] = float(value)
    return metrics


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Flatten nested settings into MLflow parameters; a value that is no text is written as JSON, keys in order."""
    as_text = partial(json.dumps, sort_keys=True)
    return {name: value if isinstance(value, str) else as_text(value) for name, value in flatten(values)}


@dataclass(frozen=True)
class RunFolder:
    """A whole run folder, read before anything is written to the store."""

    path: Path
    identity: Identity
    settings: Settings
    metrics: dict[str, float]
    scores: Scores
    training: dict[int, Training]
    timing: Timing
    environment: Environment
    codes: list[str]
    has_targets: bool

    @classmethod
    def read(cls, path: Path) -> RunFolder:
        """Read and check the folder.

        Raises
        ------
        NewstanceError
            When a file or a seed's model is missing or damaged; names the file and the key.
        """
        if not path.is_dir():
            raise NewstanceError(f"{path} is no run folder; give one that `newstance run` wrote, such as runs/NAME.")
        settings = parse(Settings, read_json(path / "settings.json"), path / "settings.json")
        scores = parse(Scores, read_json(path / "scores.json"), path / "scores.json")
        training = parse(Trainings, read_json(path / "training.json"), path / "training.json").root
        for seed in settings.seeds:
            for file, seeds in (("scores.json", set(scores.seeds)), ("training.json", set(training))):
                if seed not in seeds:
                    raise NewstanceError(f"{path / file} lacks seed {seed}; run the experiment again.")
            for part in (path / f"seeds/{seed}/model", path / f"seeds/{seed}/calibration.json"):
                if not part.exists():
                    raise NewstanceError(f"{part} is missing; run the experiment again.")
        codes, has_targets = _labelled_as(path / "predictions.parquet")
        return cls(
            path,
            parse(Identity, read_json(path / "run.json"), path / "run.json"),
            settings,
            numbers(read_json(path / "metrics.json"), path / "metrics.json"),
            scores,
            training,
            parse(Timing, read_json(path / "timing.json"), path / "timing.json"),
            parse(Environment, read_json(path / "environment.json"), path / "environment.json"),
            codes,
            has_targets,
        )

    def seed_metrics(self, seed: int) -> dict[str, float]:
        """Return the scores of one seed, and its temperature, by metric name."""
        scores = {key: value for key, value in self.scores.seeds[seed].items() if key != "chosen"}
        return numbers(scores, self.path / "scores.json")

    def curves(self, seed: int) -> list[tuple[str, float, int]]:
        """Return the points (name, value, step) of a seed's search, and of its training where that is one alone.

        The training of several candidates isn't shown live either: their curves would mix.
        """
        tried = [step for step in self.scores.search if step.seed == seed]
        points = [("search/macro_f1", step.macro_f1, number) for number, step in enumerate(tried)]
        points += [("search/log_loss", step.log_loss, number) for number, step in enumerate(tried)]
        if len(tried) == 1:
            training = self.training[seed]
            points += [point for step in (*training.curve, *training.epochs) for point in step.points()]
        return points

    def times(self, seed: int) -> tuple[int, int]:
        """Estimate start and end of a seed, in milliseconds since 1970.

        A folder knows when it was started and how long a fit takes, so seeds are set one after another; file
        times would not survive a copy.
        """
        milliseconds = int(self.timing.fit_seconds * 1000)
        start = self.identity.started + self.settings.seeds.index(seed) * milliseconds
        return start, start + milliseconds


def _labelled_as(predictions: Path) -> tuple[list[str], bool]:
    """Return the label codes in the scheme's order, and whether the labels are about targets."""
    try:
        names = pq.read_schema(predictions).names
        targets = pq.read_table(predictions, columns=["target"])["target"]
    except (OSError, ArrowException, KeyError) as error:
        raise NewstanceError(f"{predictions} is missing or damaged ({error}); run the experiment again.") from None
    codes = [name.removeprefix("prob_") for name in names if name.startswith("prob_")]
    if not codes:
        raise NewstanceError(f"{predictions} has no column prob_<label>; run the experiment again.")
    return codes, any(target for target in targets.to_pylist())
