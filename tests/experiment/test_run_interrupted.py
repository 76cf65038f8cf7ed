from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.progress import Progress

from experiment.running import DETERMINISTIC, UNFINISHED, contents, fail_at, files, run, yaml_of
from newstance.experiment import run as run_module
from newstance.experiment import run_experiment
from newstance.experiment.fit import fit
from newstance.files import atomic_path, read_json
from newstance.settings import RUNS, Settings


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("full")], ids=["interrupt", "failure"])
def test_an_interrupted_run_goes_on_as_the_same_run_with_the_same_result(
    project: Settings, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    undisturbed = contents(run("view-svm", project))
    shutil.rmtree(RUNS)

    fail_at(monkeypatch, 2, error)
    with pytest.raises(type(error)):
        run("view-svm", project)
    assert not (RUNS / "view-svm").exists()
    (room,) = UNFINISHED.iterdir()
    identity = read_json(room / "run.json")
    assert [path.name for path in (room / "seeds").iterdir()] == ["1"]

    fail_at(monkeypatch, 1, AssertionError("seed 1 is done and must not be fitted again"))
    resumed = run("view-svm", project)
    assert read_json(resumed / "run.json") == identity
    assert files(resumed) == set(undisturbed)
    for file in DETERMINISTIC:
        assert (resumed / file).read_bytes() == undisturbed[file], file
    assert list(UNFINISHED.iterdir()) == []


def test_the_progress_bar_comes_to_its_end_also_in_a_run_that_goes_on(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, 2, KeyboardInterrupt())
    interrupted, resumed = Progress(disable=True), Progress(disable=True)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(yaml_of("view-svm"), project, track=False, progress=interrupted)
    assert (interrupted.tasks[0].completed, interrupted.tasks[0].total) == (2 + 3, 2 * 2 + 3)
    monkeypatch.setattr(run_module, "fit", fit)
    run_experiment(yaml_of("view-svm"), project, track=False, progress=resumed)
    assert resumed.tasks[0].finished


@pytest.mark.parametrize("change", ["experiment", "data", "package"])
def test_unfinished_work_on_something_else_is_not_gone_on_with(
    project: Settings, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    fail_at(monkeypatch, 2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run("subject-svm", project)
    (room,) = UNFINISHED.iterdir()
    interrupted = read_json(room / "run.json")["id"]
    if change == "experiment":
        settings = yaml.safe_load(yaml_of("subject-svm").read_text())
        yaml_of("subject-svm").write_text(yaml.safe_dump({**settings, "grid": {"classifier.C": [0.3]}}))
    elif change == "data":
        path = Path("data/prepared/subject/train.parquet")
        shutil.copyfile("data/prepared/subject/validation.parquet", path)
    else:
        monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0")
    monkeypatch.setattr(run_module, "fit", fit)
    folder = run("subject-svm", project)
    assert read_json(folder / "run.json")["id"] != interrupted
    assert list(UNFINISHED.iterdir()) == []
    assert len({row["seed"] for row in read_json(folder / "scores.json")["search"]}) == 2


def in_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, 1, OSError("no space left"))


def in_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(run_module, "write_figures", failing)


@pytest.mark.parametrize("break_it", [in_fit, in_writing])
def test_a_failure_leaves_an_earlier_run_as_it_was(
    project: Settings, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None]
) -> None:
    folder = run("subject-logreg", project)
    before = contents(folder)
    with monkeypatch.context() as broken:
        break_it(broken)
        with pytest.raises(OSError, match="no space left"):
            run("subject-logreg", project)
    assert contents(folder) == before
    assert [path.name for path in RUNS.iterdir()] == ["subject-logreg"], "nothing half-written"

    run("subject-logreg", project)
    after = contents(folder)
    assert set(after) == set(before)
    assert all(after[name] == before[name] for name in DETERMINISTIC)


def test_a_failure_while_the_seeds_are_put_together_can_be_gone_on_from(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = contents(run("subject-svm", project))
    with monkeypatch.context() as broken:

        @contextmanager
        def failing(path: Path) -> Iterator[Path]:
            with atomic_path(path) as temporary:
                yield temporary
                if path.parent == RUNS:
                    raise OSError("no space left")

        broken.setattr(run_module, "atomic_path", failing)
        with pytest.raises(OSError, match="no space left"):
            run("subject-svm", project)
    fail_at(monkeypatch, 1, AssertionError("seed 1 is done and must not be fitted again"))
    folder = run("subject-svm", project)
    assert files(folder) == set(undisturbed)
    assert (folder / "predictions.parquet").read_bytes() == undisturbed["predictions.parquet"]
