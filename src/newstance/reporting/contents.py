"""The tables that a report shows: cells of words and numbers, taken from the tables on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from newstance.corpus.splits import ALL_LABELS, STANDARD
from newstance.reporting import words
from newstance.reporting.figures import timed
from newstance.reporting.results import Row, TaskResults, by_experiment, records
from newstance.scheme import SPLITS

SHOWN_PAIRS = 20
SLICE_NAMES = {"length": "length (words)", "target_frequency": "pairs of train with the target"}


class Cell(NamedTuple):
    """One cell: what it says, and an interval or a remark that belongs to it."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table to show: `texts` columns at the left hold words, the others numbers; `strong` rows stand out."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    texts: int = 1
    strong: frozenset[int] = frozenset()
    folded: bool = False


def scored(row: Row, metric: str) -> Cell:
    """Make a cell of a score with its interval as the note."""
    return Cell(words.score(row[metric]), words.interval(row[f"{metric}_low"], row[f"{metric}_high"]))


def _seeds(row: Row) -> str:
    if row["seeds"] == 1:
        return ""
    return f"({row['seeds']} seeds, SD of macro-F1 {words.score(row['macro_f1_seed_sd'])})"


def _differences(results: TaskResults, metric: str) -> dict[str, Row]:
    tests = results.tables["paired_tests"]
    tests = tests[(tests["protocol"] == STANDARD) & (tests["metric"] == metric)]
    return by_experiment(tests[tests["experiment"] != results.best["experiment"]])


def _difference(row: Row) -> Cell:
    return Cell(words.signed(row["difference"]), f"[{words.signed(row['low'])}, {words.signed(row['high'])}]")


def ranked_table(results: TaskResults) -> Table:
    """All experiments under the standard protocol, best on validation first."""
    metrics = {"macro_f1": "macro-F1", "accuracy": "accuracy", "lenient_accuracy": "lenient accuracy"}
    metrics |= {"balanced_accuracy": "balanced accuracy", "log_loss": "log loss"}
    if not results.lenient:
        del metrics["lenient_accuracy"]
    tests = _differences(results, "macro_f1")
    columns = ["experiment", "role", "rank", "validation macro-F1", *metrics.values(), "ECE before → after"]
    columns += ["macro-F1 − best", "p (Holm)"] if len(tests) else []
    rows = []
    for experiment, row in by_experiment(results.ranked).items():
        best = experiment == results.best["experiment"]
        cells = [
            Cell(row["title"] + (" ★" if best else ""), _seeds(row)),
            Cell(row["role"]),
            Cell(f"{row['rank']:.0f}"),
        ]
        cells += [Cell(words.score(row["validation_macro_f1"])), *(scored(row, metric) for metric in metrics)]
        cells.append(Cell(f"{words.score(row['ece_uncalibrated'])} → {words.score(row['ece'])}"))
        if experiment in tests:
            test = tests[experiment]
            cells += [_difference(test), Cell(words.p_value(test["p_bootstrap_holm"]))]
        elif len(tests):
            cells += [Cell("reference" if best else words.MISSING), Cell(words.MISSING)]
        rows.append(cells)
    caption = f"Experiments by validation macro-F1 (★ the best); scores on test with {results.percent} intervals."
    if len(tests):
        caption += (
            " The difference to the best is a paired bootstrap of the same articles; p is adjusted by Holm's method."
        )
    strong = frozenset({list(results.ranked.index).index(results.best["experiment"])})
    return Table(caption, columns, rows, texts=2, strong=strong)


def accuracy_tests(results: TaskResults) -> Table | None:
    """Paired differences of accuracy, by bootstrap and by McNemar's test."""
    tests = _differences(results, "accuracy")
    shown = results.ranked[results.ranked["experiment"].isin(list(tests))]
    if shown.empty:
        return None
    rows = []
    for experiment, row in by_experiment(shown).items():
        test = tests[experiment]
        p_values = [Cell(words.p_value(test[f"p_{kind}_holm"])) for kind in ("bootstrap", "mcnemar")]
        rows.append([Cell(row["title"]), _difference(test), *p_values])
    caption = (
        f"Difference in accuracy to {results.best['title']}, with p adjusted by Holm's method (McNemar: first seed)."
    )
    columns = ["experiment", "accuracy − best", "p, paired bootstrap (Holm)", "p, McNemar (Holm)"]
    return Table(caption, columns, rows, folded=True)


