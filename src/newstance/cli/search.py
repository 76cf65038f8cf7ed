"""The command that searches for an experiment's best settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import Params, app
from newstance.settings import PARAMS_FILE, SEARCH_TABLES, load_settings
from newstance.terminal import progress_bar, say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


@app.command()
def search(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML) with ranges under 'search'.")],
    trials: Annotated[int, typer.Option(min=1, help="How many in all, over all processes and calls.")] = 30,
    storage: Annotated[
        str | None, typer.Option(help="A file, or a database's URL, that processes share; else a file of the project.")
    ] = None,
    params: Params = PARAMS_FILE,
) -> None:
    """Search for settings on validation; started again, go on."""
    from newstance.search.run import search as run

    with progress_bar() as progress:
        found = run(experiment, trials, storage, load_settings(params), progress)
    pruned = int((found.table["state"] == "pruned").sum())
    say(
        f"Best of {len(found.table)} trials ({pruned} pruned): macro-F1 {found.best['macro_f1']:.4f} on validation, "
        f"trial {found.best['trial']}; {found.experiment}. Trials: {SEARCH_TABLES / experiment.stem}.csv"
    )
