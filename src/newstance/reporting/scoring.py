"""What labelling very many articles takes, as benchmarks/scoring.py measured it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from newstance.reporting import words
from newstance.reporting.contents import Cell, Table
from newstance.reporting.results import read_table

SCORING = Path("benchmarks/scoring.csv")
COLUMNS = ["part", "system", "measure", "value", "hardware"]
MANY = 10_000_000
SECONDS_A_DAY = 86_400
MILLISECONDS_AN_HOUR = 3_600_000


def scoring_tables(path: Path = SCORING) -> list[Table]:
    """Make tables of speed, with what ten million articles cost by it, and of memory; none where nothing was measured.

    Raises
    ------
    NewstanceError
        When the file is no such table.
    """
    measured = read_table(path, COLUMNS).astype({"value": float})
    made = [_speed(measured[measured["part"] == "speed"]), _memory(measured[measured["part"] == "memory"])]
    return [table for table in made if table is not None]


def _speed(measured: pd.DataFrame) -> Table | None:
    if measured.empty:
        return None
    rows = []
    for system, found in measured.set_index("measure").groupby("system", sort=False)["value"]:
        speed, processor = float(found["articles_a_second"]), float(found["cpu_ms_an_article"])
        cells = [
            f"{speed:.1f}",
            f"{processor:.0f}",
            f"{found['start_seconds']:.1f}",
            f"{MANY / speed / SECONDS_A_DAY:.1f}",
            words.count(round(MANY * processor / MILLISECONDS_AN_HOUR)),
        ]
        rows.append([Cell(str(system)), *map(Cell, cells)])
    columns = ["engine", "articles a second", "processor time an article, ms", "start, s"]
    columns += ["ten million: days of this machine", "ten million: core hours"]
    caption = (
        f"Speed of newstance predict without evidence on {measured['hardware'].iloc[0]}, by "
        f"{words.count(round(found['articles']))} articles of the corpus. Days assume that the speed stays what it is, "
        "core hours that a machine does nothing else; multiply them by what an hour of a core costs."
    )
    return Table(caption, columns, rows)


def _memory(measured: pd.DataFrame) -> Table | None:
    if measured.empty:
        return None
    rows = []
    for system, found in measured.set_index("measure").groupby("system", sort=False)["value"]:
        cells = [
            words.count(round(found["rows"])),
            words.count(round(found["memory_mb"])),
            f"{found['growth']:+.1%}",
            words.count(round(found["rows_a_second"])),
        ]
        rows.append([Cell(str(system)), *map(Cell, cells)])
    columns = ["engine", "rows", "memory, MB", "growth", "rows a second"]
    caption = (
        f"Memory of all processes, Ray's own among them, on {measured['hardware'].iloc[0]}, and its growth from the "
        "second tenth of the rows to the last. The rows are articles cut to 200 characters, labelled by a bundle that "
        "answers at once: it is the engine that is measured, and the most rows that it passes on."
    )
    return Table(caption, columns, rows)
