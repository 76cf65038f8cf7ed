"""The command of published data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import app
from newstance.settings import PREPARED, TABLES
from newstance.terminal import progress_bar, say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


@app.command()
def prepare(files: Annotated[list[Path], typer.Argument(help="Corpus files (YAML).")]) -> None:
    """Prepare published data sets, each as a task."""
    from newstance.corpus.published import prepare_all
    from newstance.files import write_csv

    with progress_bar() as progress:
        report = prepare_all(files, progress)
    write_csv(TABLES / "corpora.csv", report)
    say(f"Prepared data: {PREPARED}; what was left out: {TABLES / 'corpora.csv'}")
