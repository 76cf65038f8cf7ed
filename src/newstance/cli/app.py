"""The command line's frame, which the modules of commands add to."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from newstance.terminal import configure_logging

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Topic and stance of news articles: prepare data, run and compare experiments.",
)
Params = Annotated[Path, typer.Option("--params", help="The settings file.")]
Study = Annotated[bool, typer.Option("--study", help="Take the experiments of the study too; results go to study/.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"newstance {version('newstance')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version, and no more.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say what is done in detail.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but warnings and errors.")] = False,
) -> None:
    """Set how much is said."""
    configure_logging(verbose=verbose, quiet=quiet)
