"""A bundle that answers at once, or slowly on purpose, and remembers what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from newstance.bundle.answers import Abstention, Answer, Article, Decision, Score, TargetAnswer
from newstance.bundle.manifest import Manifest, TaskInfo
from newstance.scheme import Scheme, load_schemes

ABOUT = Manifest(
    package="0.1.0",
    tasks={
        task: TaskInfo(
            experiment=f"{task}-fake",
            run_id="0" * 32,
            seed=1,
            title=f"Fake for {task}",
            kind="linear",
            metrics={"test/macro_f1": 0.5},
            data="0" * 64,
            precision="int8",
        )
        for task in ("topic", "stance")
    },
    files={},
)


@dataclass
class FakeBundle:
    """Has what the server uses of a bundle.

    Attributes
    ----------
    seconds
        Time an article takes.
    batches
        The texts of every call, the probe of the loading apart.
    gate
        Held closed, it stops the computing until the test opens it.
    """

    version: str = "a1b2c3d4e5f6"
    seconds: float = 0
    remembers: bool = True
    batches: list[list[str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    about = ABOUT
    _probed: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def schemes(self) -> dict[str, Scheme]:
        return load_schemes(Path(__file__).parents[1] / "seeds" / "schemes", ["topic", "stance"])

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        """Answer "politics", or "too-short" for a text of fewer than two words; a text with "poison" fails."""
        if not self._probed:
            self._probed = True
            return [self._answer(article) for article in articles]
        if self.remembers:
            self.batches.append([article.text for article in articles])
        self.gate.wait()
        time.sleep(self.seconds * len(articles))
        if any("poison" in article.text for article in articles):
            raise ValueError(f"can't label {[article.text for article in articles]}")
        return [self._answer(article) for article in articles]

    def _answer(self, article: Article) -> Answer:
        if len(article.text.split()) < 2:
            abstain = Abstention(reason="too-short", detail="A text needs two words.")
            return Answer(labels={}, targets=[], abstain=abstain, version=self.version)
        return Answer(
            labels={"topic": _decision("politics")},
            targets=[
                TargetAnswer(target=target, proposed=False, mentioned=True, labels={"stance": _decision("neutral")})
                for target in article.targets or ()
            ],
            version=self.version,
        )


def _decision(label: str) -> Decision:
    score = Score(label=label, name=label, probability=0.9)
    return Decision(**score.model_dump(), probabilities={label: 0.9, "other": 0.1}, top=[score], evidence=[])
