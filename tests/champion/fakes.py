"""Stand-ins for what makes and reads a bundle: a folder with one file, and answers that depend on the text alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from champion.finished import SEEDS
from newstance.bundle.answers import Abstention, Answer, Article, Decision, TargetAnswer
from newstance.errors import NewstanceError
from newstance.files import read_json, write_json
from newstance.scheme import load_schemes
from newstance.settings import Settings

STANCES = ["favor", "neutral", "against"]
SHORT = 3  # words; a text of fewer is not labelled


class Verification(BaseModel):
    max_probability_difference: float = 0.000012
    macro_f1_framework: float = 0.7
    macro_f1_bundle: float = 0.699


class Bundle:
    """Answers about stance."""

    def __init__(self, favor: float) -> None:
        self.favor = favor
        self.schemes = load_schemes(SEEDS / "schemes", ["stance"])

    @classmethod
    def load(cls, path: Path) -> Bundle:
        return cls(read_json(path / "manifest.json")["favor"])

    def predict(self, articles: Sequence[Article], *, evidence: int = 3) -> list[Answer]:
        return [self._answer(article) for article in articles]

    def _answer(self, article: Article) -> Answer:
        if len(article.text.split()) < SHORT:
            reason = Abstention(reason="too-short", detail="It has hardly a word.")
            return Answer(labels={}, targets=[], abstain=reason, version="1")
        targets = [
            TargetAnswer(
                target=target, proposed=False, mentioned=True, labels={"stance": self._stance(article, target)}
            )
            for target in article.targets or ()
        ]
        return Answer(labels={}, targets=targets, version="1")

    def _stance(self, article: Article, target: str) -> Decision:
        favor = (self.favor + len(article.title) + len(article.text) + len(target)) % 10 / 10
        probabilities = dict(zip(STANCES, [favor, (1 - favor) / 4, 3 * (1 - favor) / 4], strict=True))
        label = max(STANCES, key=probabilities.__getitem__)
        return Decision(
            label=label, name=label, probability=probabilities[label], probabilities=probabilities, top=[], evidence=[]
        )


@dataclass
class Converter:
    """Makes such bundles, notes what it converted, and refuses when told to."""

    converted: list[tuple[str, int]] = field(default_factory=list)
    refuse: bool = False

    def convert(self, folder: Path, seed: int, settings: Settings, out: Path) -> None:
        self.converted.append((folder.name, seed))
        write_json(out / "manifest.json", {"favor": 3})

    def verify(self, bundle: Path, folder: Path, seed: int) -> Verification:
        assert (bundle / "manifest.json").is_file()
        if self.refuse:
            raise NewstanceError("The bundle answers otherwise than the model.")
        return Verification()


def install(monkeypatch: pytest.MonkeyPatch) -> Converter:
    """Put the stand-ins where the package imports what makes and reads bundles."""
    converter = Converter()
    modules = {
        "newstance.bundle.bundle": SimpleNamespace(Bundle=Bundle),
        "newstance.champion.convert": SimpleNamespace(convert=converter.convert),
        "newstance.champion.verify": SimpleNamespace(verify=converter.verify, Verification=Verification),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return converter
