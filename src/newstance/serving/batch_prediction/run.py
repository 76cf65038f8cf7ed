"""Predict the rows of files, to a file or to standard output."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text

from newstance.bundle.answers import Answer, Article
from newstance.errors import NewstanceError
from newstance.files import file_sha256
from newstance.scheme import Scheme
from newstance.serving.batch_prediction.parts import Parts
from newstance.serving.batch_prediction.predictions import Prediction, Summary
from newstance.serving.batch_prediction.reading import STANDARD_INPUT, Row, count_rows, expand, name_of, read_rows
from newstance.serving.batch_prediction.writing import (
    FORMAT_OF_SUFFIX,
    Format,
    file_writer,
    json_line,
    terminal_writer,
)

CHUNK_ROWS = 32  # what the bundle gets at once
PART_ROWS = 256  # what a killed run loses at most; a multiple of CHUNK_ROWS, so that resumed chunks are the same

logger = logging.getLogger(__name__)


class Predictor(Protocol):
    """What batch prediction needs of a bundle (`newstance.bundle.bundle.Bundle`)."""

    @property
    def version(self) -> str:
        """Which bundle it is."""

    @property
    def schemes(self) -> Mapping[str, Scheme]:
        """The label schemes by name."""

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        """Answer each article."""


class RowsPerSecond(ProgressColumn):
    """Shows the speed."""

    def render(self, task: Task) -> Text:
        """Return the speed over the last moments, or over all when finished."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f} rows/s" if speed else "")


@dataclass(frozen=True)
class Job:
    """What is to be predicted.

    Attributes
    ----------
    files
        As `reading.expand` lists them.
    format
        Of the output.
    targets
        For the rows that name none themselves; None: the bundle proposes some.
    evidence
        How many sentences a decision comes with.
    """

    files: tuple[Path, ...]
    format: Format
    targets: tuple[str, ...] | None
    evidence: int

    @classmethod
    def of(
        cls,
        paths: Iterable[Path],
        output: Path | None,
        *,
        kind: Format | None,
        targets: Iterable[str] | None,
        evidence: int | None,
    ) -> Job:
        """Check what a person asked for, and fill in the rest.

        Parameters
        ----------
        paths
            Files, folders, or ``-`` for standard input.
        output
            None: standard output.
        kind
            None: what the suffix of `output` says, else ``table``.
        targets
            Blank ones are left out, so one blank target asks for no stances. None or empty: the bundle proposes.
        evidence
            None: 3 for ``jsonl``, none for the other formats, which don't show it; it takes time.

        Raises
        ------
        NewstanceError
            When a file can't be read, or the options contradict each other.
        """
        kind = kind or (FORMAT_OF_SUFFIX.get(output.suffix.lower(), "table") if output else "table")
        if kind == "parquet" and output is None:
            raise NewstanceError("Parquet is not for the terminal; name a file with --output.")
        if evidence and kind != "jsonl":
            raise NewstanceError(f"Evidence is not in a {kind}; leave --evidence out, or take --format jsonl.")
        return cls(
            files=tuple(expand(paths)),
            format=kind,
            targets=named_targets(targets),
            evidence=evidence if evidence is not None else 3 if kind == "jsonl" else 0,
        )


