"""Our runs on published data sets beside what others report on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator

from newstance.errors import NewstanceError
from newstance.experiment.settings import load_experiment
from newstance.files import read_settings
from newstance.models.settings import (
    EncoderFeatures,
    EnsembleModel,
    LinearModel,
    ModelSettings,
    TfidfFeatures,
    TransformerModel,
)
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table, scored
from newstance.reporting.results import Row, TaskResults, read_tables, records, task_results
from newstance.scheme import Strict
from newstance.settings import EXPERIMENTS, PARAMS_FILE, TABLES, Settings, load_settings

PUBLISHED = Path("published")
REFERENCES = "references.yaml"
BENCHMARKS = Path("..") / EXPERIMENTS / "benchmarks"  # from the project folder of the published data sets
OURS = "this project"
COLUMNS = ["system", "source", "parameters", "hardware", "accuracy", "macro-F1"]


class Published(Strict):
    """A result as somebody else states it; scores between 0 and 1, what isn't stated is missing."""

    system: str
    source: str
    parameters: int | None = Field(default=None, gt=0)
    hardware: str | None = None
    accuracy: float | None = Field(default=None, gt=0, le=1)
    macro_f1: float | None = Field(default=None, gt=0, le=1)
    remark: str = ""

    @model_validator(mode="after")
    def _has_a_score(self) -> Published:
        if self.accuracy is None and self.macro_f1 is None:
            raise ValueError("needs 'accuracy' or 'macro_f1'")
        return self


class Benchmark(Strict):
    """A published test set: our tasks on it, and what others report.

    Attributes
    ----------
    title
        What the tables call it.
    tasks
        Those with these articles in test and validation, such as with and without masked outlet names.
    series
        Benchmarks of one series share their test articles and differ in what is trained on.
    published
        Results of others.
    """

    title: str
    tasks: tuple[str, ...] = Field(min_length=1)
    series: str = ""
    published: tuple[Published, ...] = ()


class References(Strict):
    """The file: what others report, and the size of our encoders in parameters."""

    backbones: dict[str, int]
    benchmarks: tuple[Benchmark, ...]


@dataclass(frozen=True)
class Compared:
    """What lies in the project folder of the published data sets, with the results of each benchmark's tasks.

    Attributes
    ----------
    folder
        The project folder.
    settings
        Its params.yaml; where schemes lie is relative to the current folder.
    references
        Its references.yaml.
    results
        Benchmarks that at least one experiment was compared on.
    """

    folder: Path
    settings: Settings
    references: References
    results: tuple[tuple[Benchmark, list[TaskResults]], ...]

    @classmethod
    def read(cls, folder: Path | None) -> Compared | None:
        """Read everything, by default as `literature`; None where nothing was compared."""
        if folder is None:
            folder = Path() if Path(REFERENCES).is_file() else PUBLISHED
        tables = folder / TABLES
        if not (tables / "comparison.csv").is_file() or not (folder / REFERENCES).is_file():
            return None
        settings = load_settings(folder / PARAMS_FILE)
        at_home = settings.labels.model_copy(update={"directory": folder / settings.labels.directory})
        settings = settings.model_copy(update={"labels": at_home})
        references = read_settings(folder / REFERENCES, References)
        results = {one.scheme.name: one for one in task_results(read_tables(tables), settings)}
        there = ((one, [results[task] for task in one.tasks if task in results]) for one in references.benchmarks)
        return cls(folder, settings, references, tuple((one, found) for one, found in there if found))


def literature(folder: Path | None = None) -> list[Table]:
    """Make a table a benchmark: our experiments with intervals, then the published results.

    Parameters
    ----------
    folder
        The project folder of the published data sets, with params.yaml, references.yaml and reports/tables; by default
        the current folder, or `PUBLISHED` in it.

    Returns
    -------
    list of Table
        Benchmarks that we have results for; empty where nothing was compared.

    Raises
    ------
    NewstanceError
        When a file is wrong, or a table lacks a column.
    """
    found = Compared.read(folder)
    return [] if found is None else [_table(found, benchmark, results) for benchmark, results in found.results]


