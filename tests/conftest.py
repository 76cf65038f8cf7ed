"""What the tests of several folders share and is slow to make."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

from postgres import Postgres, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiny_bundle import TinyBundles


# On a busy machine the same example takes ten times as long: no test is about its own time.
settings.register_profile("newstance", deadline=None)
settings.load_profile("newstance")


# The longest files first: at the end, one process would wait for the other.
LONGEST = [
    "test_smoke_pipeline.py",
    "test_five_commands.py",
    "test_predict_command.py",
    "test_search.py",
    "test_on_a_server.py",
    "test_run_transformer.py",
    "test_cluster.py",
    "test_ray_command.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, the longest of them first."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True)
def what_is_there_is_no_garbage() -> None:
    """Have the garbage collector look at what a test makes, and not at all of torch and pandas.

    accelerate collects garbage before each training and statsmodels in each correction of p-values: without this, half
    of the time of tests that train something tiny or compare experiments.
    """
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_bundles(tmp_path_factory: pytest.TempPathFactory) -> TinyBundles:
    """A small project and its bundles; not to be changed."""
    import torch

    from tiny_bundle import write_tiny_bundles

    torch.set_num_threads(1)  # on busy cores, two threads that wait for each other take ten times as long
    return write_tiny_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; make a database of your own."""
    with running_postgres() as found:
        yield found


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database to be copied: MLflow takes six seconds to make one, so pytest-xdist's processes share it."""
    own = tmp_path_factory.getbasetemp()
    path = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "mlflow.db"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            from newstance.tracking.store import load_mlflow

            load_mlflow()
            from mlflow import MlflowClient

            room = tmp_path_factory.mktemp("store") / path.name
            MlflowClient(tracking_uri=f"sqlite:///{room}").search_experiments()
            shutil.copy(room, path)
    return path
