"""The tables that the audit's page shows."""

from __future__ import annotations

import pandas as pd

from newstance.audit.corpus import AuditedCorpus
from newstance.audit.shared import Shared
from newstance.audit.shortcuts import Models
from newstance.audit.slices import Sides
from newstance.audit.thresholds import BOILERPLATE_ARTICLES
from newstance.audit.verdict import Finding, Severity, percent
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, difference_cell, scored
from newstance.reporting.results import Row, records
from newstance.scheme import SPLITS

SHOWN = 20
QUOTED_WORDS = 12


def _counted(row: Row) -> list[Cell]:
    return [Cell(words.count(row[split])) for split in SPLITS]


def _first(table: pd.DataFrame, caption: str) -> tuple[list[Row], str]:
    """Return the rows to show, and the caption with what is left out."""
    rest = f" The first {SHOWN} of {words.count(len(table))}; all in the CSV." if len(table) > SHOWN else ""
    return records(table.head(SHOWN)), caption + rest


def findings_table(found: list[Finding]) -> Table:
    """Show the findings with their severity."""
    rows = [[Cell(one.subject), Cell(str(one.severity)), Cell(one.text)] for one in found]
    strong = frozenset(place for place, one in enumerate(found) if one.severity is Severity.LEAK)
    return Table("Findings, the worst first.", ["about", "severity", "finding"], rows, texts=3, strong=strong)


def sizes_table(corpus: AuditedCorpus) -> Table:
    """Show how many articles and units each split has, and the labels' shares."""
    rows = [[Cell("articles"), *(Cell(words.count(len(corpus.of_split(split)))) for split in SPLITS)]]
    if corpus.scheme.has_targets:
        rows.append([Cell("pairs"), *(Cell(words.count(len(corpus.units[split]))) for split in SPLITS)])
    shares = [corpus.units[split][corpus.scheme.name].value_counts(normalize=True) for split in SPLITS]
    for code in corpus.scheme.codes:
        rows.append([Cell(code), *(Cell(percent(share.get(code, 0.0))) for share in shares)])
    return Table("What is audited: sizes, and the labels' shares.", ["", *SPLITS], rows)


def outlets_table(corpus: AuditedCorpus, shared: Shared) -> Table | None:
    """Show the outlets of test and their articles in every split."""
    table = shared.outlets[shared.outlets["test"] > 0]
    if table.empty:
        return None
    shown, caption = _first(table, "Outlets of test and their articles by split.")
    columns = ["outlet", *SPLITS]
    if corpus.declared:
        columns = ["outlet", "identity", *SPLITS, "of the identity in train"]
        rows = [
            [Cell(row["outlet"]), Cell(row["identity"]), *_counted(row), Cell(words.count(row["identity_in_train"]))]
            for row in shown
        ]
        return Table(caption, columns, rows, texts=2)
    return Table(caption, columns, [[Cell(row["outlet"]), *_counted(row)] for row in shown])


def pairs_table(shared: Shared) -> Table | None:
    """Show the most similar near-duplicates that lie in different splits."""
    if shared.pairs.empty:
        return None
    shown, caption = _first(shared.pairs, "Near-duplicates that lie in different splits, the most similar first.")
    rows = [
        [Cell(row["first"]), Cell(row["first_split"]), Cell(row["second"]), Cell(row["second_split"]),
         Cell("yes" if row["same_outlet"] else "no"), Cell(words.score(row["similarity"]))]
        for row in shown
    ]  # fmt: skip
    columns = ["article", "split", "article", "split", "same outlet", "similarity"]
    return Table(caption, columns, rows, texts=5, folded=True)


def authors_table(shared: Shared) -> Table | None:
    """Show the authors that test shares with train."""
    table = shared.authors[(shared.authors["test"] > 0) & (shared.authors["train"] > 0)]
    if table.empty:
        return None
    shown, caption = _first(table, "Authors that test shares with train, with their articles by split.")
    return Table(caption, ["author", *SPLITS], [[Cell(row["author"]), *_counted(row)] for row in shown], folded=True)


def boilerplate_table(shared: Shared, *, quoting: bool) -> Table | None:
    """Show the lines of boilerplate that test shares with train, by their first words or, unquoted, by their length."""
    table = shared.boilerplate[(shared.boilerplate["test"] > 0) & (shared.boilerplate["train"] > 0)]
    if table.empty:
        return None
    caption = f"Boilerplate that test shares with train (in {BOILERPLATE_ARTICLES} articles or more; digits are 0)."
    shown, caption = _first(table, caption)
    rows = [
        [
            Cell(_beginning(row["line"]) if quoting else f"line {number}"),
            Cell(words.count(row["words"])),
            *_counted(row),
        ]
        for number, row in enumerate(shown, start=1)
    ]
    return Table(caption, ["line", "words", *SPLITS], rows, folded=True)


def _beginning(line: str) -> str:
    parts = line.split()
    return " ".join(parts[:QUOTED_WORDS]) + (" …" if len(parts) > QUOTED_WORDS else "")


def models_table(models: Models, percent_level: str) -> Table:
    """Show every model's scores and gain."""
    rows = []
    for row in records(models.table):
        gain = {"difference": row["gain"], "low": row["gain_low"], "high": row["gain_high"]}
        cells = [Cell(row["model"]), Cell(row["kind"]), scored(row, "accuracy"), scored(row, "macro_f1")]
        rows.append([*cells, difference_cell(gain), Cell(percent(row["share_of_full"]))])
    columns = ["model", "kind", "accuracy", "macro-F1", "accuracy − majority", "of the full text's gain"]
    caption = f"Models fitted on train, scored on test, with {percent_level} intervals by article."
    return Table(caption, columns, rows, texts=2)


def tokens_table(tokens: pd.DataFrame, percent_level: str) -> Table | None:
    """Show the tell-tale tokens."""
    if tokens.empty:
        return None
    rows = [
        [Cell(row["token"]), Cell(row["kind"]), Cell(row["label"]), Cell(f"{row['z']:.1f}"),
         Cell(words.count(row["train_units"])), Cell(words.score(row["train_precision"])),
         Cell(words.count(row["test_units"])), scored(row, "precision"), Cell(words.score(row["class_share"])),
         scored(row, "accuracy")]
        for row in records(tokens)
    ]  # fmt: skip
    columns = ["token", "kind", "label", "z", "train", "precision in train", "test", "precision in test"]
    columns += ["label's share", "accuracy of the rule"]
    caption = (
        "Tell-tale tokens: z of the log-odds in train; how many units of train and test have the token; precision, the "
        f"share of these that have the label; accuracy on test of the one-token rule. {percent_level} intervals."
    )
    return Table(caption, columns, rows, texts=3, folded=True)


def sides_table(sides: Sides, percent_level: str) -> Table | None:
    """Show the scores on parts of test, of the comparisons that have two sides."""
    rows = [
        [Cell(row["side"]), Cell(row["model"]), Cell(words.count(row["articles"])), Cell(words.count(row["units"])),
         scored(row, "accuracy"), scored(row, "macro_f1")]
        for row in records(sides.table)
        if row["comparison"] in set(sides.differences["comparison"])
    ]  # fmt: skip
    if not rows:
        return None
    columns = ["test articles with", "model", "articles", "units", "accuracy", "macro-F1"]
    return Table(f"Scores on parts of test, with {percent_level} intervals.", columns, rows, texts=2)


def one_sided(sides: Sides) -> list[str]:
    """Say which comparisons have one side only."""
    whole = sides.table[~sides.table["comparison"].isin(sides.differences["comparison"])]
    return [f"All test articles have {side}." for side in dict.fromkeys(whole["side"])]
