import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModel, BertConfig, MPNetConfig, RobertaConfig

from newstance.errors import NewstanceError
from newstance.models.transformer.network import ArticleNetwork, Heads, TargetPooling, class_loss, load_backbone

SHAPE = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "initializer_range": 0.3,
}
LOGITS = torch.tensor([[1.0, 0.2, -1.0], [0.3, 0.1, 2.0], [0.5, -0.5, 0.0]])
LABELS = torch.tensor([0, 1, 2])


def random_batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.tensor([[1] * 9, [1] * 5 + [0] * 4])
    ids = torch.randint(5, 50, (2, 9), generator=generator) * mask + (1 - mask)
    return {"input_ids": ids, "attention_mask": mask, "owners": torch.arange(2), "units": torch.arange(2)}


@pytest.mark.parametrize("config", [BertConfig, RobertaConfig])
@pytest.mark.parametrize("frozen", [1, 2, 3])
def test_an_encoder_in_two_parts_is_the_encoder(config, frozen):
    torch.manual_seed(0)
    backbone = AutoModel.from_config(config(pad_token_id=1, **SHAPE)).eval()
    batch = random_batch()
    whole = backbone(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    parts = ArticleNetwork(backbone, Heads(2), frozen_layers=frozen).eval().states(batch)
    seen = batch["attention_mask"] == 1
    assert torch.allclose(parts[seen], whole[seen], atol=1e-5)


def test_an_encoder_whose_layers_need_more_than_states_is_not_frozen():
    backbone = AutoModel.from_config(MPNetConfig(**SHAPE))
    with pytest.raises(NewstanceError, match="Layers of a 'mpnet' backbone can't be frozen; use frozen_layers: 0"):
        ArticleNetwork(backbone, Heads(2), frozen_layers=1)


def test_frozen_layers_have_no_dropout_while_the_others_do(tiny_backbone):
    network = ArticleNetwork(load_backbone(tiny_backbone, 0.5), Heads(2), frozen_layers=2, dropout=0.0).train()
    batch = random_batch()
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    assert torch.equal(network.frozen_states(**inputs), network.frozen_states(**inputs))
    assert all(part.training for part in network.layers)
    assert not torch.equal(network(**batch)["logits"], network(**batch)["logits"])


def test_attention_weights_have_no_dropout(tiny_backbone):
    config = load_backbone(tiny_backbone, 0.3).config
    assert (config.attention_probs_dropout_prob, config.hidden_dropout_prob) == (0.0, 0.3)


def test_the_logits_of_windows_are_averaged(tiny_backbone):
    network = ArticleNetwork(load_backbone(tiny_backbone, 0.0), Heads(3)).eval()
    batch = random_batch()
    batch["input_ids"] = torch.cat([batch["input_ids"], batch["input_ids"].flip(0)])
    batch["attention_mask"] = batch["attention_mask"].repeat(2, 1)
    each = network(**batch | {"owners": torch.arange(4), "units": torch.arange(4)})["logits"]
    mean = network(**batch | {"owners": torch.tensor([0, 1, 1, 1]), "units": torch.arange(2)})["logits"]
    assert torch.allclose(mean, torch.stack([each[0], each[1:].mean(dim=0)]), atol=1e-6)


def test_pooling_sees_no_padding_and_favours_sentences_with_the_target():
    torch.manual_seed(0)
    pooling = TargetPooling(8).eval()
    states, target = torch.randn(1, 6, 8), torch.randn(1, 8)
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    none = torch.zeros(1, 6)
    pooled = pooling(states, mask, none, target)
    assert torch.allclose(pooled, pooling(states[:, :4], mask[:, :4], none[:, :4], target))
    pooling.mention_bias.data.fill_(50.0)
    here = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]])
    assert torch.allclose(pooling(states, mask, here, target), states[:, 2], atol=1e-4)
    assert pooling.mention_bias.requires_grad


def test_the_plain_loss_is_cross_entropy():
    loss = class_loss(LOGITS, LABELS, None, None, 0.0)
    assert torch.allclose(loss, -LOGITS.log_softmax(dim=1)[range(3), LABELS].mean())


def test_weights_count_the_units_of_a_class_more():
    weights = torch.tensor([1.0, 3.0, 0.0])
    single = -LOGITS.log_softmax(dim=1)[range(3), LABELS]
    loss = class_loss(LOGITS, LABELS, weights, None, 0.0)
    assert torch.allclose(loss, (single[0] + 3 * single[1]) / 4)


def test_logit_adjustment_adds_log_frequencies_while_training():
    shares = torch.tensor([0.7, 0.2, 0.1])
    loss = class_loss(LOGITS, LABELS, None, shares.log(), 0.0)
    odds = LOGITS.exp() * shares
    assert torch.allclose(loss, -(odds / odds.sum(dim=1, keepdim=True))[range(3), LABELS].log().mean())
    assert float(class_loss(torch.zeros(1, 3), torch.tensor([2]), None, shares.log(), 0.0)) == pytest.approx(
        math.log(10)
    )


def test_smoothing_spreads_a_share_of_each_label_and_missing_labels_count_for_nothing():
    spread = torch.nn.functional.one_hot(LABELS, 3) * 0.7 + 0.1
    assert torch.allclose(class_loss(LOGITS, LABELS, None, None, 0.3), cross_entropy(LOGITS, spread))
    some = torch.tensor([0, -100, 2])
    assert torch.allclose(
        class_loss(LOGITS, some, None, None, 0.0), class_loss(LOGITS[[0, 2]], LABELS[[0, 2]], None, None, 0.0)
    )


def test_the_loss_is_in_full_precision():
    assert class_loss(LOGITS.bfloat16(), LABELS, None, None, 0.0).dtype == torch.float32