def named_targets(targets: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the targets that were named, blank ones left out; None where none was named at all."""
    named = tuple(targets or ())
    return tuple(target.strip() for target in named if target.strip()) if named else None


def predict_to_terminal(job: Job, bundle: Predictor, progress: Progress) -> Summary:
    """Predict and write to standard output, chunk by chunk."""
    summary = Summary()
    rows = track_rows(job, progress)
    with terminal_writer(job.format, bundle.schemes) as writer:
        for predictions in predict_chunks(rows, bundle, job.targets, job.evidence):
            writer.write(predictions)
            summary.add(predictions)
    return summary


def predict_to_file(
    job: Job, bundle: Predictor, progress: Progress, output: Path, *, resume: bool = False, overwrite: bool = False
) -> Summary:
    """Predict and write a file; parts are kept beside it until it is whole.

    Parameters
    ----------
    job, bundle
        What is predicted, and by what.
    progress
        Shows the rows done.
    output
        The file; it appears whole, at the end.
    resume
        Go on with the parts that a stopped run left; without such parts, begin.
    overwrite
        Replace `output`, if it is there; without `resume`, an earlier run's parts too.

    Raises
    ------
    NewstanceError
        When `output` or parts are there and it wasn't said what to do with them, or the parts are those of other
        inputs, another bundle or other settings.
    """
    _check_output(job, output, resume=resume, overwrite=overwrite)
    parts = Parts(output)
    with parts.locked():
        _begin(parts, _state(job, bundle), resume=resume, overwrite=overwrite)
        try:
            _fill(parts, job, bundle, progress)
            return _put_together(parts, job, bundle, progress)
        except KeyboardInterrupt:
            if STANDARD_INPUT in job.files:
                parts.remove()
            else:
                logger.warning(
                    "Stopped; %s rows are kept in %s. The same command with --resume goes on there.",
                    f"{parts.done:,}",
                    parts.folder,
                )
            raise


def _check_output(job: Job, output: Path, *, resume: bool, overwrite: bool) -> None:
    if any(file.exists() and output.exists() and file.samefile(output) for file in job.files):
        raise NewstanceError(f"{output} is one of the inputs; name another file with --output.")
    if output.is_dir():
        raise NewstanceError(f"{output} is a folder; name a file with --output.")
    if output.exists() and not overwrite:
        raise NewstanceError(f"{output} exists; name another file, or add --overwrite to replace it.")
    if resume and STANDARD_INPUT in job.files:
        raise NewstanceError("Standard input can't be read a second time; to use --resume, put it into a file.")


def _state(job: Job, bundle: Predictor) -> dict[str, Any]:
    """Return what the predictions depend on; the keys are the words of the message when they differ."""
    return {
        "inputs": [[name_of(file), "" if file == STANDARD_INPUT else file_sha256(file)] for file in job.files],
        "bundle": bundle.version,
        "targets": job.targets if job.targets is None else list(job.targets),
        "evidence": job.evidence,
    }


def _begin(parts: Parts, state: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    if parts.begun and resume:
        parts.go_on(state)
    elif parts.begun and not overwrite:
        raise NewstanceError(
            f"{parts.folder} holds an unfinished run; add --resume to go on with it, or --overwrite to begin anew."
        )
    else:
        parts.begin(state)


def _fill(parts: Parts, job: Job, bundle: Predictor, progress: Progress) -> None:
    """Predict the rows that are not done yet, and keep them part by part."""
    done = parts.done
    rows = track_rows(job, progress, done=done)
    lines: list[bytes] = []
    try:
        for predictions in predict_chunks(rows, bundle, job.targets, job.evidence):
            lines += [json_line(prediction) for prediction in predictions]  # all of a chunk, or none
            if len(lines) >= PART_ROWS:
                parts.add(done, lines)
                done, lines = done + len(lines), []
    finally:
        # Whole chunks only, whatever stopped the run.
        if lines:
            parts.add(done, lines)


def _put_together(parts: Parts, job: Job, bundle: Predictor, progress: Progress) -> Summary:
    summary = Summary()
    task = progress.add_task("writing", total=parts.done)

    def write(path: Path) -> None:
        with file_writer(job.format, bundle.schemes, path) as writer:
            lines = parts.lines()
            while some := list(islice(lines, PART_ROWS)):
                predictions = [Prediction.model_validate_json(line) for line in some]
                writer.write(predictions)
                summary.add(predictions)
                progress.advance(task, len(predictions))

    parts.finish(write)
    return summary


def track_rows(job: Job, progress: Progress, *, done: int = 0) -> Iterator[Row]:
    """Read the rows after the first `done`, and show how far the reading is."""
    task = progress.add_task("counting", total=None)
    if not progress.disable and STANDARD_INPUT not in job.files:
        progress.update(task, total=count_rows(job.files))
    progress.reset(task, description="predicting", completed=done)
    for row in islice(read_rows(job.files), done, None):
        yield row
        progress.advance(task)


def predict_chunks(
    rows: Iterator[Row], bundle: Predictor, targets: tuple[str, ...] | None, evidence: int
) -> Iterator[list[Prediction]]:
    """Predict `CHUNK_ROWS` rows at a time, in order; `targets` and `evidence` are those of a `Job`."""
    while chunk := list(islice(rows, CHUNK_ROWS)):
        articles = [_with_targets(row.article, targets) for row in chunk if row.article]
        answers = iter(bundle.predict(articles, evidence=evidence) if articles else ())
        yield [
            Prediction.of(row, next(answers)) if row.article else Prediction.failed(row, bundle.version)
            for row in chunk
        ]


def _with_targets(article: Article, targets: tuple[str, ...] | None) -> Article:
    return replace(article, targets=targets) if article.targets is None and targets is not None else article
