"""What the tests of several folders share and is slow to make."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from postgres import Postgres, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiny_bundle import TinyBundles


# On a busy machine the same example takes ten times as long: no test is about its own time.
settings.register_profile("newstance", deadline=None)
settings.load_profile("newstance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file, the smoke pipeline: at the end, one process would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_smoke_pipeline.py")


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
