"""The commands of published data sets, and the audit of any prepared data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import Params, app
from newstance.errors import NewstanceError
from newstance.settings import PARAMS_FILE, PREPARED, REPORTS, TABLES, load_settings
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


@app.command()
def audit(
    task: Annotated[str, typer.Argument(help="A task of params.yaml with prepared data.")],
    outlets: Annotated[Path | None, typer.Option(help="Who is who among the outlets (YAML).")] = None,
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = REPORTS / "audit",
    params: Params = PARAMS_FILE,
) -> None:
    """Look for leakage between a task's splits: shared outlets and texts, tell-tale words, shortcuts."""
    from newstance.audit.run import audit as run
    from newstance.audit.verdict import verdict
    from newstance.corpus.prepared import read_prepared
    from newstance.corpus.published_outlets import read_outlets

    settings = load_settings(params)
    schemes = settings.labels.load_schemes()
    if task not in schemes:
        raise NewstanceError(f"{params}: labels.schemes has no task '{task}'; it has {', '.join(schemes)}.")
    known = read_outlets(outlets) if outlets else None
    found = run(read_prepared(task), schemes[task], output, outlets=known, settings=settings.evaluation)
    say(f"{verdict(found.findings)} Audit: {output / f'{task}.html'}")
