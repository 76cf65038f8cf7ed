"""Label the articles of files on a Ray cluster, and go on where an earlier run stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from newstance.bundle.manifest import read_manifest
from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.predictions import Summary
from newstance.serving.batch_prediction.run import Predictor, named_targets
from newstance.serving.ray_prediction.cluster import connected
from newstance.serving.ray_prediction.inputs import Piece, Source, Survey, find_sources, place_of
from newstance.serving.ray_prediction.output import Output
from newstance.serving.ray_prediction.storage import is_url

if TYPE_CHECKING:
    from newstance.serving.ray_prediction.stream import Outcome

PART_ROWS = 512  # a file of the output; what a lost worker, or a killed run a worker, loses at most
PIECE_ROWS = 16 * PART_ROWS  # what is read at a stretch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayJob:
    """What is to be labelled, and where.

    Attributes
    ----------
    sources
        The files.
    output
        Where the answers go.
    targets
        For the rows that name none themselves; None: the bundle proposes some.
    address
        As `cluster.connected` takes it.
    workers
        How many hold the bundle; None: one a core of the cluster.
    """

    sources: tuple[Source, ...]
    output: Output
    targets: tuple[str, ...] | None = None
    address: str | None = None
    workers: int | None = None

    @classmethod
    def of(
        cls,
        inputs: Iterable[str],
        output: str | None,
        *,
        targets: Iterable[str] | None = None,
        address: str | None = None,
        workers: int | None = None,
    ) -> RayJob:
        """Check what a person asked for.

        Raises
        ------
        NewstanceError
            When an input can't be found or read by this engine, there is no output, or it lies in an input.
        """
        if output is None:
            raise NewstanceError("The engine ray writes a folder of Parquet files; name it with --output.")
        location = output if is_url(output) else str(Path(output).absolute())
        given = list(inputs)
        _check_apart(given, location)
        return cls(tuple(find_sources(given)), Output(location), named_targets(targets), address, workers)


@dataclass
class Report:
    """What came of a job.

    Attributes
    ----------
    summary
        Of all rows, those of an earlier run too.
    damage
        What could not be read, a sentence each.
    labelled
        How many rows this run labelled.
    seconds
        How long that took, the start of the workers included.
    workers
        How many they were.
    """

    summary: Summary = field(default_factory=Summary)
    damage: list[str] = field(default_factory=list)
    labelled: int = 0
    seconds: float = 0
    workers: int = 0

    def __str__(self) -> str:
        speed = f"; {self.labelled / self.seconds:,.1f} rows/s, workers: {self.workers}" if self.labelled else ""
        return f"{self.summary}{speed}"

    def note(self, outcome: Outcome) -> None:
        """Count what this run did."""
        self.add(outcome.summary)
        self.labelled += outcome.summary.rows
        self.damage += [outcome.damage] if outcome.damage else []

    def add(self, summary: Summary) -> None:
        """Count a part that is written."""
        self.summary.rows += summary.rows
        self.summary.abstentions += summary.abstentions
        self.summary.errors += summary.errors


def predict_on_ray(
    job: RayJob,
    bundle: Path,
    progress: Progress,
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> Report:
    """Label all rows, and write a folder of Parquet files.

    Parameters
    ----------
    job
        What is labelled.
    bundle
        The folder that `newstance export` wrote; the workers get a copy.
    progress
        Shows the rows done.
    resume
        Go on with what an earlier run left; without one, begin.
    overwrite
        Without `resume`, replace an earlier run's results.

    Raises
    ------
    NewstanceError
        When there are results and it wasn't said what to do with them, or they are those of other inputs, another
        bundle or other settings; when no cluster answers.
    """
    _, version = read_manifest(bundle)
    _check_output(job.output, resume=resume, overwrite=overwrite)
    with connected(job.address, job.workers):
        # Only now: Ray reads its settings from the environment once, when it is imported.
        from newstance.serving.ray_prediction.stream import ShippedBundle  # noqa: PLC0415

        return predict_connected(job, version, ShippedBundle(bundle), progress, resume=resume, overwrite=overwrite)


def predict_connected(
    job: RayJob, version: str, load: Callable[[], Predictor], progress: Progress, *, resume: bool, overwrite: bool
) -> Report:
    """Label all rows on the cluster that this process is connected to; each worker calls `load` once."""
    with job.output.locked():
        _check_output(job.output, resume=resume, overwrite=overwrite)
        surveys = _survey(job.sources, progress)
        _begin(job.output, _state(job, version, surveys), resume=resume)
        report = Report(damage=[found.damage for found in surveys if found.damage])
        _label(job, load, [piece for found in surveys for piece in found.pieces], report, progress)
        job.output.finish({**asdict(report), "bundle": version})
    return report


def _label(job: RayJob, load: Callable[[], Predictor], pieces: list[Piece], report: Report, progress: Progress) -> None:
    """Label what is not there yet, and count all of it in `report`."""
    from newstance.serving.ray_prediction import stream  # noqa: PLC0415  (as above)

    done = job.output.parts()
    for summary in done.values():
        report.add(summary)
    report.workers = job.workers or stream.count_workers()
    left = {part for piece in pieces for part in piece.whole.divided(PART_ROWS)} - set(done)
    parts = stream.Parts([piece for piece in pieces if left & set(piece.whole.divided(PART_ROWS))], done, PART_ROWS)
    total = sum(piece.whole.stop - piece.whole.first for piece in pieces)
    task = progress.add_task("predicting", total=total, completed=report.summary.rows)
    started = time.monotonic()
    try:
        for outcome in stream.label_parts(parts, load, job.output, job.targets, report.workers) if left else ():
            report.note(outcome)
            left -= set(outcome.part.divided(PART_ROWS))
            progress.advance(task, outcome.summary.rows)
    except KeyboardInterrupt:
        logger.warning(
            "Stopped; %s rows are kept in %s. The same command with --resume goes on there.",
            f"{report.summary.rows:,}",
            job.output.location,
        )
        raise
    report.seconds = time.monotonic() - started
    if left:
        raise NewstanceError(f"The cluster lost sight of {len(left):,} part(s); add --resume to label them.")


def _check_apart(inputs: Iterable[str], output: str) -> None:
    """Refuse an output in an input folder: its own files would be among the articles of a run that is resumed."""
    storage, folder = place_of(output)
    for given in inputs:
        files, path = place_of(given)
        if files == storage and PurePosixPath(folder).is_relative_to(path):
            raise NewstanceError(
                f"The output {output} is in the input {given}, where its results would be read as articles; name a "
                "folder outside it."
            )


def _check_output(output: Output, *, resume: bool, overwrite: bool) -> None:
    if output.state is None or resume or overwrite:
        return
    if output.is_finished:
        raise NewstanceError(f"{output.location} has results; name another folder, or add --overwrite to replace them.")
    raise NewstanceError(
        f"{output.location} holds an unfinished run; add --resume to go on with it, or --overwrite to begin anew."
    )


def _survey(sources: Sequence[Source], progress: Progress) -> list[Survey]:
    from newstance.serving.ray_prediction import stream  # noqa: PLC0415  (as above)

    task = progress.add_task("looking through files", total=len(sources))
    surveys = []
    for found in stream.survey_all(sources, PIECE_ROWS):
        surveys.append(found)
        progress.advance(task)
    progress.remove_task(task)
    return surveys


def _state(job: RayJob, version: str, surveys: list[Survey]) -> dict[str, Any]:
    """Return what the results depend on; the keys are the words of the message when they differ."""
    inputs = [[source.name, found.fingerprint] for source, found in zip(job.sources, surveys, strict=True)]
    return {
        "inputs": inputs,
        "bundle": version,
        "targets": job.targets if job.targets is None else list(job.targets),
        "rows a part": PART_ROWS,
    }


def _begin(output: Output, state: dict[str, Any], *, resume: bool) -> None:
    begun = output.state if resume else None
    if begun is None:
        output.begin(state)
    elif different := [name for name in state if begun.get(name) != state[name]]:
        raise NewstanceError(
            f"{output.location} was begun with other {' and other '.join(different)}, so it can't be resumed; "
            f"begin anew with --overwrite and without --resume."
        )
