"""A search under way: trials are taken until so many are finished, whichever process has them."""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.progress import Progress

from newstance import tracking
from newstance.corpus.prepared import fingerprint, read_prepared, read_unlabelled, unlabelled_fingerprint
from newstance.corpus.splits import Fold, folds
from newstance.errors import NewstanceError
from newstance.experiment.environment import git_commit
from newstance.experiment.fit import Setup
from newstance.experiment.settings import load_experiment
from newstance.labels.weak import read_weak
from newstance.models.mentions import read_aliases
from newstance.search.results import best_of, importance, searched_experiment, trials_table, write_results
from newstance.search.storage import WORKER, Storage, open_study, opened
from newstance.search.trial import REASON, draw, evaluate, searchable
from newstance.settings import Settings

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)
POLL = 1.0  # seconds
OPEN = ("RUNNING", "WAITING")
FINISHED = ("COMPLETE", "PRUNED")


class _SurplusError(Exception):
    """Another process has taken the last trial that was wanted."""


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes
    ----------
    table
        The trials (`newstance.search.results.trials_table`).
    best
        The row of the best one.
    experiment
        The file with its settings.
    """

    table: pd.DataFrame
    best: dict[str, Any]
    experiment: Path


def search(path: Path, trials: int, storage: str | None, settings: Settings, progress: Progress) -> Outcome:
    """Try settings of an experiment until so many trials are finished, and write the best one down.

    The same command again goes on; started several times on one storage, the processes share the trials, and all of
    them return when the last one is finished. A trial whose process died is tried again.

    Parameters
    ----------
    path
        The experiment's YAML, with ranges under `search`.
    trials
        How many are wanted in all, pruned ones included.
    storage
        See `newstance.search.storage.opened`.
    settings
        The pipeline's settings.
    progress
        Where to show progress.

    Raises
    ------
    NewstanceError
        When the file, its data or the storage can't be used, or no trial came to its end.
    """
    work = _Work(path, trials, settings, progress)
    with opened(path.stem, storage) as place:
        work.run(place)
        return work.finish()


class _Work:
    """A process of a search."""

    def __init__(self, path: Path, wanted: int, settings: Settings, progress: Progress) -> None:
        self.path, self.name, self.wanted, self.progress = path, path.stem, wanted, progress
        experiment = load_experiment(path)
        if problem := searchable(experiment):
            raise NewstanceError(f"{path}: {problem}.")
        schemes = settings.labels.load_schemes()
        if experiment.task not in schemes:
            known = ", ".join(schemes)
            raise NewstanceError(f"{path}: key 'task': '{experiment.task}' is no scheme of params.yaml; use {known}.")
        scheme = schemes[experiment.task]
        aliases = read_aliases(settings.labels.directory / "aliases.yaml") if scheme.has_targets else {}
        weak = read_weak(settings.labels.directory, scheme) if experiment.labels == "weak" else None
        self.setup = Setup(experiment, scheme, aliases, weak)
        unlabelled = read_unlabelled(experiment.task) if weak else None
        self.fold: Fold = folds(read_prepared(experiment.task), scheme, unlabelled=unlabelled)[0]
        self.settings_json = {
            "experiment": f"{self.name}-search",
            **experiment.model_dump(mode="json", exclude={"grid"}),
            "search": {key: span.model_dump(mode="json") for key, span in experiment.search.items()},
            "data": fingerprint(experiment.task),
        }

    def run(self, storage: Storage) -> None:
        """Take trials until as many as wanted are finished."""
        known: list[Any] = [self.settings_json, self.setup.aliases]
        if self.setup.weak:  # else not at all, so that a search of before goes on
            known += [self.setup.weak.model_dump(), unlabelled_fingerprint()]
        identity = sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        run_json = {
            "id": uuid.uuid4().hex,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "git_commit": git_commit(),
            "dvc_stage": None,
        }
        self.storage, self.study = storage, open_study(self.name, storage, identity, run_json)
        bar = self.progress.add_task(self.name, total=self.wanted)
        with tracking.live_search(self.settings_json, self.study.user_attrs["run"]) as self.live:
            while self._finished() < self.wanted:
                self.progress.update(bar, completed=self._finished())
                storage.retry_lost(self.study, self._on_lost)
                if self._may_take_one():
                    self.study.optimize(self._objective, n_trials=1, catch=(_SurplusError,))
                else:
                    time.sleep(POLL)
            self.progress.update(bar, completed=self.wanted)
            if best := best_of(self._table()):
                self.live.end("FINISHED", {name: best[name] for name in ("macro_f1", "log_loss")})
            else:
                self.live.end("FAILED", {})

    def _count(self, *states: str, below: int | None = None) -> int:
        return sum(
            trial.state.name in states and (below is None or trial.number < below)
            for trial in self.study.get_trials(deepcopy=False)
        )

    def _finished(self) -> int:
        return self._count(*FINISHED)

    def _may_take_one(self) -> bool:
        return self._count("WAITING") > 0 or self._count(*FINISHED, "RUNNING") < self.wanted

    def _on_lost(self, trial: FrozenTrial) -> None:
        log.warning("Trial %s of %s was left by its process; its settings are tried again.", trial.number, self.name)
        self.live.trial_ended(trial.number, "KILLED")

    def _objective(self, trial: Trial) -> float:
        trial.set_user_attr(WORKER, self.storage.worker)
        # Two processes may ask at the same moment: the trials with the lowest numbers count.
        if self._count(*FINISHED, *OPEN, below=trial.number) >= self.wanted:
            raise _SurplusError
        self._seed(trial)
        values = draw(trial, self.setup.experiment.search)
        self.live.trial_started(trial.number, values)
        return self._evaluate(trial, values)

    def _seed(self, trial: Trial) -> None:
        """Draw by the trial's number: one process repeats itself, and two don't draw the same."""
        import optuna  # noqa: PLC0415

        trial.study.sampler = optuna.samplers.TPESampler(seed=trial.number)

    def _evaluate(self, trial: Trial, values: dict[str, Any]) -> float:
        import optuna  # noqa: PLC0415

        def on_step(score: float, step: int) -> None:
            self.live.log_trial_metric(trial.number, "macro_f1_so_far", score, step)

        status, pruned = "FAILED", False
        try:
            score = evaluate(trial, self.setup, self.fold, values, on_step)
            self.live.log_trial_metric(trial.number, "macro_f1", score, 0)
            self.live.log_trial_metric(trial.number, "log_loss", trial.user_attrs["log_loss"], 0)
            status = "FINISHED"
        except optuna.TrialPruned:
            status, pruned = "FINISHED", True
            if reason := trial.user_attrs.get(REASON):
                log.info("%s, trial %s is pruned: %s", self.name, trial.number, reason)
            raise
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            self.live.trial_ended(trial.number, status, pruned=pruned)
        log.info("%s, trial %s: macro-F1 %.4f with %s", self.name, trial.number, score, values)
        return score

    def _table(self) -> pd.DataFrame:
        return trials_table(self.study, self.setup.experiment.search)

    def finish(self) -> Outcome:
        """Write the trials, the settings' importance, and the experiment with the best settings."""
        table = self._table()
        best = best_of(table)
        if best is None:
            reasons = [trial.user_attrs[REASON] for trial in self.study.trials if REASON in trial.user_attrs]
            last = f" The last reason: {reasons[-1]}" if reasons else ""
            raise NewstanceError(
                f"None of the {self.wanted} trials of {self.path} came to its end, so there is no best one; change the "
                f"ranges under 'search'.{last}"
            )
        experiment = searched_experiment(self.path, table, best, self.setup.experiment, self.settings_json["data"])
        write_results(self.name, table, importance(self.study, self.setup.experiment.search))
        return Outcome(table, best, experiment)
