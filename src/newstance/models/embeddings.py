"""Text embeddings as scikit-learn transformers: a frozen encoder, and static vectors distilled from one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from contextvars import ContextVar
from functools import lru_cache
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from newstance.errors import NewstanceError
from newstance.files import atomic_path
from newstance.models.backbone import backbone_folder, backbone_hash
from newstance.models.tfidf import distinct

if TYPE_CHECKING:
    from model2vec import StaticModel
    from sentence_transformers import SentenceTransformer

Matrix = NDArray[np.float32]
CHUNK = 512
_cache_folder: ContextVar[Path | None] = ContextVar("embedding cache folder", default=None)


@contextmanager
def embedding_cache(folder: Path | None) -> Iterator[None]:
    """Keep embeddings in `folder` (None: nowhere) while the context lasts, by text and weights: none is made twice.

    For experiments only. Outside of it nothing is kept, so a server never stores what its users send.
    """
    token = _cache_folder.set(folder)
    try:
        yield
    finally:
        _cache_folder.reset(token)


def _embed(texts: Sequence[str], name: str, encode: Callable[[list[str]], Matrix]) -> Matrix:
    """Embed each distinct text once; inside `embedding_cache`, what its file `name` has is not embedded again."""
    documents, rows = distinct(texts)
    folder = _cache_folder.get()
    if folder is None:
        return encode(documents)[rows]
    path = folder / f"{name}.npz"
    known = _read_cache(path)
    keys = [sha256(text.encode()).hexdigest() for text in documents]
    missing = {key: text for key, text in zip(keys, documents, strict=True) if key not in known}
    # In pieces, each saved, so that an interrupted run goes on where it stopped; longest first, so that texts of
    # about the same length share a batch.
    order = sorted(missing, key=lambda key: len(missing[key]), reverse=True)
    for start in range(0, len(order), CHUNK):
        piece = order[start : start + CHUNK]
        known.update(zip(piece, encode([missing[key] for key in piece]), strict=True))
        _write_cache(path, known)
    return np.stack([known[key] for key in keys])[rows]


class FrozenEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Embed texts with a pretrained sentence encoder that is not trained further.

    Parameters
    ----------
    backbone
        See `newstance.models.backbone.backbone_folder`.
    max_tokens
        Longer texts are cut.

    Attributes
    ----------
    weights_hash_
        SHA-256 of the backbone's weights at `fit`. The weights are not part of a saved model; other weights under
        the same name are refused.
    """

    def __init__(self, backbone: str, max_tokens: int = 256) -> None:
        self.backbone = backbone
        self.max_tokens = max_tokens

    def fit(self, texts: Sequence[str], y: Any = None) -> Self:
        """Note which weights are used; nothing is trained."""
        self.weights_hash_ = backbone_hash(self.backbone)
        return self

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Return unit-length embeddings, shape (texts, dimensions)."""
        if backbone_hash(self.backbone) != self.weights_hash_:
            raise NewstanceError(f"Backbone '{self.backbone}' has other weights than this model was trained with.")
        return _embed(texts, f"{self.weights_hash_[:16]}-{self.max_tokens}", self._encode)

    def _encode(self, texts: list[str]) -> Matrix:
        model = _sentence_transformer(self.backbone)
        model.max_seq_length = self.max_tokens
        with _bfloat16():
            vectors = model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


@lru_cache(maxsize=1)
def _sentence_transformer(backbone: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415  (imports torch: seconds)

    silence_transformers()
    return SentenceTransformer(str(backbone_folder(backbone)), local_files_only=True)


def silence_transformers() -> None:
    """Stop the table of unused position ids, which is printed on every load, and the progress of loading."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _bfloat16() -> AbstractContextManager[Any]:
    """Autocast to bfloat16 where that is fast, else nothing."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return torch.autocast("cuda", torch.bfloat16, enabled=bfloat16_is_fast())
    return torch.autocast("cpu", torch.bfloat16) if bfloat16_is_fast() else nullcontext()


def bfloat16_is_fast() -> bool:
    """Say whether the processor (the GPU, where there is one) multiplies bfloat16 natively: three times as fast."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    mkldnn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _read_cache(path: Path) -> dict[str, Matrix]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))


def _write_cache(path: Path, vectors: dict[str, Matrix]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))


class StaticEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Embed texts as means of static token vectors, distilled from a pretrained encoder (model2vec).

    The vocabulary of the encoder goes through it once, token by token; principal components and frequency weights
    follow. What is left is a table of vectors, so embedding a text needs no network at all.

    Parameters
    ----------
    backbone
        See `newstance.models.backbone.backbone_folder`.
    dimensions
        Number of principal components kept.

    Attributes
    ----------
    vectors_
        Token vectors, shape (tokens, dimensions), float16.
    tokenizer_
        The tokenizer as JSON text.
    """

    def __init__(self, backbone: str, dimensions: int = 256) -> None:
        self.backbone = backbone
        self.dimensions = dimensions

    def fit(self, texts: Sequence[str], y: Any = None) -> Self:
        """Distil the encoder, once for each backbone and size; the texts are not looked at."""
        model = _distilled(self.backbone, self.dimensions, _cache_folder.get())
        self.vectors_ = model.embedding
        self.tokenizer_ = model.tokenizer.to_str()
        self.__dict__.pop("_static_model", None)  # made from the vectors of an earlier fit
        return self

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Return unit-length embeddings, shape (texts, dimensions)."""
        key = sha256(self.vectors_.tobytes()).hexdigest()[:16]
        return _embed(texts, f"static-{key}", self._encode)

    def _encode(self, texts: list[str]) -> Matrix:
        vectors = self._model().encode(texts, max_length=None, use_multiprocessing=False)
        return np.asarray(vectors, dtype=np.float32)

    def _model(self) -> StaticModel:
        if not hasattr(self, "_static_model"):
            from model2vec import StaticModel  # noqa: PLC0415  (seconds)
            from tokenizers import Tokenizer  # noqa: PLC0415

            self._static_model = StaticModel(self.vectors_, Tokenizer.from_str(self.tokenizer_), normalize=True)
        return self._static_model

    def __getstate__(self) -> dict[str, Any]:
        # The library's object is made from the other attributes and can't be saved without pickle.
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_static_model"}


@lru_cache(maxsize=1)
def _distilled(backbone: str, dimensions: int, cache: Path | None) -> StaticModel:
    from model2vec import StaticModel  # noqa: PLC0415
    from model2vec.distill import distill  # noqa: PLC0415

    folder = cache / f"static-{backbone_hash(backbone)[:16]}-{dimensions}" if cache else None
    if folder and folder.is_dir():
        return StaticModel.from_pretrained(folder)
    silence_transformers()
    with redirect_stderr(StringIO()):  # its progress bar can't be switched off
        model = distill(str(backbone_folder(backbone)), pca_dims=dimensions, device="cpu")
    if folder:
        with atomic_path(folder) as temporary:
            model.save_pretrained(temporary)
    return model
