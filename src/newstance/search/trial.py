"""One trial: settings drawn from the ranges, fitted with every seed, scored on validation; test is never seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING

from pydantic import ValidationError

from newstance.corpus.splits import Fold
from newstance.errors import NewstanceError
from newstance.evaluation.summary import DIGITS
from newstance.experiment.fit import EMBEDDINGS, Hooks, Setup, fit
from newstance.experiment.settings import Choices, ExperimentSettings, Scalar, Span
from newstance.models.embeddings import embedding_cache

if TYPE_CHECKING:
    from optuna import Trial

    from newstance.models.transformer.training import Progress

REASON = "reason"  # attribute of a trial whose settings can't be fitted: why
SIGNIFICANT = 4  # digits of a number that is tried: what is written down is what was fitted


def draw(trial: Trial, ranges: dict[str, Span | Choices]) -> dict[str, Scalar]:
    """Draw the settings of a trial, by dotted path into the experiment's `model`."""
    return {path: _draw_one(trial, path, span) for path, span in ranges.items()}


def _draw_one(trial: Trial, path: str, span: Span | Choices) -> Scalar:
    if isinstance(span, Choices):
        chosen: Scalar = trial.suggest_categorical(path, span.choices)
        return chosen
    if isinstance(span.low, int) and isinstance(span.high, int):
        return int(trial.suggest_int(path, span.low, span.high, log=span.log))
    return rounded(trial.suggest_float(path, span.low, span.high, log=span.log), span)


def rounded(value: float, span: Span) -> float:
    """Return a drawn number with four significant digits, still within its range."""
    return min(max(float(f"{value:.{SIGNIFICANT}g}"), span.low), span.high)


def evaluate(
    trial: Trial, setup: Setup, fold: Fold, values: dict[str, Scalar], on_step: Callable[[float, int], None]
) -> float:
    """Fit a trial's settings on train, once a seed, and return the mean macro-F1 on validation.

    Parameters
    ----------
    trial
        Keeps the mean log loss and the seconds; told the score after every epoch of a transformer and every seed, it
        may be pruned.
    setup, fold
        The experiment and its data; the test part isn't used.
    values
        What is tried.
    on_step
        Called with score and step whenever the trial is told one.

    Raises
    ------
    optuna.TrialPruned
        When the trial is hopeless, or its settings can't be fitted; the attribute `REASON` says why not.
    """
    import optuna  # noqa: PLC0415

    experiment = setup.experiment
    try:
        model = experiment.model_with(values)
    except ValidationError:
        trial.set_user_attr(REASON, "the model doesn't allow these settings together.")
        raise optuna.TrialPruned from None
    alone = experiment.model_copy(update={"model": model, "grid": {}, "refit": False})
    unseen = replace(fold, test=fold.test.head(0))
    scores: list[float] = []
    losses: list[float] = []
    steps = _Steps(trial, on_step)
    started = time.perf_counter()
    for seed in experiment.seeds:
        hooks = Hooks(on_training=lambda now: steps.after_epoch(scores, now))
        try:
            with embedding_cache(EMBEDDINGS):
                chosen = fit(replace(setup, experiment=alone), unseen, seed, hooks).chosen
        except NewstanceError as error:  # such as no word that is in as many articles as `min_documents` says
            trial.set_user_attr(REASON, str(error))
            raise optuna.TrialPruned from None
        scores.append(round(chosen.macro_f1, DIGITS))
        losses.append(chosen.log_loss)
        if len(scores) < len(experiment.seeds):
            steps.report(mean(scores))
    trial.set_user_attr("log_loss", round(mean(losses), DIGITS))
    trial.set_user_attr("seconds", round(time.perf_counter() - started, 1))
    return round(mean(scores), DIGITS)


class _Steps:
    """Tell a trial how it does, step by step."""

    def __init__(self, trial: Trial, on_step: Callable[[float, int], None]) -> None:
        self.trial, self.on_step, self.step = trial, on_step, 0

    def after_epoch(self, earlier: list[float], now: Progress) -> None:
        """Report the mean of the seeds so far, the one that is trained included."""
        if "macro_f1" in now.metrics:
            self.report(mean([*earlier, now.metrics["macro_f1"]]))

    def report(self, score: float) -> None:
        """Report a score, and end the trial where it is hopeless."""
        import optuna  # noqa: PLC0415

        self.step += 1
        self.trial.report(score, self.step)
        self.on_step(score, self.step)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def searchable(experiment: ExperimentSettings) -> str | None:
    """Say what stands against a search over an experiment's settings; None where nothing does."""
    if not experiment.search:
        return "key 'search' is missing: give ranges, such as classifier.C: {low: 0.01, high: 10, log: true}"
    if experiment.model.kind == "ensemble":
        return "an ensemble's members are fitted already; give its weights in 'grid'"
    if missing := [path for path in experiment.grid if path not in experiment.search]:
        return f"'{missing[0]}' of 'grid' has no range in 'search'; give one, since a trial tries one combination"
    return None
