"""What a report is made of: the tables, read and checked, and divided by task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from newstance.corpus.cleaning import REPORT_COLUMNS
from newstance.corpus.near_duplicates import PAIR_COLUMNS
from newstance.corpus.splits import STANDARD, SUMMARY_COLUMNS
from newstance.errors import NewstanceError
from newstance.evaluation import compare
from newstance.labels.agreement import AGREEMENT_COLUMNS, REFERENCE_COLUMNS
from newstance.labels.weak_report import WEAK_COLUMNS
from newstance.scheme import Scheme
from newstance.selection.tables import AREA_COLUMNS, CURVE_COLUMNS
from newstance.settings import TABLES, Settings

Row = dict[str, Any]
ROLES = ("baseline", "control", "majority")
CORPUS_COLUMNS = {
    "agreement": AGREEMENT_COLUMNS,
    "annotators": REFERENCE_COLUMNS,
    "splits": SUMMARY_COLUMNS,
    "cleaning": REPORT_COLUMNS,
    "near_duplicates": PAIR_COLUMNS,
}
SELECTION_COLUMNS = {
    "active_learning": CURVE_COLUMNS,
    "active_learning_area": AREA_COLUMNS,
    "weak_labels": WEAK_COLUMNS,
}
COLUMNS = {**compare.TABLES, **CORPUS_COLUMNS, **SELECTION_COLUMNS}
THROUGHPUT = Path("benchmarks/train_throughput.csv")
THROUGHPUT_COLUMNS = ["recipe", "tokens", "articles_per_second", "ratio"]
THROUGHPUT_COLUMNS += ["macro_f1", "macro_f1_low", "macro_f1_high", "hardware"]
TEXT_COLUMNS = ["task", "protocol", "experiment", "title", "role", "kind", "aspects", "hardware", "reference", "metric"]
TEXT_COLUMNS += [
    "label",
    "predicted",
    "slice",
    "value",
    "pair",
    "annotator",
    "fold",
    "split",
    "rule",
    "first",
    "second",
]
TEXT_COLUMNS += ["article_id", "outlet", "target", "secondary", "annotators", "aspect", "auxiliary", "recipe"]
TEXT_COLUMNS += ["budget", "strategy", "function"]


def read_tables(directory: Path) -> dict[str, pd.DataFrame]:
    """Read the tables that a report is made of.

    The study's folder has none of corpus and labels; those that `directory` lacks are taken from reports/tables. The
    benchmark's table, ``throughput``, is taken from its own place.

    Returns
    -------
    dict
        By name (`COLUMNS` and ``throughput``). All but ``comparison`` may be missing, and are then empty.

    Raises
    ------
    NewstanceError
        When ``comparison.csv`` is missing or empty, or a table lacks a column.
    """
    tables = {}
    for name, columns in COLUMNS.items():
        path = directory / f"{name}.csv"
        elsewhere = name in CORPUS_COLUMNS and not path.is_file()
        tables[name] = read_table(TABLES / path.name if elsewhere else path, columns)
    tables["throughput"] = read_table(THROUGHPUT, THROUGHPUT_COLUMNS)
    comparison = tables["comparison"]
    if comparison.empty:
        raise NewstanceError(
            f"{directory / 'comparison.csv'} is missing or empty; run the compare step (dvc repro) first."
        )
    unknown = sorted(set(comparison["role"]) - set(ROLES))
    if unknown:
        raise NewstanceError(f"{directory / 'comparison.csv'}: role '{unknown[0]}' is none of {', '.join(ROLES)}.")
    return tables


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a table of results; without rows where the file is missing or empty.

    Raises
    ------
    NewstanceError
        When the file is no CSV or lacks a column.
    """
    empty = pd.DataFrame({column: [] for column in columns})
    try:
        # An outlet may be called "NA": only an empty cell is a missing value.
        table = pd.read_csv(path, dtype=dict.fromkeys(TEXT_COLUMNS, "str"), keep_default_na=False, na_values=[""])
    except (FileNotFoundError, pd.errors.EmptyDataError):
        return empty
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise NewstanceError(f"{path} can't be read as CSV: {' '.join(str(error).split())}.") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise NewstanceError(f"{path} lacks the column(s) {', '.join(missing)}; make the tables anew (dvc repro).")
    text = [column for column in TEXT_COLUMNS if column in table.columns]
    return table.fillna(dict.fromkeys(text, ""))


