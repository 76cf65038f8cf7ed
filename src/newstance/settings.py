"""The pipeline's settings, read from params.yaml and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from newstance.files import read_settings
from newstance.scheme import Scheme, Strict, load_schemes

PARAMS_FILE = Path("params.yaml")
RAW = Path("data/raw")
WHEELS = Path("data/wheels")
CLEAN = Path("data/clean")
ARTICLES = CLEAN / "articles.parquet"
LABELS = Path("data/labels")
PREPARED = Path("data/prepared")
CACHE = Path("data/cache")
RUNS = Path("runs")
EXPERIMENTS = Path("experiments")
REPORTS = Path("reports")
TABLES = REPORTS / "tables"
SEARCH_TABLES = REPORTS / "search"
PLOTS = REPORTS / "plots"
BUNDLE = Path("bundle")
# Where published data sets lie, for those who have them; else they are downloaded.
DATA_DIR = Path(os.environ["NEWSTANCE_DATA_DIR"]) if os.environ.get("NEWSTANCE_DATA_DIR") else None
STUDY = Path("study")
STUDY_RUNS = STUDY / "runs"
STUDY_REPORTS = STUDY / "reports"


class NearDuplicateSettings(Strict):
    """How near-duplicates are found (`newstance.corpus.near_duplicates`)."""

    shingle_words: int = Field(default=5, ge=1)
    permutations: int = Field(default=128, ge=16)
    similarity: float = Field(default=0.2, gt=0, le=1)


class CorpusSettings(Strict):
    """Where the articles come from and how they are cleaned."""

    source: Literal["news-articles", "table", "own"] = "news-articles"
    path: Path | None = None
    own_articles: Path = Path("seeds/articles")
    min_words: int = Field(default=50, ge=0)
    sample: int | None = Field(default=None, ge=1)
    near_duplicates: NearDuplicateSettings = NearDuplicateSettings()

    @model_validator(mode="after")
    def _table_needs_a_path(self) -> CorpusSettings:
        if (self.source == "table") != (self.path is not None):
            raise ValueError("'path' must be given with source 'table', and only with it")
        return self


class LabelSettings(Strict):
    """Where the annotations are and whose labels serve for what."""

    directory: Path = Path("seeds")
    schemes: tuple[str, ...] = Field(default=("topic", "stance"), min_length=1)
    training: tuple[str, ...] = Field(default=("A", "own"), min_length=1)
    reference: str = "gold"

    def load_schemes(self) -> dict[str, Scheme]:
        """Read the schemes that the settings name."""
        return load_schemes(self.directory / "schemes", self.schemes)


class SplitSettings(Strict):
    """Sizes and seed of the splits."""

    seed: int = 20170207
    validation: float = Field(default=0.1, gt=0, lt=0.5)
    test: float = Field(default=0.2, gt=0, lt=0.5)


class EvaluationSettings(Strict):
    """Bootstrap intervals: `resamples` draws of articles, two-sided at `confidence`."""

    seed: int = 20170330
    resamples: int = Field(default=2000, ge=100)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class SelectionSettings(Strict):
    """The simulation of what to label next (`newstance.selection.simulation`).

    Attributes
    ----------
    tasks
        Of which tasks.
    start, batch, labels
        So many labels at first, so many more each time, and so many in the end.
    corrections, wrong
        Of `labels` labels the share `wrong` is wrong, and up to `corrections` of them are read again.
    seeds
        How often all is repeated from other first labels.
    """

    tasks: tuple[str, ...] = ()
    start: int = Field(default=50, ge=2)
    batch: int = Field(default=50, ge=1)
    labels: int = Field(default=600, ge=10)
    corrections: int = Field(default=300, ge=1)
    wrong: float = Field(default=0.2, gt=0, lt=1)
    seeds: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _parts_are_of_the_whole(self) -> SelectionSettings:
        if max(self.start, self.corrections) > self.labels:
            raise ValueError("'start' and 'corrections' must not be more than 'labels'")
        return self


class EnsembleSettings(Strict):
    """An experiment that combines finished ones; DVC must know which before it reads the experiment's file."""

    task: str
    members: tuple[str, ...] = Field(min_length=2)


class Settings(Strict):
    """All of params.yaml.

    Attributes
    ----------
    corpus, labels, split, evaluation, selection
        Settings of the stages.
    experiments
        Name to task: what ``dvc repro`` runs and compares.
    weak
        The same for experiments that learn from weak labels, and so from the seed words too.
    ensembles
        The same for combinations of these.
    study
        Name to task: the long experiments (several seeds, ablations, learning curves) of study/dvc.yaml.
    study_ensembles
        The same for combinations of any.
    """

    corpus: CorpusSettings = CorpusSettings()
    labels: LabelSettings = LabelSettings()
    split: SplitSettings = SplitSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    selection: SelectionSettings = SelectionSettings()
    experiments: dict[str, str] = Field(default_factory=dict)
    weak: dict[str, str] = Field(default_factory=dict)
    ensembles: dict[str, EnsembleSettings] = Field(default_factory=dict)
    study: dict[str, str] = Field(default_factory=dict)
    study_ensembles: dict[str, EnsembleSettings] = Field(default_factory=dict)

    def names(self, *, study: bool = False) -> list[str]:
        """Return the names of all experiments that are compared; with `study` those of the study too."""
        return [
            *self.experiments,
            *self.weak,
            *self.ensembles,
            *((*self.study, *self.study_ensembles) if study else ()),
        ]

    def run_folder(self, name: str) -> Path:
        """Return where the run of an experiment lies."""
        return (STUDY_RUNS if name in self.study or name in self.study_ensembles else RUNS) / name


def load_settings(path: Path = PARAMS_FILE) -> Settings:
    """Read and check params.yaml."""
    return read_settings(path, Settings)
