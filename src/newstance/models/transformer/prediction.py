"""Logits of items, in the order of their table."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from newstance.models.transformer.batches import Collator, Item, by_length
from newstance.models.transformer.network import ArticleNetwork


def predict_logits(
    network: ArticleNetwork, tokenizer: Any, items: list[Item], batch_size: int
) -> dict[str, NDArray[np.float32]]:
    """Return logits by row of the table, and `auxiliary` ones where the network has such a head."""
    network.eval()
    device = next(network.parameters()).device
    collator = Collator(tokenizer)
    rows, logits, auxiliary = [], [], []
    with torch.inference_mode():
        for batch in by_length(items, batch_size):
            inputs = _to(collator(batch), device)
            output = network(**inputs)
            rows.append(inputs["units"].cpu().numpy())
            logits.append(output["logits"].float().cpu().numpy())
            if "auxiliary_logits" in output:
                auxiliary.append(output["auxiliary_logits"][inputs["owners"]].float().cpu().numpy())
    order = np.argsort(np.concatenate(rows))
    found = {"logits": np.concatenate(logits)[order]}
    if auxiliary:
        found["auxiliary"] = np.concatenate(auxiliary)[order]
    return found


def _to(value: Any, device: torch.device) -> Any:
    if isinstance(value, dict):
        return {name: _to(one, device) for name, one in value.items()}
    return value.to(device)
