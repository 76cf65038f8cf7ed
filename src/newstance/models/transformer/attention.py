"""Attention for training in bfloat16 on a processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from newstance.models.transformer.network import FREEZABLE

NAME = "newstance_bfloat16"
# At 2 bytes each below the 32 MB from which the C library gives memory back at once, to fetch it again page by page.
SCORES = 12 * 2**20


def bfloat16_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend with two matrix products and a softmax, without dropout; as `transformers.AttentionInterface` asks.

    torch's fused kernel, which is the faster one forwards, is slow backwards in bfloat16: with torch 2.13 on two
    threads with AMX, 16 sequences and 12 heads, both ways took 89 ms at 256 tokens and 31 ms at 64; here 51 and 7 ms.

    Parameters
    ----------
    module
        The attention layer.
    query, key, value
        Shape (sequences, heads, tokens, size).
    attention_mask
        Whether a token sees another, shape (sequences, 1, tokens, tokens); None: they all do.
    scaling
        Factor of the scores.
    **kwargs
        Nothing that counts for an encoder without dropout of attention weights.
    """
    if not torch.is_grad_enabled():
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, is_causal=False)
    scaled = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    together = max(1, SCORES // (query.shape[1] * query.shape[2] * key.shape[2]))
    parts = []
    for start in range(0, len(query), together):
        part = slice(start, start + together)
        scores = torch.matmul(scaled[part], key[part].transpose(-1, -2))
        if attention_mask is not None:
            scores = scores.masked_fill_(~attention_mask[part], float("-inf"))
        parts.append(torch.matmul(scores.softmax(dim=-1), value[part]))
    return torch.cat(parts).transpose(1, 2).contiguous(), None


@contextmanager
def attention_for_training(backbone: PreTrainedModel, *, bfloat16: bool) -> Iterator[None]:
    """Let an encoder of the BERT family attend with `bfloat16_attention` where that is faster: on a processor."""
    usual = backbone.config._attn_implementation
    known = usual == "sdpa" and backbone.config.model_type in FREEZABLE
    if known and bfloat16 and backbone.device.type == "cpu":
        backbone.set_attn_implementation(NAME)
    try:
        yield
    finally:
        backbone.set_attn_implementation(usual)


AttentionInterface.register(NAME, bfloat16_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
