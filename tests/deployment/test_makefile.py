"""What `make benchmarks` hands to DVC, with a DVC that prints it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from deployment.environment import ROOT


def test_a_relative_folder_of_data_sets_is_found_from_inside_published(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("published", "data sets", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    for name, program in {"dvc": 'echo "$PWD: $NEWSTANCE_DATA_DIR"', "newstance": "true"}.items():
        command = tmp_path / ".venv/bin" / name
        command.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        command.chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt", ".venv/.installed"):
        (tmp_path / name).touch()
    done = subprocess.run(
        ["make", "--silent", "benchmarks"],
        cwd=tmp_path,
        env={**os.environ, "NEWSTANCE_DATA_DIR": "data sets"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path}/published: {tmp_path}/data sets\n"
