"""Speed and memory of `newstance predict`: the local engine, and Ray with one and two workers on this machine.

    python benchmarks/scoring.py [--parts speed,memory] [--articles 1000] [--rows 1000000] [--bundle bundle]

Needs the bundle (`newstance export`) and the prepared data. A run replaces the rows of the parts that it measured in
benchmarks/scoring.csv, and writes what the table says into docs/scoring.md. Parts:

- speed: the command labels `--articles` articles of the prepared data, repeated with fresh ids, and one article.
  `articles_a_second` is what the difference between the two took, so that the start (`start_seconds`, with the one
  article) is not in it. `cpu_ms_an_article` is the processor time of all processes in that difference, which other
  work on the machine hardly changes.
- memory: `--rows` rows, the same articles cut to 200 characters, go through Ray's engine with two workers and a bundle
  that answers at once: it is the engine's memory that is measured, and the most rows in a given time. `memory_mb` is
  the proportional set size of all processes, Ray's own among them; `growth` is from the second tenth of the rows to
  the last. `rows_a_second` is without the start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from statistics import mean
from threading import Event, Thread
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from newstance.bundle.answers import Answer, Article, Decision, Score
from newstance.corpus.prepared import read_prepared
from newstance.experiment.environment import hardware
from newstance.files import write_csv, write_text
from newstance.reporting import words
from newstance.reporting.page import environment
from newstance.reporting.scoring import scoring_tables
from newstance.serving.ray_prediction.cluster import connected
from newstance.serving.ray_prediction.run import RayJob, predict_connected
from newstance.settings import BUNDLE

HERE = Path(__file__).parent
SYSTEMS = {"local": []} | {
    f"ray, {words.plural(count, 'worker')}": ["--engine", "ray", "--workers", str(count)] for count in (1, 2)
}
BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"
SHORT = 200
BATCH = 10_000
ANSWER = Answer(
    labels={
        "topic": Decision(
            label="politics", name="politics", probability=0.9, probabilities={"politics": 0.9, "sport": 0.1},
            top=[Score(label="politics", name="politics", probability=0.9)], evidence=[],
        )
    },
    targets=[],
    version="echo",
)  # fmt: skip


class Echo:
    """A bundle that answers at once, and always the same."""

    version = "echo"
    schemes: dict[str, Any] = {}  # noqa: RUF012

    def predict(self, articles: list[Article], *, evidence: int = 3) -> list[Answer]:
        return [ANSWER] * len(articles)


def write_articles(path: Path, rows: int, cut: int | None = None) -> None:
    """Write the prepared articles, repeated with fresh ids."""
    parts = read_prepared("topic").values()
    texts = [(title, text[:cut]) for part in parts for title, text in zip(part["title"], part["text"], strict=True)]
    schema = pa.schema({name: pa.string() for name in ("article_id", "title", "text")})
    with pq.ParquetWriter(path, schema) as writer:
        repeated = cycle(texts)
        for first in range(0, rows, BATCH):
            some = list(islice(repeated, min(BATCH, rows - first)))
            ids = [f"a{first + number}" for number in range(len(some))]
            writer.write_table(pa.table([ids, *map(list, zip(*some, strict=True))], schema=schema))


class Watch:
    """Looks at a process and all that it starts, once a second.

    Attributes
    ----------
    memory
        Moment and proportional set size in megabytes.
    """

    def __init__(self, pid: int) -> None:
        self.memory: list[tuple[float, float]] = []
        self._root = psutil.Process(pid)
        self._cpu: dict[psutil.Process, float] = {}
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)

    @property
    def cpu_seconds(self) -> float:
        return sum(self._cpu.values())

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1):
            total = 0
            for process in [self._root, *self._processes()]:
                try:
                    times = process.cpu_times()
                    self._cpu[process] = times.user + times.system
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.memory.append((time.monotonic(), total / 2**20))

    def _processes(self) -> list[psutil.Process]:
        try:
            return self._root.children(recursive=True)
        except psutil.Error:
            return []


def command(articles: Path, output: Path, bundle: Path, more: list[str]) -> tuple[float, float]:
    """Run the command; return its seconds and its processor time."""
    started = time.monotonic()
    arguments = ["predict", str(articles), "--output", str(output), "--bundle", str(bundle), *more]
    with (
        subprocess.Popen([sys.executable, "-m", "newstance", "--quiet", *arguments]) as process,
        Watch(process.pid) as watch,
    ):
        if process.wait():
            raise SystemExit(f"{arguments} failed")
        return time.monotonic() - started, watch.cpu_seconds


def measure_speed(room: Path, articles: int, bundle: Path) -> list[tuple[str, str, str, float]]:
    write_articles(room / "many.parquet", articles)
    write_articles(room / "one.parquet", 1)
    rows = []
    for system, more in SYSTEMS.items():
        suffix = "" if more else ".parquet"
        start, start_cpu = command(room / "one.parquet", room / f"{system} one{suffix}", bundle, more)
        seconds, cpu = command(room / "many.parquet", room / f"{system} many{suffix}", bundle, more)
        speed = (articles - 1) / (seconds - start)
        rows += [
            ("speed", system, "articles", articles),
            ("speed", system, "start_seconds", start),
            ("speed", system, "articles_a_second", speed),
            ("speed", system, "cpu_ms_an_article", 1000 * (cpu - start_cpu) / (articles - 1)),
        ]
        print(f"{system:<16}{speed:8.1f} articles a second, start {start:.1f} s", flush=True)
    return rows


class Steps(Progress):
    """Notes when how many rows were done."""

    def __init__(self) -> None:
        super().__init__(disable=True)
        self.done: list[tuple[float, float]] = []

    def advance(self, task_id: Any, advance: float = 1) -> None:
        self.done.append((time.monotonic(), advance + (self.done[-1][1] if self.done else 0)))


def measure_memory(room: Path, rows: int) -> list[tuple[str, str, str, float]]:
    write_articles(room / "many.parquet", rows, SHORT)
    steps = Steps()
    job = RayJob.of([str(room / "many.parquet")], str(room / "out"), workers=2)
    with connected(None, 2), Watch(psutil.Process().pid) as watch:
        predict_connected(job, "echo", Echo, steps, resume=False, overwrite=False)
    early, late = (_mean_memory(watch, steps, rows * first / 10, rows * last / 10) for first, last in ((1, 2), (9, 10)))
    labelled = steps.done[1:]  # the first step is the file that was looked through
    speed = (labelled[-1][1] - labelled[0][1]) / (labelled[-1][0] - labelled[0][0])
    print(f"{rows} rows: {early:.0f} MB, later {late:.0f} MB; {speed:.0f} rows a second", flush=True)
    return [
        ("memory", "ray, 2 workers", "rows", rows),
        ("memory", "ray, 2 workers", "memory_mb", early),
        ("memory", "ray, 2 workers", "growth", late / early - 1),
        ("memory", "ray, 2 workers", "rows_a_second", speed),
    ]


def _mean_memory(watch: Watch, steps: Steps, first: float, last: float) -> float:
    begin = next(moment for moment, done in steps.done if done >= first)
    end = next(moment for moment, done in steps.done if done >= last)
    return mean(size for moment, size in watch.memory if begin <= moment <= end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="speed,memory")
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--out", type=Path, default=HERE / "scoring.csv")
    parser.add_argument("--document", type=Path, default=HERE.parent / "docs" / "scoring.md")
    options = parser.parse_args()
    parts = options.parts.split(",")
    rows: list[tuple[str, str, str, float]] = []
    with tempfile.TemporaryDirectory() as room:
        if "speed" in parts:
            rows += measure_speed(Path(room), options.articles, options.bundle)
        if "memory" in parts:
            rows += measure_memory(Path(room), options.rows)
    table = pd.DataFrame(rows, columns=["part", "system", "measure", "value"]).assign(hardware=hardware())
    if options.out.exists():
        before = pd.read_csv(options.out)
        table = pd.concat([before[~before["part"].isin(parts)], table])
    write_csv(options.out, table)
    describe(options.out, options.document)


def describe(measured: Path, document: Path) -> None:
    """Write the tables between the marks of a document."""
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    written = environment().get_template("scoring.md.j2").render(tables=scoring_tables(measured))
    write_text(document, f"{before}{BEGIN}\n{written}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
