"""How a bundle keeps a task's model: model.json, its arrays (safetensors) and its terms (JSON)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from newstance.bundle.manifest import Precision
from newstance.bundle.members import (
    Array,
    EncoderFeature,
    EnsembleMember,
    Feature,
    LinearMember,
    Member,
    TermFeature,
    TransformerMember,
)
from newstance.bundle.networks import Reader
from newstance.bundle.terms import Terms
from newstance.errors import NewstanceError
from newstance.files import describe_problems, read_json
from newstance.scheme import Scheme

TASKS = "tasks"
MODEL, ARRAYS, SCHEME = "model.json", "arrays.safetensors", "scheme.json"


class Stored(BaseModel):
    """Part of model.json; its arrays are called ``<arrays>.<name>`` in the arrays' file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arrays: str


class StoredTerms(Stored):
    """TF-IDF: arrays `idf` and `coefficients`, and a file with the terms in the order of their columns."""

    kind: Literal["tfidf"] = "tfidf"
    field: str
    ngrams: tuple[int, int]
    stop_words: tuple[str, ...]
    terms: str


class StoredEncoder(Stored):
    """A frozen encoder: arrays `coefficients` and `center`."""

    kind: Literal["encoder"] = "encoder"
    field: str
    encoder: str
    max_tokens: int


class StoredLinear(Stored):
    """A linear model: array `intercept`."""

    kind: Literal["linear"] = "linear"
    columns: tuple[int, ...]
    features: tuple[Annotated[StoredTerms | StoredEncoder, Field(discriminator="kind")], ...]


class StoredTransformer(Stored):
    """A fine-tuned encoder: arrays `weights`, `bias` and `center`."""

    kind: Literal["transformer"] = "transformer"
    columns: tuple[int, ...]
    encoder: str
    max_tokens: int


class StoredEnsemble(BaseModel):
    """Members, their weights and their temperatures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ensemble"] = "ensemble"
    members: tuple[StoredMember, ...]
    weights: tuple[float, ...]
    temperatures: tuple[float, ...]


StoredMember = Annotated[StoredLinear | StoredTransformer | StoredEnsemble, Field(discriminator="kind")]


class StoredModel(BaseModel):
    """model.json: the model, and the temperature that calibrates it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(gt=0)
    model: StoredMember


def load_task(folder: Path, precision: Precision) -> tuple[Scheme, Member, float]:
    """Read the folder of a task, whose networks are to run in a precision.

    Returns
    -------
    scheme, member, temperature

    Raises
    ------
    NewstanceError
        When a file is damaged.
    """
    try:
        scheme = Scheme.model_validate(read_json(folder / SCHEME))
        stored = StoredModel.model_validate(read_json(folder / MODEL))
        member = _Loader(folder, load_file(folder / ARRAYS), precision).member(stored.model)
    except ValidationError as error:
        raise NewstanceError(f"{folder}: {describe_problems(error)}; export the bundle again.") from None
    except (KeyError, OSError, SafetensorError) as error:
        raise NewstanceError(f"{folder} can't be read ({error}); export the bundle again.") from None
    return scheme, member, stored.temperature


@dataclass(frozen=True)
class _Loader:
    folder: Path
    arrays: dict[str, NDArray[np.float32]]
    precision: Precision

    def member(self, stored: StoredLinear | StoredTransformer | StoredEnsemble) -> Member:
        if isinstance(stored, StoredEnsemble):
            members = [self.member(member) for member in stored.members]
            return EnsembleMember(members, stored.weights, stored.temperatures)
        columns = np.array(stored.columns, dtype=np.intp)
        if isinstance(stored, StoredTransformer):
            weights, bias, center = (self._array(stored, name) for name in ("weights", "bias", "center"))
            return TransformerMember(columns, self._reader(stored), weights, bias, center)
        features = [self._feature(feature) for feature in stored.features]
        return LinearMember(columns, features, self._array(stored, "intercept"))

    def _feature(self, stored: StoredTerms | StoredEncoder) -> Feature:
        coefficients = self._array(stored, "coefficients")
        if isinstance(stored, StoredEncoder):
            return EncoderFeature(stored.field, self._reader(stored), coefficients, self._array(stored, "center"))
        columns = {term: column for column, term in enumerate(read_json(self.folder / stored.terms))}
        terms = Terms(columns, self._array(stored, "idf"), stored.ngrams, frozenset(stored.stop_words))
        return TermFeature(stored.field, terms, coefficients)

    def _reader(self, stored: StoredEncoder | StoredTransformer) -> Reader:
        return Reader(stored.encoder, stored.max_tokens, self.precision)

    def _array(self, stored: Stored, name: str) -> Array:
        return self.arrays[f"{stored.arrays}.{name}"].astype(np.float64)
