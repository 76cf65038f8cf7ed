"""A store of its own, and stand-ins for what makes bundles."""

from __future__ import annotations

import pytest

from champion.fakes import Converter, install
from tracking.conftest import client, use_another_store

__all__ = ["client", "converter", "use_another_store"]


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> Converter:
    return install(monkeypatch)
