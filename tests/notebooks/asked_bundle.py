"""A bundle whose answers follow from words in the text, so that tests know what an edit must do to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from newstance.bundle.answers import Answer, Article, Decision, Evidence, Score, TargetAnswer
from newstance.models.mentions import sentence_spans
from newstance.scheme import Kind, Label, Scheme

TOPICS, STANCES = ["sport", "economy"], ["favor", "neutral", "against"]


def scheme(name: str, codes: Sequence[str], kind: Kind) -> Scheme:
    labels = tuple(Label(code=code, name=code, definition="") for code in codes)
    return Scheme(name=name, kind=kind, title=name.title(), annotations=f"{name}s.csv", labels=labels)


class AskedBundle:
    """Topic: sport where the text has a goal or the word BBC. Stance: what the text says before the target's name."""

    schemes: ClassVar = {
        "topic": scheme("topic", TOPICS, Kind.SINGLE_LABEL),
        "stance": scheme("stance", STANCES, Kind.TARGET_DEPENDENT),
    }

    def probabilities(self, task: str, articles: Sequence[Article]) -> np.ndarray:
        return np.array([self._one(task, article) for article in articles])

    def _one(self, task: str, article: Article) -> list[float]:
        if task == "topic":
            return [0.9, 0.1] if "goal" in article.text or "BBC" in article.text else [0.3, 0.7]
        (target,) = article.targets or [""]
        if f"praised {target}" in article.text:
            return [0.8, 0.1, 0.1]
        return [0.1, 0.1, 0.8] if f"scolded {target}" in article.text else [0.2, 0.6, 0.2]

    def sentences(self, article: Article) -> list[tuple[str, int, int]]:
        return [("title", 0, len(article.title)), *(("text", *span) for span in sentence_spans(article.text))]

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        """Name the sentence with a goal as evidence, with positive weight, else none."""
        answers = []
        for article in articles:
            labels = {"topic": self._decide("topic", article)}
            stance = {"stance": self._decide("stance", article)}
            targets = [
                TargetAnswer(target=target, proposed=False, mentioned=True, labels=stance)
                for target in article.targets or ()
            ]
            answers.append(Answer(labels=labels, targets=targets, version="1"))
        return answers

    def _decide(self, task: str, article: Article) -> Decision:
        codes, probabilities = self.schemes[task].codes, self._one(task, article)
        place = int(np.argmax(probabilities))
        score = Score(label=codes[place], name=codes[place], probability=probabilities[place])
        evidence = [
            Evidence(field="text", start=start, end=end, text=article.text[start:end], weight=0.5)
            for start, end in sentence_spans(article.text)
            if task == "topic" and "goal" in article.text[start:end]
        ]
        named = dict(zip(codes, probabilities, strict=True))
        return Decision(**score.model_dump(), probabilities=named, top=[score], evidence=evidence)
