"""The command line: thin, one function a command."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import TimeRemainingColumn

from newstance.errors import NewstanceError
from newstance.settings import (
    BUNDLE,
    PARAMS_FILE,
    PLOTS,
    PREPARED,
    REPORTS,
    RUNS,
    STUDY_REPORTS,
    TABLES,
    Settings,
    load_settings,
)
from newstance.terminal import complain, configure_logging, console, progress_bar, say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Topic and stance of news articles: prepare data, run and compare experiments.",
)
Params = Annotated[Path, typer.Option("--params", help="The settings file.")]
Study = Annotated[bool, typer.Option("--study", help="Take the experiments of the study too; results go to study/.")]


def main() -> None:
    """Run the command line; a `NewstanceError` becomes one sentence and exit status 2."""
    try:
        app(prog_name="newstance")
    except NewstanceError as error:
        complain(error)
        sys.exit(2)


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


@app.command()
def fetch(params: Params = PARAMS_FILE) -> None:
    """Bring the raw corpus into data/raw, verified by its hash."""
    from newstance.pipeline import fetch_corpus

    say(f"Raw corpus: {fetch_corpus(load_settings(params))}")


@app.command()
def clean(params: Params = PARAMS_FILE) -> None:
    """Clean the articles and group near-duplicates."""
    from newstance import pipeline

    pipeline.clean(load_settings(params))
    say(f"Clean articles: {pipeline.ARTICLES}; what was done: {TABLES / 'cleaning.csv'}")


@app.command()
def label(params: Params = PARAMS_FILE) -> None:
    """Check the labels, and compute the annotators' agreement."""
    from newstance import pipeline

    pipeline.label(load_settings(params))
    say(f"Agreement: {TABLES / 'agreement.csv'}")


@app.command()
def split(params: Params = PARAMS_FILE) -> None:
    """Divide the labelled articles and write the prepared data."""
    from newstance import pipeline

    pipeline.split(load_settings(params))
    say(f"Prepared data: {PREPARED}; sizes: {TABLES / 'splits.csv'}")


@app.command()
def run(
    experiments: Annotated[list[Path], typer.Argument(help="Experiment files (YAML).")],
    params: Params = PARAMS_FILE,
    track: Annotated[bool, typer.Option(help="Show the run in MLflow, where that is installed.")] = True,
) -> None:
    """Run experiments, each into a run folder of its own."""
    from newstance.experiment import run_experiment
    from newstance.experiment.environment import rank

    settings = load_settings(params)
    with progress_bar() as progress:
        for path in experiments:
            folder = run_experiment(path, settings, track=track, progress=progress)
            if rank() == 0:
                say(f"Run folder: {folder}")


@app.command()
def track(folders: Annotated[list[Path], typer.Argument(help="Run folders.")]) -> None:
    """Log finished run folders in MLflow, each exactly once."""
    from newstance import tracking

    for folder in folders:
        tracked = tracking.track(folder)
        say(f"{folder}: {'logged' if tracked.created else 'was logged already'}, MLflow run {tracked.run_id}")


@app.command()
def compare(params: Params = PARAMS_FILE, study: Study = False) -> None:
    """Compare all experiments: intervals, paired tests, slices."""
    from newstance.evaluation.compare import compare, write_tables
    from newstance.evaluation.plots import write_plot_data

    settings = load_settings(params)
    _require_experiments(settings, params)
    folders = [settings.run_folder(name) for name in settings.names()]
    if study:
        folders += _study_runs(settings)
    tables = compare(folders, PREPARED, settings)
    reports = STUDY_REPORTS if study else REPORTS
    write_tables(tables, reports / TABLES.name)
    if not study:
        write_plot_data(tables, RUNS, settings.labels.load_schemes(), PLOTS)
    say(f"Comparison: {reports / TABLES.name / 'comparison.csv'}")


def _study_runs(settings: Settings) -> list[Path]:
    """Find the runs of the study. One that needs data which isn't here may be missing; that is said."""
    wanted = [settings.run_folder(name) for name in (*settings.study, *settings.study_ensembles)]
    if missing := [folder.name for folder in wanted if not folder.is_dir()]:
        say(f"Without {', '.join(missing)}: not run here (dvc repro study/dvc.yaml).")
    return [folder for folder in wanted if folder.is_dir()]


