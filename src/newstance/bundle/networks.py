"""Encoders in ONNX: texts in, token vectors out, each text on its own.

A text is never padded or joined with others in a tensor: the variants with 8-bit weights scale a whole tensor by its
largest value, so that an answer would depend on its neighbours. Texts run beside each other on threads of their own
instead, one core each; on a CPU that is faster than one padded batch, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newstance.bundle.documents import Passage
from newstance.bundle.manifest import Precision
from newstance.errors import NewstanceError
from newstance.files import read_json

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

GRAPHS = "networks"
OUTPUTS = "outputs.json"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Request:
    """A passage that an encoder must read.

    Attributes
    ----------
    encoder
        Hash that names the encoder's weights.
    max_tokens
        Longer passages are cut.
    text
        The passage's text.
    precision
        Of the variant that reads it.
    """

    encoder: str
    max_tokens: int
    text: str
    precision: Precision


@dataclass(frozen=True)
class Reader:
    """An encoder, how much of a passage it reads, and in which precision."""

    encoder: str
    max_tokens: int
    precision: Precision

    def request(self, passage: Passage) -> Request:
        """Ask for a passage's token vectors."""
        return Request(self.encoder, self.max_tokens, passage.text, self.precision)


@dataclass(frozen=True)
class Encoded:
    """Token vectors of a text.

    Attributes
    ----------
    states
        Shape (tokens, dimensions).
    offsets
        First and last character of each token in the text, shape (tokens, 2); (0, 0) for special tokens.
    """

    states: NDArray[np.float32]
    offsets: NDArray[np.int64]

    @cached_property
    def mean(self) -> NDArray[np.float32]:
        """Mean over tokens, shape (dimensions,)."""
        mean: NDArray[np.float32] = self.states.mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean

    def by_sentence(self, pulls: NDArray[np.float64], passage: Passage) -> dict[int, NDArray[np.float64]]:
        """Add up what tokens contribute, by sentence.

        Parameters
        ----------
        pulls
            Shape (tokens, classes).
        passage
            Where the sentences are in the text that was encoded.
        """
        starts = self.offsets[:, 0]
        is_text = self.offsets[:, 1] > starts
        return {
            number: pulls[is_text & (starts >= start) & (starts < end)].sum(axis=0)
            for number, (start, end) in passage.spans.items()
        }


class Graph:
    """One ONNX file. It may hold several encoders that share their lower layers, which then run once.

    Attributes
    ----------
    encoders
        Hashes of the encoders, in the order of the graph's outputs.
    """

    def __init__(self, folder: Path) -> None:
        self.encoders: list[str] = read_json(folder / OUTPUTS)["encoders"]
        self._folder = folder
        self._sessions: dict[Precision, InferenceSession] = {}
        self._tokenizers: dict[int, Tokenizer] = {}
        self._lock = Lock()

    def run(self, text: str, max_tokens: int, precision: Precision) -> list[Encoded]:
        """Return the vectors of a text, one entry an encoder."""
        encoding = self._tokenizer(max_tokens).encode(text)
        offsets = np.array(encoding.offsets, dtype=np.int64)
        outputs = self._session(precision).run(None, {"input_ids": np.array([encoding.ids], dtype=np.int64)})
        return [Encoded(states[0], offsets) for states in outputs]

    def _session(self, precision: Precision) -> InferenceSession:
        from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415  (a tenth of a second)

        with self._lock:
            if precision not in self._sessions:
                options = SessionOptions()
                options.intra_op_num_threads = 1
                file = self._folder / f"{precision}.onnx"
                if not file.is_file():
                    raise NewstanceError(f"The bundle has no {precision} variant of its networks ({file}).")
                self._sessions[precision] = InferenceSession(file, options, providers=["CPUExecutionProvider"])
            return self._sessions[precision]

    def _tokenizer(self, max_tokens: int) -> Tokenizer:
        # Truncation is a state of the tokenizer, so each length has one of its own.
        from tokenizers import Tokenizer  # noqa: PLC0415

        with self._lock:
            if max_tokens not in self._tokenizers:
                tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
                tokenizer.no_padding()
                tokenizer.enable_truncation(max_tokens)
                self._tokenizers[max_tokens] = tokenizer
            return self._tokenizers[max_tokens]


class Networks:
    """All graphs of a bundle, run on `threads` cores."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._graphs = [Graph(path) for path in sorted((folder / GRAPHS).iterdir())]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="network")
        self._covers: dict[frozenset[str], tuple[Graph, ...]] = {}

    def submit(self, requests: Iterable[Request]) -> dict[Request, Future[Encoded]]:
        """Begin to answer requests, each distinct one once and in their order."""
        wanted: dict[tuple[str, int, Precision], set[str]] = {}
        for request in requests:
            wanted.setdefault((request.text, request.max_tokens, request.precision), set()).add(request.encoder)
        return {
            Request(encoder, max_tokens, text, precision): answer
            for (text, max_tokens, precision), encoders in wanted.items()
            for graph in self._cover(frozenset(encoders))
            for encoder, answer in self._run(graph, text, max_tokens, precision).items()
        }

    def _run(self, graph: Graph, text: str, max_tokens: int, precision: Precision) -> dict[str, Future[Encoded]]:
        answers: dict[str, Future[Encoded]] = {encoder: Future() for encoder in graph.encoders}

        def run() -> None:
            try:
                outputs = graph.run(text, max_tokens, precision)
                for answer, encoded in zip(answers.values(), outputs, strict=True):
                    answer.set_result(encoded)
            except Exception as error:
                for answer in answers.values():
                    if not answer.done():
                        answer.set_exception(error)

        self._pool.submit(run)
        return answers

    def _cover(self, encoders: frozenset[str]) -> tuple[Graph, ...]:
        """Choose graphs for the encoders: one that has several of them before several, and no larger than needed."""
        if encoders in self._covers:
            return self._covers[encoders]
        if missing := encoders - {encoder for graph in self._graphs for encoder in graph.encoders}:
            raise NewstanceError(f"The bundle has no network for the encoder {min(missing)}; export it again.")
        chosen, left = [], set(encoders)
        while left:
            graph = max(self._graphs, key=lambda one: (len(left & set(one.encoders)), -len(one.encoders)))
            chosen.append(graph)
            left -= set(graph.encoders)
        self._covers[encoders] = tuple(chosen)
        return self._covers[encoders]
