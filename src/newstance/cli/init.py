"""The command that begins a project of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import app
from newstance.terminal import say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.")],
    scheme: Annotated[list[Path], typer.Option(help="A label scheme (YAML); several are several tasks.")],
    articles: Annotated[Path | None, typer.Option(help="Folder of articles (.txt); they are copied.")] = None,
    annotator: Annotated[list[str] | None, typer.Option(help="Whose labels train; by default those of 'own'.")] = None,
) -> None:
    """Begin a project with label schemes and articles of your own."""
    from newstance.starting.project import ANNOTATOR, start_project

    start_project(folder, scheme, articles, annotator or [ANNOTATOR])
    say(f"Project: {folder}; what to do next: {folder / 'README.md'}")
