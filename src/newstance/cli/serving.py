"""The commands of the champions: choose, export, predict, serve."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import TimeRemainingColumn

from newstance.cli.app import Params, app
from newstance.errors import NewstanceError
from newstance.settings import BUNDLE, PARAMS_FILE, load_settings
from newstance.terminal import complain, console, progress_bar, say

if TYPE_CHECKING:
    from newstance.serving.batch_prediction import Job, Summary

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


@app.command()
def champion(
    task: Annotated[str | None, typer.Option(help="One task only; by default all of them.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Explain the choice, and change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace even a better champion.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Bring back what the champion of --task replaced.")
    ] = False,
    params: Params = PARAMS_FILE,
) -> None:
    """Register the best experiment of each task as its champion."""
    from newstance.champion.register import RECORD, make_plan, register_champions
    from newstance.tracking import registry

    settings = load_settings(params)
    tasks = settings.labels.schemes
    if task is not None and task not in tasks:
        raise NewstanceError(f"'{task}' is no task of {params}; the tasks are {', '.join(tasks)}.")
    if rollback and (task is None or dry_run or force):
        raise NewstanceError("--rollback changes one task's champion: give --task TASK with it, and nothing else.")
    chosen = [task] if task else tasks
    if rollback:
        before, now = registry.roll_back(chosen[0])
        # Without the commit, dvc repro would find the bundle changed and bring the one before from its cache.
        say(
            f"Champion of {chosen[0]}: version {now.version} of {now.name} again, not version {before.version}; "
            "now run `newstance export`, then `dvc commit --force export`"
        )
    elif dry_run:
        typer.echo("\n\n".join(make_plan(one, settings, force=force).describe() for one in chosen))
    else:
        register_champions(chosen, settings, force=force)
        say(f"What validation chose: {RECORD}")


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="Folder of the bundle.")] = BUNDLE, params: Params = PARAMS_FILE
) -> None:
    """Write the champions of all tasks as one bundle, for prediction and serving."""
    from newstance.champion.export import export as write

    bundle = write(load_settings(params).labels.schemes, output)
    say(f"Bundle: {output}, version {bundle.version}, with {', '.join(bundle.schemes)}")


@app.command()
def predict(
    files: Annotated[list[str], typer.Argument(help="Articles: .txt, .jsonl, .csv, .parquet, folders; - reads stdin.")],
    targets: Annotated[
        list[str] | None, typer.Option(help="Whose stances, where a row names no targets; '' for none.")
    ] = None,
    kind: Annotated[
        Literal["table", "jsonl", "parquet"] | None, typer.Option("--format", help="Else the suffix of OUTPUT says it.")
    ] = None,
    output: Annotated[str | None, typer.Option(help="The file to write, else standard output.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT.")] = False,
    bundle: Annotated[Path, typer.Option(help="The exported models.")] = BUNDLE,
    evidence: Annotated[int | None, typer.Option(min=0, help="Sentences a decision (jsonl); 0 is fastest.")] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="ray: many workers, FILES and OUTPUT are folders or URLs.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Ray cluster, or auto; else one is started here.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Of --engine ray; else one a core.")] = None,
) -> None:
    """Label the articles of files or standard input."""
    from newstance.serving.batch_prediction import Job, RowsPerSecond
    from newstance.serving.ray_prediction.storage import is_url

    if resume and not output:
        raise NewstanceError("--resume goes on with the file of an earlier run; name it with --output.")
    if engine == "ray":
        if evidence or kind not in {None, "parquet"}:
            raise NewstanceError("The engine ray writes Parquet without evidence; leave --format and --evidence out.")
        from newstance.serving.ray_prediction.run import RayJob, predict_on_ray

        spread = RayJob.of(files, output, targets=targets, address=address, workers=workers)
        with progress_bar(TimeRemainingColumn(), RowsPerSecond()) as progress:
            report = predict_on_ray(spread, bundle, progress, resume=resume, overwrite=overwrite)
        _conclude(f"{report}; {output}", report.summary.errors, report.damage)
        return
    if address or workers:
        raise NewstanceError("--address and --workers are for --engine ray.")
    if urls := [one for one in (*files, output or "") if is_url(one)]:
        raise NewstanceError(f"{urls[0]} is a URL, which the local engine does not take; add --engine ray.")
    job = Job.of(map(Path, files), Path(output) if output else None, kind=kind, targets=targets, evidence=evidence)
    summary = _predict_here(job, bundle, Path(output) if output else None, resume=resume, overwrite=overwrite)
    _conclude(f"{summary}{f'; {output}' if output else ''}", summary.errors)


def _predict_here(job: Job, bundle: Path, output: Path | None, *, resume: bool, overwrite: bool) -> Summary:
    from newstance.bundle.bundle import Bundle
    from newstance.serving.batch_prediction import RowsPerSecond, predict_to_file, predict_to_terminal

    models = Bundle.load(bundle)
    rows_are_seen = output is None and sys.stdout.isatty()
    with progress_bar(TimeRemainingColumn(), RowsPerSecond(), hidden=rows_are_seen) as progress:
        if output:
            return predict_to_file(job, models, progress, output, resume=resume, overwrite=overwrite)
        return predict_to_terminal(job, models, progress)


def _conclude(said: str, errors: int, damage: Sequence[str] = ()) -> None:
    """Say what was done, and end with status 1 when some input was not read."""
    say(said)
    for sentence in damage:
        complain(NewstanceError(f"{sentence} The rest of its rows is left out."))
    if errors:
        complain(NewstanceError(f"{errors:,} of the rows can't be read; what is wrong stands in their place."))
    if errors or damage:
        raise typer.Exit(1)


@app.command()
def serve(
    bundle: Annotated[Path, typer.Option(help="The exported models.")] = BUNDLE,
    host: Annotated[str, typer.Option(help="Address; one that others can reach needs --keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    keys: Annotated[Path | None, typer.Option(help="File of API keys (NEWSTANCE_API_KEYS holds them, too).")] = None,
    admin_keys: Annotated[
        Path | None, typer.Option(help="File of keys that may reload (NEWSTANCE_ADMIN_KEYS).")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Serve a public address without keys.")] = False,
    log_articles: Annotated[bool, typer.Option("--log-articles", help="Write articles into the access log.")] = False,
    max_wait_ms: Annotated[float, typer.Option(min=0, help="What batching may add to an answer.")] = 5,
    max_queue: Annotated[int, typer.Option(min=64, help="Articles that may wait; more are refused.")] = 64,
    max_delay: Annotated[float, typer.Option(min=0.1, help="Seconds an article may wait; more are refused.")] = 2,
) -> None:
    """Serve the champions over HTTP, with a page."""
    from newstance.serving.server import serve as run
    from newstance.serving.settings import ServingSettings

    run(
        ServingSettings(
            bundle=bundle,
            host=host,
            port=port,
            keys=keys,
            admin_keys=admin_keys,
            insecure=insecure,
            log_articles=log_articles,
            max_wait_ms=max_wait_ms,
            max_queue=max_queue,
            max_delay_seconds=max_delay,
        )
    )


@app.command()
def key(name: Annotated[str, typer.Argument(help="Whose key: what the server's log says.")]) -> None:
    """Make an API key: its line for the key file goes to standard output, the key itself to the terminal."""
    from newstance.serving.keys import make_key

    secret, line = make_key(name)
    console.print(f"Key of {name}, shown this once: {secret}", soft_wrap=True, highlight=False, markup=False)
    typer.echo(line)
