"""The network: a pretrained encoder, pooling over its tokens, and linear heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from newstance.errors import NewstanceError
from newstance.models.backbone import backbone_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Batch = dict[str, Tensor]
# Their layers follow each other with nothing in between, so that the lower ones can be run apart.
FREEZABLE = frozenset({"bert", "camembert", "roberta", "xlm-roberta"})


def load_backbone(name: str, dropout: float) -> PreTrainedModel:
    """Load an encoder for training: no dropout on attention weights, so that the fused attention kernels serve.

    Raises
    ------
    NewstanceError
        When there is none under this name, or it isn't one that transformers can load from safetensors.
    """
    from transformers import AutoConfig, AutoModel  # noqa: PLC0415  (seconds)

    from newstance.models.embeddings import silence_transformers  # noqa: PLC0415

    silence_transformers()
    folder = backbone_folder(name)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        config.attention_probs_dropout_prob, config.hidden_dropout_prob = 0.0, dropout
        model: PreTrainedModel
        model, report = AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged folder fails in many ways: in json, safetensors or transformers
        raise _unreadable(name, error) from None
    # transformers would give them random weights.
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise NewstanceError(
            f"Backbone '{name}' can't be loaded from {folder}: its weights lack {missing[0]} and "
            f"{len(missing) - 1} others that its config.json promises."
        )
    return model


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of an encoder.

    Raises
    ------
    NewstanceError
        When the encoder can't be had or has none.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415

    folder = backbone_folder(name)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # as above
        raise _unreadable(name, error) from None
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # what transformers makes of missing files
        raise NewstanceError(f"Backbone '{name}' can't be loaded from {folder}: there is no tokenizer.")
    return tokenizer


def _unreadable(name: str, error: Exception) -> NewstanceError:
    reason = " ".join(str(error).split())
    return NewstanceError(f"Backbone '{name}' can't be loaded from {backbone_folder(name)}: {reason}")


@dataclass(frozen=True)
class Heads:
    """What the network answers.

    Attributes
    ----------
    classes
        Number of labels of the task.
    shared
        Whether an article is read once for several targets (`TargetPooling`), and not once a target.
    auxiliary
        Number of labels of a second task on the same article; 0: none.
    """

    classes: int
    shared: bool = False
    auxiliary: int = 0


class ArticleNetwork(nn.Module):
    """Encoder, mean pooling (or pooling by target), dropout and a linear head.

    Parameters
    ----------
    backbone
        A bidirectional encoder of transformers.
    heads
        See `Heads`.
    frozen_layers
        Number of lowest layers that are not trained; embeddings are frozen with the first one.
    dropout
        Before the heads.
    """

    backbone: Any

    def __init__(self, backbone: PreTrainedModel, heads: Heads, frozen_layers: int = 0, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = backbone
        if getattr(backbone, "pooler", None) is not None:
            self.backbone.pooler = None  # pooling is ours
        self.frozen_layers = frozen_layers
        self._freeze()
        size = backbone.config.hidden_size
        self.dropout = nn.Dropout(dropout)
        self.target_pooling = TargetPooling(size) if heads.shared else None
        self.head = nn.Linear(size * (3 if heads.shared else 1), heads.classes)
        self.auxiliary_head = nn.Linear(size, heads.auxiliary) if heads.auxiliary else None

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers, lowest first."""
        layers: nn.ModuleList = self.backbone.encoder.layer
        return layers

    def _freeze(self) -> None:
        if not self.frozen_layers:
            return
        kind = self.backbone.config.model_type
        if kind not in FREEZABLE:
            raise NewstanceError(f"Layers of a '{kind}' backbone can't be frozen; use frozen_layers: 0.")
        if self.frozen_layers > len(self.layers):
            raise NewstanceError(
                f"frozen_layers is {self.frozen_layers}, but the backbone has {len(self.layers)} layers."
            )
        for part in (self.backbone.embeddings, *self.layers[: self.frozen_layers]):
            part.requires_grad_(requires_grad=False)

    def frozen_states(self, input_ids: Tensor, attention_mask: Tensor, **ids: Tensor) -> Tensor:
        """Run the frozen part, without dropout; shape (sequences, tokens, size)."""
        lower = [self.backbone.embeddings, *self.layers[: self.frozen_layers]]
        modes = [part.training for part in lower]
        for part in lower:
            part.eval()
        with torch.no_grad():
            states: Tensor = lower[0](input_ids=input_ids, **ids)
            states = self._run(lower[1:], states, attention_mask)
        for part, mode in zip(lower, modes, strict=True):
            part.train(mode)
        return states

    def _run(self, layers: Any, states: Tensor, attention_mask: Tensor) -> Tensor:
        from transformers.masking_utils import create_bidirectional_mask  # noqa: PLC0415

        mask = create_bidirectional_mask(
            config=self.backbone.config, inputs_embeds=states, attention_mask=attention_mask
        )
        for layer in layers:
            states = layer(states, mask)
        return states

    def states(self, batch: Batch) -> Tensor:
        """Run the encoder; shape (sequences, tokens, size). Takes token ids, or states of the frozen part."""
        mask = batch["attention_mask"]
        if self.frozen_layers:
            lower = batch.get("states")
            if lower is None:
                lower = self.frozen_states(**{name: value for name, value in batch.items() if name in TOKENS})
            return self._run(self.layers[self.frozen_layers :], lower.float(), mask)
        output = self.backbone(**{name: value for name, value in batch.items() if name in TOKENS})
        hidden: Tensor = output.last_hidden_state
        return hidden

    def forward(self, **batch: Any) -> dict[str, Tensor]:
        """Return logits of the units, shape (units, classes), and with an auxiliary head of the articles.

        Parameters
        ----------
        **batch
            See `newstance.models.transformer.batches.Collator`.
        """
        states = self.states(batch)
        article = _mean(states, batch["attention_mask"])
        if self.target_pooling is None:
            logits = self.head(self.dropout(article))
            output = {"logits": _mean_of_windows(logits, batch["owners"], batch["units"])}
        else:
            target = _mean(self.states(batch["targets"]), batch["targets"]["attention_mask"])[batch["target_of"]]
            owners = batch["owners"]
            about = self.target_pooling(states[owners], batch["attention_mask"][owners], batch["mentions"], target)
            output = {"logits": self.head(self.dropout(torch.cat([about, article[owners], target], dim=-1)))}
        if self.auxiliary_head is not None:
            output["auxiliary_logits"] = self.auxiliary_head(self.dropout(article))
        return output


