"""Where a notebook reads from: the finished project, or its small slice where only the set-up ran."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.files import read_parquet
from newstance.reporting.results import TaskResults, read_tables, task_results
from newstance.scheme import Scheme
from newstance.settings import ARTICLES, BUNDLE, PARAMS_FILE, RUNS, STUDY_REPORTS, TABLES, Settings, load_settings

SMOKE = Path("build/smoke")
FINDING = f"{BUNDLE}/manifest.json"


@dataclass(frozen=True)
class Project:
    """A finished run of the pipeline; the working directory is its folder.

    Attributes
    ----------
    settings
        What params.yaml says.
    """

    settings: Settings

    @property
    def note(self) -> str:
        """Which articles the notebook is about, in one sentence."""
        if self.settings.corpus.sample is None:
            return "This notebook reads the whole corpus and the results of `make reproduce`."
        return (
            f"**This notebook reads the smoke slice**: {self.settings.corpus.sample} articles and a few experiments, "
            "to show that everything runs. Its numbers mean nothing; after `make reproduce` it reads the whole corpus."
        )

    @cached_property
    def schemes(self) -> dict[str, Scheme]:
        """The label schemes by task."""
        return self.settings.labels.load_schemes()

    @cached_property
    def articles(self) -> pd.DataFrame:
        """All cleaned articles (`newstance.scheme.ARTICLE_COLUMNS`)."""
        return read_parquet(ARTICLES)

    @cached_property
    def results(self) -> dict[str, TaskResults]:
        """The comparison of the default experiments, by task."""
        return {found.scheme.name: found for found in task_results(read_tables(TABLES), self.settings)}

    @cached_property
    def study(self) -> dict[str, TaskResults]:
        """The comparison of all experiments, the long ones too, by task; empty where the study never ran."""
        tables = STUDY_REPORTS / "tables"
        if not (tables / "comparison.csv").is_file():
            return {}
        return {found.scheme.name: found for found in task_results(read_tables(tables), self.settings)}

    def table(self, name: str) -> pd.DataFrame:
        """Read ``reports/tables/NAME.csv``; an empty cell alone is a missing value."""
        return pd.read_csv(
            TABLES / f"{name}.csv",
            keep_default_na=False,
            na_values=[""],
            dtype=dict.fromkeys(("article_id", "first", "second"), "str"),
        )

    def prepared(self, task: str) -> pd.DataFrame:
        """Return a task's labelled units of all splits; `split` says which."""
        return pd.concat([table.assign(split=split) for split, table in read_prepared(task).items()], ignore_index=True)

    def predictions(self, experiment: str) -> pd.DataFrame:
        """Read ``runs/EXPERIMENT/predictions.parquet``."""
        return read_parquet(RUNS / experiment / "predictions.parquet")


def open_project(start: Path | str = ".") -> Project:
    """Find the project around `start`, make its folder the working directory, and read its settings.

    Where the pipeline has not run yet, the smoke slice in build/smoke serves; where that is missing too, it is made,
    which takes two or three minutes.

    Raises
    ------
    NewstanceError
        When `start` is in no project, or the smoke slice can't be made.
    """
    root = _root(Path(start).resolve())
    if not (root / FINDING).is_file():
        root = _smoke(root)
    os.chdir(root)
    return Project(load_settings(PARAMS_FILE))


def _root(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / PARAMS_FILE).is_file() and (folder / "dvc.yaml").is_file():
            return folder
    raise NewstanceError(
        "There is no project here (no params.yaml beside a dvc.yaml); open the notebook in notebooks/."
    )


def _smoke(root: Path) -> Path:
    if (root / SMOKE / FINDING).is_file():
        return root / SMOKE
    print("Only the set-up has run here. Making the smoke slice, which takes two or three minutes ...")
    done = subprocess.run(["make", "smoke"], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode:
        raise NewstanceError(f"`make smoke` failed; run it in a terminal. Its last line: {_last_line(done)}")
    return root / SMOKE


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else "(none)"
