"""``newstance search`` without MLflow, taking its time: ``python -m search.beside ARGUMENT …``.

Each trial leaves the process's number in owners.txt.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from newstance.cli import main
from newstance.search import run
from newstance.tracking import search as tracking


def say_whose_trials_are() -> None:
    """Write down whose every trial is, and let the other process have some."""
    evaluate = run.evaluate

    def evaluate_slowly(*arguments: Any) -> float:
        with Path("owners.txt").open("a") as owners:
            owners.write(f"{os.getpid()}\n")
        time.sleep(1)
        return evaluate(*arguments)

    run.evaluate = evaluate_slowly


if __name__ == "__main__":
    tracking.available = lambda: False
    say_whose_trials_are()
    main()
