"""Searches of the tests: in this process, and in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import Progress

from newstance.search.run import Outcome, search
from newstance.settings import Settings

TESTS = Path(__file__).parents[1]
MODEL: dict[str, Any] = {
    "kind": "linear",
    "features": [{"kind": "tfidf", "field": "article", "min_documents": 1}],
    "classifier": {"kind": "linear-svm", "class_weight": "balanced"},
}
RANGES: dict[str, Any] = {
    "classifier.C": {"low": 0.001, "high": 10.0, "log": True},
    "classifier.class_weight": {"choices": ["balanced", None]},
    "features.0.min_documents": {"low": 1, "high": 3},
}


def find(path: Path, trials: int, settings: Settings, storage: str | None = None) -> Outcome:
    """Search in this process."""
    return search(path, trials, storage, settings, Progress(disable=True))


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start ``python -m PROGRAM ARGUMENT …`` in the working directory, with one thread and without MLflow's store."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def trials_of(name: str) -> pd.DataFrame:
    """Return the table of a search's trials."""
    return pd.read_csv(Path("reports/search") / f"{name}.csv", keep_default_na=False)