def protocol_table(results: TaskResults) -> Table | None:
    """Macro-F1 and accuracy under each further protocol beside the standard one."""
    if not results.other_protocols:
        return None
    tables = {name: by_experiment(results.compared(name)) for name in [STANDARD, *results.other_protocols]}
    rows = []
    for experiment, row in by_experiment(results.ranked).items():
        cells = [Cell(row["title"])]
        for table in tables.values():
            there = experiment in table
            cells += [
                scored(table[experiment], metric) if there else Cell(words.MISSING)
                for metric in ("macro_f1", "accuracy")
            ]
        rows.append(cells)
    units = ", ".join(
        f"{name} {words.plural(next(iter(table.values()))['units'], results.unit)}"
        for name, table in tables.items()
        if len(table)
    )
    columns = ["experiment"] + [f"{name}: {metric}" for name in tables for metric in ("macro-F1", "accuracy")]
    return Table(f"Scores on test by protocol ({units}), with {results.percent} intervals.", columns, rows)


def class_table(results: TaskResults) -> Table | None:
    """Precision, recall and F1 a class of the best experiment."""
    table = {row["label"]: row for row in records(results.of_best("per_class"))}
    rows = []
    for label in results.scheme.labels:
        if label.code in table:
            row = table[label.code]
            cells = [
                Cell(label.code),
                Cell(label.name),
                Cell(words.count(row["support"])),
                Cell(words.score(row["precision"])),
            ]
            rows.append([*cells, Cell(words.score(row["recall"])), scored(row, "f1")])
    if not rows:
        return None
    caption = f"Classes of {results.best['title']}: support is the number of test {results.unit}s with the label."
    return Table(caption, ["code", "label", "support", "precision", "recall", "F1"], rows, texts=2, folded=True)


def cost_table(results: TaskResults) -> Table | None:
    """List the times of fitting and of one prediction."""
    table = timed(results)
    if table.empty:
        return None
    rows = [
        [
            Cell(row["title"]),
            Cell(f"{row['fit_seconds']:.3g}"),
            Cell(words.milliseconds(row["predict_seconds_per_unit"])),
        ]
        for row in records(table)
    ]
    columns = ["experiment", "fitting (s)", f"prediction (ms per {results.unit})"]
    return Table(
        "Times on the machine that ran the experiment (median over seeds). Fitting found the embeddings of its texts "
        "at hand; prediction did not.",
        columns,
        rows,
        folded=True,
    )


def slice_tables(results: TaskResults) -> list[Table]:
    """Scores of the best experiment by slice, one table a kind of slice."""
    table = results.of_best("slices")
    columns = [f"{results.unit}s", "accuracy", "macro-F1"]
    tables = []
    for kind, part in table.groupby("slice", sort=False):
        name = SLICE_NAMES.get(str(kind), str(kind))
        rows = [
            [Cell(row["value"] or words.MISSING), Cell(words.count(row["units"])), scored(row, "accuracy"),
             Cell(words.score(row["macro_f1"]))]
            for row in records(part)
        ]  # fmt: skip
        tables.append(Table(f"{results.best['title']} by {name}.", [name, *columns], rows))
    return tables


def cleaning_table(table: pd.DataFrame) -> Table | None:
    """Show what each rule of cleaning did."""
    rows = [
        [Cell(row["rule"]), *(Cell(words.count(row[name])) for name in ("dropped", "changed", "rows_left"))]
        for row in records(table)
    ]
    if not rows:
        return None
    caption = "Articles that each rule dropped or changed (or found lacking), in order."
    return Table(caption, ["rule", "dropped", "changed", "articles left"], rows)


def near_duplicates_table(table: pd.DataFrame) -> Table | None:
    """Show the most similar pairs of near-duplicates, and how many there are."""
    if table.empty:
        return None
    caption = f"{words.plural(len(table), 'pair')} of near-duplicates (Jaccard similarity of their word shingles)."
    if len(table) > SHOWN_PAIRS:
        caption += f" The {SHOWN_PAIRS} most similar:"
    shown = records(table.sort_values("similarity", ascending=False, kind="stable").head(SHOWN_PAIRS))
    rows = [[Cell(row["first"]), Cell(row["second"]), Cell(words.score(row["similarity"]))] for row in shown]
    return Table(caption, ["article", "article", "similarity"], rows, texts=2, folded=True)


def splits_table(table: pd.DataFrame) -> Table | None:
    """Articles and units of every split, a row a fold."""
    whole = table[table["label"] == ALL_LABELS]
    rows = []
    for keys, part in whole.groupby(["task", "protocol", "fold"], sort=False):
        task, protocol, fold = map(str, keys)
        counts = {row["split"]: row for row in records(part)}
        cells = [Cell(task), Cell(protocol), Cell(fold if fold != protocol else "")]
        for split in SPLITS:
            row = counts[split]
            note = "" if row["units"] == row["articles"] else f"({words.count(row['units'])} pairs)"
            cells.append(Cell(words.count(row["articles"]), note))
        rows.append(cells)
    if not rows:
        return None
    return Table("Articles in every split and fold.", ["task", "protocol", "held out", *SPLITS], rows, texts=3)
