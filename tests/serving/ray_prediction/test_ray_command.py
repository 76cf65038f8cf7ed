"""The command as a process of its own, with a real bundle and a cluster that it starts itself."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from newstance.errors import NewstanceError
from newstance.serving.engine import PROBE
from newstance.serving.ray_prediction.cluster import connected

COMMAND = [sys.executable, "-m", "newstance", "predict"]


@pytest.fixture
def articles(tmp_path):
    text = {"title": PROBE.title, "text": PROBE.text}
    rows = [
        {**text, "article_id": 1},
        {**text, "targets": ["Norway"]},
        {**text, "targets": []},
        {"title": 3, "text": ""},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "in.jsonl"


def rows_of(path):
    """Return the rows of a file or folder in order, with no more of their sources, paths or URLs, than the names."""
    rows = [{**row, "source": Path(row["source"]).name} for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["row"], row["scheme"] or "", row["target"] or ""))


@pytest.mark.slow
def test_the_answers_behind_urls_are_those_of_the_local_engine_and_nothing_is_left_running_or_reachable(
    tiny_bundles, articles, tmp_path
):
    more = ["--bundle", str(tiny_bundles.merged), "--output"]
    subprocess.run([*COMMAND, str(articles), *more, str(tmp_path / "local.parquet")], check=False)
    out = tmp_path / "out"
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as room:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        command = [*COMMAND, articles.as_uri(), *more, out.as_uri(), "--engine", "ray", "--workers", "1"]
        with psutil.Popen(
            command, env=environment | {"TMPDIR": room, "HOME": str(tmp_path)}, stderr=subprocess.PIPE, text=True
        ) as process:
            seen, addresses = watch(process)
            said = process.stderr.read()
        assert process.returncode == 1, said
        assert "4 rows: 3 labelled, 1 with an error; " in said
        assert "rows/s, workers: 1; " in said
        assert list(Path(room).iterdir()) == []
        assert not (tmp_path / ".ray").exists()
    assert rows_of(out) == rows_of(tmp_path / "local.parquet")
    assert {row["version"] for row in rows_of(out)} == {json.loads((out / "_summary.json").read_text())["bundle"]}
    assert addresses == {"127.0.0.1"}
    _, left = psutil.wait_procs(seen, timeout=60)
    assert left == []


def watch(process):
    """Return the processes that it starts, and the addresses at which they listen."""
    seen, addresses = set(), set()
    while process.poll() is None:
        started = process.children(recursive=True) if process.is_running() else []
        seen |= set(started)
        for one in started:
            try:
                found = [each.laddr for each in one.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
            except psutil.Error:
                continue
            addresses |= {address.ip.removeprefix("::ffff:") for address in found}
        try:
            process.wait(0.2)
        except psutil.TimeoutExpired:
            continue
    return seen, addresses


@pytest.mark.slow
def test_a_port_that_is_no_ray_clusters_is_one_sentence_and_nothing_is_written(tiny_bundles, articles, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        command = [*COMMAND, str(articles), "--engine", "ray", "--address", address, "--output", str(tmp_path / "out")]
        done = subprocess.run(
            [*command, "--bundle", str(tiny_bundles.merged)], capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"Error: The Ray cluster at {address} does not answer: nothing came back in 15 seconds."
    )
    assert not (tmp_path / "out").exists()


def test_an_address_that_stays_silent_is_given_up_within_half_a_minute():
    # In a process of its own: Ray goes on trying in its thread.
    code = (
        "import sys, time, ray.data; from newstance.serving.ray_prediction.cluster import connected\n"
        "start = time.monotonic()\n"
        "try: connected(sys.argv[1], None).__enter__()\n"
        "except Exception as error: print(f'{time.monotonic() - start:.1f} {error}', flush=True)\n"
        "import os; os._exit(0)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        done = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True, check=True)
    seconds, _, said = done.stdout.partition(" ")
    assert said.startswith(f"The Ray cluster at {address} does not answer: nothing came back in 15 seconds.")
    assert float(seconds) < 30


def test_an_address_where_nobody_is_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(NewstanceError, match=rf"^No Ray cluster is at {address} \(.*refused\); start one with"):
        connected(address, None).__enter__()


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:port", ":6379"])
def test_what_is_no_address_is_one_sentence(address):
    with pytest.raises(NewstanceError, match=f"^{address} is no address of a Ray cluster; give HOST:PORT, or auto"):
        connected(address, None).__enter__()


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NewstanceError, match=r"^ray is not installed: pip install 'newstance\[scaling\]'\.$"):
        connected(None, 1).__enter__()
