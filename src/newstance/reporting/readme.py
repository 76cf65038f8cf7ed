"""The README's results: a block between two markers, generated from the tables."""

from __future__ import annotations

from pathlib import Path

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, scored
from newstance.reporting.figures import chart_name
from newstance.reporting.page import FIGURES, environment
from newstance.reporting.results import TaskResults, by_experiment, read_tables, task_results
from newstance.settings import REPORTS, Settings

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def headline(tables: Path, settings: Settings) -> str:
    """Write the results of every task in Markdown: a compact table, agreement, one sentence, a figure.

    Returns
    -------
    str
        Without the markers. Figures are named by their place in the repository.

    Raises
    ------
    NewstanceError
        When ``comparison.csv`` is missing, or a table lacks a column.
    """
    tasks = [
        {
            "title": results.scheme.title,
            "finding": words.finding(results),
            "table": compact_table(results),
            "agreement": words.agreement(results),
            "figure": (REPORTS / FIGURES / f"{chart_name(results, 'forest')}.svg").as_posix(),
            "alt": f"Macro-F1 with intervals of the {results.scheme.name} experiments",
        }
        for results in task_results(read_tables(tables), settings)
    ]
    return environment().get_template("headline.md.j2").render(tasks=tasks, page=(REPORTS / "comparison.md").as_posix())


def compact_table(results: TaskResults) -> Table:
    """Experiment, role, and the scores on test that the README shows."""
    metrics = {"macro_f1": "macro-F1", "accuracy": "accuracy"}
    if results.lenient:
        metrics["lenient_accuracy"] = "lenient accuracy"
    others = [by_experiment(results.compared(name)) for name in results.other_protocols]
    rows = []
    for experiment, row in by_experiment(results.ranked).items():
        best = experiment == results.best["experiment"]
        cells = [Cell(row["title"] + (" ★" if best else "")), Cell(row["role"])]
        cells += [scored(row, metric) for metric in metrics]
        cells += [
            Cell(words.score(rows_there[experiment]["macro_f1"]) if experiment in rows_there else words.MISSING)
            for rows_there in others
        ]
        rows.append(cells)
    columns = ["experiment", "role", *metrics.values(), *(f"macro-F1, {name}" for name in results.other_protocols)]
    caption = f"★ best on validation, which orders the rows. Scores on test, with {results.percent} intervals."
    return Table(caption, columns, rows, texts=2)


def update(readme: Path, tables: Path, settings: Settings) -> bool:
    """Rewrite the block between the markers, and nothing else.

    Returns
    -------
    bool
        Whether the file changed.

    Raises
    ------
    NewstanceError
        When the file or a marker is missing, or a marker occurs twice or in the wrong order.
    """
    try:
        text = readme.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NewstanceError(f"{readme} does not exist.") from None
    before, after = _around_block(readme, text)
    changed = f"{before}{BEGIN}\n{headline(tables, settings)}{END}{after}"
    if changed == text:
        return False
    write_text(readme, changed)
    return True


def block(readme: Path) -> str:
    """Return what stands between the markers now; errors as in `update`."""
    text = readme.read_text(encoding="utf-8")
    before, after = _around_block(readme, text)
    return text[len(before) + len(BEGIN) + 1 : len(text) - len(after) - len(END)]


def _around_block(readme: Path, text: str) -> tuple[str, str]:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise NewstanceError(f"{readme} must hold the lines '{BEGIN}' and '{END}' once each, in this order.")
    return text[: text.index(BEGIN)], text[text.index(END) + len(END) :]
