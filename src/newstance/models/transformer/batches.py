"""From the article table to batches of token ids, and of states where the lower layers are frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from newstance.models.fields import require
from newstance.models.mentions import Aliases, mentioning, sentence_spans
from newstance.models.transformer.reading import Truncation, arrange, mention_tokens, name_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from newstance.models.transformer.network import ArticleNetwork

MAX_WINDOWS = 8
TEXTS_AT_ONCE = 512
SAMPLES = "overflow_to_sample_mapping"  # the tokenizer's name for which text each of its windows is of
STATES_BYTES = 6 * 2**30  # frozen states are kept in memory up to here, and made anew for each batch beyond
Tokens = dict[str, list[int]]


@dataclass(frozen=True)
class Reading:
    """How a classifier reads articles; see `newstance.models.transformer.classifier.TransformerClassifier`."""

    truncation: Truncation
    max_tokens: int
    targets: str | None
    aliases: Aliases


@dataclass
class Item:
    """What is read at once: the windows of one row's article, or one article with several targets.

    Attributes
    ----------
    windows
        Token ids and masks of each sequence.
    rows
        Rows of the table that are answered: one, or one a target.
    targets, mentions
        With several targets: names, and for each of them whether a token lies in a sentence that mentions it.
    states
        Output of the frozen layers for each window, where it is kept.
    """

    windows: list[Tokens]
    rows: list[int]
    targets: list[str] = field(default_factory=list)
    mentions: list[list[bool]] = field(default_factory=list)
    states: list[torch.Tensor] | None = None

    def __len__(self) -> int:
        """Return how long the longest sequence is, in tokens."""
        return max(len(window["input_ids"]) for window in self.windows)

    @property
    def tokens(self) -> int:
        """How many tokens all sequences have."""
        return sum(len(window["input_ids"]) for window in self.windows)


def read_items(table: pd.DataFrame, tokenizer: PreTrainedTokenizerBase, reading: Reading) -> list[Item]:
    """Tokenize a table; every row belongs to exactly one item."""
    if reading.targets == "shared":
        return list(_shared_items(table, tokenizer, reading))
    # A target that isn't read takes no room.
    read = table if reading.targets == "pair" else table.drop(columns="target", errors="ignore")
    texts = arrange(read, reading.truncation, tokenizer, reading.max_tokens, reading.aliases)
    inputs: tuple[list[str], ...] = (texts,)
    if reading.targets == "pair":
        require(table, ("target",))
        # The name first: long articles are cut at their end, a name is cut only where it is absurdly long.
        inputs = (_cut_names(table, tokenizer, reading), texts)
    windows = reading.truncation == "windows"
    encoded = _tokenize(
        tokenizer,
        inputs,
        truncation="only_first" if len(inputs) == 1 else "only_second",
        max_length=reading.max_tokens,
        return_overflowing_tokens=windows,
        stride=reading.max_tokens // 4 if windows else 0,
    )
    items = [Item([], [row]) for row in range(len(table))]
    owners = encoded.pop(SAMPLES) if windows else range(len(table))
    for number, row in enumerate(owners):
        if len(items[row].windows) < MAX_WINDOWS:
            items[row].windows.append({name: values[number] for name, values in encoded.items()})
    return items


def _tokenize(tokenizer: PreTrainedTokenizerBase, inputs: Sequence[list[str]], **settings: Any) -> dict[str, list[Any]]:
    """Tokenize in pieces: the tokenizer keeps what it cuts off until its call ends, over 100 KB a long article."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for start in range(0, len(inputs[0]), TEXTS_AT_ONCE):
        piece = [texts[start : start + TEXTS_AT_ONCE] for texts in inputs]
        for name, values in tokenizer(*piece, verbose=False, **settings).items():
            found[name] += [start + row for row in values] if name == SAMPLES else values
    return found


def _cut_names(table: pd.DataFrame, tokenizer: PreTrainedTokenizerBase, reading: Reading) -> list[str]:
    """Return the name of each row's target, cut so that some of the article fits beside it."""
    names = [str(name) for name in table["target"]]
    most = name_tokens(reading.max_tokens)
    known = {}
    for name in set(names):
        offsets = tokenizer(name, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
            "offset_mapping"
        ]
        known[name] = name[: offsets[most - 1][1]] if len(offsets) > most else name
    return [known[name] for name in names]


def _shared_items(table: pd.DataFrame, tokenizer: PreTrainedTokenizerBase, reading: Reading) -> Iterator[Item]:
    require(table, ("title", "text", "target"))
    # Not by article_id, which a table of new articles needn't have.
    groups = table.reset_index(drop=True).groupby(["title", "text"], sort=False, dropna=False).indices
    first = table.iloc[[rows[0] for rows in groups.values()]].drop(columns="target")
    texts = arrange(first, reading.truncation, tokenizer, reading.max_tokens, reading.aliases)
    encoded = _tokenize(
        tokenizer, (texts,), truncation=True, max_length=reading.max_tokens, return_offsets_mapping=True
    )
    offsets = encoded.pop("offset_mapping")
    names = _cut_names(table, tokenizer, reading)
    for number, rows in enumerate(groups.values()):
        text, spans = texts[number], sentence_spans(texts[number])
        targets = [names[row] for row in rows]
        mentions = [
            mention_tokens(text, offsets[number], list(spans), mentioning(text, spans, target, reading.aliases))
            for target in targets
        ]
        window = {name: values[number] for name, values in encoded.items()}
        yield Item([window], [int(row) for row in rows], targets, mentions)