def _require_experiments(settings: Settings, params: Path) -> None:
    if not settings.experiments:
        raise NewstanceError(f"{params}: key 'experiments' names none; add NAME: task for a file in experiments/.")


@app.command()
def report(params: Params = PARAMS_FILE, study: Study = False) -> None:
    """Write the comparison page and its figures."""
    from newstance.reporting.page import write_report

    reports = STUDY_REPORTS if study else REPORTS
    write_report(reports / TABLES.name, reports, load_settings(params))
    say(f"Report: {reports / 'index.html'}")


@app.command()
def readme(
    file: Annotated[Path, typer.Argument(help="The file with the results block.")] = Path("README.md"),
    params: Params = PARAMS_FILE,
) -> None:
    """Write the current results into README.md."""
    from newstance.reporting.readme import update

    changed = update(file, TABLES, load_settings(params))
    say(f"{file}: {'results updated' if changed else 'results were up to date'}")


@app.command()
def notebooks(
    files: Annotated[list[Path] | None, typer.Argument(help="Their text forms; by default all in notebooks/.")] = None,
) -> None:
    """Execute the notebooks, and write them as web pages too."""
    from newstance.notebooks.execute import PAGES, execute, sources

    with progress_bar() as progress:
        execute(files or sources(), PAGES, progress)
    say(f"Web pages: {PAGES}")


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
        say(f"Champion of {chosen[0]}: version {now.version} of {now.name} again, not version {before.version}")
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
def articles(files: Annotated[list[Path], typer.Argument(help="Plain-text articles.")]) -> None:
    """Show how plain-text articles are read."""
    from newstance.corpus import own

    refused = False
    for file in files:
        try:
            typer.echo(own.describe(own.parse(file)) + "\n")
        except NewstanceError as error:
            complain(error)
            refused = True
    if refused:
        raise typer.Exit(2)


@app.command()
def predict(
    files: Annotated[
        list[Path], typer.Argument(help="Articles: .txt, .jsonl, .csv, .parquet, folders; - reads stdin.")
    ],
    targets: Annotated[
        list[str] | None, typer.Option(help="Whose stances, where a row names no targets; '' for none.")
    ] = None,
    kind: Annotated[
        Literal["table", "jsonl", "parquet"] | None, typer.Option("--format", help="Else the suffix of OUTPUT says it.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The file to write, else standard output.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT.")] = False,
    bundle: Annotated[Path, typer.Option(help="The exported models.")] = BUNDLE,
    evidence: Annotated[int | None, typer.Option(min=0, help="Sentences a decision (jsonl); 0 is fastest.")] = None,
) -> None:
    """Label the articles of files or standard input."""
    from newstance.bundle.bundle import Bundle
    from newstance.serving.batch_prediction import Job, RowsPerSecond, predict_to_file, predict_to_terminal

    if resume and not output:
        raise NewstanceError("--resume goes on with the file of an earlier run; name it with --output.")
    job = Job.of(files, output, kind=kind, targets=targets, evidence=evidence)
    models = Bundle.load(bundle)
    rows_are_seen = output is None and sys.stdout.isatty()
    with progress_bar(TimeRemainingColumn(), RowsPerSecond(), hidden=rows_are_seen) as progress:
        if output:
            summary = predict_to_file(job, models, progress, output, resume=resume, overwrite=overwrite)
        else:
            summary = predict_to_terminal(job, models, progress)
    say(f"{summary}{f'; {output}' if output else ''}")
    if summary.errors:
        complain(NewstanceError(f"{summary.errors:,} of the rows can't be read; what is wrong stands in their place."))
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


@app.command()
def doctor(params: Params = PARAMS_FILE) -> None:
    """Say what is installed, where things are, what is missing."""
    from newstance.doctor import examine

    findings = examine(params)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        typer.echo(f"{finding.state:<8}{finding.subject:<{width}}  {finding.text}")
    wrong, missing = (sum(finding.state == state for finding in findings) for state in ("wrong", "not yet"))
    typer.echo(f"\n{wrong} wrong, {missing} not there yet")
    if wrong:
        raise typer.Exit(1)