def records(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table as dictionaries."""
    return [dict(zip(table.columns, values, strict=True)) for values in table.itertuples(index=False, name=None)]


def family(row: Row) -> str:
    """Return what an experiment is in figures: its role, or of a model in earnest its kind."""
    return str(row["kind"] if row["role"] == "baseline" else row["role"])


def by_experiment(table: pd.DataFrame) -> dict[str, Row]:
    """Return the rows of a table that has one row an experiment, in its order."""
    return {row["experiment"]: row for row in records(table)}


@dataclass(frozen=True)
class TaskResults:
    """One task's part of every table.

    Attributes
    ----------
    scheme
        The task's label scheme.
    confidence
        Level of all intervals, for example 0.95.
    reference
        The annotator whose labels test.
    tables
        By name; only rows of this task.
    """

    scheme: Scheme
    confidence: float
    reference: str
    tables: Mapping[str, pd.DataFrame]

    @property
    def unit(self) -> str:
        """What one prediction is about."""
        return "pair" if self.scheme.has_targets else "article"

    @property
    def percent(self) -> str:
        """The level of the intervals in words, for example ``95 %``."""
        return f"{100 * self.confidence:g} %"

    def compared(self, protocol: str) -> pd.DataFrame:
        """Rows of ``comparison`` under one protocol, best on validation first."""
        table = self.tables["comparison"]
        table = table[table["protocol"] == protocol].sort_values(["rank", "experiment"])
        return table.set_index("experiment", drop=False)

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """The comparison under the standard protocol, best on validation first."""
        return self.compared(STANDARD)

    @cached_property
    def other_protocols(self) -> list[str]:
        """The further protocols that at least one experiment followed, in the table's order."""
        return [name for name in self.tables["comparison"]["protocol"].unique() if name != STANDARD]

    @cached_property
    def best(self) -> Row:
        """The row of the experiment that validation chose."""
        return records(self.ranked[self.ranked["best"].astype(bool)])[0]

    @cached_property
    def best_linear(self) -> Row | None:
        """The row of the linear baseline that is best on validation."""
        linear = self.ranked[(self.ranked["role"] == "baseline") & (self.ranked["kind"] == "linear")]
        return None if linear.empty else records(linear)[0]

    def tests(self, reference: Row, metric: str) -> dict[str, Row]:
        """Return the paired tests against an experiment under the standard protocol, by experiment."""
        tests = self.tables["paired_tests"]
        tests = tests[(tests["protocol"] == STANDARD) & (tests["metric"] == metric)]
        return by_experiment(tests[tests["reference"] == reference["experiment"]])

    def of_best(self, name: str) -> pd.DataFrame:
        """Rows of a table for the best experiment, under the standard protocol where the table has several."""
        table: pd.DataFrame = self.tables[name]
        table = table[table["experiment"] == self.best["experiment"]]
        return table[table["protocol"] == STANDARD] if "protocol" in table.columns else table

    @property
    def lenient(self) -> bool:
        """Whether the lenient accuracy is defined."""
        return bool(self.ranked["lenient_accuracy"].notna().any())


def task_results(tables: Mapping[str, pd.DataFrame], settings: Settings) -> list[TaskResults]:
    """Divide the tables by task, in the order of the settings; a task without experiments is left out.

    Raises
    ------
    NewstanceError
        When no task of the settings was compared, or one has no best experiment under the standard protocol.
    """
    found = []
    for name, scheme in settings.labels.load_schemes().items():
        parts = {key: table[table["task"] == name] for key, table in tables.items() if "task" in table.columns}
        if parts["comparison"].empty:
            continue
        results = TaskResults(scheme, settings.evaluation.confidence, settings.labels.reference, parts)
        if not results.ranked["best"].astype(bool).any():
            raise NewstanceError(
                f"comparison.csv: task '{name}' has no best experiment under the protocol '{STANDARD}'; "
                "run its experiments and the compare step (dvc repro) again."
            )
        found.append(results)
    if not found:
        raise NewstanceError("comparison.csv has no experiment of a task that params.yaml names under labels.schemes.")
    return found
