"""Does a bundle answer as the model that was trained? Seen on validation, before anything is served."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import f1_score

from newstance.bundle.answers import Article, Evidence
from newstance.bundle.bundle import Bundle
from newstance.bundle.manifest import Precision, file_hashes, read_manifest, write_manifest
from newstance.bundle.networks import GRAPHS
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.evaluation.calibration import apply_temperature
from newstance.experiment.fit import EMBEDDINGS
from newstance.files import read_json
from newstance.models.embeddings import embedding_cache
from newstance.models.persistence import load

MOST_LOSS = 0.005  # of macro-F1
LEAST_AGREEMENT = 0.98  # share of units with the same label
FIDELITY_ARTICLES = 100
VARIANTS: tuple[Precision, ...] = ("fp32", "int8")
DIGITS = 6
Probabilities = NDArray[np.float64]


class Verification(BaseModel):
    """What was measured on the validation units of a task.

    Attributes
    ----------
    units
        How many there are.
    precision
        The variant that answers: int8, which is the faster one, unless its macro-F1 is more than 0.005 lower.
    macro_f1_framework, macro_f1_fp32, macro_f1_int8
        Of the model as it was trained, and of the bundle's variants. Not a score to report: a model that was fitted
        again after the choice has seen validation.
    same_labels_fp32, same_labels_int8
        Share of units that get the same label as from the trained model.
    max_difference_fp32, max_difference_int8, mean_difference_fp32, mean_difference_int8
        Of calibrated probabilities, over units and labels.
    refused
        Share of validation articles on which the bundle abstains.
    drop_evidence, drop_random
        By how much the probability of the label falls, on average, without the sentence that is named as its
        strongest evidence, and without another sentence drawn at random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: int
    precision: Precision
    macro_f1_framework: float
    macro_f1_fp32: float
    macro_f1_int8: float
    same_labels_fp32: float
    same_labels_int8: float
    max_difference_fp32: float
    max_difference_int8: float
    mean_difference_fp32: float
    mean_difference_int8: float
    refused: float
    drop_evidence: float
    drop_random: float


def verify(bundle: Path, folder: Path, seed: int) -> Verification:
    """Compare a bundle with the model from which it was made, and choose the variant of its networks that answers.

    Parameters
    ----------
    bundle
        Folder of the bundle, just converted; it keeps the chosen variant alone.
    folder, seed
        Run folder and seed of the model.

    Raises
    ------
    NewstanceError
        When the bundle is refused: its labels differ too often or its macro-F1 is too low.
    """
    task = str(read_json(folder / "settings.json")["task"])
    validation = read_prepared(task)["validation"]
    expected = _framework(folder / "seeds" / str(seed), bundle, task, validation)
    articles = _articles(validation)
    loaded = {name: Bundle.load(bundle, precision=name) for name in VARIANTS}
    found: dict[str, Probabilities] = {}
    scores: dict[str, float] = {}
    for name, one in loaded.items():
        found[name] = one.probabilities(task, articles)
        scores |= _compare(expected, found[name], name)
    truth = [loaded["fp32"].schemes[task].codes.index(code) for code in validation[task]]
    scores |= {f"macro_f1_{name}": _macro_f1(truth, one) for name, one in (found | {"framework": expected}).items()}
    _refuse(scores, bundle)
    loss = scores["macro_f1_framework"] - scores["macro_f1_int8"]
    precision: Precision = "int8" if loss <= MOST_LOSS else "fp32"
    _keep(precision, task, bundle)
    scores |= _usefulness(loaded[precision], task, articles)
    return Verification(
        units=len(validation), precision=precision, **{name: round(value, DIGITS) for name, value in scores.items()}
    )


def _keep(precision: Precision, task: str, bundle: Path) -> None:
    """Leave the networks' other variant out of the bundle, which is a third of the size without it."""
    manifest, _ = read_manifest(bundle)
    for other in set(VARIANTS) - {precision}:
        for file in (bundle / GRAPHS).glob(f"*/{other}.onnx"):
            file.unlink()
    tasks = {task: manifest.tasks[task].model_copy(update={"precision": precision})}
    write_manifest(bundle, manifest.model_copy(update={"tasks": tasks, "files": file_hashes(bundle)}))


