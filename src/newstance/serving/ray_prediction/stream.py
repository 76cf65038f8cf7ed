"""What runs on the cluster: Ray Data reads parts of the input, and workers label them and write the answers."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, ExecutionResources, TaskPoolStrategy
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import RayError

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.errors import NewstanceError
from newstance.serving.batch_prediction.predictions import Summary
from newstance.serving.batch_prediction.reading import Row
from newstance.serving.batch_prediction.run import Predictor, predict_chunks
from newstance.serving.ray_prediction.inputs import Part, Piece, Source, Survey, survey
from newstance.serving.ray_prediction.output import Output

# A worker reserves less than the core it keeps busy, so that those of a lost machine find room on the ones that are
# left, up to half of the cluster, and reading always finds some.
WORKER_CPUS = 0.45
READER_CPUS = 0.1
WORKERS_A_READER = 8  # reading is much faster than labelling
WAITING_BYTES = 64 << 20  # a worker's share of what was read and not yet labelled
STALLED_SECONDS = 15 * 60

ROW = pa.struct(
    {
        "number": pa.int64(),
        "article_id": pa.string(),
        "title": pa.string(),
        "text": pa.string(),
        "targets": pa.list_(pa.string()),
        "error": pa.string(),
    }
)
# One row a part, so that Ray never divides a part or joins two; `damage` says why its rows can't be read.
PARTS = pa.schema(
    {
        "file": pa.int64(),
        "first": pa.int64(),
        "stop": pa.int64(),
        "source": pa.string(),
        "rows": pa.list_(ROW),
        "damage": pa.string(),
    }
)
OUTCOMES = pa.schema(
    {
        "file": pa.int64(),
        "first": pa.int64(),
        "stop": pa.int64(),
        "damage": pa.string(),
        "rows": pa.int64(),
        "abstentions": pa.int64(),
        "errors": pa.int64(),
    }
)


@dataclass(frozen=True)
class Outcome:
    """What became of a part.

    Attributes
    ----------
    part
        Which one.
    summary
        What was written for it.
    damage
        Why nothing was, or None.
    """

    part: Part
    summary: Summary
    damage: str | None


def survey_all(sources: Sequence[Source], piece_rows: int) -> Iterator[Survey]:
    """Look through all files (`inputs.survey`), on the whole cluster; in the order of the files."""
    look = ray.remote(survey).options(num_cpus=READER_CPUS)
    with _in_plain_words():
        for found in [look.remote(number, source, piece_rows) for number, source in enumerate(sources)]:
            yield ray.get(found)


def read_parts(piece: Piece, done: Collection[Part], part_rows: int) -> Iterator[pa.Table]:
    """Read those parts of a piece that are not done, a table of one row each (`PARTS`).

    Where the file breaks off, one more stands for the rest of the piece.
    """
    rows = piece.rows()
    for part in piece.whole.divided(part_rows):
        try:
            read = list(islice(rows, part.stop - part.first))
            if len(read) < part.stop - part.first:
                raise NewstanceError(f"{piece.source.name} has become shorter.")  # noqa: TRY301
        except NewstanceError as error:
            yield _table(piece.whole._replace(first=part.first), piece.source, damage=str(error))
            return
        if part not in done:
            yield _table(part, piece.source, rows=[_packed(row) for row in read])


def _table(part: Part, source: Source, **content: Any) -> pa.Table:
    return pa.Table.from_pylist([{**part._asdict(), "source": source.name, **content}], schema=PARTS)


def _packed(row: Row) -> dict[str, Any]:
    article = row.article
    about = {"title": article.title, "text": article.text, "targets": article.targets} if article else {}
    return {"number": row.number, "article_id": row.article_id, "error": row.error, **about}


def _unpacked(source: str, row: dict[str, Any]) -> Row:
    failed = row["error"] is not None
    article = None if failed else Article(row["title"], row["text"], row["targets"])
    return Row(source, row["number"], row["article_id"], article, row["error"])


class Parts(Datasource):
    """All parts of the input that are not done.

    Parameters
    ----------
    pieces
        Of all files; each is read by one task, which waits where the workers have enough to do.
    done
        Parts to leave out.
    part_rows
        How many rows a part has.
    """

    def __init__(self, pieces: list[Piece], done: Collection[Part], part_rows: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pieces = pieces
        self._done = frozenset(done)
        self._part_rows = part_rows

    def estimate_inmemory_data_size(self) -> int | None:
        """Return nothing: it isn't known before it is read."""
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        """Return a task a piece, whatever Ray finds best."""
        return [self._task(piece) for piece in self._pieces]

    def _task(self, piece: Piece) -> ReadTask:
        parts, part_rows = frozenset(piece.whole.divided(self._part_rows)), self._part_rows
        done = parts & self._done
        metadata = BlockMetadata(
            num_rows=len(parts - done), size_bytes=None, input_files=(piece.source.name,), exec_stats=None
        )
        return ReadTask(lambda: read_parts(piece, done, part_rows), metadata)


