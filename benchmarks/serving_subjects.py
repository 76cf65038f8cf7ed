"""This project's model, as benchmarks/serving.py measures it and the command line does not.

python benchmarks/serving_subjects.py no-evidence PORT   the server, answering without evidence
python benchmarks/serving_subjects.py predict REPEATS    times of Bundle.predict; articles on stdin, times on stdout
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from newstance.bundle.answers import Answer, Article
from newstance.bundle.bundle import Bundle
from newstance.serving.server import run
from newstance.serving.settings import ServingSettings
from newstance.settings import BUNDLE


def no_evidence(port: int) -> None:
    """Serve the bundle as `newstance serve` does, without looking for evidence."""

    def load() -> Any:
        bundle = Bundle.load(BUNDLE)

        def predict(articles: Sequence[Article]) -> list[Answer]:
            return bundle.predict(articles, evidence=0)

        return SimpleNamespace(predict=predict, version=bundle.version, about=bundle.about, schemes=bundle.schemes)

    run(ServingSettings(port=port), load)


def predict(repeats: int) -> None:
    """Time one article after the other, with evidence and without."""
    texts = json.load(sys.stdin)
    bundle = Bundle.load(BUNDLE)
    times: dict[int, list[float]] = {3: [], 0: []}
    for evidence, found in times.items():
        for number in range(repeats):
            title, text = texts[number % len(texts)]
            article = Article(title, f"{text} This is copy {number}.", [])
            started = time.perf_counter()
            bundle.predict([article], evidence=evidence)
            found.append(time.perf_counter() - started)
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    {"no-evidence": no_evidence, "predict": predict}[sys.argv[1]](int(sys.argv[2]))
