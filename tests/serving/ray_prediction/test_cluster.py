"""On real clusters of this machine: what is lost is done again, nothing is doubled, and the answers are the same."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.progress import Progress

from newstance.errors import NewstanceError
from newstance.serving.batch_prediction import Job, predict_to_file
from newstance.serving.ray_prediction import run
from newstance.serving.ray_prediction.cluster import STARTS, connected
from newstance.serving.ray_prediction.run import RayJob, predict_connected
from serving.batch_prediction.fake_bundle import FakeBundle
from serving.ray_prediction.slow_bundle import PART_ROWS, DyingBundle, LateBundle, SlowBundle

TESTS = Path(__file__).parents[2]
SILENT = Progress(disable=True)


class Machines:
    """A cluster of two machines on this one, of a core each; the second can be lost."""

    def __init__(self, room: str):
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "temp_dir": f"{room}/ray"}
        )
        self._second = self._cluster.add_node(num_cpus=1)
        self.address = self._cluster.address

    def lose_the_second(self) -> None:
        self._cluster.remove_node(self._second, allow_graceful=False)

    def stop(self) -> None:
        self._cluster.shutdown()


def start_machines(room: str, tries: int = STARTS) -> Machines:
    """Start the cluster; Ray gives each machine half a minute, too little where much else runs."""
    try:
        return Machines(room)
    except Exception:
        if tries == 1:
            raise
        return start_machines(room, tries - 1)


@pytest.fixture(scope="module")
def machines():
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as room:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]))
        patch.setenv("TMPDIR", room)
        started = start_machines(room)
        yield started
        started.stop()


@pytest.fixture
def articles(tmp_path, monkeypatch):
    """400 rows in two files, one of them bad; parts of 20 rows and pieces of 100."""
    monkeypatch.setattr(run, "PART_ROWS", PART_ROWS)
    monkeypatch.setattr(run, "PIECE_ROWS", 100)
    folder = tmp_path / "articles"
    folder.mkdir()
    rows = [{"article_id": f"a{row}", "title": f"Title {row}", "text": "Some words about Norway"} for row in range(399)]
    (folder / "a.jsonl").write_text("{\n" + "".join(json.dumps(row) + "\n" for row in rows[:200]))
    write_parquet(folder / "b.parquet", rows[200:])
    return folder


def write_parquet(path, rows):
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100, compression="none")


def by_ray(machines, articles, output, bundle=SlowBundle, progress=SILENT, **options):
    job = RayJob.of([str(articles)], str(output), address=machines.address, workers=2)
    with connected(machines.address, None):
        return predict_connected(job, "fake-1", bundle, progress, **{"resume": False, "overwrite": False} | options)


def rows_of(path):
    """Return the rows of a file, or of a folder of files, in the order of the input."""
    rows = pq.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: (row["source"], row["row"], row["target"] is not None, row["target"]))


def by_hand(articles, path):
    """Return the rows that the local engine writes."""
    job = Job.of([articles], path, kind="parquet", targets=None, evidence=None)
    predict_to_file(job, FakeBundle(), SILENT, path)
    return rows_of(path)


class Watched(Progress):
    """Calls back once, when the first rows are done."""

    def __init__(self, call):
        super().__init__(disable=True)
        self._call = call

    def advance(self, task_id, advance=1):
        if self._call and advance > 1:
            call, self._call = self._call, None
            call()


@pytest.mark.slow
def test_two_parts_go_to_two_workers_although_one_is_ready_before_the_other(machines, articles, tmp_path):
    (articles / "a.jsonl").unlink()
    write_parquet(articles / "b.parquet", [{"title": "A title", "text": "Some words about Norway"}] * 2 * PART_ROWS)
    report = by_ray(machines, articles, tmp_path / "out", bundle=partial(LateBundle, str(tmp_path)))
    assert report.summary.rows == 2 * PART_ROWS
    assert len(set((tmp_path / "labelled").read_text().split())) == 2


@pytest.mark.slow
def test_a_machine_lost_midway_costs_nothing_but_time(machines, articles, tmp_path):
    report = by_ray(machines, articles, tmp_path / "out", progress=Watched(machines.lose_the_second))
    assert rows_of(tmp_path / "out") == by_hand(articles, tmp_path / "local.parquet")
    assert (report.summary.rows, report.summary.errors, report.labelled, report.damage) == (400, 1, 400, [])
    assert report.labelled / report.seconds > 0
    assert re.fullmatch(r"400 rows: 399 labelled, 1 with an error; [\d.]+ rows/s, workers: 2", str(report))


@pytest.mark.slow
def test_a_worker_that_dies_costs_nothing_but_time_and_each_loads_the_bundle_once(machines, articles, tmp_path):
    report = by_ray(machines, articles, tmp_path / "out", bundle=partial(DyingBundle, str(tmp_path)))
    assert (tmp_path / "died").exists()
    loaded = (tmp_path / "loaded").read_text().split()
    assert len(loaded) == len(set(loaded)) >= 2
    assert rows_of(tmp_path / "out") == by_hand(articles, tmp_path / "local.parquet")
    assert (report.summary.rows, report.summary.errors, report.damage) == (400, 1, [])


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(machines, articles, tmp_path):
    output = tmp_path / "out"
    program = [sys.executable, "-m", "serving.ray_prediction.slow_bundle", machines.address, str(articles), str(output)]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 120
        while not list(output.glob("part-*")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
    done = {path.name: path.stat().st_mtime_ns for path in output.glob("part-*")}
    assert 0 < len(done) < 20
    with pytest.raises(NewstanceError, match="out holds an unfinished run; add --resume to go on with it"):
        by_ray(machines, articles, output)

    report = by_ray(machines, articles, output, resume=True)
    assert report.summary.rows == 400
    assert report.labelled <= 400 - PART_ROWS * (len(done) - 1)
    assert {name: (output / name).stat().st_mtime_ns for name in done} == done
    assert rows_of(output) == by_hand(articles, tmp_path / "local.parquet")
    with pytest.raises(NewstanceError, match="out has results; name another folder, or add --overwrite"):
        by_ray(machines, articles, output)

    with (articles / "a.jsonl").open("a") as stream:
        stream.write("{\n")
    with pytest.raises(NewstanceError, match="out was begun with other inputs, so it can't be resumed"):
        by_ray(machines, articles, output, resume=True)


@pytest.mark.slow
def test_damaged_files_are_named_and_the_others_labelled(machines, articles, tmp_path):
    (articles / "c.parquet").write_bytes(b"PAR1 and nothing more")
    second = pq.ParquetFile(articles / "b.parquet").metadata.row_group(1).column(1).dictionary_page_offset
    with (articles / "b.parquet").open("r+b") as stream:
        stream.seek(second)
        stream.write(b"\xff" * 40)
    report = by_ray(machines, articles, tmp_path / "out")
    assert report.summary.rows == 301
    assert len(report.damage) == 2
    assert any(re.search(r"b\.parquet is damaged after row 100: ", sentence) for sentence in report.damage)
    assert any("c.parquet can't be read as Parquet: " in sentence for sentence in report.damage)
    assert {Path(row["source"]).name for row in rows_of(tmp_path / "out")} == {"a.jsonl", "b.parquet"}
