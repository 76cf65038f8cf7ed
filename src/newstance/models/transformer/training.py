"""The training recipe, on transformers' Trainer.

Batches of equal length, bfloat16 where the processor has it, the faster attention there and a fused optimizer, lower
layers frozen and their output kept, early stopping on validation macro-F1 with the best checkpoint kept, resumable
after any stop.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor
from torch.utils.data import Sampler
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from newstance.errors import NewstanceError
from newstance.models.embeddings import bfloat16_is_fast
from newstance.models.transformer.attention import attention_for_training
from newstance.models.transformer.batches import Collator, Item, LengthGrouped, keep_states
from newstance.models.transformer.checkpoints import had_ended, newest_whole, seal
from newstance.models.transformer.network import ArticleNetwork, class_loss
from newstance.models.transformer.prediction import predict_logits

Monitor = Callable[["Progress"], None]
Labels = NDArray[np.int64]
LOGGED_STEPS = 10
DIGITS = 8  # learning rates are small


@dataclass(frozen=True)
class Progress:
    """How far training is.

    Attributes
    ----------
    step, steps
        Optimizer steps done, and all of them.
    seconds_left
        At the pace so far, in this process.
    metrics
        `loss`, `learning_rate` (lowest trained layer); after an epoch `macro_f1` (labels of validation) and `log_loss`.
    """

    step: int
    steps: int
    seconds_left: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """The settings of training; see `newstance.models.settings.TransformerModel`."""

    epochs: int
    patience: int
    batch_size: int
    accumulation: int
    learning_rate: float
    head_learning_rate: float
    layer_decay: float
    weight_decay: float
    warmup: float
    schedule: str
    label_smoothing: float
    seed: int


@dataclass(frozen=True)
class Labelled:
    """Items with class numbers by row, and those of the auxiliary task (-100: none)."""

    items: list[Item]
    labels: Labels
    auxiliary: Labels | None = None


@dataclass(frozen=True)
class Balance:
    """What the loss does about rare classes; see `class_loss`."""

    weights: Tensor | None = None
    shift: Tensor | None = None


def train(
    network: ArticleNetwork,
    tokenizer: Any,
    data: tuple[Labelled, Labelled | None],
    recipe: Recipe,
    balance: Balance,
    folder: Path,
    monitor: Monitor,
) -> dict[str, Any]:
    """Train a network in place; with validation data it ends as the best of its epochs.

    Parameters
    ----------
    network, tokenizer
        The untrained network, and what pads its batches.
    data
        Training, and validation for early stopping or None: then all epochs are trained and the last one counts.
    recipe, balance
        How.
    folder
        For checkpoints. Training goes on from the newest whole one there.
    monitor
        Called every few steps and after each epoch.

    Returns
    -------
    dict
        `best_epoch`; `epochs`, the scores on validation; `curve`, loss and learning rate every few steps.

    Raises
    ------
    NewstanceError
        When a checkpoint can't be written; what an earlier one holds is not lost.
    """
    training, validation = data
    trainer = _NewsTrainer(network, tokenizer, training, validation, recipe, balance, folder, monitor)
    with trainer.precision():
        for part in (training, validation):
            if part:
                keep_states(part.items, network, Collator(tokenizer), 32)
    with trainer.args.main_process_first(local=False):
        checkpoint = newest_whole(folder)
    if checkpoint and had_ended(checkpoint):
        trainer.args.num_train_epochs = 0  # nothing is left to do but to take the best epoch
    with attention_for_training(network.backbone, bfloat16=trainer.args.bf16):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    # Without the bfloat16 that training has put around it: a fitted network predicts as a loaded one does.
    trainer.accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    return trainer.history()


class _NewsTrainer(Trainer):
    """transformers' Trainer with batches by length, this project's loss, and its own validation."""

    def __init__(
        self,
        network: ArticleNetwork,
        tokenizer: Any,
        training: Labelled,
        validation: Labelled | None,
        recipe: Recipe,
        balance: Balance,
        folder: Path,
        monitor: Monitor,
    ) -> None:
        self.recipe, self.balance, self.training_data, self.validation = recipe, balance, training, validation
        self.pad, self.network, self.folder = tokenizer, network, folder
        callbacks: list[TrainerCallback] = [_Report(monitor)]
        if validation and recipe.patience < recipe.epochs:
            callbacks.append(EarlyStoppingCallback(recipe.patience))
        super().__init__(
            network,
            _arguments(recipe, folder, validates=validation is not None),
            data_collator=Collator(tokenizer, training.labels, training.auxiliary),
            train_dataset=training.items,
            eval_dataset=validation.items if validation else None,
            callbacks=callbacks,
        )
        # The network takes any keyword, but doesn't scale its loss by the number of labels: Trainer has to, and
        # accelerate must not divide by the number of accumulated batches once more.
        self.model_accepts_loss_kwargs = False
        self.accelerator.gradient_accumulation_steps = 1
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)

    def precision(self) -> torch.autocast:
        """Autocast as training does."""
        return torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.args.bf16)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        lengths = [len(item) for item in self.training_data.items]
        return LengthGrouped(lengths, self.recipe.batch_size * self.recipe.accumulation, self.recipe.seed)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Give every layer its learning rate: the heads theirs, each lower layer `layer_decay` times the next."""
        if self.optimizer is None:
            groups = _parameter_groups(self.network, self.recipe, set(self.get_decay_parameter_names(self.network)))
            self.optimizer = torch.optim.AdamW(groups, lr=self.recipe.learning_rate, fused=True)
        return self.optimizer

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of the task, and of the auxiliary task where there is one."""
        labels, auxiliary = inputs.pop("labels"), inputs.pop("auxiliary_labels", None)
        output = model(**inputs)
        weights, shift = (
            None if one is None else one.to(labels.device) for one in (self.balance.weights, self.balance.shift)
        )
        loss = class_loss(output["logits"], labels, weights, shift, self.recipe.label_smoothing)
        if auxiliary is not None and bool((auxiliary >= 0).any()):
            loss = loss + class_loss(output["auxiliary_logits"], auxiliary, None, None, 0.0)
        return (loss, output) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score the validation items, in every process alike; called by Trainer after each epoch."""
        if self.validation is None:
            raise RuntimeError("there is nothing to validate on")
        labels = self.validation.labels
        with self.precision():
            found = predict_logits(self.network, self.pad, self.validation.items, self.args.eval_batch_size)["logits"]
        losses = torch.nn.functional.cross_entropy(torch.from_numpy(found), torch.from_numpy(labels))
        score = f1_score(labels, found.argmax(axis=1), average="macro", zero_division=0, labels=np.unique(labels))
        metrics = {"eval_macro_f1": float(score), "eval_log_loss": float(losses)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()  # each process writes its random states
            if self.is_world_process_zero():
                seal(self.folder / f"checkpoint-{self.state.global_step}")
        except Exception as error:  # Python, safetensors, tokenizers and torch each have their own for a full disk
            free = shutil.disk_usage(self.folder).free // 2**20
            raise NewstanceError(
                f"No checkpoint can be written to {self.folder}, where {free} MB are free "
                f"({' '.join(str(error).split())}). Make room and run the same command again; it goes on from the "
                "last whole checkpoint."
            ) from None

    def history(self) -> dict[str, Any]:
        """Return what each epoch gave, and which one is kept."""
        epochs: list[dict[str, float]] = []
        curve: list[dict[str, float]] = []
        for entry in self.state.log_history:
            point = {"step": entry["step"], **_named(entry)}
            if "macro_f1" in point:
                epochs.append({"epoch": round(entry["epoch"]), **point})
            elif "loss" in point:
                curve.append(point)
        best = max(epochs, key=lambda one: one["macro_f1"])["epoch"] if epochs else self.recipe.epochs
        return {"best_epoch": best, "epochs": epochs, "curve": curve}


def _named(entry: dict[str, float]) -> dict[str, float]:
    """Return what is reported of an entry of Trainer's log, under this project's names."""
    wanted = ("loss", "learning_rate", "eval_macro_f1", "eval_log_loss")
    return {name.removeprefix("eval_"): round(float(entry[name]), DIGITS) for name in wanted if name in entry}


def _arguments(recipe: Recipe, folder: Path, *, validates: bool) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        # Among the processes of `accelerate launch`: a step is of `batch_size` items however many there are.
        per_device_train_batch_size=max(1, recipe.batch_size // int(os.environ.get("WORLD_SIZE", "1"))),
        per_device_eval_batch_size=2 * recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        bf16=bfloat16_is_fast(),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch" if validates else "no",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=validates,
        metric_for_best_model="macro_f1" if validates else None,
        greater_is_better=True if validates else None,
        logging_steps=LOGGED_STEPS,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        seed=recipe.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        restore_callback_states_from_checkpoint=True,  # how long early stopping has waited
    )
    # Several GPUs work through `accelerate launch`; DataParallel would tear apart what the rows of a batch share.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _parameter_groups(network: ArticleNetwork, recipe: Recipe, decayed: set[str]) -> list[dict[str, Any]]:
    """Sort the trainable parameters by learning rate and weight decay."""
    depth = network.backbone.config.num_hidden_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("backbone."):
            parts = name.split(".")
            level = int(parts[parts.index("layer") + 1]) + 1 if "layer" in parts else 0
            rate = recipe.learning_rate * recipe.layer_decay ** (depth - level)
        else:
            rate = recipe.head_learning_rate
        decay = recipe.weight_decay if name in decayed else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


class _Report(TrainerCallback):
    """Tell the monitor how far training is."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock, at the step from which this process goes on."""
        self.started, self.first = time.perf_counter(), state.global_step

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Have the loss logged before each checkpoint, so that a resumed training averages over the same steps."""
        control.should_log = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Pass on what Trainer logs: every few steps, and after each epoch."""
        done = state.global_step - self.first
        pace = (time.perf_counter() - self.started) / done if done else math.nan
        metrics = _named(logs or {})
        if metrics and state.is_world_process_zero:
            left = pace * (state.max_steps - state.global_step)
            self.monitor(Progress(state.global_step, state.max_steps, left, metrics))