class ShippedBundle:
    """A bundle that travels to the workers, which need no disk in common.

    Parameters
    ----------
    folder
        The bundle's folder on this machine.
    """

    def __init__(self, folder: Path) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = ray.put({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})

    def __call__(self) -> Predictor:
        """Unpack and load it; its folder stays until the process ends."""
        room = tempfile.TemporaryDirectory(prefix="newstance-")
        for name, content in ray.get(self._files).items():
            path = Path(room.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        bundle = Bundle.load(Path(room.name), threads=1)
        _rooms.append(room)
        return bundle


_rooms: list[tempfile.TemporaryDirectory[str]] = []


class Worker:
    """Labels parts, and writes the answers.

    Parameters
    ----------
    load
        Returns the bundle.
    output
        Where the answers go.
    targets
        For the rows that name none themselves; None: the bundle proposes some.
    """

    def __init__(self, load: Callable[[], Predictor], output: Output, targets: tuple[str, ...] | None) -> None:
        self._bundle = load()
        self._output = output
        self._targets = targets

    def __call__(self, parts: pa.Table) -> pa.Table:
        """Do the parts of a table (`PARTS`), and return what became of them (`OUTCOMES`)."""
        return pa.Table.from_pylist([self._do(part) for part in parts.to_pylist()], schema=OUTCOMES)

    def _do(self, given: dict[str, Any]) -> dict[str, Any]:
        part = Part(given["file"], given["first"], given["stop"])
        if given["damage"] is not None:
            return {**part._asdict(), "damage": given["damage"], "rows": 0, "abstentions": 0, "errors": 0}
        # It is there when Ray lost the news of it together with the machine.
        summary = self._output.summary(part) or self._label(part, given)
        return {**part._asdict(), "damage": None, **vars(summary)}

    def _label(self, part: Part, given: dict[str, Any]) -> Summary:
        rows = (_unpacked(given["source"], row) for row in given["rows"])
        chunks = predict_chunks(rows, self._bundle, self._targets, evidence=0)
        return self._output.write(part, [prediction for chunk in chunks for prediction in chunk])


def count_workers() -> int:
    """Return how many workers the cluster has a core for."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(int(resources.get("CPU", 1)), 1)


def label_parts(
    parts: Parts, load: Callable[[], Predictor], output: Output, targets: tuple[str, ...] | None, workers: int
) -> Iterator[Outcome]:
    """Label all parts, in no particular order.

    Parameters
    ----------
    parts
        What is to be done.
    load, output, targets
        Of each `Worker`.
    workers
        How many of them.

    Raises
    ------
    NewstanceError
        When a worker can't do its work, or so much of the cluster is lost that nothing goes on.
    """
    with DataContext.current(_context(workers)), _in_plain_words(), warnings.catch_warnings():
        # Fewer parts than workers are no mistake.
        warnings.filterwarnings("ignore", "The minimum number of concurrent actors", UserWarning)
        data = ray.data.read_datasource(
            parts,
            num_cpus=READER_CPUS,
            compute=TaskPoolStrategy(size=1 + workers // WORKERS_A_READER),
        ).map_batches(
            Worker,
            fn_constructor_args=(load, output, targets),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=WORKER_CPUS,
            # A part at a time: else the worker that is there first takes the next parts of those that still load.
            compute=ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        )
        for row in data.iter_rows():
            summary = Summary(row["rows"], row["abstentions"], row["errors"])
            yield Outcome(Part(row["file"], row["first"], row["stop"]), summary, row["damage"])


@contextmanager
def _in_plain_words() -> Iterator[None]:
    """Turn what a worker says is wrong with files or settings into the one sentence that it is."""
    try:
        yield
    except ExecutionTimeoutError:
        raise NewstanceError(
            f"The Ray cluster did nothing for {STALLED_SECONDS // 60} minutes: too few of its machines are left."
        ) from None
    except RayError as error:
        for cause in _causes(error):
            if isinstance(cause, NewstanceError) and not isinstance(cause, RayError):
                raise NewstanceError(str(cause)) from None
        raise


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__


def _context(workers: int) -> DataContext:
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1  # a part is a block of its own
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = STALLED_SECONDS
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=WAITING_BYTES * (workers + 1)
    )
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it warns of settings that are meant
    return context
