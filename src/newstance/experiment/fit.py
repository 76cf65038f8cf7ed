"""Fitting one model: the grid on train, choice and temperature on validation, the last fit on both."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from newstance.corpus.splits import Fold
from newstance.evaluation.calibration import apply_temperature, fit_temperature, label_losses
from newstance.evaluation.outcomes import CALIBRATED, UNCALIBRATED, prediction_columns
from newstance.experiment.settings import ExperimentSettings, Scalar
from newstance.models.build import build
from newstance.models.embeddings import embedding_cache
from newstance.models.fields import sentiment
from newstance.models.mentions import Aliases, plain_sentences, sentences
from newstance.models.settings import ModelSettings
from newstance.scheme import Scheme
from newstance.settings import CACHE

Array = NDArray[np.float64]
TIMED_UNITS = 128
PARALLEL_FROM = 20.0  # seconds
EMBEDDINGS = CACHE / "embeddings"


@dataclass(frozen=True)
class Setup:
    """What an experiment works with: its settings, the task's scheme, and further names of targets."""

    experiment: ExperimentSettings
    scheme: Scheme
    aliases: Aliases


@dataclass(frozen=True)
class Candidate:
    """One combination of the grid and how it did on validation, fitted on train."""

    settings: dict[str, Scalar]
    macro_f1: float
    log_loss: float

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better: macro-F1 first, then the lower log loss."""
        return self.macro_f1, -self.log_loss


@dataclass(frozen=True)
class Fitted:
    """The outcome of `fit`.

    Attributes
    ----------
    model
        The best candidate, fitted anew on train and validation together.
    temperature
        Of the best candidate as fitted on train, from its validation predictions.
    validation
        These predictions, shape (validation units, classes).
    chosen, candidates
        The best candidate, and all of them in the grid's order.
    seconds
        What the last fit took; embeddings of the texts were at hand.
    """

    model: Pipeline
    temperature: float
    validation: Array
    chosen: Candidate
    candidates: list[Candidate]
    seconds: float


def fit(setup: Setup, fold: Fold, seed: int, on_candidate: Callable[[Candidate], None] = lambda _: None) -> Fitted:
    """Fit every candidate on train, choose on validation, and fit the best one on both.

    Validation scores and the temperature belong to the fit on train alone. The last fit gives the chosen settings all
    the labels that aren't kept for the test.

    Parameters
    ----------
    setup
        Its experiment says model and grid.
    fold
        Its test part is not looked at.
    seed
        For classifiers that draw at random.
    on_candidate
        Called after each candidate, for progress and tracking.
    """
    scheme = setup.scheme
    truth = fold.validation[scheme.name].to_numpy(dtype=object)
    numbers = np.array([scheme.codes.index(code) for code in truth])
    tried: list[tuple[Candidate, ModelSettings, Array]] = []
    for settings, model, predicted in _try_candidates(setup, fold, seed):
        labels = np.array(scheme.codes, dtype=object)[predicted.argmax(axis=1)]
        score = float(f1_score(truth, labels, average="macro", zero_division=0))
        candidate = Candidate(settings, score, float(label_losses(predicted, numbers).mean()))
        on_candidate(candidate)
        tried.append((candidate, model, predicted))
    chosen, model, predicted = max(tried, key=lambda one: one[0].rank)
    started = time.perf_counter()
    both = pd.concat([fold.train, fold.validation], ignore_index=True)
    final = build(model, setup.aliases, seed).fit(both, both[scheme.name].to_numpy(dtype=object))
    seconds = time.perf_counter() - started
    # A class that train doesn't have gets no probability at all, which would ask for an absurd temperature.
    known = np.isin(truth, fold.train[scheme.name])
    temperature = fit_temperature(predicted[known], numbers[known])
    return Fitted(final, temperature, predicted, chosen, [candidate for candidate, *_ in tried], seconds)


def _try_candidates(setup: Setup, fold: Fold, seed: int) -> Iterator[tuple[dict[str, Scalar], ModelSettings, Array]]:
    """Fit the candidates on train and predict validation; neighbours that differ in the classifier share features."""
    labels = fold.train[setup.scheme.name].to_numpy(dtype=object)
    key, train, validation = None, None, None
    for settings, model in setup.experiment.candidates():
        pipeline = build(model, setup.aliases, seed)
        features, classifier = pipeline[:-1], pipeline[-1]
        wanted = model.model_dump_json(exclude={"classifier"})
        if wanted != key:
            key, train = wanted, features.fit_transform(fold.train, labels)
            validation = features.transform(fold.validation)
        classifier.fit(train, labels)
        yield settings, model, _all_classes(classifier, validation, setup.scheme)


def _all_classes(model: Any, table: Any, scheme: Scheme) -> Array:
    """Predict with columns for all classes of the scheme; a class that training didn't have gets 0."""
    found = model.predict_proba(table)
    every = np.zeros((len(found), len(scheme.codes)))
    every[:, [scheme.codes.index(code) for code in model.classes_]] = found
    return every


def predictions(fitted: Fitted, fold: Fold, splits: tuple[str, ...], scheme: Scheme, seed: int) -> pd.DataFrame:
    """Predict the named splits of a fold; columns `newstance.evaluation.outcomes.prediction_columns`.

    Validation is predicted by the candidate that was fitted on train alone.
    """
    parts = []
    for split in splits:
        table: pd.DataFrame = getattr(fold, split)
        raw = fitted.validation if split == "validation" else _all_classes(fitted.model, table, scheme)
        calibrated = apply_temperature(raw, fitted.temperature)
        part = pd.DataFrame({"article_id": table["article_id"].array, "label": table[scheme.name].array})
        part["target"] = table["target"].array if scheme.has_targets else ""
        part[[UNCALIBRATED + code for code in scheme.codes]] = raw
        part[[CALIBRATED + code for code in scheme.codes]] = calibrated
        parts.append(part.assign(seed=seed, protocol=fold.protocol, fold=fold.name, split=split))
    return pd.concat(parts, ignore_index=True)[prediction_columns(scheme.codes)]


def held_out_predictions(setup: Setup, folds: list[Fold], seed: int, seconds_per_fold: float) -> Iterator[pd.DataFrame]:
    """Fit every fold anew, choice and temperature included, and predict its test part; one table a fold, in order.

    `seconds_per_fold` is what a fold is expected to take: where all of them take less than `PARALLEL_FROM`, starting
    processes, each of which imports everything again, would take longer.
    """
    jobs = min(len(folds), os.cpu_count() or 1) if seconds_per_fold * len(folds) > PARALLEL_FROM else 1
    work = (delayed(_held_out)(setup, fold, seed) for fold in folds)
    yield from Parallel(n_jobs=jobs, return_as="generator")(work)


def _held_out(setup: Setup, fold: Fold, seed: int) -> pd.DataFrame:
    # One thread each, in processes or without: other numbers of threads round otherwise.
    with embedding_cache(EMBEDDINGS), threadpool_limits(1):
        fitted = fit(setup, fold, seed)
        return predictions(fitted, fold, ("test",), setup.scheme, seed)


def seconds_per_unit(model: Pipeline, table: pd.DataFrame) -> float:
    """Time prediction in one batch of at most `TIMED_UNITS` rows, nothing cached; the first, warming batch apart."""
    batch = table.head(TIMED_UNITS)
    model.predict_proba(batch.head(2))
    for memory in (sentences, plain_sentences, sentiment):
        memory.cache_clear()
    started = time.perf_counter()
    model.predict_proba(batch)
    return (time.perf_counter() - started) / len(batch)
