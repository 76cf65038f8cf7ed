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
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from newstance.errors import NewstanceError
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


class Timing(BaseModel):
    """timing.json: medians over seeds."""

    fit_seconds: float = Field(ge=0)
    predict_seconds_per_unit: float = Field(ge=0)


class Environment(BaseModel):
    """environment.json: where the experiment ran."""

    packages: dict[str, str]


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
        for seed in settings.seeds:
            if seed not in scores.seeds:
                raise NewstanceError(f"{path / 'scores.json'} lacks seed {seed}; run the experiment again.")
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
            parse(Timing, read_json(path / "timing.json"), path / "timing.json"),
            parse(Environment, read_json(path / "environment.json"), path / "environment.json"),
            codes,
            has_targets,
        )

    def seed_metrics(self, seed: int) -> dict[str, float]:
        """Return the scores of one seed, and its temperature, by metric name."""
        scores = {key: value for key, value in self.scores.seeds[seed].items() if key != "chosen"}
        return numbers(scores, self.path / "scores.json")

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