def summary(tables: Sequence[Table]) -> Table | None:
    """Put the tables of `literature` into one, with the best of ours on validation and all that is published.

    A benchmark on which none of ours is the best, such as where a control is, is left out: nothing would stand beside
    what is published.
    """
    rows = [
        [Cell(table.caption.split(":")[0]), *row]
        for table in tables
        if table.strong
        for number, row in enumerate(table.rows)
        if number in table.strong or row[1].text != OURS
    ]
    if not rows:
        return None
    caption = (
        "Of ours the best of each task on validation, with intervals (texts without outlet names are a task of their "
        "own); the others as published, not measured here."
    )
    return Table(caption, ["benchmark", *COLUMNS], rows, texts=3)


def _table(found: Compared, benchmark: Benchmark, results: list[TaskResults]) -> Table:
    rows: list[list[Cell]] = []
    strong = set()
    for one in results:
        for row in records(one.ranked[one.ranked["role"] == "baseline"]):
            if row["experiment"] == one.best["experiment"]:
                strong.add(len(rows))
            size = _size(row["experiment"], found, len(one.scheme.codes))
            rows.append(_our_row(one, row, size))
    rows += [_published_row(one) for one in benchmark.published]
    units = words.plural(results[0].best["units"], f"test {results[0].unit}")
    caption = (
        f"{benchmark.title}: {units}. Ours with {100 * found.settings.evaluation.confidence:g} % intervals (★ best on "
        "validation)" + ("; the others as published, not measured here." if benchmark.published else ".")
    )
    return Table(caption, COLUMNS, rows, texts=2, strong=frozenset(strong))


def _size(experiment: str, found: Compared, classes: int) -> str:
    """Write how many parameters an experiment's model has (an ensemble's: of its members together)."""
    backbones = found.references.backbones
    model = load_experiment(found.folder / BENCHMARKS / f"{experiment}.yaml").model
    members = model.members if isinstance(model, EnsembleModel) else [experiment]
    models = [load_experiment(found.folder / BENCHMARKS / f"{name}.yaml").model for name in members]
    for name in (encoder for one in models for encoder in _encoders(one)):
        if name not in backbones:
            raise NewstanceError(
                f"{REFERENCES}: key 'backbones' lacks '{name}' of the experiment {experiment}; add its number of "
                "parameters."
            )
    size = millions(sum(parameters(one, backbones, classes) for one in models))
    return size if all(isinstance(one, TransformerModel) for one in models) else f"≤ {size}"


def _our_row(results: TaskResults, row: Row, size: str) -> list[Cell]:
    star = " ★" if row["experiment"] == results.best["experiment"] else ""
    cells = [Cell(title_of_text(results, row) + star), Cell(OURS), Cell(size), Cell(row["hardware"])]
    return [*cells, scored(row, "accuracy"), scored(row, "macro_f1")]


def title_of_text(results: TaskResults, row: Row) -> str:
    """Return an experiment's title, and that its texts are masked where they are."""
    return str(row["title"]) + (", outlet names masked" if results.scheme.name.endswith("_masked") else "")


def _published_row(one: Published) -> list[Cell]:
    scores = [
        Cell(words.MISSING) if value is None else Cell(words.score(value)) for value in (one.accuracy, one.macro_f1)
    ]
    size = millions(one.parameters) if one.parameters else words.MISSING
    note = f"({one.remark})" if one.remark else ""
    return [Cell(one.system, note), Cell(f"as published: {one.source}"), Cell(size), Cell(one.hardware or "–"), *scores]


def parameters(model: ModelSettings, backbones: dict[str, int], classes: int) -> int:
    """Return how many numbers a model consists of at most: its encoder's, and the weights of a full TF-IDF."""
    encoders = sum(backbones[name] for name in _encoders(model))
    if isinstance(model, TransformerModel):
        return encoders
    if not isinstance(model, LinearModel):
        return classes
    return encoders + sum(one.max_features * classes for one in model.features if isinstance(one, TfidfFeatures))


def _encoders(model: ModelSettings) -> list[str]:
    """Return the names of a model's encoders."""
    if isinstance(model, TransformerModel):
        return [model.backbone]
    features = model.features if isinstance(model, LinearModel) else ()
    return sorted({one.backbone for one in features if isinstance(one, EncoderFeatures)})


def millions(size: int) -> str:
    """Write a number of parameters in millions."""
    return f"{size / 1e6:.0f} M" if size >= 10_000_000 else f"{size / 1e6:.1f} M"