TOKENS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


class TargetPooling(nn.Module):
    """Pool an article's tokens for a target: attention whose query is the target's embedding.

    A learned bias favours tokens of the sentences that mention the target.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(size, size), nn.Linear(size, size)
        self.mention_bias = nn.Parameter(torch.tensor(1.0))

    def forward(self, states: Tensor, attention_mask: Tensor, mentions: Tensor, target: Tensor) -> Tensor:
        """Return one vector a unit.

        Parameters
        ----------
        states
            Of each unit's article, shape (units, tokens, size).
        attention_mask, mentions
            1 for tokens that are no padding, and for tokens of sentences with the target; shape (units, tokens).
        target
            Embeddings, shape (units, size).
        """
        scores = torch.einsum("uts,us->ut", self.key(states), self.query(target)).float() / states.shape[-1] ** 0.5
        scores = scores + self.mention_bias * mentions
        weights = scores.masked_fill(attention_mask == 0, float("-inf")).softmax(dim=-1)
        return torch.einsum("uts,ut->us", states.float(), weights)


def _mean(states: Tensor, attention_mask: Tensor) -> Tensor:
    mask = attention_mask.unsqueeze(-1).to(torch.float32)
    return (states.float() * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def _mean_of_windows(logits: Tensor, owners: Tensor, units: Tensor) -> Tensor:
    """Average the logits of each unit's windows."""
    if len(owners) == len(units):
        return logits
    sums = torch.zeros(len(units), logits.shape[1], dtype=torch.float32, device=logits.device)
    sums = sums.index_add(0, owners, logits.float())
    counts = torch.bincount(owners, minlength=len(units)).clamp(min=1)
    return sums / counts.unsqueeze(1)


def class_loss(
    logits: Tensor, labels: Tensor, weights: Tensor | None, shift: Tensor | None, smoothing: float
) -> Tensor:
    """Cross-entropy with optional class weights, logit adjustment (Menon et al. 2021) and label smoothing.

    Parameters
    ----------
    logits, labels
        Shapes (units, classes) and (units,).
    weights
        Weight of each class's units.
    shift
        Log frequencies of the classes in training, added to the logits while training.
    smoothing
        Share of each label that is spread over all classes.
    """
    adjusted = logits.float() if shift is None else logits.float() + shift
    return functional.cross_entropy(adjusted, labels, weight=weights, label_smoothing=smoothing)
