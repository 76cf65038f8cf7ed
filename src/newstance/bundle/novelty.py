"""How far an article is from those that the champions were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from newstance.bundle.abstention import NearestTraining
from newstance.bundle.answers import Abstention
from newstance.bundle.documents import Document
from newstance.bundle.manifest import Precision
from newstance.bundle.networks import Encoded, Reader, Request
from newstance.errors import NewstanceError
from newstance.files import describe_problems, read_json, write_json

DESCRIPTION, ARRAYS = "novelty.json", "novelty.safetensors"


class _Description(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    max_tokens: int


@dataclass(frozen=True)
class Novelty:
    """Nearest training articles by the embedding of a frozen encoder.

    Attributes
    ----------
    reader
        The encoder.
    nearest
        Embeddings of training articles, and the distance beyond which an article is unlike them.
    """

    reader: Reader
    nearest: NearestTraining

    @classmethod
    def load(cls, folder: Path, precision: Precision) -> Novelty:
        """Read what `save` wrote into a bundle, to run in a precision."""
        try:
            about = _Description.model_validate(read_json(folder / DESCRIPTION))
            nearest = NearestTraining.from_arrays(load_file(folder / ARRAYS))
        except ValidationError as error:
            raise NewstanceError(f"{folder / DESCRIPTION}: {describe_problems(error)}; export it again.") from None
        except (OSError, SafetensorError) as error:
            raise NewstanceError(f"{folder / ARRAYS} can't be read ({error}); export the bundle again.") from None
        return cls(Reader(about.encoder, about.max_tokens, precision), nearest)

    def save(self, folder: Path) -> None:
        """Write it into a bundle."""
        write_json(folder / DESCRIPTION, {"encoder": self.reader.encoder, "max_tokens": self.reader.max_tokens})
        (folder / ARRAYS).write_bytes(save(self.nearest.to_arrays()))

    def request(self, document: Document) -> Request:
        """Return what the encoder must read."""
        return self.reader.request(document.passage("article", ""))

    def check(self, encoded: Encoded) -> Abstention | None:
        """Refuse an article that is farther from the training articles than nearly all others."""
        return self.nearest.check(self.vector(encoded))

    def vector(self, encoded: Encoded) -> NDArray[np.float32]:
        """Return an article's embedding, of unit length."""
        unit: NDArray[np.float32] = encoded.mean / np.linalg.norm(encoded.mean)
        return unit
