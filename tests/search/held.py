"""``newstance search`` without MLflow, whose second trial never ends: ``python -m search.held ARGUMENT …``.

The file held.txt says that it is in it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from newstance.cli import main
from newstance.search import run
from newstance.tracking import search as tracking


def hold_the_second_trial() -> None:
    evaluate, trials = run.evaluate, []

    def evaluate_or_hold(*arguments: Any) -> float:
        trials.append(arguments)
        if len(trials) == 2:
            Path("held.txt").touch()
            time.sleep(3600)
        return evaluate(*arguments)

    run.evaluate = evaluate_or_hold


if __name__ == "__main__":
    tracking.available = lambda: False
    hold_the_second_trial()
    main()
