"""A bundle for workers: its answers cost nothing but take their time; as a program, a run on a cluster to be killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress

from newstance.bundle.answers import Answer, Article
from newstance.serving.ray_prediction import run
from newstance.serving.ray_prediction.cluster import connected
from newstance.serving.ray_prediction.run import RayJob, predict_connected
from serving.batch_prediction.fake_bundle import FakeBundle

PART_ROWS = 20


class SlowBundle(FakeBundle):
    """Takes `seconds` an article."""

    def __init__(self, seconds: float = 0.002):
        super().__init__(forgetful=True)
        self._seconds = seconds

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        time.sleep(self._seconds * len(articles))
        return super().predict(articles, evidence=evidence)


class DyingBundle(SlowBundle):
    """Takes its process with it, once, in the middle of the work; notes in `folder` each process that loads it."""

    def __init__(self, folder: str):
        super().__init__()
        self._died, self._calls = Path(folder) / "died", 0
        with (Path(folder) / "loaded").open("a") as stream:
            stream.write(f"{os.getpid()}\n")

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        self._calls += 1
        if self._calls == 3 and not self._died.exists():
            self._died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(articles, evidence=evidence)


class LateBundle(SlowBundle):
    """Loads five seconds later on every worker but the first; notes in `folder` which processes label something."""

    def __init__(self, folder: str):
        super().__init__(seconds=0.4)
        self._labelled = Path(folder) / "labelled"
        try:
            (Path(folder) / "first").touch(exist_ok=False)
        except FileExistsError:
            time.sleep(5)

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        with self._labelled.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        return super().predict(articles, evidence=evidence)


def main(address: str, given: str, output: str) -> None:
    """Label `given` into `output`."""
    run.PART_ROWS = PART_ROWS
    job = RayJob.of([given], output, address=address, workers=2)
    with connected(address, None):
        predict_connected(job, "fake-1", SlowBundle, Progress(disable=True), resume=False, overwrite=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
