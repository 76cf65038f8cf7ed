"""A whole small bundle, made as a project's champions are: experiments are run, converted and merged."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from experiment.running import run, transformer, write_experiment
from newstance.bundle.abstention import NearestTraining
from newstance.bundle.manifest import MANIFEST, Manifest, file_hashes, write_manifest
from newstance.champion import convert as convert_module
from newstance.champion.convert import convert, merge
from newstance.files import read_json, write_json, write_text
from newstance.settings import RUNS, Settings, load_settings
from projects import LINEAR_SVM, LOGISTIC_REGRESSION, prepare, write_project
from tiny_backbone import write_tiny_backbone

TOKENS = 64  # what the tiny encoder reads
TEMPERATURE = 0.8
# A label that no article has, so that it is in the scheme but in no model.
UNSEEN = {"code": "weather", "name": "Weather", "definition": "made of nothing", "medtop": "17000000"}
CHAMPIONS = {"subject": "subject-both", "view": "view-words", "leaning": "leaning-words"}
WORDS = {"kind": "tfidf", "field": "article", "ngrams": [1, 2], "min_documents": 1}
MASKED = {"kind": "tfidf", "field": "masked_sentences", "min_documents": 1, "stop_words": "english", "weight": 0.5}
ENCODER = {"kind": "encoder", "field": "article", "backbone": "backbone", "max_tokens": TOKENS // 2}


@dataclass(frozen=True)
class TinyBundles:
    """A project with finished experiments, and bundles of it.

    Attributes
    ----------
    project
        A folder; models need it as the working directory.
    single
        Bundle of each task's champion by task: `subject` is an ensemble of a linear model and a transformer, `view`
        (about targets) and `leaning` are linear.
    merged
        All of them in one.
    """

    project: Path
    single: dict[str, Path]
    merged: Path

    def run_folder(self, task: str) -> Path:
        return self.project / RUNS / CHAMPIONS[task]


def write_tiny_bundles(folder: Path) -> TinyBundles:
    """Write project and bundles into a folder; half a minute on a busy core."""
    bundles = TinyBundles(folder / "project", {task: folder / task for task in CHAMPIONS}, folder / "merged")
    _write_project(bundles.project)
    prepare(bundles.project)
    with contextlib.chdir(bundles.project), small_novelty():
        settings = load_settings()
        _run_experiments(settings)
        for task, experiment in CHAMPIONS.items():
            convert(RUNS / experiment, 1, settings, bundles.single[task])
    merge(list(bundles.single.values()), bundles.merged)
    return bundles


def sign_again(bundle: Path) -> None:
    """Write the hashes of a bundle's files anew, so that only what it holds tells that it was spoilt."""
    manifest = Manifest.model_validate(read_json(bundle / MANIFEST))
    write_manifest(bundle, manifest.model_copy(update={"files": file_hashes(bundle)}))


class _LenientNearest(NearestTraining):
    """Refuses only what is far off: for an encoder with random weights, all English is much the same."""

    @classmethod
    def fit(cls, *vectors: Any) -> Self:
        strict = super().fit(*vectors)
        return cls(strict.embeddings, strict.neighbours, 10 * strict.threshold)


@contextlib.contextmanager
def small_novelty() -> Iterator[None]:
    """Let articles be compared with those of training by the tiny encoder; the default one takes long to export."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert_module, "DEFAULT_BACKBONE", "backbone")
        patch.setattr(convert_module, "NOVELTY_TOKENS", TOKENS)
        patch.setattr(convert_module, "NearestTraining", _LenientNearest)
        yield


def _write_project(folder: Path) -> None:
    """Write a project with the tasks of both kinds of `projects.write_project`, and a label that none has."""
    write_project(folder)
    with tempfile.TemporaryDirectory() as room:
        write_project(Path(room), leaning=True)
        for name in ("leanings.csv", "schemes/leaning.yaml"):
            shutil.copy(Path(room) / "labels" / name, folder / "labels" / name)
    subject = folder / "labels/schemes/subject.yaml"
    scheme = yaml.safe_load(subject.read_text(encoding="utf-8"))
    scheme["labels"].insert(1, UNSEEN)
    write_text(subject, yaml.safe_dump(scheme, sort_keys=False))
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["labels"]["schemes"].append("leaning")
    write_text(folder / "params.yaml", yaml.safe_dump(params, sort_keys=False))
    write_tiny_backbone(folder / "backbone", layers=2)


def _run_experiments(settings: Settings) -> None:
    linear = {"kind": "linear", "features": [WORDS, ENCODER], "classifier": LINEAR_SVM}
    reader = transformer(max_tokens=TOKENS, frozen_layers=1, epochs=1)
    both = {"kind": "ensemble", "members": ["subject-words", "subject-reader"], "weight": 0.6}
    about = {"kind": "linear", "features": [WORDS, MASKED], "classifier": LINEAR_SVM}
    leaning = {"kind": "linear", "features": [WORDS], "classifier": LOGISTIC_REGRESSION}
    for name, model in {
        "subject-words": linear,
        "subject-reader": reader,
        "subject-both": both,
        "view-words": about,
        "leaning-words": leaning,
    }.items():
        write_experiment(name, name.partition("-")[0], model)
        run(name, settings)
    for experiment in CHAMPIONS.values():
        path = RUNS / experiment / "seeds/1/calibration.json"
        assert read_json(path)["temperature"] > 0
        # With so few validation units the fitted one is flat, and a label that no model knows would be likely.
        write_json(path, {"temperature": TEMPERATURE})
