"""Experiments as the comparison sees them: runs with their scores, in order of their rank on validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from newstance.corpus.splits import OUTLET_HELD_OUT, STANDARD, UNSEEN_TARGET
from newstance.evaluation.intervals import Evaluation, evaluate
from newstance.evaluation.runs import Run
from newstance.evaluation.summary import DIGITS, TEST, VALIDATION, mean_scores, run_outcomes
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

PROTOCOLS = {STANDARD: TEST, OUTLET_HELD_OUT: OUTLET_HELD_OUT, UNSEEN_TARGET: UNSEEN_TARGET}


@dataclass(frozen=True)
class Experiment:
    """A run with its scores: on validation, by which it is ranked, and on the test of every protocol it has."""

    run: Run
    validation: Mapping[str, float]
    evaluations: Mapping[str, Evaluation]

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.run.settings.experiment

    @property
    def kind(self) -> str:
        """The kind of its model: linear, transformer, ensemble or majority."""
        return self.run.settings.model.kind

    @property
    def in_earnest(self) -> bool:
        """Whether it is neither a control nor the majority."""
        return self.run.settings.role == "baseline"

    @classmethod
    def of(cls, run: Run, data: Mapping[str, pd.DataFrame], scheme: Scheme, settings: EvaluationSettings) -> Experiment:
        """Score a run on the prepared data; errors are those of `newstance.evaluation.summary.run_outcomes`."""
        outcomes = run_outcomes(run.predictions, data, scheme, str(run.folder / "predictions.parquet"))
        evaluations = {
            protocol: evaluate(list(outcomes[part].values()), settings)
            for protocol, part in PROTOCOLS.items()
            if part in outcomes
        }
        return cls(run, mean_scores(list(outcomes[VALIDATION].values())), evaluations)


def ranked(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Order by macro-F1 on validation, ties by log loss there, then by name.

    The same choice with and without a last fit on train and validation has the same validation scores but for what a
    classifier draws at random; the one fitted on all labels comes first.
    """

    def place(one: Experiment) -> tuple[float, bool, float, str]:
        # Rounded as in metrics.json: a mean over seeds differs from its equal parts in the last bits.
        score = round(one.validation["macro_f1"], DIGITS)
        return -score, not one.run.settings.refit, one.validation["log_loss"], one.name

    return sorted(experiments, key=place)


def by_protocol(experiments: Sequence[Experiment]) -> Iterator[tuple[str, dict[str, Evaluation]]]:
    """Give every protocol with the evaluations of the experiments that have it, in their order."""
    for protocol in PROTOCOLS:
        having = {one.name: one.evaluations[protocol] for one in experiments if protocol in one.evaluations}
        if having:
            yield protocol, having
