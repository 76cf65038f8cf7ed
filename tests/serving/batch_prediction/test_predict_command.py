"""The command as a process of its own, with a bundle whose answers cost nothing."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newstance import cli
from serving.batch_prediction.fake_bundle import FakeBundle, module_of

COMMAND = [sys.executable, "-m", "serving.batch_prediction.fake_bundle"]
TESTS = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(TESTS),
    "COLUMNS": "100",
    "_TYPER_FORCE_DISABLE_TERMINAL": "1",
}


class Done(NamedTuple):
    status: int
    stdout: str
    stderr: str


def newstance(folder, *arguments: str, given: str | None = None, **environment: str) -> Done:
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        input=given,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    # The log pads its lines to the width of the screen.
    return Done(done.returncode, done.stdout, re.sub(r" +\n", "\n", done.stderr))


def lines(rows: int) -> str:
    return "".join(
        json.dumps({"title": f"Title {row}", "text": "Some words about Norway"}) + "\n" for row in range(rows)
    )


@pytest.fixture
def articles(tmp_path):
    (tmp_path / "ferry.txt").write_text("Ferry returns\n\nThe ferry to Norway sails again.\n")
    (tmp_path / "more.jsonl").write_text(lines(2))
    return tmp_path


def test_a_table_is_shown_when_no_format_is_named(articles):
    done = newstance(articles, "predict", "ferry.txt", "more.jsonl", "--targets", "Norway", "--targets", "Sweden")
    heading, *rows = (line.split("\t") for line in done.stdout.splitlines())
    assert heading == ["article", "topic", "probability", "stance", "note"]
    assert [row[0] for row in rows] == ["ferry", "more.jsonl:1", "more.jsonl:2"]
    assert all(row[3].startswith("Norway: ") and "Sweden: " in row[3] for row in rows)
    assert (done.status, done.stderr) == (0, "3 rows: 3 labelled\n")


def test_a_pipe_gives_a_line_for_a_line(articles):
    done = newstance(articles, "--quiet", "predict", "-", "--format", "jsonl", given=lines(70))
    assert [json.loads(line)["row"] for line in done.stdout.splitlines()] == list(range(1, 71))
    assert (done.status, done.stderr) == (0, "")


def test_a_reader_that_goes_away_is_no_error(articles):
    (articles / "many.jsonl").write_text(lines(5000))
    done = subprocess.run(
        f"{' '.join(COMMAND)} predict many.jsonl | head -2",
        shell=True,
        cwd=articles,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_a_bad_row_is_answered_in_its_place_and_the_status_is_1(articles):
    (articles / "more.jsonl").write_text(lines(1) + "{\n" + lines(1))
    done = newstance(articles, "predict", "more.jsonl", "--output", "out.jsonl")
    rows = [json.loads(line) for line in (articles / "out.jsonl").read_text().splitlines()]
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert done.status == 1
    assert done.stderr == (
        "3 rows: 2 labelled, 1 with an error; out.jsonl\n"
        "Error: 1 of the rows can't be read; what is wrong stands in their place.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ferry.txt", "gone.txt", "--output", "out.jsonl"], "gone.txt does not exist."),
        (["ferry.txt", "--resume"], "--resume goes on with the file of an earlier run; name it with --output."),
        (["ferry.txt", "--format", "parquet"], "Parquet is not for the terminal; name a file with --output."),
        (["ferry.txt", "--workers", "2"], "--address and --workers are for --engine ray."),
        (
            ["more.jsonl", "--output", "s3://bucket/out.parquet"],
            "s3://bucket/out.parquet is a URL, which the local engine does not take; add --engine ray.",
        ),
        (
            ["s3://bucket/in.jsonl", "--output", "out.parquet"],
            "s3://bucket/in.jsonl is a URL, which the local engine does not take; add --engine ray.",
        ),
        (
            ["more.jsonl", "--engine", "ray"],
            "The engine ray writes a folder of Parquet files; name it with --output.",
        ),
        (
            ["more.jsonl", "--engine", "ray", "--output", "out", "--format", "jsonl"],
            "The engine ray writes Parquet without evidence; leave --format and --evidence out.",
        ),
        (
            ["ferry.txt", "--engine", "ray", "--output", "out"],
            "ferry.txt: the engine ray reads .jsonl, .ndjson, .parquet; the suffix says the format.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2_before_anything_is_written(
    articles, arguments, message, monkeypatch, capsys
):
    before = sorted(articles.iterdir())
    monkeypatch.chdir(articles)
    monkeypatch.setitem(sys.modules, "newstance.bundle.bundle", module_of(FakeBundle()))
    monkeypatch.setattr(sys, "argv", ["newstance", "predict", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err) == (2, "", f"Error: {message}\n")
    assert sorted(articles.iterdir()) == before


def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_file(tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(3000))
    command = ["predict", "in.jsonl", "--output"]
    killed = newstance(tmp_path, *command, "out.parquet", NEWSTANCE_TEST_DIE_AT="2000")
    assert killed.status == -signal.SIGKILL
    assert not (tmp_path / "out.parquet").exists()
    # What is left to do is less than would kill it again.
    resumed = newstance(tmp_path, *command, "out.parquet", "--resume", NEWSTANCE_TEST_DIE_AT="2000")
    assert (resumed.status, resumed.stderr) == (0, "3,000 rows: 3,000 labelled; out.parquet\n")
    assert newstance(tmp_path, *command, "whole.parquet").status == 0
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.parquet", "whole.parquet"]


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path):
    (tmp_path / "in.jsonl").write_text(lines(100_000))
    command = [*COMMAND, "predict", "in.jsonl", "--output", "out.jsonl"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell have inherited that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("out.jsonl.parts/*.part")) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said.startswith("Stopped; ")
    assert " rows are kept in out.jsonl.parts. The same command with --resume goes on there." in " ".join(said.split())


def test_on_a_terminal_the_table_is_drawn_and_progress_with_its_speed_is_shown_only_for_a_file(articles):
    assert b"\t" not in (drawn := on_a_terminal(articles, "predict", "more.jsonl"))
    assert b"rows/s" not in drawn
    assert b"more.jsonl:2" in drawn
    assert b"rows/s" in on_a_terminal(articles, "predict", "more.jsonl", "--output", "out.tsv")


def on_a_terminal(folder, *arguments: str) -> bytes:
    """Return what a terminal would get."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT | {"TERM": "xterm"}, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the end of a terminal
            pass
        assert process.wait(timeout=60) == 0
    os.close(ours)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path, suffix):
    peaks = {}
    for rows in (10_000, 100_000):
        make_table(tmp_path / f"{rows}.{suffix}", rows)
        arguments = ["predict", f"{rows}.{suffix}", "--output", f"{rows}.parquet.out", "--format", "parquet"]
        done = newstance(tmp_path, *arguments, NEWSTANCE_TEST_MEMORY="1")
        assert done.status == 0, done.stderr
        peaks[rows] = int(re.search(r"VmHWM:\s+(\d+) kB", done.stderr)[1]) / 1024
    assert (tmp_path / f"100000.{suffix}").stat().st_size > 50 << 20
    assert peaks[100_000] - peaks[10_000] < 20


def make_table(path: Path, rows: int) -> None:
    """Write a table of short articles that don't compress; a Parquet file has one row group."""
    random = Random(1)
    titles = [f"Title {row}" for row in range(rows)]
    texts = [f"Some words {random.randbytes(300).hex()}" for _ in range(rows)]
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"title": titles, "text": texts}), path, row_group_size=rows)
    else:
        path.write_text("title,text\n" + "".join(map("{},{}\n".format, titles, texts)))
