"""The commands of what to label next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import Params
from newstance.cli.labels import labels_app
from newstance.settings import BUNDLE, PARAMS_FILE, load_settings
from newstance.terminal import say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


@labels_app.command("next")
def next_(
    task: Annotated[str, typer.Argument(help="A task of params.yaml.")],
    strategy: Annotated[
        str, typer.Option(help="random, uncertainty, diversity, disagreement; or suspects, to label anew.")
    ] = "uncertainty",
    count: Annotated[int, typer.Option(min=1, help="How many units.")] = 50,
    output: Annotated[Path, typer.Option(help="The ranked list (CSV).")] = Path("queue.csv"),
    bundle: Annotated[Path, typer.Option(help="The exported models, where there are any.")] = BUNDLE,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn at random.")] = 1,
    params: Params = PARAMS_FILE,
) -> None:
    """Rank what to label next, each unit with the reason why."""
    from newstance.files import write_csv
    from newstance.selection.queue import next_units

    queue = next_units(task, strategy, count, load_settings(params), bundle=bundle, seed=seed)
    write_csv(output, queue)
    say(f"What to label next: {output} ({len(queue)} ranked by {strategy})")
