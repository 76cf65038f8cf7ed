"""The commands of labels that are there: collect, check, exchange."""

from __future__ import annotations

import typer

from newstance.cli.app import Params, app
from newstance.settings import PARAMS_FILE, TABLES, load_settings
from newstance.terminal import say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415

labels_app = typer.Typer(no_args_is_help=True, help="Check, exchange and choose labels.")
app.add_typer(labels_app, name="labels")


@labels_app.command()
def collect(params: Params = PARAMS_FILE) -> None:
    """Bring the labels into data/labels, and compute the annotators' agreement."""
    from newstance import pipeline

    pipeline.label(load_settings(params))
    say(f"Agreement: {TABLES / 'agreement.csv'}")
