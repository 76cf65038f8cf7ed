"""Run ``newstance`` in a process that kills itself: ``python -m experiment.killed CHECKPOINTS ARGUMENT …``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from newstance.cli import main
from newstance.models.transformer import training


def run(checkpoints: int) -> None:
    """Run the command, and die as the kernel lets a process die when so many checkpoints have been written."""
    seal = training.seal
    written: list[Path] = []

    def seal_and_die(checkpoint: Path) -> None:
        seal(checkpoint)
        written.append(checkpoint)
        if len(written) == checkpoints:
            os.kill(os.getpid(), signal.SIGKILL)

    training.seal = seal_and_die
    main()


if __name__ == "__main__":
    run(int(sys.argv.pop(1)))
