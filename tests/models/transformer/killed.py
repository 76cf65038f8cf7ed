"""Train in a process that kills itself: ``python -m models.transformer.killed BACKBONE CHECKPOINTS STEP WHERE``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from models.transformer.news import classifier, news
from newstance.models.transformer import training

# Four steps an epoch, and dropout, so that the random state counts.
SETTINGS: dict[str, Any] = {"targets": "pair", "frozen_layers": 1, "epochs": 4, "patience": 4}


def die() -> None:
    """End this process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def train(backbone: str, checkpoints: Path, step: int, where: str) -> None:
    """Train, and die at a step: while it is ``logged``, or when its checkpoint is ``saved``."""
    torch.set_num_threads(1)
    training.LOGGED_STEPS = 1
    seal = training.seal

    def seal_and_die(checkpoint: Path) -> None:
        seal(checkpoint)
        if checkpoint.name == f"checkpoint-{step}":
            die()

    def watch(progress: training.Progress) -> None:
        if progress.step == step:
            die()

    if where == "saved":
        training.seal = seal_and_die
    table = news()
    classifier(backbone, **SETTINGS).fit(
        table,
        table["stance"],
        validation=(table, table["stance"]),
        checkpoints=checkpoints,
        **({"monitor": watch} if where == "logged" else {}),
    )


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
