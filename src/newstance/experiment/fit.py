"""Fitting one model: the grid on train, choice and temperature on validation, the last fit on both."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from newstance.corpus.splits import Fold
from newstance.evaluation.calibration import apply_temperature, fit_temperature, label_losses
from newstance.evaluation.outcomes import CALIBRATED, UNCALIBRATED, prediction_columns
from newstance.experiment.environment import processes
from newstance.experiment.noise import label_errors
from newstance.experiment.pretraining import pretrained
from newstance.experiment.settings import ExperimentSettings, Scalar
from newstance.labels.weak import WeakSettings, weak_labels
from newstance.models.build import build
from newstance.models.embeddings import embedding_cache
from newstance.models.fields import sentiment
from newstance.models.groups import group_weights
from newstance.models.mentions import Aliases, plain_sentences, sentence_spans, sentences
from newstance.models.settings import LinearModel, ModelSettings, TransformerModel
from newstance.models.transformer import TransformerClassifier
from newstance.scheme import Scheme
from newstance.settings import CACHE

if TYPE_CHECKING:
    from newstance.models.transformer.training import Progress

Array = NDArray[np.float64]
TIMED_UNITS = 128
PARALLEL_FROM = 20.0  # seconds
EMBEDDINGS = CACHE / "embeddings"


@dataclass(frozen=True)
class Setup:
    """What an experiment works with: its settings, the task's scheme, further names of targets, and seed words."""

    experiment: ExperimentSettings
    scheme: Scheme
    aliases: Aliases
    weak: WeakSettings | None = None


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

    @classmethod
    def of(cls, settings: dict[str, Scalar], predicted: Array, truth: NDArray[np.object_], scheme: Scheme) -> Candidate:
        """Score predictions of validation, shape (units, classes in the scheme's order)."""
        labels = np.array(scheme.codes, dtype=object)[predicted.argmax(axis=1)]
        score = float(f1_score(truth, labels, average="macro", zero_division=0))
        return cls(settings, score, float(label_losses(predicted, numbers_of(truth, scheme)).mean()))


def numbers_of(labels: NDArray[np.object_], scheme: Scheme) -> NDArray[np.intp]:
    """Return the numbers of labels in the scheme's order."""
    return np.array([scheme.codes.index(code) for code in labels], dtype=np.intp)


def temperature_of(predicted: Array, truth: NDArray[np.object_], known: ArrayLike, scheme: Scheme) -> float:
    """Fit the temperature on validation units whose label is among the `known` ones, which training had.

    A class that training doesn't have gets no probability at all, which would ask for an absurd temperature.
    """
    kept = np.isin(truth, known)
    return fit_temperature(predicted[kept], numbers_of(truth[kept], scheme))


@dataclass(frozen=True)
class Fitted:
    """The outcome of `fit`.

    Attributes
    ----------
    model
        The best candidate; where the experiment says so, fitted anew on train and validation together.
    temperature
        Of the best candidate as fitted on train, from its validation predictions.
    validation
        These predictions, shape (validation units, classes).
    chosen, candidates
        The best candidate, and all of them in the grid's order.
    seconds
        What the fit of `model` took; embeddings of the texts were at hand.
    training
        What it was fitted on and how: `units`, `pruned` (units left out as label errors) and, of a transformer,
        `epochs` and `best_epoch`.
    """

    model: Any
    temperature: float
    validation: Array
    chosen: Candidate
    candidates: list[Candidate]
    seconds: float
    training: dict[str, Any]


@dataclass(frozen=True)
class Hooks:
    """What goes on beside a fit: checkpoints are kept in a folder, callbacks show how far it is."""

    checkpoints: Path | None = None
    on_candidate: Callable[[Candidate], None] = lambda _: None
    on_training: Callable[[Progress], None] = lambda _: None
    on_pretraining: Callable[[Progress], None] = lambda _: None


@dataclass(frozen=True)
class _Tried:
    candidate: Candidate
    settings: ModelSettings
    model: Any
    validation: Array
    seconds: float


def fit(setup: Setup, fold: Fold, seed: int, hooks: Hooks | None = None) -> Fitted:
    """Fit every candidate on train, choose on validation, and fit the best one on both where the experiment says so.

    Validation scores and the temperature belong to the fit on train alone. The last fit gives the chosen settings all
    the labels that aren't kept for the test.

    Parameters
    ----------
    setup
        Its experiment says model and grid.
    fold
        Its test part is not looked at.
    seed
        For models that draw at random.
    hooks
        Checkpoints, and callbacks for progress and tracking.
    """
    hooks = hooks or Hooks()
    scheme, experiment = setup.scheme, setup.experiment
    truth = fold.validation[scheme.name].to_numpy(dtype=object)
    train, pruned = _training_units(setup, fold, seed)
    tried: list[_Tried] = []
    for settings, values, model, seconds in _fit_candidates(setup, fold, train, seed, hooks):
        predicted = all_classes(model, fold.validation, scheme)
        candidate = Candidate.of(values, predicted, truth, scheme)
        hooks.on_candidate(candidate)
        tried.append(_Tried(candidate, settings, model, predicted, seconds))
    best = max(tried, key=lambda one: one.candidate.rank)
    model, seconds, units = best.model, best.seconds, len(train)
    if experiment.refit:
        started = time.perf_counter()
        both = pd.concat([fold.train, fold.validation], ignore_index=True)
        labels = both[scheme.name].to_numpy(dtype=object)
        weights = {f"classifier__{name}": values for name, values in _weights(best.settings, both, labels).items()}
        model = build(best.settings, setup.aliases, seed).fit(both, labels, **weights)
        seconds, units = time.perf_counter() - started, len(both)
    temperature = temperature_of(best.validation, truth, train[scheme.name], scheme)
    training = {"units": units, "pruned": pruned, **getattr(model, "history_", {})}
    candidates = [one.candidate for one in tried]
    return Fitted(model, temperature, best.validation, best.candidate, candidates, seconds, training)


