"""Run ``newstance`` as one of two processes, the second of which dies: ``python -m experiment.lost EPOCHS ARGUMENT …``.

It dies in the step after so many epochs, when their checkpoint is whole.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from newstance.cli import main
from newstance.experiment.environment import rank
from newstance.models.transformer.training import _NewsTrainer


def run(epochs: int) -> None:
    """Run the command, and die as the kernel lets a process die in the first step after so many epochs."""
    compute_loss = _NewsTrainer.compute_loss

    def compute_loss_or_die(trainer: _NewsTrainer, *arguments: Any, **options: Any) -> Any:
        if rank() == 1 and (trainer.state.epoch or 0) >= epochs:
            os.kill(os.getpid(), signal.SIGKILL)
        return compute_loss(trainer, *arguments, **options)

    _NewsTrainer.compute_loss = compute_loss_or_die  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    run(int(sys.argv.pop(1)))
