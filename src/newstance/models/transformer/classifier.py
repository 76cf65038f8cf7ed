"""A fine-tuned transformer as a scikit-learn classifier."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from newstance.errors import NewstanceError
from newstance.files import atomic_path, read_json, write_json
from newstance.models.mentions import Aliases
from newstance.models.settings import DEFAULT_BACKBONE, TransformerModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from newstance.models.transformer.network import ArticleNetwork
    from newstance.models.transformer.training import Balance, Labelled, Progress

Validation = tuple[pd.DataFrame, ArrayLike]
WEIGHTS, ABOUT, BACKBONE = "model.safetensors", "classifier.json", "backbone"
NO_LABEL = -100
PREDICT_BATCH = 32


class TransformerClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fine-tune a pretrained encoder to label articles, or pairs of article and target.

    Parameters
    ----------
    backbone
        See `newstance.models.backbone.backbone_folder`.
    targets
        None: the label is of the article. ``pair``: target and article are read together, once a target.
        ``shared``: the article is read once, and its tokens are pooled for each target
        (`newstance.models.transformer.network.TargetPooling`).
    truncation, max_tokens
        What of a long article is read: its ``head``; ``head-tail`` (Sun et al. 2019); ``mentions-first``, where the
        sentences that mention the target and their neighbours come first; overlapping ``windows``, whose logits are
        averaged.
    auxiliary
        A column with a second label of the article, which is learned too (with ``shared``); rows without one are fine.
    frozen_layers
        Number of lowest layers that are not trained; embeddings are frozen with the first one.
    epochs, patience
        With validation data training stops after `patience` epochs without a better macro-F1.
    batch_size, accumulation
        Items a step, and batches whose gradients are added up before it.
    learning_rate, head_learning_rate, layer_decay
        Of the top layer, of the new heads, and the factor from a layer to the one below.
    weight_decay, warmup, schedule, dropout, label_smoothing
        `warmup` is a share of all steps; `schedule` is ``linear`` or ``cosine``.
    balance
        What is done for rare classes: ``none``; ``weights``, inverse to the square root of their frequency;
        ``logit-adjustment`` (Menon et al. 2021).
    aliases
        Further names of targets.
    seed
        Of heads, order and dropout.

    Attributes
    ----------
    classes_
        Labels, sorted.
    history_
        `epochs`, one entry an epoch, and `best_epoch`, which is kept.
    """

    def __init__(
        self,
        backbone: str = DEFAULT_BACKBONE,
        *,
        targets: str | None = None,
        truncation: str = "head",
        max_tokens: int = 256,
        auxiliary: str | None = None,
        frozen_layers: int = 0,
        epochs: int = 4,
        patience: int = 2,
        batch_size: int = 16,
        accumulation: int = 1,
        learning_rate: float = 1e-4,
        head_learning_rate: float = 1e-3,
        layer_decay: float = 1.0,
        weight_decay: float = 0.01,
        warmup: float = 0.1,
        schedule: str = "linear",
        dropout: float = 0.1,
        label_smoothing: float = 0.0,
        balance: str = "none",
        aliases: Aliases | None = None,
        seed: int = 0,
    ) -> None:
        self.backbone = backbone
        self.targets = targets
        self.truncation = truncation
        self.max_tokens = max_tokens
        self.auxiliary = auxiliary
        self.frozen_layers = frozen_layers
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.accumulation = accumulation
        self.learning_rate = learning_rate
        self.head_learning_rate = head_learning_rate
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.schedule = schedule
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.balance = balance
        self.aliases = aliases
        self.seed = seed

    def fit(
        self,
        X: pd.DataFrame,
        y: ArrayLike,
        *,
        validation: Validation | None = None,
        checkpoints: Path | None = None,
        monitor: Callable[[Progress], None] = lambda _: None,
    ) -> Self:
        """Train.

        Parameters
        ----------
        X, y
            The article table and its labels, shape (rows,).
        validation
            Table and labels for early stopping; the epoch with the best macro-F1 there is kept. Without them all
            epochs are trained. Labels that `y` doesn't have are left out.
        checkpoints
            Folder for checkpoints, from which a stopped training goes on; without one nothing is kept.
        monitor
            Called with the progress every few steps and after each epoch.

        Raises
        ------
        NewstanceError
            When a parameter is wrong, the backbone can't be had, a column is missing or the disk is full.
        """
        from transformers import set_seed  # noqa: PLC0415  (imports torch: seconds)

        from newstance.models.transformer import training  # noqa: PLC0415

        self._check_parameters()
        labels = np.asarray(y, dtype=object)
        if not len(labels):
            raise NewstanceError("There is no article to train on.")
        self.classes_ = np.unique(labels)
        self.auxiliary_classes_ = self._auxiliary_classes(X)
        set_seed(self.seed)  # so that what ran earlier doesn't matter; Trainer's own comes after the heads
        self.network_, self.tokenizer_ = self._new_network()
        train = self._labelled(X, labels)
        checked = self._labelled(*_known(validation, self.classes_)) if validation else None
        with nullcontext(checkpoints) if checkpoints else tempfile.TemporaryDirectory() as folder:
            self.history_ = training.train(
                self.network_,
                self.tokenizer_,
                (train, checked),
                self._recipe(),
                self._balance(train),
                Path(str(folder)),
                monitor,
            )
        self.network_.eval().float()
        return self

    def _check_parameters(self) -> None:
        settings = {name: value for name, value in self.get_params().items() if name not in {"aliases", "seed"}}
        try:
            TransformerModel.model_validate({"kind": "transformer", **settings})
        except ValidationError as error:
            problems = [": ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors()]
            raise NewstanceError(f"A transformer's settings are wrong: {'; '.join(problems)}.") from None

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return probabilities, shape (rows, classes), columns as `classes_`; in float32 and without dropout."""
        probabilities: NDArray[np.float64] = softmax(self._logits(X)["logits"].astype(np.float64), axis=1)
        return probabilities

    def predict(self, X: pd.DataFrame) -> NDArray[np.object_]:
        """Return the likeliest label of each row."""
        chosen: NDArray[np.object_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen

    def predict_auxiliary_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return probabilities of the auxiliary label, columns as `auxiliary_classes_`."""
        probabilities: NDArray[np.float64] = softmax(self._logits(X)["auxiliary"].astype(np.float64), axis=1)
        return probabilities

    def _logits(self, table: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
        from newstance.models.transformer.batches import read_items  # noqa: PLC0415
        from newstance.models.transformer.prediction import predict_logits  # noqa: PLC0415

        check_is_fitted(self, "network_")
        if not len(table):
            return {
                "logits": np.empty((0, len(self.classes_)), dtype=np.float32),
                "auxiliary": np.empty((0, len(self.auxiliary_classes_)), dtype=np.float32),
            }
        items = read_items(table, self.tokenizer_, self._reading())
        return predict_logits(self.network_, self.tokenizer_, items, PREDICT_BATCH)

    def _reading(self) -> Any:
        from newstance.models.transformer.batches import Reading  # noqa: PLC0415

        return Reading(self.truncation, self.max_tokens, self.targets, self.aliases or {})  # type: ignore[arg-type]

    def _new_network(self) -> tuple[ArticleNetwork, PreTrainedTokenizerBase]:
        from newstance.models.transformer.network import (  # noqa: PLC0415
            ArticleNetwork,
            load_backbone,
            load_tokenizer,
        )

        encoder = load_backbone(self.backbone, self.dropout)
        most = getattr(encoder.config, "max_position_embeddings", self.max_tokens)
        if self.max_tokens > most:
            raise NewstanceError(
                f"max_tokens is {self.max_tokens}, but backbone '{self.backbone}' reads {most} at most."
            )
        network = ArticleNetwork(encoder, self._heads(), self.frozen_layers, self.dropout)
        return network, load_tokenizer(self.backbone)

    def _heads(self) -> Any:
        from newstance.models.transformer.network import Heads  # noqa: PLC0415

        return Heads(len(self.classes_), self.targets == "shared", len(self.auxiliary_classes_))

    def _auxiliary_classes(self, table: pd.DataFrame) -> NDArray[np.object_]:
        if self.auxiliary is None:
            return np.array([], dtype=object)
        if self.auxiliary not in table.columns:
            raise NewstanceError(f"The model learns the column '{self.auxiliary}' too, which its input doesn't have.")
        return np.unique(table[self.auxiliary].dropna().to_numpy(dtype=object))

    def _labelled(self, table: pd.DataFrame, labels: NDArray[np.object_]) -> Labelled:
        from newstance.models.transformer.batches import read_items  # noqa: PLC0415
        from newstance.models.transformer.training import Labelled  # noqa: PLC0415

        auxiliary = None
        if self.auxiliary is not None:
            numbers = {label: number for number, label in enumerate(self.auxiliary_classes_)}
            auxiliary = np.array([numbers.get(label, NO_LABEL) for label in table[self.auxiliary]], dtype=np.int64)
        items = read_items(table, self.tokenizer_, self._reading())
        return Labelled(items, np.searchsorted(self.classes_, labels).astype(np.int64), auxiliary)

    def _recipe(self) -> Any:
        from newstance.models.transformer.training import Recipe  # noqa: PLC0415

        return Recipe(**{name: getattr(self, name) for name in Recipe.__dataclass_fields__})

    def _balance(self, train: Labelled) -> Balance:
        import torch  # noqa: PLC0415

        from newstance.models.transformer.training import Balance  # noqa: PLC0415

        shares = np.bincount(train.labels, minlength=len(self.classes_)) / len(train.labels)
        if self.balance == "weights":
            weights = shares**-0.5
            return Balance(weights=torch.tensor(weights / (weights * shares).sum(), dtype=torch.float32))
        if self.balance == "logit-adjustment":
            return Balance(shift=torch.tensor(np.log(shares), dtype=torch.float32))
        return Balance()

    def save(self, path: Path) -> None:
        """Write the fitted classifier to a folder: weights (safetensors), tokenizer and description (JSON)."""
        from safetensors.torch import save_file  # noqa: PLC0415

        check_is_fitted(self, "network_")
        with atomic_path(path) as temporary:
            temporary.mkdir()
            state = {name: value.contiguous() for name, value in self.network_.state_dict().items()}
            save_file(state, temporary / WEIGHTS, metadata={"format": "pt"})
            self.network_.backbone.config.save_pretrained(temporary / BACKBONE)
            self.tokenizer_.save_pretrained(temporary / BACKBONE)
            write_json(
                temporary / ABOUT,
                {
                    "parameters": self.get_params(),
                    "classes": self.classes_.tolist(),
                    "auxiliary_classes": self.auxiliary_classes_.tolist(),
                    "history": self.history_,
                },
            )

    @classmethod
    def load(cls, path: Path) -> TransformerClassifier:
        """Read what `save` wrote.

        Raises
        ------
        NewstanceError
            When it isn't there or damaged.
        """
        from safetensors import SafetensorError  # noqa: PLC0415
        from safetensors.torch import load_file  # noqa: PLC0415
        from transformers import AutoConfig, AutoModel, AutoTokenizer  # noqa: PLC0415

        from newstance.models.transformer.network import ArticleNetwork  # noqa: PLC0415

        about = read_json(path / ABOUT)
        try:
            model = cls(**about["parameters"])
            model.classes_ = np.array(about["classes"], dtype=object)
            model.auxiliary_classes_ = np.array(about["auxiliary_classes"], dtype=object)
            model.history_ = about["history"]
            config = AutoConfig.from_pretrained(path / BACKBONE, local_files_only=True)
            model.tokenizer_ = AutoTokenizer.from_pretrained(path / BACKBONE, local_files_only=True)
            encoder = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
            network = ArticleNetwork(encoder, model._heads(), model.frozen_layers, model.dropout)
            network.load_state_dict(load_file(path / WEIGHTS))
        except (KeyError, TypeError, ValueError, OSError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise NewstanceError(f"{path} can't be loaded as a fine-tuned transformer: {reason}") from None
        model.network_ = network.eval()
        return model


def _known(validation: Validation, classes: NDArray[np.object_]) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    """Leave out what can't be right: labels that training doesn't have."""
    table, labels = validation[0], np.asarray(validation[1], dtype=object)
    known = np.isin(labels, classes)
    if not known.any():
        raise NewstanceError("The validation data have no label that the training data have: nothing to stop by.")
    return table[known].reset_index(drop=True), labels[known]
