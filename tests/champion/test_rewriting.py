from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from newstance.champion.graphs import Branches, Whole
from newstance.champion.rewriting import SmoothedLinear, TokenwiseLinear, rewritten
from newstance.models.transformer.network import load_backbone
from tiny_backbone import POSITIONS, write_tiny_backbone

SAMPLES = [torch.tensor([[2, 7, 9, 11, 3]]), torch.tensor([[2, 3]])]
READ = [torch.tensor([[2, 14, 3]]), torch.tensor([[2, *range(5, 17), 3]]), torch.full((1, POSITIONS), 8)]


def branches(folder: Path) -> Branches:
    module = load_backbone(write_tiny_backbone(folder), 0.0).eval()
    tuned = deepcopy(module)
    with torch.no_grad():
        tuned.encoder.layer[-1].output.dense.weight.mul_(-1)
    return Branches([module, tuned], 1)


def whole(folder: Path) -> Whole:
    return Whole(load_backbone(write_tiny_backbone(folder, kind="distilbert"), 0.0).eval())


@pytest.mark.parametrize("make", [branches, whole])
def test_a_rewritten_network_gives_the_same_vectors_and_leaves_the_first_as_it_was(
    make: Callable[[Path], nn.Module], tmp_path: Path
) -> None:
    network = make(tmp_path)
    before = deepcopy(network.state_dict())
    with torch.no_grad():
        expected = [network(token_ids) for token_ids in READ]
        found = [rewritten(network, SAMPLES)(token_ids) for token_ids in READ]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(network.state_dict(), before, atol=0, rtol=0)


@pytest.mark.parametrize("make", [branches, whole])
def test_nothing_is_left_of_the_layers_that_are_replaced(make: Callable[[Path], nn.Module], tmp_path: Path) -> None:
    network = rewritten(make(tmp_path), SAMPLES)
    kinds = {type(module) for module in network.modules()}
    assert kinds >= {SmoothedLinear, TokenwiseLinear}
    assert not kinds & {nn.Linear, nn.LayerNorm}


def test_layers_with_the_same_input_divide_it_once(tmp_path: Path) -> None:
    network = rewritten(branches(tmp_path), SAMPLES)
    attention = network.trunk[0].attention
    assert attention.self.query.inverse is attention.self.key.inverse is attention.self.value.inverse
    assert attention.output.dense.inverse is not attention.self.query.inverse


def test_a_layer_without_a_bias_keeps_none(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(4, 3, bias=False), nn.LayerNorm(3, bias=False))
    changed = rewritten(network, [torch.ones(1, 4)])
    states = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    torch.testing.assert_close(changed(states), network(states))
    assert {name.split(".")[-1] for name, _ in changed.named_parameters()} == {"weight"}