def _training_units(setup: Setup, fold: Fold, seed: int) -> tuple[pd.DataFrame, int]:
    """Return the part of train that is fitted on, and how many units were left out as label errors."""
    # The seed words label articles that nobody has labelled as well as those of train.
    experiment, train = setup.experiment, pd.concat([fold.train, fold.unlabelled]) if setup.weak else fold.train
    if experiment.train_share < 1:
        articles = train["article_id"].unique()
        order = np.random.default_rng(seed).permutation(len(articles))
        kept = articles[order[: max(1, round(experiment.train_share * len(articles)))]]
        train = train[train["article_id"].isin(kept)].reset_index(drop=True)
    if setup.weak:
        train = train.reset_index(drop=True)
        labels = weak_labels(train, setup.weak)
        train = train.loc[labels.index].assign(**{setup.scheme.name: labels}).reset_index(drop=True)
    if experiment.noise == "none":
        return train, 0
    kept_rows = ~label_errors(train, setup.scheme, setup.aliases)
    return train[kept_rows].reset_index(drop=True), int((~kept_rows).sum())


def _fit_candidates(
    setup: Setup, fold: Fold, train: pd.DataFrame, seed: int, hooks: Hooks
) -> Iterator[tuple[ModelSettings, dict[str, Scalar], Any, float]]:
    """Fit the candidates on train; neighbours that differ in the classifier share features."""
    labels = train[setup.scheme.name].to_numpy(dtype=object)
    key, features, inputs = None, None, None
    for number, (values, settings) in enumerate(setup.experiment.candidates()):
        started = time.perf_counter()
        model = build(settings, setup.aliases, seed)
        if isinstance(model, TransformerClassifier) and isinstance(settings, TransformerModel):
            # Only for the fit: the model that is saved holds its weights, and no path of this machine.
            model.set_params(backbone=pretrained(settings, hooks.on_pretraining))
            model.fit(
                train,
                labels,
                validation=(fold.validation, fold.validation[setup.scheme.name].to_numpy(dtype=object)),
                checkpoints=hooks.checkpoints / str(number) if hooks.checkpoints else None,
                monitor=hooks.on_training,
            ).set_params(backbone=settings.backbone)
        else:
            wanted = settings.model_dump_json(exclude={"classifier", "group_balance"})
            if wanted != key:
                key, features = wanted, model[:-1]
                inputs = features.fit_transform(train, labels)
            classifier = model[-1].fit(inputs, labels, **_weights(settings, train, labels))
            model = Pipeline([*(features.steps if features else []), ("classifier", classifier)])
        yield settings, values, model, time.perf_counter() - started


def _weights(settings: ModelSettings, table: pd.DataFrame, labels: NDArray[np.object_]) -> dict[str, Any]:
    """Return what a classifier's fit takes beside inputs and labels."""
    weights = group_weights(settings.group_balance if isinstance(settings, LinearModel) else None, table, labels)
    return {} if weights is None else {"sample_weight": weights}


def all_classes(model: Any, table: pd.DataFrame, scheme: Scheme) -> Array:
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
        raw = fitted.validation if split == "validation" else all_classes(fitted.model, table, scheme)
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
    processes, each of which imports everything again, would take longer. Where several train together already, the
    folds follow one another.
    """
    pays = seconds_per_fold * len(folds) > PARALLEL_FROM and processes() == 1
    jobs = min(len(folds), os.cpu_count() or 1) if pays else 1
    work = (delayed(_held_out)(setup, fold, seed) for fold in folds)
    yield from Parallel(n_jobs=jobs, return_as="generator")(work)


def _held_out(setup: Setup, fold: Fold, seed: int) -> pd.DataFrame:
    # One thread each, in processes or without: other numbers of threads round otherwise.
    with embedding_cache(EMBEDDINGS), threadpool_limits(1):
        fitted = fit(setup, fold, seed)
        return predictions(fitted, fold, ("test",), setup.scheme, seed)


def seconds_per_unit(model: Any, table: pd.DataFrame) -> float:
    """Time prediction on one core, at most `TIMED_UNITS` rows at once, nothing cached; a warming batch apart."""
    batch = table.head(TIMED_UNITS)
    torch = sys.modules.get("torch")  # a model that doesn't use it needn't wait for its import
    threads = torch.get_num_threads() if torch else 1
    try:
        if torch:
            torch.set_num_threads(1)
        with threadpool_limits(1):
            model.predict_proba(batch.head(2))
            for memory in (sentences, plain_sentences, sentence_spans, sentiment):
                memory.cache_clear()
            started = time.perf_counter()
            model.predict_proba(batch)
            return (time.perf_counter() - started) / len(batch)
    finally:
        if torch:
            torch.set_num_threads(threads)
