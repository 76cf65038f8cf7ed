"""The tables that a report shows: cells of words and numbers, taken from the tables on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from newstance.corpus.splits import ALL_LABELS, STANDARD
from newstance.reporting import words
from newstance.reporting.results import Row, TaskResults, by_experiment, family, records
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


def difference_cell(row: Row, low: str = "low", high: str = "high") -> Cell:
    """Make a cell of a difference with its interval as the note."""
    return Cell(words.signed(row["difference"]), f"[{words.signed(row[low])}, {words.signed(row[high])}]")


def kind_of(row: Row) -> str:
    """Say what an experiment is: the kind of its model, and whether it is a control."""
    return f"{row['kind']} control" if row["role"] == "control" else family(row)


def title_of(results: TaskResults, row: Row) -> str:
    """Return an experiment's title, with a star where validation chose it."""
    return str(row["title"]) + (" ★" if row["experiment"] == results.best["experiment"] else "")


def _references(results: TaskResults) -> dict[str, Row]:
    """Return what the paired tests compare with: the best, and the best linear baseline where that is another one."""
    found = {"best": results.best}
    if results.best_linear is not None and results.best_linear["experiment"] != results.best["experiment"]:
        found["best linear"] = results.best_linear
    return found


def ranked_table(results: TaskResults) -> Table:
    """All experiments under the standard protocol, best on validation first."""
    metrics = {"macro_f1": "macro-F1", "accuracy": "accuracy", "lenient_accuracy": "lenient accuracy"}
    metrics |= {"balanced_accuracy": "balanced accuracy", "log_loss": "log loss"}
    if not results.lenient:
        del metrics["lenient_accuracy"]
    references = _references(results)
    tests = {name: results.tests(row, "macro_f1") for name, row in references.items()}
    tests = {name: found for name, found in tests.items() if found}
    columns = ["experiment", "kind", "rank", "validation macro-F1", *metrics.values(), "ECE before → after"]
    for name in tests:
        columns += [f"macro-F1 − {name}", "p (Holm)"]
    rows = []
    for experiment, row in by_experiment(results.ranked).items():
        cells = [Cell(title_of(results, row), words.seeds(row)), Cell(kind_of(row)), Cell(f"{row['rank']:.0f}")]
        cells += [Cell(words.score(row["validation_macro_f1"])), *(scored(row, metric) for metric in metrics)]
        cells.append(Cell(f"{words.score(row['ece_uncalibrated'])} → {words.score(row['ece'])}"))
        for name, found in tests.items():
            if experiment in found:
                test = found[experiment]
                cells += [difference_cell(test), Cell(words.p_value(test["p_bootstrap_holm"]))]
            else:
                is_reference = experiment == references[name]["experiment"]
                cells += [Cell("reference" if is_reference else words.MISSING), Cell(words.MISSING)]
        rows.append(cells)
    caption = f"Experiments by validation macro-F1 (★ the best); scores on test with {results.percent} intervals."
    if tests:
        caption += (
            f" The difference to the {' and to the '.join(tests)} is a paired bootstrap of the same articles; p is "
            "adjusted by Holm's method."
        )
    strong = frozenset({list(results.ranked.index).index(results.best["experiment"])})
    return Table(caption, columns, rows, texts=2, strong=strong)


def accuracy_tests(results: TaskResults) -> list[Table]:
    """Paired differences of accuracy, by bootstrap and by McNemar's test, a table a reference."""
    tables = []
    for name, reference in _references(results).items():
        tests = results.tests(reference, "accuracy")
        rows = []
        for experiment, row in by_experiment(results.ranked).items():
            if experiment in tests:
                test = tests[experiment]
                p_values = [Cell(words.p_value(test[f"p_{kind}_holm"])) for kind in ("bootstrap", "mcnemar")]
                rows.append([Cell(row["title"]), difference_cell(test), *p_values])
        caption = (
            f"Difference in accuracy to {reference['title']}, with p adjusted by Holm's method (McNemar: first seed)."
        )
        columns = ["experiment", f"accuracy − {name}", "p, paired bootstrap (Holm)", "p, McNemar (Holm)"]
        if rows:
            tables.append(Table(caption, columns, rows, folded=True))
    return tables


def protocol_table(results: TaskResults) -> Table | None:
    """Macro-F1 and accuracy under each further protocol beside the standard one, of experiments that have any."""
    if not results.other_protocols:
        return None
    tables = {name: by_experiment(results.compared(name)) for name in [STANDARD, *results.other_protocols]}
    rows = []
    further = {experiment for name in results.other_protocols for experiment in tables[name]}
    for experiment, row in by_experiment(results.ranked).items():
        if experiment not in further:
            continue
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
    """List what every experiment was fitted on, how long that took and how long a prediction takes."""
    costs = by_experiment(results.tables["cost"])
    several = len(set(results.ranked["hardware"])) > 1
    rows = []
    for experiment, row in by_experiment(results.ranked).items():
        if experiment not in costs:
            continue
        cost = costs[experiment]
        cells = [Cell(row["title"]), Cell(kind_of(row)), *([Cell(row["hardware"])] if several else [])]
        cells.append(Cell(words.count(round(row["train_units"], 1)), _fitted_on(row)))
        for value, mark in (
            (words.minutes(cost["training_minutes"]), cost["training_frontier"]),
            (words.milliseconds(cost["predict_seconds_per_unit"]), cost["prediction_frontier"]),
        ):
            cells.append(Cell(value + (" ●" if mark else "")))
        rows.append(cells)
    if not rows:
        return None
    columns = ["experiment", "kind", *(["hardware"] if several else []), f"fitted on ({results.unit}s)"]
    columns += ["training (min)", f"prediction (ms per {results.unit}, one core)"]
    caption = (
        "Cost on the machine that ran the experiment (median over seeds); ● on the frontier: no other is both cheaper "
        "and better on validation. Training is one fit, an ensemble's with those of its members; of linear models it "
        "found the embeddings of its texts at hand, prediction did not."
    )
    return Table(caption, columns, rows, texts=3 if several else 2, folded=True)


def _fitted_on(row: Row) -> str:
    if pd.isna(row["train_units"]):
        return ""
    if row["train_share"] < 1:
        return f"({100 * row['train_share']:g} % of train)"
    return "(train and validation)" if row["refit"] else "(train)"


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
