"""The README's results: blocks between markers, generated from the tables."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.reporting import words
from newstance.reporting.analysis import ablation_finding, aspect_title, compared_aspects
from newstance.reporting.contents import Cell, Table, kind_of, scored, title_of
from newstance.reporting.drawing import chart_name
from newstance.reporting.goals import goals_table, read_goals
from newstance.reporting.literature import PUBLISHED, literature, summary
from newstance.reporting.page import FIGURES, environment
from newstance.reporting.results import TaskResults, by_experiment, read_tables, task_results
from newstance.reporting.series import chart_name as series_name
from newstance.reporting.series import read_series, series_table
from newstance.reporting.serving import serving
from newstance.settings import REPORTS, STUDY_REPORTS, TABLES, Settings

BLOCKS = ("results", "study", "literature", "serving")
STUDY_TABLES = STUDY_REPORTS / TABLES.name


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
            "hardware": words.hardware(results),
            "figure": (REPORTS / FIGURES / f"{chart_name(results, 'forest')}.svg").as_posix(),
            "alt": f"Macro-F1 with intervals of the {results.scheme.name} experiments",
        }
        for results in task_results(read_tables(tables), settings)
    ]
    return environment().get_template("headline.md.j2").render(tasks=tasks, page=(REPORTS / "comparison.md").as_posix())


def study(tables: Path, settings: Settings) -> str:
    """Write what the study found in Markdown: goals, the best experiment a kind, and a sentence an ablation.

    Returns
    -------
    str
        Without the markers; empty where the study has not been compared.

    Raises
    ------
    NewstanceError
        When a table lacks a column.
    """
    if not (tables / "comparison.csv").is_file():
        return ""
    goals = read_goals()
    tasks = [
        {
            "title": results.scheme.title,
            "finding": words.finding(results),
            "goals": goals_table(results, goals),
            "table": compact_table(results, _best_of_each_kind(results)),
            "ablations": {
                aspect_title(aspect): ablation_finding(results, aspect, rows)
                for aspect, rows in compared_aspects(results).items()
            },
            "hardware": words.hardware(results),
        }
        for results in task_results(read_tables(tables), settings)
    ]
    page = (STUDY_REPORTS / "comparison.md").as_posix()
    return environment().get_template("study.md.j2").render(tasks=tasks, page=page)


def published(_: Settings) -> str:
    """Write our results on published data sets beside those of others, in Markdown; empty where there are none.

    Returns
    -------
    str
        Without the markers. Figures are named by their place in the repository.

    Raises
    ------
    NewstanceError
        When a file is wrong, or a table lacks a column.
    """
    table = summary(literature())
    if table is None:
        return ""
    series = [
        {"table": series_table(one), "figure": (PUBLISHED / REPORTS / FIGURES / f"{series_name(one)}.svg").as_posix()}
        for one in read_series()
    ]
    return environment().get_template("literature.md.j2").render(table=table, series=series)


def _best_of_each_kind(results: TaskResults) -> set[str]:
    return set(results.ranked[results.ranked["role"] == "baseline"].drop_duplicates("kind")["experiment"])


def compact_table(results: TaskResults, shown: Collection[str] | None = None) -> Table:
    """Experiment, kind, and the scores on test that the README shows; of all experiments, or of those named."""
    metrics = {"macro_f1": "macro-F1", "accuracy": "accuracy"}
    if results.lenient:
        metrics["lenient_accuracy"] = "lenient accuracy"
    others = [by_experiment(results.compared(name)) for name in results.other_protocols]
    rows = []
    for experiment, row in by_experiment(results.ranked).items():
        if shown is not None and experiment not in shown:
            continue
        cells = [Cell(title_of(results, row)), Cell(kind_of(row)), *(scored(row, metric) for metric in metrics)]
        cells += [
            Cell(words.score(rows_there[experiment]["macro_f1"]) if experiment in rows_there else words.MISSING)
            for rows_there in others
        ]
        rows.append(cells)
    columns = ["experiment", "kind", *metrics.values(), *(f"macro-F1, {name}" for name in results.other_protocols)]
    caption = f"★ best on validation, which orders the rows. Scores on test, with {results.percent} intervals."
    return Table(caption, columns, rows, texts=2)


def update(readme: Path, tables: Path, settings: Settings, study_tables: Path = STUDY_TABLES) -> bool:
    """Rewrite the blocks between the markers `BLOCKS`, and nothing else.

    A file without the markers of a block goes without it; ``results`` alone must be there.

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
    changed = text
    writers: list[Callable[[Settings], str]] = [
        partial(headline, tables),
        partial(study, study_tables),
        published,
        serving,
    ]
    for name, write in zip(BLOCKS, writers, strict=True):
        if name != "results" and not any(_marker(name, side) in text for side in ("begin", "end")):
            continue
        written = write(settings)
        before, after = _around_block(readme, changed, name)
        changed = f"{before}{_marker(name, 'begin')}\n{written}{_marker(name, 'end')}{after}"
    if changed == text:
        return False
    write_text(readme, changed)
    return True


def block(readme: Path, name: str = "results") -> str:
    """Return what stands between the markers of a block now; errors as in `update`."""
    text = readme.read_text(encoding="utf-8")
    before, after = _around_block(readme, text, name)
    return text[len(before) + len(_marker(name, "begin")) + 1 : len(text) - len(after) - len(_marker(name, "end"))]


def _marker(name: str, side: str) -> str:
    return f"<!-- {name}:{side} -->"


def _around_block(readme: Path, text: str, name: str) -> tuple[str, str]:
    begin, end = _marker(name, "begin"), _marker(name, "end")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise NewstanceError(f"{readme} must hold the lines '{begin}' and '{end}' once each, in this order.")
    return text[: text.index(begin)], text[text.index(end) + len(end) :]
