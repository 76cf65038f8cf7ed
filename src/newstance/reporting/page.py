"""The comparison page: sections of text, tables and figures, written once as HTML and once as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from newstance.evaluation.study import LEARNING_CURVE
from newstance.files import write_text
from newstance.reporting import words
from newstance.reporting.analysis import (
    ablation_finding,
    ablation_table,
    aspect_title,
    auxiliary_table,
    compared_aspects,
    curve_table,
    errors_table,
    leads,
    sources_table,
    sources_texts,
    throughput_table,
)
from newstance.reporting.contents import (
    Cell,
    Table,
    accuracy_tests,
    class_table,
    cleaning_table,
    cost_table,
    near_duplicates_table,
    protocol_table,
    ranked_table,
    slice_tables,
    splits_table,
)
from newstance.reporting.drawing import Chart
from newstance.reporting.figures import charts
from newstance.reporting.goals import Goal, goals_table, read_goals
from newstance.reporting.guide import guide
from newstance.reporting.literature import literature
from newstance.reporting.results import TaskResults, read_tables, task_results
from newstance.reporting.scoring import scoring_tables
from newstance.reporting.searches import charts_of, read_searches, trials_table
from newstance.reporting.selection import area_table, selection_texts, weak_table
from newstance.reporting.series import read_series, series_chart, series_table
from newstance.settings import REPORTS, SEARCH_TABLES, TABLES, Settings

FIGURES = "figures"


Part = tuple[str, str, list[str], list[Table | Chart | None]]  # anchor, title, texts, blocks


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it, in order; `anchor` is its address within the page."""

    anchor: str
    title: str
    level: int
    texts: list[str] = field(default_factory=list)
    blocks: list[Table | Chart] = field(default_factory=list)


def write_report(tables: Path = TABLES, out: Path = REPORTS, settings: Settings | None = None) -> list[Path]:
    """Write ``index.html`` (self-contained), ``comparison.md`` and ``figures/*.svg``; equal tables give equal bytes.

    ``index.html`` shows the beginnings of wrongly labelled articles where data/prepared holds them.

    Parameters
    ----------
    tables
        Folder of the CSV tables (`newstance.reporting.results.read_tables`).
    out
        Folder that receives the report.
    settings
        For the schemes, the level of the intervals and the reference annotator; by default the built-in settings.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    NewstanceError
        When ``comparison.csv`` is missing, or a table lacks a column.
    """
    settings = settings or Settings()
    read = read_tables(tables)
    found = [(results, charts(results)) for results in task_results(read, settings)]
    further = [*search_sections(out / SEARCH_TABLES.name), *literature_sections()]
    drawn = [chart for _, charts_by_kind in found for chart in charts_by_kind.values()]
    drawn += [block for section in further for block in section.blocks if isinstance(block, Chart)]
    written = {out / FIGURES / f"{chart.name}.svg": chart.svg for chart in drawn}
    # The page is made on the reader's machine and may quote articles; the Markdown is kept in git and may not.
    written[out / "index.html"] = _render("index.html.j2", _sections(found, read, further, quoting=True), settings)
    written[out / "comparison.md"] = _render(
        "comparison.md.j2", _sections(found, read, further, quoting=False), settings
    )
    for path, text in written.items():
        write_text(path, text)
    return list(written)


