"""The command of the labelling page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from newstance.cli.app import Params, app
from newstance.errors import NewstanceError
from newstance.settings import PARAMS_FILE, load_settings

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


@app.command()
def label(
    task: Annotated[str | None, typer.Option(help="The task to begin with; by default the first.")] = None,
    annotator: Annotated[str, typer.Option(help="Who labels; else the page asks.")] = "",
    way: Annotated[
        Literal["label", "blind", "adjudicate"], typer.Option("--pass", help="First labels, second ones, or settle.")
    ] = "label",
    queue: Annotated[Path | None, typer.Option(help="A ranked list (CSV); else the order is random.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random order.")] = 1,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8001,
    params: Params = PARAMS_FILE,
) -> None:
    """Label articles on a local page."""
    from newstance.labelling.queue import Queue
    from newstance.labelling.schemas import Who
    from newstance.labelling.server import serve
    from newstance.labels.store import check_annotator
    from newstance.pipeline import articles_to_label

    settings = load_settings(params)
    tasks = settings.labels.schemes
    if task is not None and task not in tasks:
        raise NewstanceError(f"'{task}' is no task of {params}; the tasks are {', '.join(tasks)}.")
    name = check_annotator(annotator) if annotator else ""
    articles = articles_to_label(settings)
    ids = articles["article_id"].tolist()
    order = Queue.from_file(queue, ids) if queue else Queue.at_random(ids, seed)
    chosen = Who.model_validate({"task": task or tasks[0], "annotator": name, "pass": way})
    serve(settings, chosen, tasks, order, articles, port)
