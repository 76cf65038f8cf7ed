"""The list of packages in the image, held against what a real server imports."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.utils import canonicalize_name

from deployment.environment import ROOT, RUNTIME, make_environment, read_pins
from deployment.recipes import health_command
from http_server import PATIENCE, wait_until
from newstance.serving.engine import PROBE
from tiny_bundle import TinyBundles

PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("image"))


@dataclass
class Report:
    """What became of a run of `newstance`."""

    status: int
    packages: set[str]
    written: list[str]
    temporary: Path = Path()
    answers: dict[str, Any] = field(default_factory=dict)
    healthy: list[bool] = field(default_factory=list)


def report(status: int, output: str) -> Report:
    found = json.loads(output.splitlines()[-1])
    return Report(status, {canonicalize_name(name) for name in found["packages"]}, found["written"])


def command(python: Path, *arguments: object) -> list[str]:
    return [str(python), "-I", "-B", str(PROGRAM), *map(str, arguments)]


def newstance(python: Path, folder: Path, *arguments: object) -> Report:
    done = subprocess.run(
        command(python, *arguments), capture_output=True, text=True, cwd=folder, timeout=PATIENCE, check=False
    )
    assert done.stdout, done.stderr
    return report(done.returncode, done.stdout)


def is_healthy(python: Path, port: int) -> bool:
    words = [word.replace(":8000", f":{port}") for word in health_command()]
    return subprocess.run([python, *words[1:]], capture_output=True, check=False).returncode == 0


def ask(port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}"
    article = {"title": PROBE.title, "text": PROBE.text, "targets": list(PROBE.targets or ())}
    answers = {"predict": httpx.post(f"{url}/v1/predict", json=article).raise_for_status().json()}
    lines = httpx.post(
        f"{url}/v1/predict/batch", content=json.dumps(article), headers={"content-type": "application/x-ndjson"}
    )
    answers["batch"] = lines.raise_for_status().json()
    for path in ("", "docs", "openapi.json", "metrics", "v1/models", "static/app.js"):
        httpx.get(f"{url}/{path}").raise_for_status()
    assert httpx.post(f"{url}/v1/predict", json={"wrong": 1}).status_code == 422
    return answers


@pytest.fixture(scope="module")
def served(python: Path, tiny_bundles: TinyBundles, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A server that has answered, and was stopped."""
    temporary = tmp_path_factory.mktemp("temporary")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTANCE_")}
    process = subprocess.Popen(
        command(python, "serve", "--bundle", tiny_bundles.merged, "--port", 0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("empty"),
        env=environment | {"TMPDIR": str(temporary)},
    )
    log: list[str] = []
    assert process.stderr
    threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True).start()
    try:
        wait_until(lambda: process.poll() is not None or any("Ready: bundle" in line for line in log))
        assert process.poll() is None, "".join(log)
        port = int(next(line for line in log if "Serving on" in line).rpartition(":")[2])
        healthy, answers = [is_healthy(python, port)], ask(port)
        process.terminate()
        output, _ = process.communicate(timeout=PATIENCE)
        healthy.append(is_healthy(python, port))
    finally:
        process.kill()
        process.wait()
    return replace(report(process.returncode, output), temporary=temporary, answers=answers, healthy=healthy)


def test_with_the_runtime_packages_alone_the_server_answers_and_stops_in_order(served: Report) -> None:
    assert served.status == 0
    assert served.answers["predict"] == served.answers["batch"]
    assert served.answers["predict"]["labels"] or served.answers["predict"]["abstain"]


def test_the_image_installs_what_is_imported_and_nothing_else(served: Report, python: Path, tmp_path: Path) -> None:
    used = served.packages | newstance(python, tmp_path, "serve", "--help").packages
    assert used - {"newstance"} == set(read_pins(RUNTIME))


def test_the_server_writes_nowhere_but_into_the_temporary_folder(served: Report) -> None:
    outside = [path for path in served.written if not Path(path).is_relative_to(served.temporary)]
    assert outside == []


def test_the_health_check_tells_a_server_that_is_ready_from_one_that_is_gone(served: Report) -> None:
    assert served.healthy == [True, False]


@pytest.mark.parametrize(
    ("arguments", "status"), [(["key", "ada"], 0), (["--version"], 0), (["serve"], 2), (["serve", "--port", "x"], 2)]
)
def test_the_command_line_of_the_image_works(
    python: Path, tmp_path: Path, arguments: Sequence[str], status: int
) -> None:
    assert newstance(python, tmp_path, *arguments).status == status


def test_the_runtime_packages_have_the_tested_versions() -> None:
    tested = read_pins(ROOT / "constraints.txt")
    runtime = read_pins(RUNTIME)
    assert runtime == {name: tested.get(name) for name in runtime}
