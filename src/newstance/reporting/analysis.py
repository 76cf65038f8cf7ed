"""What the study shows: ablations, learning curves, second labels, training speed; and the analysis of mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten

import pandas as pd

from newstance.corpus.splits import ALL_LABELS
from newstance.evaluation.study import LEARNING_CURVE
from newstance.files import read_parquet
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, difference_cell, kind_of, scored, title_of
from newstance.reporting.results import Row, TaskResults, by_experiment, records
from newstance.settings import PREPARED

LEAD_CHARACTERS = 200
SHOWN_CONFUSIONS = 3
# What the experiments of an aspect differ in; the order in which a report shows them.
ASPECTS = {
    "length": ("Length", "how many tokens of an article the model reads"),
    "truncation": ("Truncation", "which part of a long article the model reads"),
    "targets": ("Targets", "how the target enters the model"),
    "rare-classes": ("Rare classes", "how much rare labels weigh in training"),
    "frozen-layers": ("Frozen layers", "how many lower layers of the encoder stay as they were"),
    "noise": ("Label noise", "what is done about label errors in train"),
    "regularisation": ("Regularisation", "what keeps the network from fitting train too closely"),
    "pretraining": ("Pretraining", "what the encoder has learned before"),
    LEARNING_CURVE: ("Training size", "how much of train the model is fitted on"),
    "seeds": ("Seeds", "experiments that were repeated with several seeds"),
}


def compared_aspects(results: TaskResults) -> dict[str, list[Row]]:
    """Return the ablations by aspect, each with the experiments' rows of ``comparison`` and the reference first."""
    ranked, table = by_experiment(results.ranked), results.tables["ablations"]
    found = {}
    for aspect in [*ASPECTS, *sorted(set(table["aspect"]) - set(ASPECTS))]:
        rows = [ranked[row["experiment"]] | row for row in records(table[table["aspect"] == aspect])]
        if rows:
            found[aspect] = rows
    return found


def aspect_title(aspect: str) -> str:
    """Return the heading of an aspect."""
    return ASPECTS[aspect][0] if aspect in ASPECTS else aspect


def ablation_finding(results: TaskResults, aspect: str, rows: list[Row]) -> str:
    """Say in one sentence what was compared and what came out."""
    reference, others = rows[0], rows[1:]
    compared = f"{ASPECTS[aspect][1]}: " if aspect in ASPECTS else ""
    highest = max(rows, key=lambda row: float(row["macro_f1"]))
    score = words.with_interval(reference, "macro_f1")
    text = (
        f"{compared}best on validation is {reference['title']}, with macro-F1 {score} on test; "
        f"{words.compared(others, results.confidence)}"
    )
    if highest["macro_f1"] > reference["macro_f1"]:
        text += f"; the highest on test is {highest['title']}, {words.score(highest['macro_f1'])}"
    return text[0].upper() + text[1:] + "."


def ablation_table(results: TaskResults, rows: list[Row]) -> Table:
    """Put the experiments of one aspect beside each other, the best on validation first."""
    shown = []
    for row in rows:
        cells = [Cell(title_of(results, row), words.seeds(row)), Cell(kind_of(row))]
        cells += [Cell(words.score(row["validation_macro_f1"])), scored(row, "macro_f1")]
        if row["experiment"] == row["reference"]:
            cells += [Cell("reference"), Cell(words.MISSING)]
        else:
            cells.append(difference_cell(row, "difference_low", "difference_high"))
            cells.append(Cell(words.p_value(row["p_bootstrap_holm"])))
        cells.append(Cell(words.minutes(row["training_minutes"])))
        cells.append(Cell(words.milliseconds(row["predict_seconds_per_unit"])))
        shown.append(cells)
    columns = ["experiment", "kind", "validation macro-F1", "macro-F1", "difference", "p (Holm)"]
    columns += ["training (min)", f"ms per {results.unit}"]
    caption = (
        f"Scores on test with {results.percent} intervals; differences in macro-F1 to the best on validation by paired "
        "bootstrap, p adjusted over this table."
    )
    return Table(caption, columns, shown, texts=2, strong=frozenset({0}))


def curve_table(results: TaskResults) -> Table | None:
    """List the points of the learning curves."""
    rows = [
        [
            Cell(row["kind"]),
            Cell(f"{100 * row['train_share']:g} %"),
            Cell(words.count(round(row["train_units"], 1))),
            Cell(words.score(row["validation_macro_f1"])),
            scored(row, "macro_f1"),
        ]
        for row in records(results.tables["learning_curve"])
    ]
    if not rows:
        return None
    columns = ["kind", "share of train", f"training {results.unit}s", "validation macro-F1", "macro-F1"]
    return Table(f"Learning curves, with {results.percent} intervals on test.", columns, rows, folded=True)


def auxiliary_table(results: TaskResults) -> Table | None:
    """Show how well models that learn a second label do on it."""
    titles = {row["experiment"]: row["title"] for row in records(results.ranked)}
    rows = [
        [Cell(titles[row["experiment"]]), Cell(row["auxiliary"]), Cell(row["split"])]
        + [Cell(words.score(row[metric])) for metric in ("accuracy", "macro_f1")]
        for row in records(results.tables["auxiliary"])
    ]
    if not rows:
        return None
    caption = (
        f"Models that learn a second label beside {results.scheme.name}, scored on that label once an article; "
        "to be compared with that label's own experiments."
    )
    return Table(caption, ["experiment", "second label", "split", "accuracy", "macro-F1"], rows, texts=3)


