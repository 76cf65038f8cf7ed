"""The model card of a champion: what it is, what it is good for and what not, and how it scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from jinja2 import ChoiceLoader, Environment, PackageLoader

from newstance.bundle.answers import Abstention
from newstance.champion.choose import Candidate
from newstance.corpus.splits import OUTLET_HELD_OUT, UNSEEN_TARGET
from newstance.reporting import page, words
from newstance.reporting.contents import Cell, Table, class_table, scored, slice_tables
from newstance.reporting.results import TaskResults, read_tables, records, task_results
from newstance.scheme import Scheme
from newstance.settings import TABLES, Settings

if TYPE_CHECKING:
    from newstance.champion.verify import Verification

DATASHEET = "datasheet.md"
# The bold words with which paragraphs of the datasheet begin.
ORIGIN, USES = "Who labelled", "What it is good for"
METRICS = ("macro_f1", "accuracy", "balanced_accuracy", "lenient_accuracy", "log_loss", "ece")


def model_card(
    candidate: Candidate, verification: Verification, mlflow_run: str, settings: Settings, tables: Path = TABLES
) -> str:
    """Write the card in Markdown, the most important first.

    Parameters
    ----------
    candidate
        The experiment and seed that the bundle holds.
    verification
        How the bundle's answers compare with the trained model's.
    mlflow_run
        MLflow's id of the experiment's run.
    settings
        For the label scheme, the annotators and the datasheet beside the labels.
    tables
        Folder of the comparison's tables; without them, or when they are of another run, the card says so.
    """
    scheme = settings.labels.load_schemes()[candidate.run.settings.task]
    results = _results(candidate, tables, settings)
    datasheet = settings.labels.directory / DATASHEET
    return (
        _environment()
        .get_template("model_card.md.j2")
        .render(
            candidate=candidate,
            run=candidate.run.settings,
            scheme=scheme,
            labels=settings.labels,
            corpus=settings.corpus,
            results=results,
            unmeasured=_unmeasured(scheme, results),
            metrics=_metrics(results) if results else None,
            classes=class_table(results) if results else None,
            slices=slice_tables(results) if results else [],
            agreement=words.agreement(results) if results else "",
            verification=verification.model_dump(),
            mlflow_run=mlflow_run,
            reasons=get_args(Abstention.model_fields["reason"].annotation),
            datasheet=datasheet,
            origin=_paragraph(datasheet, ORIGIN),
            uses=_paragraph(datasheet, USES),
            unit=_unit(scheme),
        )
    )


def _environment() -> Environment:
    environment = page.environment()
    environment.loader = ChoiceLoader([PackageLoader("newstance.champion"), PackageLoader("newstance.reporting")])
    return environment


def _unit(scheme: Scheme) -> str:
    return "an article and a target" if scheme.has_targets else "an article"


def _results(candidate: Candidate, tables: Path, settings: Settings) -> TaskResults | None:
    """Return the comparison in which this very run is the best; None where there is none, or an older one."""
    if not (tables / "comparison.csv").is_file():
        return None
    for results in task_results(read_tables(tables), settings):
        best = results.best
        same = best["experiment"] == candidate.name and abs(best["validation_macro_f1"] - candidate.macro_f1) < 1e-6
        if results.scheme.name == candidate.run.settings.task and same:
            return results
    return None


def _unmeasured(scheme: Scheme, results: TaskResults | None) -> list[str]:
    """Return the protocols of the task that the experiment did not follow."""
    protocols = [OUTLET_HELD_OUT, *([UNSEEN_TARGET] if scheme.has_targets else [])]
    return [
        name for name in protocols if results is None or results.best["experiment"] not in results.compared(name).index
    ]


def _metrics(results: TaskResults) -> Table:
    """Scores under every protocol that the experiment followed."""
    table = results.tables["comparison"]
    rows = records(table[table["experiment"] == results.best["experiment"]])
    named = [name for name in METRICS if any(row[name] == row[name] for row in rows)]  # an undefined one is NaN
    cells = [
        [Cell(row["protocol"]), Cell(words.count(row["units"])), *(scored(row, name) for name in named)] for row in rows
    ]
    heads = [name.replace("_", " ").replace("macro f1", "macro-F1").replace("ece", "ECE") for name in named]
    return Table("", ["protocol", f"{results.unit}s", *heads], cells)


def _paragraph(datasheet: Path, beginning: str) -> str:
    """Return the paragraph of the datasheet that begins with these words in bold; "" where there is none."""
    if not datasheet.is_file():
        return ""
    paragraphs = datasheet.read_text(encoding="utf-8").split("\n\n")
    found = (one for one in paragraphs if one.lstrip().startswith(f"**{beginning}"))
    return " ".join(next(found, "").split())
