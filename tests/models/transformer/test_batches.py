from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from models.transformer.news import KINDS, QUICK, news
from newstance.models.transformer import batches
from newstance.models.transformer.batches import Collator, LengthGrouped, Reading, by_length, keep_states, read_items
from newstance.models.transformer.network import ArticleNetwork, Heads, load_backbone

TABLE = news()


@pytest.fixture(scope="session")
def tokenizer(tiny_backbone):
    return AutoTokenizer.from_pretrained(tiny_backbone)


def reading(targets=None, truncation="head", max_tokens=64, aliases=None):
    return Reading(truncation, max_tokens, targets, aliases or {})


def reading_of(kind):
    wanted = {"targets", "truncation", "max_tokens", "aliases"}
    return reading(**{name: value for name, value in (QUICK | KINDS[kind]).items() if name in wanted})


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_read_once_and_within_the_limit_of_tokens(tokenizer, kind):
    wanted = reading_of(kind)
    items = read_items(TABLE, tokenizer, wanted)
    assert sorted(row for item in items for row in item.rows) == list(range(len(TABLE)))
    assert max(len(item) for item in items) <= wanted.max_tokens
    if wanted.truncation == "windows":
        assert max(len(item.windows) for item in items) > 1
    else:
        assert {len(item.windows) for item in items} == {1}


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_read_alike_in_pieces_and_at_once(tokenizer, kind, monkeypatch):
    at_once = read_items(TABLE, tokenizer, reading_of(kind))
    monkeypatch.setattr(batches, "TEXTS_AT_ONCE", 7)
    assert read_items(TABLE, tokenizer, reading_of(kind)) == at_once


def test_windows_overlap_and_cover_the_article_up_to_a_limit(tokenizer):
    words = [f"ferry bridge tram school {number}" for number in range(9)]
    table = TABLE.head(2).assign(title="news", text=[" ".join(words), " ".join(words * 9)])
    item, long = read_items(table, tokenizer, reading(truncation="windows", max_tokens=16))
    pieces = [window["input_ids"][1:-1] for window in item.windows]
    whole = tokenizer(f"news. {table['text'].iloc[0]}", add_special_tokens=False)["input_ids"]
    joined = pieces[0]
    for before, after in pairwise(pieces):
        assert before[-4:] == after[:4]
        joined = joined + after[4:]
    assert joined == whole
    assert len(long.windows) == batches.MAX_WINDOWS


@pytest.mark.parametrize("max_tokens", [16, 17, 24, 64, 128])
@pytest.mark.parametrize("truncation", ["head", "head-tail", "windows", "mentions-first"])
def test_however_long_the_name_of_a_target_some_of_the_article_is_read(tokenizer, truncation, max_tokens):
    table = TABLE.head(1).assign(target="the mayor of the old harbour council " * 20, text="The ferry is old. " * 40)
    (item,) = read_items(table, tokenizer, reading("pair", truncation, max_tokens))
    for window in item.windows:
        assert len(window["input_ids"]) <= max_tokens
        assert sum(window["token_type_ids"]) >= max_tokens // 4


def test_targets_of_equal_articles_share_a_sequence(tokenizer):
    table = TABLE.sample(frac=1, random_state=2)
    items = read_items(table, tokenizer, reading("shared"))
    assert len(items) == table["article_id"].nunique()
    for item in items:
        rows = table.iloc[item.rows]
        assert rows["article_id"].nunique() == 1
        assert item.targets == rows["target"].tolist()
        for target, flags in zip(item.targets, item.mentions, strict=True):
            marked = tokenizer.decode(
                [one for one, flag in zip(item.windows[0]["input_ids"], flags, strict=True) if flag]
            )
            assert target in marked
            assert {"ferry", "bridge"} - {target} - set(marked.split())  # sentences about the other one aren't marked


