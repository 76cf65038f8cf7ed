"""Training speed of this project's recipe against the stock way, in one run on the same articles.

    python benchmarks/train_throughput.py [--epochs 2] [--tokens 256] [--out benchmarks/train_throughput.csv]

The stock way is transformers' Trainer with its defaults: float32, dropout of attention weights, every article padded
to the full length, all layers trained. Needs the prepared data (`dvc repro split`) and a machine that does nothing
else; with two epochs about a quarter of an hour on two cores. Speed is articles a second over whole epochs, without
validation and without what comes before the first step, which is stated apart for the recipe that keeps the frozen
layers' output. Macro-F1 is of the validation articles after the last epoch, with a bootstrap interval.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import f1_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from newstance.corpus.prepared import read_prepared
from newstance.experiment.environment import hardware
from newstance.files import write_csv
from newstance.models.backbone import backbone_folder
from newstance.models.settings import DEFAULT_BACKBONE
from newstance.models.transformer import TransformerClassifier
from newstance.models.transformer.training import Progress

BATCH = 16
RESAMPLES = 2000


@dataclass(frozen=True)
class Outcome:
    """Seconds of the epochs alone and before the first step, and the labels that the model gives."""

    seconds: float
    before: float
    predicted: np.ndarray


class Clock(TrainerCallback):
    """Measure from the first step to the last."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.started


def stock(train: pd.DataFrame, validation: pd.DataFrame, tokens: int, epochs: int) -> Outcome:
    """Fine-tune with Trainer as its documentation shows it."""
    set_seed(1)
    classes = np.unique(train["topic"])
    folder = backbone_folder(DEFAULT_BACKBONE)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def read(table: pd.DataFrame) -> list[dict[str, Any]]:
        texts = [f"{title}. {text}" for title, text in zip(table["title"], table["text"], strict=True)]
        encoded = tokenizer(texts, truncation=True, padding="max_length", max_length=tokens)
        labels = np.searchsorted(classes, table["topic"].to_numpy(dtype=object))
        rows = zip(*encoded.values(), strict=True)
        return [
            {**dict(zip(encoded, row, strict=True)), "labels": int(label)}
            for row, label in zip(rows, labels, strict=True)
        ]

    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(classes))
    clock = Clock()
    with tempfile.TemporaryDirectory() as room:
        arguments = TrainingArguments(
            room,
            num_train_epochs=epochs,
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=BATCH,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = Trainer(model, arguments, train_dataset=read(train), callbacks=[clock])
        trainer.train()
        known = validation[validation["topic"].isin(classes)]
        found = trainer.predict(read(known)).predictions.argmax(axis=1)
    return Outcome(clock.seconds, 0.0, classes[found])


def recipe(train: pd.DataFrame, validation: pd.DataFrame, tokens: int, epochs: int, **settings: Any) -> Outcome:
    """Fine-tune with the project's classifier; validation is not looked at while training."""
    times = [time.perf_counter()]

    def monitor(progress: Progress) -> None:
        times.append(time.perf_counter())
        steps.append(progress.step)

    steps: list[int] = []
    model = TransformerClassifier(max_tokens=tokens, epochs=epochs, batch_size=BATCH, seed=1, **settings)
    started = time.perf_counter()
    model.fit(train, train["topic"], monitor=monitor)
    total = time.perf_counter() - started
    # The monitor is called every few steps, so the pace between two calls is that of training alone.
    pace = (times[-1] - times[1]) / (steps[-1] - steps[0])
    seconds = pace * epochs * -(-len(train) // BATCH)
    return Outcome(seconds, total - seconds, model.predict(validation))


def interval(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Return macro-F1 and its 95 % bootstrap interval."""
    generator = np.random.default_rng(1)
    draws = (generator.integers(len(truth), size=len(truth)) for _ in range(RESAMPLES))
    scores = [f1_score(truth[draw], predicted[draw], average="macro") for draw in draws]
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(f1_score(truth, predicted, average="macro")), float(low), float(high)


def main() -> None:
    """Measure all recipes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--articles", type=int, default=None, help="of train; all by default")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    chosen = parser.parse_args()
    data = read_prepared("topic")
    train, validation = data["train"].head(chosen.articles or len(data["train"])), data["validation"]
    recipes: dict[str, Callable[[], Outcome]] = {
        "stock Trainer": lambda: stock(train, validation, chosen.tokens, chosen.epochs),
        "recipe, all layers trained": lambda: recipe(train, validation, chosen.tokens, chosen.epochs),
        "recipe, three of six layers frozen": lambda: recipe(
            train, validation, chosen.tokens, chosen.epochs, frozen_layers=3
        ),
    }
    rows: list[dict[str, Any]] = []
    for name, run in recipes.items():
        outcome = run()
        known = validation["topic"].isin(train["topic"]).to_numpy()
        predicted = outcome.predicted if len(outcome.predicted) == known.sum() else outcome.predicted[known]
        score, low, high = interval(validation["topic"].to_numpy(dtype=object)[known], predicted)
        speed = len(train) * chosen.epochs / outcome.seconds
        rows.append(
            {
                "recipe": name,
                "tokens": chosen.tokens,
                "epochs": chosen.epochs,
                "articles_per_second": round(speed, 2),
                "ratio": round(speed / (rows[0]["articles_per_second"] if rows else speed), 2),
                "seconds_before": round(outcome.before, 1),
                "macro_f1": round(score, 4),
                "macro_f1_low": round(low, 4),
                "macro_f1_high": round(high, 4),
                "hardware": f"{hardware()}, {torch.get_num_threads()} threads",
            }
        )
        print(rows[-1], flush=True)
    write_csv(chosen.out, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
