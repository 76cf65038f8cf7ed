"""The README's block about the champions in use: what was verified, when they abstain, how fast they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from newstance.errors import NewstanceError
from newstance.files import read_json
from newstance.reporting.contents import Cell, Table
from newstance.reporting.page import environment
from newstance.settings import REPORTS, Settings

RECORD = REPORTS / "champion.json"
BENCHMARKS = Path("benchmarks")
NEWS = "articles"
COMPARED = {
    "articles_a_second": "articles a second",
    "p50_ms": "median, ms",
    "p99_ms": "99th percentile, ms",
    "p99_ratio": "newstance's against it",
    "speedup": "newstance is faster by",
}


def serving(settings: Settings, record: Path = RECORD, benchmarks: Path = BENCHMARKS) -> str:
    """Write what is known of the champions in use, in Markdown.

    Parameters
    ----------
    settings
        The pipeline's settings.
    record
        What `newstance champion` wrote.
    benchmarks
        Folder with serving.csv, abstention.csv and targets.csv.

    Returns
    -------
    str
        Without the markers; empty where no champion was chosen yet.

    Raises
    ------
    NewstanceError
        When a table is missing.
    """
    if not record.is_file():
        return ""
    found, titles = read_json(record), {name: one.title for name, one in settings.labels.load_schemes().items()}
    speed, abstention, targets = (_read(benchmarks / f"{name}.csv") for name in ("serving", "abstention", "targets"))
    measured = {part: table.set_index(["system", "measure"])["value"] for part, table in speed.groupby("part")}
    return (
        environment()
        .get_template("serving.md.j2")
        .render(
            champions=[{"title": titles[task], **found[task]} for task in titles if task in found],
            refused=abstention[(abstention["part"] == "test") & abstention["is_news"]].set_index("source")["refused"][
                NEWS
            ],
            others=_others(abstention),
            targets=targets[targets["part"] == "test"].set_index("targets"),
            hardware=speed["hardware"].iloc[0],
            compared=_compared(speed[speed["part"] == "compare"]),
            measured=measured,
        )
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise NewstanceError(f"{path} is missing; measure it again with the script beside it.")
    return pd.read_csv(path)


def _others(abstention: pd.DataFrame) -> dict[str, Any]:
    """Sum up the texts that are no news; what annotators skipped lies between, and is told apart."""
    other = abstention[(abstention["part"] == "test") & ~abstention["is_news"]].set_index("source")
    skipped = other.index.str.startswith("skipped")
    clear = other[~skipped]
    return {
        "kinds": len(clear),
        "texts": int(clear["texts"].sum()),
        "refused": (clear["refused"] * clear["texts"]).sum() / clear["texts"].sum(),
        "skipped": float(other[skipped]["refused"].iloc[0]),
    }


def _compared(speed: pd.DataFrame) -> Table:
    values = speed.pivot_table(index="system", columns="measure", values="value", sort=False)
    rows = [
        [Cell(str(system)), *(_cell(row.get(name), name) for name in COMPARED)] for system, row in values.iterrows()
    ]
    return Table("", ["server", *COMPARED.values()], rows)


def _cell(value: float | None, measure: str) -> Cell:
    if value is None or pd.isna(value):
        return Cell("–")
    if measure in {"speedup", "p99_ratio"}:
        return Cell(f"{value:.1f} ×" if measure == "speedup" else f"{value:.2f} ×")
    return Cell(f"{value:,.0f}" if value >= 100 else f"{value:.1f}")
