"""The stages: the simulation of what to label next, and weak labels, for the tasks of a project."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.progress import Progress

from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.labels.weak import read_weak
from newstance.labels.weak_report import WEAK_COLUMNS, weak_report
from newstance.models.mentions import read_aliases
from newstance.scheme import Scheme
from newstance.selection.curves import curve_tables
from newstance.selection.simulation import World, simulate
from newstance.selection.tables import AREA_COLUMNS, CURVE_COLUMNS
from newstance.settings import Settings


def simulate_tasks(settings: Settings, progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate the tasks that ``selection.tasks`` names.

    Returns
    -------
    DataFrame, DataFrame
        `CURVE_COLUMNS` and `AREA_COLUMNS`.

    Raises
    ------
    NewstanceError
        When a task is unknown or not prepared.
    """
    curves, areas = [pd.DataFrame(columns=CURVE_COLUMNS)], [pd.DataFrame(columns=AREA_COLUMNS)]
    for scheme in _schemes(settings, settings.selection.tasks, "selection.tasks"):
        aliases = read_aliases(settings.labels.directory / "aliases.yaml") if scheme.has_targets else {}
        world = World(read_prepared(scheme.name), scheme, aliases)
        predicted = simulate(world, settings.selection, progress, scheme.name)
        tables = curve_tables(predicted, world, settings.selection, settings.evaluation)
        for kept, table, columns in zip((curves, areas), tables, (CURVE_COLUMNS, AREA_COLUMNS), strict=True):
            kept.append(table.assign(task=scheme.name)[columns])
    return _stacked(curves), _stacked(areas)


def weak_tables(settings: Settings, tasks: Sequence[str] | None = None) -> pd.DataFrame:
    """Measure the weak labels of tasks, by default of all that have seed words; columns `WEAK_COLUMNS`.

    Raises
    ------
    NewstanceError
        When a task is unknown, has no seed words or is not prepared.
    """
    folder = settings.labels.directory / "weak"
    chosen = tasks or [name for name in settings.labels.schemes if (folder / f"{name}.yaml").is_file()]
    found = [pd.DataFrame(columns=WEAK_COLUMNS)]
    for scheme in _schemes(settings, chosen, "labels weak"):
        weak = read_weak(settings.labels.directory, scheme)
        found.append(weak_report(read_prepared(scheme.name), scheme, weak, settings.evaluation.confidence))
    return _stacked(found)


def _schemes(settings: Settings, tasks: Sequence[str], source: str) -> list[Scheme]:
    schemes = settings.labels.load_schemes()
    if unknown := [task for task in tasks if task not in schemes]:
        raise NewstanceError(f"{source}: '{unknown[0]}' is no task of labels.schemes; use {', '.join(schemes)}.")
    return [schemes[task] for task in tasks]


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables under each other; the first has the columns and no row."""
    return pd.concat(tables[1:], ignore_index=True) if len(tables) > 1 else tables[0]
