"""The queue: what to label next, as a ranked table that the labelling page reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from newstance.bundle.bundle import Bundle
from newstance.errors import NewstanceError
from newstance.scheme import Scheme
from newstance.selection.pool import Project
from newstance.selection.strategies import NEW_LABELS, STRATEGIES
from newstance.settings import BUNDLE, Settings


def queue_columns(scheme: Scheme) -> list[str]:
    """Return the columns of a queue: the unit's, then what a strategy says of it."""
    return [*scheme.unit, "rank", "score", "reason"]


def next_units(
    task: str, strategy: str, count: int, settings: Settings, *, bundle: Path = BUNDLE, seed: int = 1
) -> pd.DataFrame:
    """Rank what to label next.

    Parameters
    ----------
    task
        A scheme of the settings.
    strategy
        One of `newstance.selection.strategies.STRATEGIES`.
    count
        How many units at most.
    settings
        The project's.
    bundle
        The exported champions' folder. Where there is none, quick models are fitted on the labels at hand.
    seed
        Of what is drawn at random.

    Returns
    -------
    DataFrame
        Columns `queue_columns`, the unit to label first with rank 1.

    Raises
    ------
    NewstanceError
        When task or strategy is unknown, nothing is left to label, or a strategy needs labels that are not there.
    """
    schemes = settings.labels.load_schemes()
    if task not in schemes:
        raise NewstanceError(f"labels.schemes of params.yaml has no task '{task}'; it has {', '.join(schemes)}.")
    if strategy not in STRATEGIES:
        raise NewstanceError(f"'{strategy}' is no strategy; use one of {', '.join(STRATEGIES)}.")
    scheme = schemes[task]
    project = Project(scheme, settings, Bundle.load(bundle) if bundle.is_dir() else None)
    pool = project.unlabelled() if strategy in NEW_LABELS else project.doubtful()
    choice = STRATEGIES[strategy](pool, count, np.random.default_rng(seed))
    chosen = pool.units.iloc[choice.rows][scheme.unit].reset_index(drop=True)
    ranks = range(1, len(chosen) + 1)
    return chosen.assign(rank=ranks, score=choice.scores, reason=choice.reasons)[queue_columns(scheme)]
