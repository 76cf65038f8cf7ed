"""Encoders rewritten before their export: the same vectors up to rounding, faster and with less lost in 8 bits.

Two changes. Layer normalisation is written out, since ONNX Runtime's own operator adds up a row one number at a time.
And the inputs of matrices are evened out: a few channels, and after the activation function a few tokens, are ten times
as large as the rest, which would share the few steps that are left of 8 bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

MIGRATED = 0.5  # how much of a channel's range goes from the inputs to the weights; the paper's value
SMALLEST = 1e-5  # of a range, of a channel or a token
NetworkT = TypeVar("NetworkT", bound=nn.Module)


class WrittenOutNorm(nn.Module):
    """Layer normalisation over the last dimension.

    A sum of squares stands where others take the mean: from that form ONNX Runtime would make its operator again.
    """

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        (size,) = norm.normalized_shape
        self.weight = nn.Parameter(norm.weight * size**0.5)
        self.bias = norm.bias
        self.eps = norm.eps * size

    def forward(self, states: Tensor) -> Tensor:
        """Return the normalised states, of the same shape."""
        centered = states - states.mean(-1, keepdim=True)
        scaled = centered / torch.sqrt((centered * centered).sum(-1, keepdim=True) + self.eps) * self.weight
        return scaled if self.bias is None else scaled + self.bias


class SmoothedLinear(nn.Linear):
    """A linear layer whose weights are multiplied by what its inputs are divided by, channel by channel."""

    def __init__(self, linear: nn.Linear, scale: Tensor, inverse: Tensor) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=linear.bias is not None)
        self.weight = nn.Parameter(linear.weight * scale)
        self.bias = linear.bias
        self.register_buffer("inverse", inverse)

    def forward(self, states: Tensor) -> Tensor:
        """Return what the layer returned."""
        return super().forward(states * cast("Tensor", self.inverse))


class TokenwiseLinear(SmoothedLinear):
    """One that also divides each token's inputs by the largest of them, and multiplies its results again."""

    def forward(self, states: Tensor) -> Tensor:
        """Return what the layer returned."""
        states = states * cast("Tensor", self.inverse)
        largest = states.abs().amax(-1, keepdim=True).clamp(min=SMALLEST)
        results = nn.functional.linear(states / largest, self.weight) * largest
        return results if self.bias is None else results + self.bias


def rewritten(network: NetworkT, samples: Sequence[Tensor]) -> NetworkT:
    """Return a copy of a network with both changes.

    Parameters
    ----------
    network
        Takes token ids, shape (1, tokens).
    samples
        Token ids of texts as it will read them. They show how large its inputs get; none is kept.

    References
    ----------
    G. Xiao, J. Lin, M. Seznec, H. Wu, J. Demouth, S. Han, "SmoothQuant: Accurate and Efficient Post-Training
    Quantization for Large Language Models", ICML 2023.
    """
    network = deepcopy(network)
    with torch.no_grad():
        replacements: dict[nn.Module, nn.Module] = {}
        for linears, largest in _inputs(network, samples):
            replacements |= _smoothed(linears, largest)
        norms = [module for module in network.modules() if isinstance(module, nn.LayerNorm)]
        replacements |= {norm: WrittenOutNorm(norm) for norm in norms}
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if child in replacements:
                setattr(parent, name, replacements[child])
    return network


def _inputs(network: nn.Module, samples: Sequence[Tensor]) -> list[tuple[list[nn.Linear], Tensor]]:
    """Group the linear layers that get the same input, with the largest absolute value of each of its channels."""
    largest: dict[nn.Linear, Tensor] = {}
    read: list[tuple[nn.Linear, Tensor]] = []

    def look(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        linear, states = cast("nn.Linear", layer), cast("Tensor", arguments[0])
        ranges = states.abs().flatten(0, -2).amax(0)
        largest[linear] = torch.maximum(largest.get(linear, ranges), ranges)
        read.append((linear, states))  # the tensor itself, so that its identity isn't given to a later one

    hooks = [module.register_forward_pre_hook(look) for module in network.modules() if isinstance(module, nn.Linear)]
    for token_ids in samples:
        read.clear()
        network(token_ids)
    for hook in hooks:
        hook.remove()
    groups: defaultdict[int, list[nn.Linear]] = defaultdict(list)
    for linear, states in read:
        groups[id(states)].append(linear)
    return [(linears, largest[linears[0]]) for linears in groups.values()]


def _smoothed(linears: list[nn.Linear], largest: Tensor) -> dict[nn.Module, nn.Module]:
    """Share one scale among layers with the same input, so that it is divided, and rounded to 8 bits, once."""
    weights = torch.stack([linear.weight.abs().amax(0) for linear in linears]).amax(0)
    scale = largest.clamp(min=SMALLEST) ** MIGRATED / weights.clamp(min=SMALLEST) ** (1 - MIGRATED)
    inverse = 1 / scale
    # What comes out of an activation function has the widest range, from token to token too. Elsewhere normalisation
    # has seen to that.
    after_activation = linears[0].in_features > linears[0].out_features
    kind = TokenwiseLinear if after_activation else SmoothedLinear
    return {linear: kind(linear, scale, inverse) for linear in linears}
