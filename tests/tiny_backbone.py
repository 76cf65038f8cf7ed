"""A BERT of a few thousand random weights, as a folder that transformers loads: no network, and milliseconds a step."""

from __future__ import annotations

import string
from pathlib import Path

WORDS = (
    "the a of and is it to more new old we they council mayor praised welcomed loved condemned hated rejected "
    "described listed mentioned ferry ferries bridge tram harbour island budget tax school nurse goal election vote "
    "wonderful terrible plain today yesterday said wants . , ! ?"
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
POSITIONS = 128


def write_tiny_backbone(folder: Path, *, kind: str = "bert", layers: int = 3, size: int = 16, seed: int = 0) -> str:
    """Write configuration, random weights (safetensors) and tokenizer into a folder.

    Parameters
    ----------
    folder
        Is made where it isn't there.
    kind
        ``bert``, or ``distilbert``, whose layers transformers keeps in another place.
    layers, size
        Depth, and size of the hidden states (a multiple of 4).
    seed
        Of the weights.

    Returns
    -------
    str
        The folder, as the `backbone` of settings.

    The vocabulary has some words and every ASCII letter and digit, so that other words are spelt and other scripts are
    unknown.
    """
    import torch  # takes seconds, and not every test that imports this needs it
    from transformers import AutoModel, BertConfig, BertTokenizerFast, DistilBertConfig

    signs = string.ascii_lowercase + string.digits
    tokens = dict.fromkeys([*SPECIAL, *WORDS.split(), *signs, *(f"##{sign}" for sign in signs)])
    vocabulary = {token: number for number, token in enumerate(tokens)}
    shape = {"vocab_size": len(vocabulary), "max_position_embeddings": POSITIONS, "initializer_range": 0.2}
    if kind == "bert":
        config = BertConfig(
            hidden_size=size, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=2 * size, **shape
        )
    else:
        config = DistilBertConfig(dim=size, n_layers=layers, n_heads=2, hidden_dim=2 * size, **shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        AutoModel.from_config(config).save_pretrained(folder)
    BertTokenizerFast(vocab=vocabulary, model_max_length=POSITIONS).save_pretrained(folder)
    return str(folder)