def test_a_batch_says_which_rows_it_answers_and_pads_masks(tokenizer):
    numbers = np.arange(len(TABLE))
    items = read_items(TABLE, tokenizer, reading("shared"))[:3]
    batch = Collator(tokenizer, numbers, numbers * 10)(items)
    units = [row for item in items for row in item.rows]
    tokens = max(len(item) for item in items)
    assert batch["units"].tolist() == batch["labels"].tolist() == units
    assert batch["owners"].tolist() == [0, 0, 1, 1, 2, 2]
    assert batch["auxiliary_labels"].tolist() == [item.rows[0] * 10 for item in items]
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (3, tokens)
    assert batch["attention_mask"].sum(dim=1).tolist() == [len(item) for item in items]
    assert batch["mentions"].shape == (6, tokens)
    assert not batch["mentions"][batch["attention_mask"][batch["owners"]] == 0].any()
    names = tokenizer.batch_decode(batch["targets"]["input_ids"], skip_special_tokens=True)
    assert [names[number] for number in batch["target_of"]] == TABLE["target"].iloc[units].tolist()


def test_a_batch_of_windows_says_whose_they_are(tokenizer):
    items = read_items(TABLE, tokenizer, reading(truncation="windows", max_tokens=16))[:4]
    batch = Collator(tokenizer)(items)
    assert torch.bincount(batch["owners"]).tolist() == [len(item.windows) for item in items]
    assert "labels" not in batch


@given(
    st.lists(st.integers(1, 512), min_size=1, max_size=60), st.integers(1, 16), st.integers(0, 99), st.integers(0, 9)
)
def test_every_item_is_drawn_once_an_epoch_in_an_order_of_seed_and_epoch(lengths, size, seed, epoch):
    sampler = LengthGrouped(lengths, size, seed)
    sampler.set_epoch(epoch)
    order = list(sampler)
    assert sorted(order) == list(range(len(lengths))) == list(range(len(sampler)))
    torch.manual_seed(epoch)
    again = LengthGrouped(lengths, size, seed)
    again.set_epoch(epoch)
    assert list(again) == order


def test_neighbours_are_of_about_equal_length_and_epochs_differ():
    lengths = np.random.default_rng(0).integers(20, 500, 400)
    sampler = LengthGrouped(lengths.tolist(), 8, 1)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        grouped = lengths[orders[-1]].reshape(-1, 8)
        assert np.ptp(grouped, axis=1).mean() < 0.2 * np.ptp(lengths)
    assert orders[0] != orders[1] != orders[2]


def test_items_go_by_length_the_longest_first(tokenizer):
    items = read_items(TABLE, tokenizer, reading())
    found = list(by_length(items, 5))
    assert [len(batch) for batch in found] == [5] * 6 + [2]
    lengths = [len(item) for batch in found for item in batch]
    assert lengths == sorted((len(item) for item in items), reverse=True)


@pytest.mark.parametrize("kind", ["article", "windows", "shared"])
def test_kept_states_are_those_of_the_frozen_layers(tiny_backbone, tokenizer, kind):
    network = ArticleNetwork(load_backbone(tiny_backbone, 0.1), Heads(3, kind == "shared"), frozen_layers=2).train()
    items, kept = (read_items(TABLE, tokenizer, reading_of(kind)) for _ in range(2))
    keep_states(kept, network, Collator(tokenizer), 7)
    batch, frozen = Collator(tokenizer)(items), Collator(tokenizer)(kept)
    assert frozen["states"].dtype == torch.bfloat16
    assert frozen["attention_mask"].tolist() == batch["attention_mask"].tolist()
    assert "input_ids" not in frozen
    network.eval()
    with torch.no_grad():
        assert torch.allclose(network(**frozen)["logits"], network(**batch)["logits"], atol=0.03)


def test_states_are_not_kept_where_nothing_is_frozen_or_memory_is_short(tiny_backbone, tokenizer, monkeypatch):
    items = read_items(TABLE, tokenizer, reading())
    for frozen, most in ((0, 2**30), (2, 100)):
        monkeypatch.setattr(batches, "STATES_BYTES", most)
        network = ArticleNetwork(load_backbone(tiny_backbone, 0.1), Heads(3), frozen_layers=frozen)
        keep_states(items, network, Collator(tokenizer), 8)
        assert all(item.states is None for item in items)
