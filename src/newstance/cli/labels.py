"""The commands of labels that are there: collect, check, exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from newstance.cli.app import Params, app
from newstance.settings import BUNDLE, PARAMS_FILE, REPORTS, TABLES, load_settings
from newstance.terminal import progress_bar, say

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


@labels_app.command()
def check(
    task: Annotated[str | None, typer.Option(help="One task only; by default all of them.")] = None,
    output: Annotated[Path | None, typer.Option(help="A CSV of everything that was found.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for suspects, too.")] = False,
    suspects: Annotated[bool, typer.Option(help="Suspect labels; takes minutes at first.")] = True,
    params: Params = PARAMS_FILE,
) -> None:
    """List all that is wrong with the labels, and what may be; status 1 where something is."""
    from newstance.exchange import scheme_of
    from newstance.files import write_csv
    from newstance.trust import checks

    settings = load_settings(params)
    tasks = [scheme_of(task, settings).name] if task else settings.labels.schemes
    found = checks.check(tasks, settings, suspects=suspects)
    shown = checks.shown(found)
    for one in shown:
        typer.echo(f"{one.severity:<9}{one}")
    if len(found) > len(shown):
        typer.echo(f"{len(found) - len(shown):,} more suspects are not shown; --output FILE writes all to a CSV.")
    typer.echo(checks.summary(found))
    if output:
        write_csv(output, checks.as_table(found))
    if any(strict or one.severity is checks.Severity.PROBLEM for one in found):
        raise typer.Exit(1)


@labels_app.command()
def agreement(
    task: Annotated[str | None, typer.Argument(help="One task only; by default all of them.")] = None,
    params: Params = PARAMS_FILE,
) -> None:
    """Show how far annotators agree, over time too, and what that says about models' scores."""
    from rich.console import Console

    from newstance.exchange import scheme_of
    from newstance.trust.agreement import measure, sentences, tables

    settings = load_settings(params)
    console = Console()
    for name in [task] if task else settings.labels.schemes:
        found = measure(scheme_of(name, settings), settings)
        for table in tables(found):
            console.print(table, "")
        for sentence in sentences(found):
            console.print(sentence, markup=False, highlight=False)


@labels_app.command()
def export(
    task: Annotated[str, typer.Argument(help="A task of params.yaml.")],
    output: Annotated[Path, typer.Argument(help="What to write; must not be there yet.")],
    kind: Annotated[Literal["label-studio", "datasets", "csv"], typer.Option("--to", help="The format.")],
    predictions: Annotated[
        bool, typer.Option("--predictions", help="With what the champion says (label-studio).")
    ] = False,
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="With the articles that have no label.")] = False,
    bundle: Annotated[Path, typer.Option(help="The exported models.")] = BUNDLE,
    params: Params = PARAMS_FILE,
) -> None:
    """Write a task's labels for Label Studio, as a datasets folder, or as CSV."""
    from newstance.bundle.bundle import Bundle
    from newstance.exchange import export_labels

    models = Bundle.load(bundle) if predictions else None
    with progress_bar() as progress:
        row = progress.add_task("Asking the champion", visible=predictions)
        written = export_labels(
            task,
            kind,
            output,
            load_settings(params),
            bundle=models,
            unlabelled=unlabelled,
            advance=lambda done, total: progress.update(row, completed=done, total=total),
        )
    say(f"{output}: {len(written.labels):,} labels of {len(written.units):,} units")


@labels_app.command("import")
def import_(
    task: Annotated[str, typer.Argument(help="A task of params.yaml.")],
    file: Annotated[Path, typer.Argument(help="Labels; for datasets a folder.")],
    kind: Annotated[Literal["label-studio", "datasets", "csv"], typer.Option("--from", help="The format.")],
    params: Params = PARAMS_FILE,
) -> None:
    """Append labels from a file to a task's labels: all of them, or none."""
    from newstance.exchange import bring_in

    done = bring_in(task, kind, file, load_settings(params))
    outdated = f"; {done.outdated:,} left out, taken back later" if done.outdated else ""
    say(f"{done.added:,} labels added, {done.changed:,} of them changes; {done.known:,} were there before{outdated}")


@app.command()
def drift(
    files: Annotated[list[Path], typer.Argument(help="New articles: .txt, .jsonl, .csv, .parquet, folders.")],
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = REPORTS / "drift",
    bundle: Annotated[Path, typer.Option(help="The exported models.")] = BUNDLE,
    params: Params = PARAMS_FILE,
) -> None:
    """Say whether new articles are like those the champions know, and which to label first."""
    from newstance.bundle.bundle import Bundle
    from newstance.drift import run
    from newstance.drift.page import verdict, write

    settings = load_settings(params).evaluation
    new = run.read_articles(files)
    models = Bundle.load(bundle)
    reference = run.read_reference(models.schemes, settings.seed)
    with progress_bar() as progress:
        row = progress.add_task("Reading articles")
        found = run.compare(
            reference, new, models, settings, lambda done, total: progress.update(row, completed=done, total=total)
        )
    write(found, output)
    typer.echo(verdict(found))
    say(f"Page: {output / 'drift.md'}; what to label first: {output}/queue-TASK.csv")
