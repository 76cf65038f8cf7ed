"""Our runs on published data sets beside what others report on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from newstance.errors import NewstanceError
from newstance.experiment.settings import load_experiment
from newstance.files import read_settings
from newstance.models.settings import EncoderFeatures, LinearModel, ModelSettings, TfidfFeatures, TransformerModel
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
    """A published test set: our tasks on it, and what others report."""

    title: str
    tasks: tuple[str, ...] = Field(min_length=1)
    published: tuple[Published, ...] = ()


class References(Strict):
    """The file: what others report, and the size of our encoders in parameters."""

    backbones: dict[str, int]
    benchmarks: tuple[Benchmark, ...]


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
    if folder is None:
        folder = Path() if Path(REFERENCES).is_file() else PUBLISHED
    tables = folder / TABLES
    if not (tables / "comparison.csv").is_file() or not (folder / REFERENCES).is_file():
        return []
    settings = load_settings(folder / PARAMS_FILE)
    at_home = settings.labels.model_copy(update={"directory": folder / settings.labels.directory})
    settings = settings.model_copy(update={"labels": at_home})
    references = read_settings(folder / REFERENCES, References)
    results = {one.scheme.name: one for one in task_results(read_tables(tables), settings)}
    found = []
    for benchmark in references.benchmarks:
        there = [results[task] for task in benchmark.tasks if task in results]
        if there:
            found.append(_table(benchmark, there, references.backbones, folder / BENCHMARKS, settings))
    return found


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


def _table(
    benchmark: Benchmark, results: list[TaskResults], backbones: dict[str, int], experiments: Path, settings: Settings
) -> Table:
    rows: list[list[Cell]] = []
    strong = set()
    for one in results:
        for row in records(one.ranked[one.ranked["role"] == "baseline"]):
            if row["experiment"] == one.best["experiment"]:
                strong.add(len(rows))
            model = load_experiment(experiments / f"{row['experiment']}.yaml").model
            if missing := [name for name in _encoders(model) if name not in backbones]:
                raise NewstanceError(
                    f"{REFERENCES}: key 'backbones' lacks '{missing[0]}' of the experiment {row['experiment']}; add "
                    "its number of parameters."
                )
            size = millions(parameters(model, backbones, len(one.scheme.codes)))
            rows.append(_our_row(one, row, size if isinstance(model, TransformerModel) else f"≤ {size}"))
    rows += [_published_row(one) for one in benchmark.published]
    units = words.plural(results[0].best["units"], f"test {results[0].unit}")
    caption = (
        f"{benchmark.title}: {units}. Ours with {100 * settings.evaluation.confidence:g} % intervals (★ best on "
        "validation)" + ("; the others as published, not measured here." if benchmark.published else ".")
    )
    return Table(caption, COLUMNS, rows, texts=2, strong=frozenset(strong))


def _our_row(results: TaskResults, row: Row, size: str) -> list[Cell]:
    title = row["title"] + (", outlet names masked" if results.scheme.name.endswith("_masked") else "")
    star = " ★" if row["experiment"] == results.best["experiment"] else ""
    cells = [Cell(title + star), Cell(OURS), Cell(size), Cell(row["hardware"])]
    return [*cells, scored(row, "accuracy"), scored(row, "macro_f1")]


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
