"""A bundle whose answers cost nothing; as a program, ``newstance`` with it in the place of the real one."""

from __future__ import annotations

import os
import re
import signal
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from newstance.bundle.answers import Abstention, Answer, Article, Decision, Evidence, Score, TargetAnswer
from newstance.scheme import Kind, Label, Scheme


def _scheme(name: str, kind: Kind, *codes: str) -> Scheme:
    labels = tuple(Label(code=code, name=f"{code} and more", definition="") for code in codes)
    return Scheme(name=name, kind=kind, title=name, annotations=f"{name}s.csv", labels=labels)


SCHEMES = {
    "stance": _scheme("stance", Kind.TARGET_DEPENDENT, "favor", "neutral", "against"),
    "topic": _scheme("topic", Kind.SINGLE_LABEL, "politics", "sport", "weather"),
}


class FakeBundle:
    """Answers by checksum; `on_predict` is called with the number of articles answered before, and the new ones.

    With `forgetful` it keeps nothing of what it was asked, so that it takes no memory.
    """

    schemes = SCHEMES

    def __init__(self, version: str = "fake-1", on_predict=None, *, forgetful: bool = False):
        self.version = version
        self.answered = 0
        self.asked: list[Article] = []
        self.evidence: set[int] = set()
        self._on_predict = on_predict
        self._forgetful = forgetful

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        if self._on_predict:
            self._on_predict(self.answered, articles)
        self.answered += len(articles)
        if not self._forgetful:
            self.asked += articles
            self.evidence.add(evidence)
        return [self._answer(article, evidence) for article in articles]

    def _answer(self, article: Article, evidence: int) -> Answer:
        if len(article.text.split()) < 3:
            reason = Abstention(reason="too-short", detail="The text has fewer than three words.")
            return Answer(labels={}, targets=[], abstain=reason, version=self.version)
        proposed = article.targets is None
        targets = [
            TargetAnswer(
                target=target,
                proposed=proposed,
                mentioned=target in article.text,
                labels={"stance": _decision("stance", f"{article.title}|{target}", 0)},
            )
            for target in (["Norway"] if proposed else article.targets)
        ]
        labels = {"topic": _decision("topic", article.title + article.text, evidence)}
        return Answer(labels=labels, targets=targets, version=self.version)


def _decision(scheme: str, key: str, evidence: int) -> Decision:
    codes = SCHEMES[scheme].codes
    weights = [crc32(f"{code}{key}".encode()) + 1 for code in codes]
    probabilities = {code: weight / sum(weights) for code, weight in zip(codes, weights, strict=True)}
    ranked = sorted(codes, key=probabilities.__getitem__, reverse=True)
    top = [Score(label=code, name=f"{code} and more", probability=probabilities[code]) for code in ranked]
    pieces = [Evidence(field="text", start=0, end=1, text=key[:1], weight=0.5)] * evidence
    return Decision(**top[0].model_dump(), probabilities=probabilities, top=top, evidence=pieces)


def module_of(bundle: FakeBundle) -> types.ModuleType:
    """Return what stands in the place of `newstance.bundle.bundle`."""
    module = types.ModuleType("newstance.bundle.bundle")
    module.Bundle = types.SimpleNamespace(load=lambda _: bundle)
    return module


def main() -> None:
    """Run ``newstance`` in this process; NEWSTANCE_TEST_DIE_AT=N kills it before the Nth article is answered."""
    die_at = int(os.environ.get("NEWSTANCE_TEST_DIE_AT", "0"))

    def kill(answered: int, articles: Sequence[Article]) -> None:
        if die_at and answered + len(articles) >= die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.modules["newstance.bundle.bundle"] = module_of(FakeBundle(on_predict=kill, forgetful=True))
    from newstance.cli import main as newstance

    try:
        newstance()
    finally:
        if os.environ.get("NEWSTANCE_TEST_MEMORY"):
            # Not ru_maxrss: that counts the process that started this one.
            status = Path("/proc/self/status").read_text()
            print(re.search(r"VmHWM:.*", status)[0], file=sys.stderr)


if __name__ == "__main__":
    main()
