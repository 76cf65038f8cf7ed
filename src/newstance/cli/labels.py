"""The commands of labels that are there: collect, check, exchange."""

from __future__ import annotations

import typer

from newstance.cli.app import app

labels_app = typer.Typer(no_args_is_help=True, help="Check, exchange and choose labels.")
app.add_typer(labels_app, name="labels")
