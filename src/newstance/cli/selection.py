"""The commands of what to label next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import Params
from newstance.cli.labels import labels_app
from newstance.settings import BUNDLE, PARAMS_FILE, TABLES, load_settings
from newstance.terminal import progress_bar, say

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


@labels_app.command()
def simulate(params: Params = PARAMS_FILE) -> None:
    """Measure the strategies on labels that are there: learning curves against random."""
    from newstance.files import write_csv
    from newstance.selection.run import simulate_tasks

    with progress_bar() as progress:
        curves, areas = simulate_tasks(load_settings(params), progress)
    write_csv(TABLES / "active_learning.csv", curves)
    write_csv(TABLES / "active_learning_area.csv", areas)
    say(f"Learning curves: {TABLES / 'active_learning.csv'}; areas: {TABLES / 'active_learning_area.csv'}")


@labels_app.command()
def weak(
    tasks: Annotated[list[str] | None, typer.Argument(help="By default all that have seed words.")] = None,
    params: Params = PARAMS_FILE,
) -> None:
    """Measure weak labels (seed words, URL sections) on the labels that are there."""
    from newstance.files import write_csv
    from newstance.selection.run import weak_tables

    write_csv(TABLES / "weak_labels.csv", weak_tables(load_settings(params), tasks))
    say(f"Weak labels: {TABLES / 'weak_labels.csv'}")