def _framework(seed_folder: Path, bundle: Path, task: str, table: pd.DataFrame) -> Probabilities:
    """Return the trained model's calibrated probabilities, columns in the scheme's order."""
    codes = [label["code"] for label in read_json(bundle / "tasks" / task / "scheme.json")["labels"]]
    model = load(seed_folder / "model")
    with embedding_cache(EMBEDDINGS):
        raw = pd.DataFrame(model.predict_proba(table), columns=list(model.classes_))
    temperature = float(read_json(seed_folder / "calibration.json")["temperature"])
    return apply_temperature(raw.reindex(columns=codes, fill_value=0.0).to_numpy(), temperature)


def _articles(table: pd.DataFrame) -> list[Article]:
    targets = table["target"] if "target" in table else [""] * len(table)
    rows = zip(table["title"], table["text"], targets, strict=True)
    return [Article(title, text, [target] if target else []) for title, text, target in rows]


def _compare(expected: Probabilities, found: Probabilities, name: str) -> dict[str, float]:
    differences = np.abs(expected - found)
    return {
        f"same_labels_{name}": float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
        f"max_difference_{name}": float(differences.max()),
        f"mean_difference_{name}": float(differences.mean()),
    }


def _macro_f1(truth: Sequence[int], probabilities: Probabilities) -> float:
    return float(f1_score(truth, probabilities.argmax(axis=1), average="macro"))


def _refuse(scores: dict[str, float], bundle: Path) -> None:
    loss = scores["macro_f1_framework"] - scores["macro_f1_fp32"]
    if loss > MOST_LOSS or scores["same_labels_fp32"] < LEAST_AGREEMENT:
        raise NewstanceError(
            f"{bundle} is refused: on validation {scores['same_labels_fp32']:.1%} of its labels are the trained "
            f"model's ({LEAST_AGREEMENT:.0%} are needed), and its macro-F1 is {loss:.4f} lower ({MOST_LOSS} at most)."
        )


def _usefulness(bundle: Bundle, task: str, articles: Sequence[Article]) -> dict[str, float]:
    """Measure how often the bundle abstains, and whether its evidence is what moves it."""
    sample = articles[:FIDELITY_ARTICLES]
    answers = bundle.predict(sample, evidence=1)
    draw = np.random.default_rng(0)
    places, before, cut, other = [], [], [], []
    for article, answer in zip(sample, answers, strict=True):
        decisions = answer.labels | (answer.targets[0].labels if answer.targets else {})
        if task not in decisions or not decisions[task].evidence:
            continue
        decision = decisions[task]
        without = [one for one in bundle.sentences(article) if one != _place(decision.evidence[0])]
        if not without or decision.evidence[0].weight < 0:
            continue
        places.append(bundle.schemes[task].codes.index(decision.label))
        before.append(decision.probability)
        cut.append(_without(article, *_place(decision.evidence[0])))
        other.append(_without(article, *without[draw.integers(len(without))]))
    rows = np.arange(len(places))
    after = [bundle.probabilities(task, changed)[rows, places] if places else np.array([]) for changed in (cut, other)]
    drops = [float(np.mean(np.array(before) - one)) if places else 0.0 for one in after]
    refused = sum(answer.abstain is not None for answer in answers) / len(answers)
    return {"refused": refused, "drop_evidence": drops[0], "drop_random": drops[1]}


def _place(evidence: Evidence) -> tuple[str, int, int]:
    return evidence.field, evidence.start, evidence.end


def _without(article: Article, field: str, start: int, end: int) -> Article:
    """Leave out a sentence."""
    if field == "title":
        return Article("", article.text, article.targets)
    return Article(article.title, article.text[:start] + article.text[end:], article.targets)