class Collator:
    """Put items into one batch, padded to its longest sequence.

    Parameters
    ----------
    tokenizer
        Pads, and encodes names of targets.
    labels, auxiliary
        Class numbers by row of the table, or None where only predictions are wanted; -100: no label.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        labels: np.ndarray[Any, np.dtype[np.int64]] | None = None,
        auxiliary: np.ndarray[Any, np.dtype[np.int64]] | None = None,
    ) -> None:
        self.tokenizer, self.labels, self.auxiliary = tokenizer, labels, auxiliary

    def __call__(self, items: Sequence[Item]) -> dict[str, Any]:
        """Return the arguments of `ArticleNetwork.forward`.

        `input_ids` (or `states`), `attention_mask` and `token_type_ids`, shape (sequences, tokens); `owners`, the unit
        of each sequence or, with several targets, the sequence of each unit; `units`, the table's row of each unit;
        `labels`; with several targets `mentions` (units, tokens), `targets` and `target_of`.
        """
        batch: dict[str, Any] = self._sequences(items)
        rows = [row for item in items for row in item.rows]
        batch["units"] = torch.tensor(rows)
        shared = any(item.targets for item in items)
        sizes = [len(item.rows) if shared else len(item.windows) for item in items]
        batch["owners"] = torch.repeat_interleave(torch.arange(len(items)), torch.tensor(sizes))
        if shared:
            tokens = batch["attention_mask"].shape[1]
            batch["mentions"] = torch.tensor(
                [[*flags, *[False] * (tokens - len(flags))] for item in items for flags in item.mentions],
                dtype=torch.float32,
            )
            names = sorted({name for item in items for name in item.targets})
            batch["targets"] = dict(self.tokenizer(names, padding=True, return_tensors="pt"))
            batch["target_of"] = torch.tensor([names.index(name) for item in items for name in item.targets])
        if self.labels is not None:
            batch["labels"] = torch.from_numpy(self.labels[rows])
        if self.auxiliary is not None:
            batch["auxiliary_labels"] = torch.from_numpy(self.auxiliary[[item.rows[0] for item in items]])
        return batch

    def _sequences(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        windows = [window for item in items for window in item.windows]
        if items[0].states is None:
            return dict(self.tokenizer.pad(windows, return_tensors="pt"))
        states = [states for item in items for states in item.states or ()]
        masks = [torch.ones(len(rows), dtype=torch.long) for rows in states]
        return {
            "states": pad_sequence(states, batch_first=True),
            "attention_mask": pad_sequence(masks, batch_first=True),
        }


def keep_states(items: list[Item], network: ArticleNetwork, collator: Collator, batch_size: int) -> None:
    """Run the frozen layers once over all items and keep their output, if it fits into `STATES_BYTES`."""
    size = network.backbone.config.hidden_size
    if not network.frozen_layers or sum(item.tokens for item in items) * size * 2 > STATES_BYTES:
        return
    device = next(network.parameters()).device
    for batch in by_length(items, batch_size):
        sequences = {name: value.to(device) for name, value in collator._sequences(batch).items()}
        states = network.frozen_states(**sequences).to("cpu", torch.bfloat16)
        lengths = sequences["attention_mask"].sum(dim=1).tolist()
        rows = iter(zip(states, lengths, strict=True))
        for item in batch:
            item.states = [one[:length].clone() for one, length in (next(rows) for _ in item.windows)]


class LengthGrouped(Sampler[int]):
    """Items in random order, those of a batch of about equal length; the order depends on seed and epoch alone.

    transformers' own grouping goes from long to short within every 50 batches, so that a model sees short texts alone
    before each jump; here the batches are shuffled too.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = list(lengths), batch_size, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; accelerate calls this before each epoch, in a resumed training too."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1000 + self.epoch)
        order: list[int] = get_length_grouped_indices(self.lengths, self.batch_size, generator=generator)  # type: ignore[no-untyped-call]
        full = len(order) // self.batch_size * self.batch_size
        batches = torch.tensor(order[:full], dtype=torch.long).view(-1, self.batch_size)
        shuffled = batches[torch.randperm(len(batches), generator=generator)]
        return iter([*shuffled.flatten().tolist(), *order[full:]])


def by_length(items: Sequence[Item], batch_size: int) -> Iterator[list[Item]]:
    """Yield batches of items of about equal length, the longest first."""
    order = sorted(items, key=len, reverse=True)
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]
