"""``newstance search`` in a process that kills itself in its second trial: ``python -m search.killed ARGUMENT …``."""

from __future__ import annotations

import os
import signal
from typing import Any

from newstance.cli import main
from newstance.search import run


def die_in_the_second_trial() -> None:
    evaluate, trials = run.evaluate, []

    def evaluate_or_die(*arguments: Any) -> float:
        trials.append(arguments)
        if len(trials) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return evaluate(*arguments)

    run.evaluate = evaluate_or_die


if __name__ == "__main__":
    die_in_the_second_trial()
    main()
