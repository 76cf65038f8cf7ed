from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from newstance.experiment import environment as module


def test_without_a_gpu_the_processor_is_named_with_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "processor\t: 0\nmodel name\t: Model 9 @ 2 GHz\n")
    assert module.hardware() == "3 cores, Model 9 @ 2 GHz"


def test_a_system_that_does_not_list_its_processors_names_at_least_their_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any, **__: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert module.hardware().endswith(" cores, arm64")


def test_gpus_are_named_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2, get_device_name=lambda _: "Card 9")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert module.hardware() == "2 x Card 9"


def test_what_a_saved_model_needs_is_named_with_its_version() -> None:
    packages = module.environment()["packages"]
    assert {"torch", "transformers", "scikit-learn", "safetensors"} <= set(packages)
    assert "cleanlab" not in packages


def test_the_place_among_processes_is_read_from_what_the_launcher_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert (module.rank(), module.processes()) == (0, 1)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert (module.rank(), module.processes()) == (3, 4)
