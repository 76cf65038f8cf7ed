"""The commands of the pipeline, from the raw corpus to the report and the notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newstance.cli.app import Params, Study, app
from newstance.errors import NewstanceError
from newstance.settings import (
    ARTICLES,
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
from newstance.terminal import complain, progress_bar, say

# Commands import what they need: `newstance --help` must not wait for torch.
# ruff: noqa: PLC0415


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
    say(f"Clean articles: {ARTICLES}; what was done: {TABLES / 'cleaning.csv'}")


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


@app.command()
def notebooks(
    files: Annotated[list[Path] | None, typer.Argument(help="Their text forms; by default all in notebooks/.")] = None,
) -> None:
    """Execute the notebooks, and write them as web pages too."""
    from newstance.notebooks.execute import PAGES, execute, sources

    with progress_bar() as progress:
        execute(files or sources(), PAGES, progress)
    say(f"Web pages: {PAGES}")
