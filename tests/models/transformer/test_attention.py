import pandas as pd
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModel, BertConfig, MPNetConfig

from newstance.models.transformer import TransformerClassifier, attention, training
from newstance.models.transformer.attention import NAME, attention_for_training, bfloat16_attention

SHAPE = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def inputs(dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    made = [torch.randn(5, 2, 7, 4, generator=generator, dtype=dtype).requires_grad_() for _ in range(3)]
    seen = torch.arange(7) < torch.tensor([7, 1, 4, 7, 3])[:, None]
    return made, seen[:, None, None, :].expand(5, 1, 7, 7)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("together", [1, 2, 5])
def test_it_attends_as_torch_does_and_has_its_gradients(monkeypatch, masked, together):
    monkeypatch.setattr(attention, "SCORES", together * 2 * 7 * 7)
    (query, key, value), mask = inputs()
    mask = mask if masked else None
    expected = scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)
    found, _ = bfloat16_attention(torch.nn.Module(), query, key, value, mask)
    assert torch.allclose(found, expected, atol=1e-12)
    towards = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    for one, other in zip(
        torch.autograd.grad(found, (query, key, value), towards),
        torch.autograd.grad(expected, (query, key, value), towards),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-12)


def test_without_gradients_it_is_the_fused_kernel():
    (query, key, value), mask = inputs(torch.float32)
    with torch.no_grad():
        found, _ = bfloat16_attention(torch.nn.Module(), query, key, value, mask, scaling=0.3)
        expected = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.3).transpose(1, 2)
    assert torch.equal(found, expected)


def test_an_encoder_uses_it_while_it_is_trained_in_bfloat16_and_answers_the_same():
    torch.manual_seed(0)
    backbone = AutoModel.from_config(BertConfig(attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0, **SHAPE))
    batch = {"input_ids": torch.tensor([[3, 4, 5], [6, 7, 0]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}
    usual = backbone(**batch).last_hidden_state
    with attention_for_training(backbone, bfloat16=True):
        assert backbone.config._attn_implementation == NAME
        assert torch.allclose(backbone(**batch).last_hidden_state, usual, atol=1e-5)
    assert backbone.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(("config", "bfloat16"), [(BertConfig, False), (MPNetConfig, True)])
def test_other_encoders_and_other_precisions_keep_their_own(config, bfloat16):
    backbone = AutoModel.from_config(config(**SHAPE))
    usual = backbone.config._attn_implementation
    with attention_for_training(backbone, bfloat16=bfloat16):
        assert backbone.config._attn_implementation == usual


def test_a_training_that_fails_leaves_the_usual_attention():
    backbone = AutoModel.from_config(BertConfig(**SHAPE))
    with pytest.raises(KeyboardInterrupt), attention_for_training(backbone, bfloat16=True):
        raise KeyboardInterrupt
    assert backbone.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(("fast", "used"), [(True, NAME), (False, "sdpa")])
def test_training_uses_it_where_bfloat16_is_fast_and_the_fitted_model_does_not(tiny_backbone, monkeypatch, fast, used):
    monkeypatch.setattr(training, "bfloat16_is_fast", lambda: fast)
    table = pd.DataFrame({"title": "News", "text": ["It rained.", "The mayor praised the ferry."] * 4})
    model = TransformerClassifier(tiny_backbone, epochs=1, batch_size=4, max_tokens=32, seed=1)
    seen = set()
    model.fit(
        table,
        ["wet", "dry"] * 4,
        monitor=lambda _: seen.add(model.network_.backbone.config._attn_implementation),
    )
    assert seen == {used}
    assert model.network_.backbone.config._attn_implementation == "sdpa"