def environment() -> Environment:
    """Return the template environment: HTML is escaped, an unknown name is an error."""
    loader = PackageLoader("newstance.reporting")
    found = Environment(
        loader=loader,
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["cell"] = markdown_cell
    found.tests["chart"] = lambda block: isinstance(block, Chart)
    return found


def markdown_cell(cell: Cell) -> str:
    """Write a cell for a Markdown table: its note in the same line, no character that would end the cell."""
    return f"{cell.text} {cell.note}".strip().replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _render(template: str, sections: list[Section], settings: Settings) -> str:
    return environment().get_template(template).render(sections=sections, guide=guide(settings))


def _sections(
    found: list[tuple[TaskResults, dict[str, Chart]]],
    tables: dict[str, pd.DataFrame],
    further: list[Section],
    *,
    quoting: bool,
) -> list[Section]:
    goals = read_goals()
    sections = []
    for results, drawn in found:
        beginnings = leads(results.scheme.name) if quoting else {}
        sections += task_sections(results, drawn, goals, beginnings)
    speed = throughput_table(tables["throughput"])
    if speed:
        sections.append(Section("training", "Training speed", 2, blocks=[speed]))
    scoring = scoring_tables()
    if scoring:
        sections.append(Section("scoring", "Labelling many articles", 2, blocks=[*scoring]))
    return [*sections, *further, *corpus_sections(tables)]


def task_sections(
    results: TaskResults, drawn: dict[str, Chart], goals: tuple[Goal, ...], beginnings: Mapping[str, str]
) -> list[Section]:
    """Collect all sections about one task; a section without data is left out.

    Parameters
    ----------
    results
        The task's.
    drawn
        Its figures by kind.
    goals
        Of all tasks.
    beginnings
        Of articles by id, for the list of mistakes.
    """
    name = results.scheme.name
    texts = [words.description(results), words.finding(results), words.agreement(results), words.hardware(results)]
    parts: list[Part] = [
        ("goals", "Goals", [], [goals_table(results, goals)]),
        ("scores", "Scores on test", [], [drawn["forest"], ranked_table(results), *accuracy_tests(results)]),
        ("protocols", "Held-out outlets and unseen targets", [], [drawn.get("protocols"), protocol_table(results)]),
        *_ablation_parts(results),
        ("learning-curve", "Learning curves", [], [drawn.get("learning-curve"), curve_table(results)]),
        ("selection", "What to label next", selection_texts(results), [drawn.get("selection"), area_table(results)]),
        ("weak-labels", "Weak labels", [], [weak_table(results)]),
        ("cost", "Cost", [], [*map(drawn.get, ("frontier-prediction", "frontier-training")), cost_table(results)]),
        ("second-label", "Second labels", [], [auxiliary_table(results)]),
        ("classes", "Classes", [], [drawn.get("per-class"), class_table(results)]),
        ("confusions", "Confusions", sources_texts(results), [drawn.get("confusion"), sources_table(results)]),
        ("mistakes", "Most confident mistakes", [], [errors_table(results, beginnings)]),
        ("calibration", "Calibration", [], [drawn.get("reliability")]),
        ("slices", "Slices", [], list(slice_tables(results))),
    ]
    sections = [Section(name, results.scheme.title, 2, [text for text in texts if text])]
    for anchor, title, said, blocks in parts:
        there = [block for block in blocks if block is not None]
        if there:
            sections.append(Section(f"{name}-{anchor}", title, 3, said, there))
    return sections


def _ablation_parts(results: TaskResults) -> list[Part]:
    """Collect what the study compared, an aspect each; the sizes of training have their curves instead."""
    return [
        (
            aspect,
            f"Ablation: {aspect_title(aspect).lower()}",
            [ablation_finding(results, aspect, rows)],
            [ablation_table(results, rows)],
        )
        for aspect, rows in compared_aspects(results).items()
        if aspect != LEARNING_CURVE
    ]


def literature_sections() -> list[Section]:
    """Collect our results on published data sets and what others report."""
    found = literature()
    if not found:
        return []
    text = (
        "Results of others are quoted and were not measured here. Where a split's test outlets also occur in its "
        "training part, a score says how well outlets are recognised; media-clean has none of them in training."
    )
    beside = [block for one in read_series() for block in (series_chart(one), series_table(one))]
    return [Section("literature", "Against the literature", 2, [text], [*beside, *found])]


def search_sections(folder: Path) -> list[Section]:
    """Collect the searches whose tables lie in a folder."""
    sections = [
        Section(f"search-{name}", name, 3, blocks=[*charts_of(name, trials, importance), trials_table(name, trials)])
        for name, (trials, importance) in read_searches(folder).items()
    ]
    return [Section("searches", "Searches for settings", 2), *sections] if sections else []


def corpus_sections(tables: dict[str, pd.DataFrame]) -> list[Section]:
    """Collect cleaning, near-duplicates and splits."""
    parts = [
        ("cleaning", "Cleaning", cleaning_table(tables["cleaning"])),
        ("near-duplicates", "Near-duplicates", near_duplicates_table(tables["near_duplicates"])),
        ("splits", "Splits", splits_table(tables["splits"])),
    ]
    sections = [Section(f"corpus-{anchor}", title, 3, blocks=[table]) for anchor, title, table in parts if table]
    return [Section("corpus", "Corpus", 2), *sections] if sections else []
