"""What an experiment's YAML may say."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from newstance.corpus.splits import STANDARD
from newstance.errors import NewstanceError
from newstance.files import describe_problems, read_settings
from newstance.models.settings import EnsembleModel, ModelSettings, TransformerModel
from newstance.scheme import Strict

Protocol = Literal["standard", "outlet-held-out"]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy and scikit-learn take
Aspect = Literal[
    "length",
    "truncation",
    "rare-classes",
    "frozen-layers",
    "noise",
    "regularisation",
    "targets",
    "pretraining",
    "learning-curve",
    "seeds",
]
Scalar = bool | int | float | str | None
_MODEL: TypeAdapter[ModelSettings] = TypeAdapter(ModelSettings)


class Span(Strict):
    """Numbers to search between, both ends included; whole ones where both ends are.

    `log` draws evenly on a logarithmic scale.
    """

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _goes_up(self) -> Span:
        if self.low >= self.high:
            raise ValueError("'low' must be less than 'high'")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range starts above 0")
        return self

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The extreme values, which must be allowed for those between to be."""
        return self.low, self.high


class Choices(Strict):
    """Values to search among, in no order."""

    choices: tuple[Scalar, ...] = Field(min_length=2)

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """All of them."""
        return self.choices


class ExperimentSettings(Strict):
    """An experiment: a task, a model, what is tried on validation, and how often.

    Attributes
    ----------
    title
        The name in tables and figures.
    task
        Name of a scheme.
    role
        ``baseline``, ``control`` (must not be good: it may not see what the task is about) or ``majority``.
    model
        See `newstance.models.settings`.
    grid
        Values to try by dotted path into `model` (``classifier.C``, ``features.0.weight``); every combination is
        fitted on train, the best macro-F1 on validation counts, ties go to the lower log loss.
    search
        Ranges by the same paths, for `newstance search` (`newstance.search`), and no part of a run: each
        ``{low: 0.01, high: 10, log: true}`` or ``{choices: [a, b]}``.
    refit
        Whether the best one is then fitted on train and validation together. A transformer is not: it needs
        validation to stop in time.
    train_share
        Fit on this share of the train articles, drawn at random; a smaller share is part of a larger one.
    noise
        ``prune``: leave out train units whose label confident learning takes for an error
        (`newstance.experiment.noise`).
    labels
        ``weak``: learn from weak labels (`newstance.labels.weak`) and not from those that were given, of train
        articles and of those that nobody has labelled; articles that get none are left out.
    aspects
        What of the study this experiment belongs to, such as ``length``; experiments of one aspect are compared.
    seeds
        One fit each; at least three where the model draws at random.
    protocols
        ``standard``, and ``outlet-held-out`` where that is to be measured too (with the first seed).
    """

    title: str = Field(min_length=1)
    task: str
    role: Literal["baseline", "control", "majority"] = "baseline"
    model: ModelSettings
    grid: dict[str, list[Scalar]] = Field(default_factory=dict)
    search: dict[str, Span | Choices] = Field(default_factory=dict, exclude=True)
    refit: bool = True
    train_share: float = Field(default=1.0, gt=0, le=1)
    noise: Literal["none", "prune"] = "none"
    labels: Literal["given", "weak"] = "given"
    aspects: tuple[Aspect, ...] = ()
    seeds: tuple[Seed, ...] = Field(default=(1,), min_length=1)
    protocols: tuple[Protocol, ...] = ("standard", "outlet-held-out")

    @field_validator("grid")
    @classmethod
    def _has_values(cls, grid: dict[str, list[Scalar]]) -> dict[str, list[Scalar]]:
        if empty := [key for key, values in grid.items() if not values]:
            raise ValueError(f"'{empty[0]}' has no value to try")
        return grid

    @field_validator("seeds")
    @classmethod
    def _are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("seeds must be distinct")
        return seeds

    @model_validator(mode="after")
    def _is_fitted_once(self) -> ExperimentSettings:
        if self.refit and isinstance(self.model, TransformerModel):
            raise ValueError("a transformer stops by validation and can't be fitted on it: say refit: false")
        if self.refit and (self.train_share < 1 or self.noise != "none"):
            raise ValueError("'train_share' and 'noise' are about train alone: say refit: false")
        if self.refit and self.labels == "weak":
            raise ValueError("weak labels are not those that validation has: say refit: false")
        return self

    @model_validator(mode="after")
    def _combines_what_is_fitted(self) -> ExperimentSettings:
        if isinstance(self.model, EnsembleModel) and self.protocols != (STANDARD,):
            raise ValueError("an ensemble combines fitted models and can't be fitted anew: say protocols: [standard]")
        if isinstance(self.model, EnsembleModel) and (self.train_share < 1 or self.noise != "none"):
            raise ValueError("'train_share' and 'noise' are about a fit, which an ensemble hasn't: leave them out")
        if isinstance(self.model, EnsembleModel) and self.labels == "weak":
            raise ValueError("an ensemble learns from no labels: leave 'labels' out")
        return self

    @field_validator("protocols")
    @classmethod
    def _include_standard(cls, protocols: tuple[str, ...]) -> tuple[str, ...]:
        if STANDARD not in protocols:
            raise ValueError(f"'{STANDARD}' must be among them")
        return protocols

    def candidates(self) -> list[tuple[dict[str, Scalar], ModelSettings]]:
        """Return every combination of the grid and the model with it; one empty combination without a grid."""
        combinations = itertools.product(*self.grid.values())
        chosen = [dict(zip(self.grid, values, strict=True)) for values in combinations]
        return [(values, self.model_with(values)) for values in chosen]

    def model_with(self, values: Mapping[str, Scalar]) -> ModelSettings:
        """Return the model with other values, by dotted path.

        Raises
        ------
        pydantic.ValidationError
            When the model doesn't allow one.
        KeyError, IndexError, ValueError or TypeError
            When a path leads to nothing.
        """
        return _MODEL.validate_python(_with_values(self.model.model_dump(mode="json"), values))


def _with_values(model: dict[str, Any], values: Mapping[str, Scalar]) -> dict[str, Any]:
    changed = copy.deepcopy(model)
    for path, value in values.items():
        *parents, last = path.split(".")
        place: Any = changed
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        key = int(last) if isinstance(place, list) else last
        if isinstance(place, dict) and key not in place:
            raise KeyError(path)
        place[key] = value
    return changed


def load_experiment(path: Path) -> ExperimentSettings:
    """Read and check an experiment's YAML, the settings that it tries included.

    Raises
    ------
    NewstanceError
        Names the file and the key of every mistake.
    """
    settings = read_settings(path, ExperimentSettings)
    with _mistakes_named(f"{path}: key 'grid'", settings.grid):
        settings.candidates()
    for key, values in settings.search.items():
        with _mistakes_named(f"{path}: key 'search.{key}'", [key]):
            for value in values.ends:
                settings.model_with({key: value})
    return settings


@contextmanager
def _mistakes_named(place: str, keys: Iterable[str]) -> Iterator[None]:
    """Turn what is wrong with values or their paths into one sentence."""
    try:
        yield
    except ValidationError as error:
        raise NewstanceError(f"{place}: {describe_problems(error)}.") from None
    except (KeyError, IndexError, ValueError, TypeError) as error:
        paths = ", ".join(f"'{key}'" for key in keys)
        raise NewstanceError(
            f"{place}: one of {paths} leads to nothing in 'model' ({error}); "
            "write keys and list numbers with dots between, such as classifier.C or features.0.weight."
        ) from None