def throughput_table(table: pd.DataFrame) -> Table | None:
    """Show the training speed of recipes measured side by side."""
    rows = [
        [
            Cell(row["recipe"]),
            Cell(row["hardware"]),
            Cell(words.count(row["tokens"])),
            Cell(f"{row['articles_per_second']:.3g}"),
            Cell(f"{row['ratio']:.2f}"),
            scored(row, "macro_f1"),
        ]
        for row in records(table)
    ]
    if not rows:
        return None
    columns = ["recipe", "hardware", "tokens", "articles a second", "ratio to the first", "macro-F1 on validation"]
    return Table("Training speed of recipes, measured in one run on the same articles.", columns, rows, texts=2)


def leads(task: str) -> dict[str, str]:
    """Return title and beginning of every test article; nothing where the data are not prepared on this machine."""
    path = PREPARED / task / "test.parquet"
    if not path.is_file():
        return {}
    articles = read_parquet(path).drop_duplicates("article_id")
    beginnings = [shorten(text, LEAD_CHARACTERS, placeholder=" …") for text in articles["text"]]
    shown = [": ".join(filter(None, pair)) for pair in zip(articles["title"], beginnings, strict=True)]
    return dict(zip(articles["article_id"], shown, strict=True))


def errors_table(results: TaskResults, beginnings: Mapping[str, str]) -> Table | None:
    """List the most confident mistakes of the best experiment.

    Parameters
    ----------
    results
        The task's.
    beginnings
        As `leads` returns them; none for what is kept in git, where no article's text may stand.
    """
    targets = results.scheme.has_targets
    rows = []
    for row in records(results.of_best("errors")):
        cells = [Cell(row["article_id"], beginnings.get(row["article_id"], "")), Cell(row["outlet"])]
        cells += [Cell(row["target"])] if targets else []
        predicted = Cell(row["predicted"], "(second label)" if row["predicted"] == row["secondary"] else "")
        said = Cell(row["annotators"] or words.MISSING, "(disputed)" if row["disputed"] else "")
        rows.append([*cells, Cell(row["label"]), predicted, said, Cell(words.score(row["confidence"]))])
    if not rows:
        return None
    columns = ["article", "outlet", *(["target"] if targets else []), results.reference, "predicted", "annotators"]
    caption = (
        f"The {len(rows)} most confident mistakes of {results.best['title']} on test (probabilities are means over "
        "seeds). Disputed: an annotator gave another label than the one that counts."
    )
    return Table(caption, [*columns, "confidence"], rows, texts=len(columns))


def sources_texts(results: TaskResults) -> list[str]:
    """Say how far mistakes follow the annotators' own disagreements, and which confusions do."""
    rows = records(results.of_best("confusion_sources"))
    if not rows:
        return []
    total, pairs = rows[0], rows[1:]
    level = 1 - results.confidence
    following = [row for row in pairs if row["p_disputed_holm"] < level]
    others = [row for row in pairs if row["p_disputed_holm"] >= level][:SHOWN_CONFUSIONS]
    texts = [
        f"Of {words.plural(total['units'], 'mistake')} of {results.best['title']}, {words.count(total['disputed'])} "
        f"({_percent(total['disputed'] / total['units'])}) lie where an annotator gave another label than the one that "
        f"counts, as is so for {_percent(total['expected_share'])} of all {results.unit}s (one-sided binomial test: p "
        f"{words.p_value(total['p_disputed'])}). In {words.count(total['as_annotator'])} the prediction is what an "
        "annotator said" + _second_label(results, total) + "."
    ]
    if following:
        texts.append(
            "Confusions that follow the annotators' disagreements (disputed more often than all "
            f"{results.unit}s at the {100 * level:g} % level after Holm's correction): {_listed(following)}."
        )
    else:
        texts.append(
            f"No single confusion is disputed more often than all {results.unit}s at the {100 * level:g} % level after "
            "Holm's correction."
        )
    if others:
        texts.append(f"The most frequent confusions that aren't, as far as these numbers show: {_listed(others)}.")
    return texts


def _second_label(results: TaskResults, total: Row) -> str:
    if not results.scheme.secondary:
        return ""
    return f"; in {words.count(total['as_secondary'])} it is the article's second label"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _listed(rows: list[Row]) -> str:
    return "; ".join(
        f"{row['label']} read as {row['predicted']} ({row['disputed']:.0f} of {row['units']:.0f} disputed)"
        for row in rows
    )


def sources_table(results: TaskResults) -> Table | None:
    """List the confused pairs of labels beside the annotators' disagreements, those of one unit left out."""
    found = records(results.of_best("confusion_sources"))
    second = results.scheme.secondary is not None
    rows = []
    for row in found:
        if row["units"] < 2 and row["label"] != ALL_LABELS:
            continue
        cells = [Cell(row["label"]), Cell(row["predicted"])]
        cells += [Cell(words.count(row[name])) for name in ("units", "disputed")]
        cells.append(Cell(f"{row['units'] * row['expected_share']:.1f}"))
        cells += [Cell(words.count(row["as_annotator"])), *([Cell(words.count(row["as_secondary"]))] if second else [])]
        p = row["p_disputed"] if row["label"] == ALL_LABELS else row["p_disputed_holm"]
        rows.append([*cells, Cell(words.p_value(p))])
    if not rows:
        return None
    columns = [results.reference, "predicted", "mistakes", "disputed", "expected", "an annotator's label"]
    columns += [*(["the second label"] if second else []), "p (Holm)"]
    caption = (
        "Confusions and the annotators' disagreements: how many mistakes are disputed, how many would be if mistakes "
        f"lay anywhere among the {results.unit}s, and in how many the prediction is a label that an annotator gave."
    )
    left_out = len(found) - len(rows)
    if left_out:
        caption += f" {words.plural(left_out, 'pair')} with a single mistake left out."
    return Table(caption, columns, rows, texts=2, folded=True)
