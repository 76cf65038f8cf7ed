"""A bundle that labels by keywords: deterministic, with the answers' real types, fit for looking at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from fake_bundle import ABOUT
from newstance.bundle.answers import Abstention, Answer, Article, Decision, Evidence, Score, TargetAnswer
from newstance.scheme import Kind, Scheme, load_schemes

SCHEMES = Path(__file__).parents[2] / "seeds" / "schemes"
FRAME = Scheme.model_validate(
    {
        "name": "news_frame",
        "kind": "single-label",
        "title": "Frame",
        "annotations": "frames.csv",
        "labels": [
            {"code": "conflict_frame", "name": "conflict", "definition": "two sides stand against each other"},
            {"code": "consequences", "name": "consequences", "definition": "what follows for people"},
        ],
    }
)
TRUST = Scheme.model_validate(
    {
        "name": "trust",
        "kind": "target-dependent",
        "title": "Trust",
        "annotations": "trust.csv",
        "labels": [{"code": code, "name": code, "definition": code} for code in ("full", "some", "little", "none")],
    }
)
TOPICS = {
    "economy": ("million", "loan", "tax"),
    "society": ("low wages", "residents"),
    "conflict": ("truce", "army", "troops", "fighting"),
    "science": ("battery", "researchers", "laboratory", "cells"),
    "politics": ("council", "mayor", "vote", "toll"),
}
PRAISE = ("wonderful", "praised", "excellent", "welcome")
BLAME = ("unjust", "shabby", "false", "neglect", "buried", "laziest")
SENTENCE = re.compile(r"[^\s.!?][^.!?]*[.!?]+[\"”]?")
NAME = re.compile(r"(?<![.!?] )(?<!^)(?<!\n)\b[A-Z][a-z]+ [A-Z][a-z]+\b")


class KeywordBundle:
    """Has what the server uses of a bundle; `extra` schemes are answered too."""

    version = "a1b2c3d4e5f6"
    about = ABOUT

    def __init__(self, *extra: Scheme) -> None:
        self.schemes = load_schemes(SCHEMES, ["topic", "stance"]) | {each.name: each for each in extra}

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        """Label each article."""
        return [self._answer(article, evidence) for article in articles]

    def _answer(self, article: Article, evidence: int) -> Answer:
        if len(article.text.split()) < 20:
            detail = f"The text has {len(article.text.split())} words; 20 are the fewest that can be judged."
            abstain = Abstention(reason="too-short", detail=detail)
            return Answer(labels={}, targets=[], abstain=abstain, version=self.version)
        proposed = article.targets is None
        targets = _names(article.text) if article.targets is None else article.targets
        return Answer(
            labels={
                scheme.name: self._decide(scheme, article, _topic_pull, evidence)
                for scheme in self.schemes.values()
                if not scheme.has_targets
            },
            targets=[self._target(target, article, evidence, proposed=proposed) for target in targets],
            version=self.version,
        )

    def _target(self, target: str, article: Article, evidence: int, *, proposed: bool) -> TargetAnswer:
        def pull(code: str, sentence: str) -> float:
            words = {"favor": PRAISE, "against": BLAME}.get(code, ("said",))
            return sum(word in sentence.lower() for word in words) * (1 + (target.lower() in sentence.lower()))

        labels = {
            scheme.name: self._decide(scheme, article, pull, evidence)
            for scheme in self.schemes.values()
            if scheme.kind is Kind.TARGET_DEPENDENT
        }
        mentioned = target.lower() in f"{article.title} {article.text}".lower()
        return TargetAnswer(target=target, proposed=proposed, mentioned=mentioned, labels=labels)

    def _decide(self, scheme: Scheme, article: Article, pull: Callable[[str, str], float], evidence: int) -> Decision:
        sentences = [("title", 0, len(article.title), article.title)] if article.title else []
        sentences += [("text", found.start(), found.end(), found.group()) for found in SENTENCE.finditer(article.text)]
        sums = {
            code: 1 / (place + 2) + sum(pull(code, each[3]) for each in sentences)
            for place, code in enumerate(scheme.codes)
        }
        shares = {code: value / sum(sums.values()) for code, value in sums.items()}
        best = max(shares, key=lambda code: shares[code])
        others = [code for code in scheme.codes if code != best]
        pulls = [pull(best, each[3]) - max(pull(code, each[3]) for code in others) for each in sentences]
        whole = sum(abs(value) for value in pulls) or 1
        strongest = sorted(range(len(pulls)), key=lambda place: -abs(pulls[place]))[:evidence]
        scores = [
            Score(label=label.code, name=label.name, medtop=label.medtop, probability=shares[label.code])
            for label in sorted(scheme.labels, key=lambda label: -shares[label.code])
        ]
        return Decision(
            **scores[0].model_dump(),
            probabilities=shares,
            top=scores[:3],
            evidence=[
                Evidence(
                    field=sentences[place][0],
                    start=sentences[place][1],
                    end=sentences[place][2],
                    text=sentences[place][3],
                    weight=pulls[place] / whole,
                )
                for place in strongest
                if pulls[place]
            ],
        )


def _topic_pull(code: str, sentence: str) -> float:
    return sum(word in sentence.lower() for word in TOPICS.get(code, ()))


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(NAME.findall(text)))[:3]
