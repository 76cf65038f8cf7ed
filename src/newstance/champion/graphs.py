"""Encoders as ONNX graphs: rewritten, exported, fused, and once more with 7-bit weights, as 8-bit integers."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from newstance.bundle.networks import GRAPHS, OUTPUTS, TOKENIZER
from newstance.champion.rewriting import rewritten
from newstance.files import write_json, write_text
from newstance.models.transformer.network import FREEZABLE

OPSET = 23  # the first with an attention operator, which ONNX Runtime computes without writing the scores to memory
EXAMPLE_TOKENS = 16
NAME_LETTERS = 16
SAMPLE_TOKENS = 256


@dataclass(frozen=True)
class Encoder:
    """A pretrained or fine-tuned encoder.

    Attributes
    ----------
    module
        A bidirectional encoder of transformers.
    tokenizer
        Its tokenizer, as JSON text.
    weights
        Hash of its weights, which names it in a bundle.
    """

    module: Any
    tokenizer: str
    weights: str

    @classmethod
    def of(cls, module: Any, tokenizer: Any) -> Encoder:
        """Name an encoder by its weights; pooling is not part of it."""
        module = module.eval().float()
        if getattr(module, "pooler", None) is not None:
            module.pooler = None
        digest = sha256()
        for name, value in sorted(module.state_dict().items()):
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
        backend = tokenizer.backend_tokenizer
        backend.no_padding()
        backend.no_truncation()
        return cls(module, backend.to_str(), digest.hexdigest())

    def read(self, texts: Sequence[str]) -> list[Tensor]:
        """Return the token ids of texts, each of shape (1, tokens), with no more tokens than samples need."""
        tokenizer = Tokenizer.from_str(self.tokenizer)
        tokenizer.enable_truncation(min(SAMPLE_TOKENS, self.module.config.max_position_embeddings))
        return [torch.tensor([tokenizer.encode(text).ids]) for text in texts]


class Branches(nn.Module):
    """Encoders with the same lowest layers, which run once for all of them."""

    def __init__(self, modules: Sequence[Any], shared: int) -> None:
        super().__init__()
        self.embeddings = modules[0].embeddings
        self.trunk = modules[0].encoder.layer[:shared]
        self.branches = nn.ModuleList([module.encoder.layer[shared:] for module in modules])

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        """Return token vectors by encoder, each of shape (1, tokens, dimensions)."""
        lower = self.embeddings(input_ids=input_ids)
        for layer in self.trunk:
            lower = layer(lower, None)
        outputs = []
        for branch in self.branches:
            states = lower
            for layer in cast("nn.ModuleList", branch):
                states = layer(states, None)
            outputs.append(states)
        return tuple(outputs)


class Whole(nn.Module):
    """One encoder of any kind."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        """Return token vectors, shape (1, tokens, dimensions)."""
        return (self.module(input_ids=input_ids).last_hidden_state,)


def shared_layers(first: Encoder, second: Encoder) -> int:
    """Count the lowest layers that two encoders have in common; 0 when their embeddings or tokenizers differ."""
    kinds = {first.module.config.model_type, second.module.config.model_type}
    if not kinds <= FREEZABLE or len(kinds) > 1 or first.tokenizer != second.tokenizer:
        return 0
    if not _equal(first.module.embeddings, second.module.embeddings):
        return 0
    pairs = zip(first.module.encoder.layer, second.module.encoder.layer, strict=False)
    return next((number for number, pair in enumerate(pairs) if not _equal(*pair)), len(first.module.encoder.layer))


def _equal(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def write_graph(encoders: Sequence[Encoder], shared: int, texts: Sequence[str], bundle: Path) -> None:
    """Write encoders that share their `shared` lowest layers as one graph into a bundle, in both precisions.

    Parameters
    ----------
    encoders
        One, or several.
    shared
        How many layers they have in common; 0 for one.
    texts
        Such as they will read, a few dozen; they show which values the weights in 8 bits must do for.
    bundle
        Its folder.
    """
    name = sha256("".join(encoder.weights for encoder in encoders).encode()).hexdigest()[:NAME_LETTERS]
    folder = bundle / GRAPHS / name
    folder.mkdir(parents=True)
    network = Branches([one.module for one in encoders], shared) if len(encoders) > 1 else Whole(encoders[0].module)
    network = rewritten(network.eval(), encoders[0].read(texts))
    with _quiet():
        _export(network.eval(), encoders[0].module.config, folder)
    write_json(folder / OUTPUTS, {"encoders": [encoder.weights for encoder in encoders]})
    write_text(folder / TOKENIZER, encoders[0].tokenizer)


def _export(network: nn.Module, config: Any, folder: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  (an optional dependency)
    from onnxruntime.transformers.optimizer import optimize_model  # noqa: PLC0415

    tokens = torch.export.Dim("tokens", min=2, max=config.max_position_embeddings)
    with tempfile.TemporaryDirectory() as room:
        raw = Path(room) / "raw.onnx"
        torch.onnx.export(
            network,
            (torch.ones(1, EXAMPLE_TOKENS, dtype=torch.long),),
            raw,
            input_names=["input_ids"],
            dynamic_shapes=({1: tokens},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        heads, size = config.num_attention_heads, config.hidden_size
        fused = optimize_model(str(raw), model_type="bert", num_heads=heads, hidden_size=size, opt_level=0)
    for node in fused.model.graph.node:
        del node.metadata_props[:]  # stack traces, with the paths of the machine that exported
    fused.save_model_to_file(str(folder / "fp32.onnx"))
    quantize_dynamic(
        folder / "fp32.onnx",
        folder / "int8.onnx",
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        reduce_range=True,  # 7 bits: a processor without VNNI adds products in 16 bits, which 8 would overflow
        weight_type=QuantType.QInt8,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' notes from the terminal: they speak of torchvision and of further preparation."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
