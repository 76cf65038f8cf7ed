"""A project with an experiment that has ranges, as the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiment.conftest import backbone_folder, prepared_folder, project, tiny
from experiment.running import transformer, write_experiment
from newstance.settings import Settings
from search.searching import MODEL, RANGES

__all__ = ["backbone_folder", "prepared_folder", "project", "tiny"]


@pytest.fixture
def wide(project: Settings) -> Path:
    """A linear experiment, a fraction of a second a trial."""
    return write_experiment("subject-wide", "subject", MODEL, search=RANGES, seeds=[1, 2])


@pytest.fixture
def reader(tiny: Settings) -> Path:
    """A transformer of three epochs."""
    ranges = {"learning_rate": {"low": 0.0001, "high": 0.01, "log": True}}
    return write_experiment("subject-reader", "subject", transformer(epochs=3), search=ranges)
