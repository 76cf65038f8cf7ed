"""A small article table, and an encoder that distils in a second."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from newstance.models.backbone import backbone_folder
from newstance.models.settings import DEFAULT_BACKBONE
from tiny_backbone import write_tiny_backbone

ROWS = [
    ["Ferry fares", "The council praised the ferry and wants more of it.", "ferry", "Harbour Post", "favor"],
    ["Ferry wins award", "Riders love the wonderful new ferry.", "ferry", "Harbour Post", "favor"],
    ["Ferry noise", "Residents condemned the ferry and want it gone.", "ferry", "Hill Gazette", "against"],
    ["Ferry late again", "Riders hate the terrible ferry.", "ferry", "Hill Gazette", "against"],
    ["Ferry times", "The ferry leaves the pier every hour.", "ferry", "Plain News", "neutral"],
    ["Bridge opens", "Drivers praised the bridge and love it.", "bridge", "Harbour Post", "favor"],
    ["Bridge praised", "A wonderful bridge, the mayor said.", "bridge", "Harbour Post", "favor"],
    ["Bridge cost", "Auditors condemned the bridge as a terrible waste.", "bridge", "Hill Gazette", "against"],
    ["Bridge length", "The bridge is two kilometres long.", "bridge", "Plain News", "neutral"],
    ["Bridge hours", "The bridge closes every night.", "bridge", "Plain News", "neutral"],
]
WORDS = (
    "ferry boat ship sea river harbour captain island budget tax minister parliament election vote law party council "
    "praised condemned love hate wonderful terrible the a of and is it to more new old long two hour night bridge "
    "road car driver waste cost riders residents drivers auditors mayor said every . , ##s"
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let torch use one thread: on busy cores, two that wait for each other take ten times as long."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a BERT of three layers with random weights."""
    return write_tiny_backbone(tmp_path_factory.mktemp("tiny") / "backbone")


@pytest.fixture
def articles() -> pd.DataFrame:
    """Ten articles about a ferry and a bridge, with targets, outlets and stances."""
    return pd.DataFrame(ROWS, columns=["title", "text", "target", "outlet", "stance"])


@pytest.fixture(scope="session")
def small_backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the default encoder with a vocabulary of some fifty words.

    Its real weights know which words are alike, and distilling it takes a second rather than a minute.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer, BertTokenizerFast

    source: Path = backbone_folder(DEFAULT_BACKBONE)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    model = AutoModel.from_pretrained(source)
    rows = AutoTokenizer.from_pretrained(source).convert_tokens_to_ids(tokens)
    vectors = model.get_input_embeddings().weight.detach()[rows]
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(vectors, padding_idx=0))
    model.config.vocab_size = len(tokens)
    folder = tmp_path_factory.mktemp("backbone")
    model.save_pretrained(folder)
    BertTokenizerFast(vocab={token: number for number, token in enumerate(tokens)}).save_pretrained(folder)
    return str(folder)
