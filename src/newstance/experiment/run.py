"""Running an experiment: its seeds one after the other into a run folder, which is there whole or not at all."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.progress import Progress

from newstance import tracking
from newstance.corpus.prepared import fingerprint, read_prepared, read_unlabelled, unlabelled_fingerprint
from newstance.corpus.splits import OUTLET_HELD_OUT, STANDARD, Fold, folds
from newstance.errors import NewstanceError
from newstance.evaluation.figures import write_figures
from newstance.evaluation.outcomes import probability_columns
from newstance.evaluation.summary import DIGITS, run_metrics, run_outcomes, seed_metrics
from newstance.experiment.auxiliary import auxiliary_metrics
from newstance.experiment.ensemble import check_members, fit_ensemble
from newstance.experiment.environment import code_hash, environment, git_commit, rank, threads
from newstance.experiment.fit import (
    EMBEDDINGS,
    Candidate,
    Fitted,
    Hooks,
    Setup,
    fit,
    held_out_predictions,
    predictions,
    seconds_per_unit,
)
from newstance.experiment.settings import load_experiment
from newstance.files import atomic_path, read_json, read_parquet, remove, write_json, write_parquet
from newstance.labels.weak import read_weak
from newstance.models import persistence
from newstance.models.embeddings import embedding_cache
from newstance.models.mentions import read_aliases
from newstance.models.settings import EnsembleModel, TransformerModel
from newstance.settings import CACHE, Settings

if TYPE_CHECKING:
    from newstance.models.transformer.training import Progress as TrainingProgress

log = logging.getLogger(__name__)
UNFINISHED = CACHE / "unfinished"


def run_experiment(path: Path, settings: Settings, *, track: bool = True, progress: Progress | None = None) -> Path:
    """Run the experiment of a YAML file and write ``runs/NAME`` (``study/runs/NAME``), NAME being the file's.

    Interrupted runs go on with the first unfinished seed, and with the last checkpoint of a transformer, when nothing
    has changed meanwhile. Started in several processes by ``accelerate launch``, all of them train and the first one
    writes.

    Parameters
    ----------
    path
        The YAML file.
    settings
        The pipeline's settings: schemes and labels folder.
    track
        Whether MLflow, where installed, shows the run; a folder made without it is logged by `newstance track`.
    progress
        Where to show progress.

    Returns
    -------
    Path
        The run folder.

    Raises
    ------
    NewstanceError
        When the file is wrong, its task unknown or the task's data not prepared.
    """
    work = _Work(path, settings, progress or Progress(disable=True))
    if rank():
        work.train_along()
        return work.folder
    work.open_room()
    if track:
        with tracking.live(work.settings_json, work.run_json) as live:
            work.run_seeds(live)
            folder = work.finish()
        _complete_tracking(folder)
    else:
        work.run_seeds(None)
        folder = work.finish()
    return folder


def _complete_tracking(folder: Path) -> None:
    """Add to MLflow what only the folder holds; a store that is away by now doesn't make a finished run fail."""
    if not tracking.available():
        return
    try:
        tracking.track(folder)
    except NewstanceError as error:
        log.warning("%s The run folder %s is whole.", error, folder)


class _Work:
    """The state of one experiment under way; what is done lies in data/cache/unfinished until all is done."""

    def __init__(self, path: Path, settings: Settings, progress: Progress) -> None:
        experiment = load_experiment(path)
        schemes = settings.labels.load_schemes()
        if experiment.task not in schemes:
            known = ", ".join(schemes)
            raise NewstanceError(f"{path}: key 'task': '{experiment.task}' is no scheme of params.yaml; use {known}.")
        scheme = schemes[experiment.task]
        aliases = read_aliases(settings.labels.directory / "aliases.yaml") if scheme.has_targets else {}
        self.name = path.stem
        weak = read_weak(settings.labels.directory, scheme) if experiment.labels == "weak" else None
        self.setup = Setup(experiment, scheme, aliases, weak)
        self.settings = settings
        self.folder = settings.run_folder(self.name)
        self.data = read_prepared(experiment.task)
        self.unlabelled = read_unlabelled(experiment.task) if weak else None
        self.settings_json = {
            "experiment": self.name,
            **experiment.model_dump(mode="json"),
            "data": fingerprint(experiment.task),
        }
        # Not the hardware: a GPU is named only once torch is in use.
        place = {key: value for key, value in environment().items() if key != "hardware"}
        words = [weak.model_dump(), unlabelled_fingerprint()] if weak else None
        state = json.dumps([self.settings_json, aliases, words, code_hash(), place, self._members()])
        self.room = UNFINISHED / f"{self.name}-{sha256(state.encode()).hexdigest()[:16]}"
        self.progress = progress
        self.bar = progress.add_task(self.name, total=sum(map(self._steps, range(len(experiment.seeds)))))

    def _members(self) -> list[str]:
        """Return the identities of the runs that an ensemble combines, in order."""
        model = self.setup.experiment.model
        if not isinstance(model, EnsembleModel):
            return []
        check_members(self.name, model, self.settings)
        return [read_json(self.settings.run_folder(name) / "run.json")["id"] for name in model.members]

    def _steps(self, number: int) -> int:
        """Count what a seed goes through, by its place among the seeds."""
        return len(self.setup.experiment.candidates()) + (len(self._held_out_folds()) if number == 0 else 0)

    def open_room(self) -> None:
        """Say who this run is, or go on as the unfinished one; what other settings have left is removed."""
        for older in UNFINISHED.glob(f"{self.name}-*"):
            if older != self.room and len(older.name) == len(self.room.name):
                remove(older)
        path = self.room / "run.json"
        if not path.is_file():
            identity = {
                "id": uuid.uuid4().hex,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "git_commit": git_commit(),
                "dvc_stage": os.environ.get("DVC_STAGE"),
            }
            write_json(path, identity)
        self.run_json: dict[str, Any] = read_json(path)

    def _held_out_folds(self) -> list[Fold]:
        if OUTLET_HELD_OUT not in self.setup.experiment.protocols:
            return []
        return folds(self.data, self.setup.scheme, OUTLET_HELD_OUT, self.unlabelled)

    def run_seeds(self, live: tracking.LiveRun | None) -> None:
        """Fit every seed that isn't done yet; the first one also goes through the held-out outlets."""
        for number, seed in enumerate(self.setup.experiment.seeds):
            if live:
                live.seed_started(seed)
            folder = self.room / "seeds" / str(seed)
            if folder.is_dir():
                self.progress.advance(self.bar, self._steps(number))
            else:
                with embedding_cache(EMBEDDINGS), atomic_path(folder) as temporary:
                    temporary.mkdir()
                    self._run_seed(seed, temporary, live, held_out=number == 0)
            if live:
                live.seed_finished(seed, read_json(folder / "seed.json")["metrics"])

    def train_along(self) -> None:
        """Take part in every training of a transformer as one of several processes, and write nothing."""
        if not isinstance(self.setup.experiment.model, TransformerModel):
            return
        (fold,) = folds(self.data, self.setup.scheme, STANDARD, self.unlabelled)
        for number, seed in enumerate(self.setup.experiment.seeds):
            if not (self.room / "seeds" / str(seed)).is_dir():
                fit(self.setup, fold, seed, Hooks(checkpoints=self._checkpoints(seed)))
                for outlet in self._held_out_folds() if number == 0 else ():
                    fit(self.setup, outlet, seed)

    def _checkpoints(self, seed: int) -> Path:
        return self.room / "checkpoints" / str(seed)

    def _run_seed(self, seed: int, folder: Path, live: tracking.LiveRun | None, *, held_out: bool) -> None:
        (fold,) = folds(self.data, self.setup.scheme, STANDARD, self.unlabelled)
        started = time.perf_counter()
        fitted = self._fit(fold, seed, live)
        seconds = time.perf_counter() - started
        tables = [predictions(fitted, fold, ("validation", "test"), self.setup.scheme, seed)]
        if held_out and (outlets := self._held_out_folds()):
            for table in held_out_predictions(self.setup, outlets, seed, seconds):
                tables.append(table)
                self.progress.advance(self.bar)
        predicted = pd.concat(tables, ignore_index=True)
        write_parquet(folder / "predictions.parquet", predicted)
        persistence.save(fitted.model, folder / "model")
        write_json(folder / "calibration.json", {"temperature": fitted.temperature})
        write_json(folder / "seed.json", self._seed_json(fitted, predicted, seed))
        remove(self._checkpoints(seed))

    def _fit(self, fold: Fold, seed: int, live: tracking.LiveRun | None) -> Fitted:
        steps = iter(range(len(self.setup.experiment.candidates())))

        def on_candidate(candidate: Candidate) -> None:
            self.progress.update(self.bar, advance=1, description=self.name)
            step = next(steps)
            log.debug("%s, seed %s, %s: macro-F1 %.4f", self.name, seed, candidate.settings, candidate.macro_f1)
            if live:
                # Rounded as in scores.json, so that `track` finds these points and doesn't add them again.
                live.log_seed_metric(seed, "search/macro_f1", round(candidate.macro_f1, DIGITS), step)
                live.log_seed_metric(seed, "search/log_loss", round(candidate.log_loss, DIGITS), step)

        model = self.setup.experiment.model
        if isinstance(model, EnsembleModel):
            return fit_ensemble(self.setup, model, fold, self.settings, seed, on_candidate)
        # Pretraining is shown as it goes, but its steps are no part of the seed's curves.
        watch = self._on_training(seed, live), self._on_training(seed, None)
        hooks = Hooks(self._checkpoints(seed), on_candidate, *watch)
        return fit(self.setup, fold, seed, hooks)

    def _on_training(self, seed: int, live: tracking.LiveRun | None) -> Callable[[TrainingProgress], None]:
        """Show a training's loss and time left, and its curves in MLflow; those of several candidates would mix."""
        alone = len(self.setup.experiment.candidates()) == 1

        def on_training(now: TrainingProgress) -> None:
            shown = ", ".join(f"{name.replace('_', '-')} {value:.3g}" for name, value in now.metrics.items())
            left = "" if math.isnan(now.seconds_left) else f", {timedelta(seconds=round(now.seconds_left))} left"
            text = f"{self.name}, seed {seed}, step {now.step}/{now.steps}: {shown}{left}"
            self.progress.update(self.bar, description=text)
            if "macro_f1" in now.metrics:
                log.info("%s", text)
            for name, value in now.metrics.items():
                if live and alone:
                    live.log_seed_metric(seed, f"training/{name}", round(value, DIGITS), now.step)

        return on_training

    def _seed_json(self, fitted: Fitted, predicted: pd.DataFrame, seed: int) -> dict[str, Any]:
        return {
            "chosen": fitted.chosen.settings,
            "temperature": round(fitted.temperature, DIGITS),
            "metrics": seed_metrics(predicted, self.data, self.setup.scheme)[str(seed)]
            | auxiliary_metrics(fitted.model, self.data),
            "search": [
                {
                    "seed": seed,
                    "settings": candidate.settings,
                    "macro_f1": round(candidate.macro_f1, DIGITS),
                    "log_loss": round(candidate.log_loss, DIGITS),
                }
                for candidate in fitted.candidates
            ],
            "training": fitted.training,
            "fit_seconds": fitted.seconds,
            # Outside of the embedding cache: what prediction costs, and not what looking it up costs.
            "predict_seconds_per_unit": self._time(fitted),
        }

    def _time(self, fitted: Fitted) -> float:
        with embedding_cache(None):
            return seconds_per_unit(fitted.model, self.data["test"])

    def finish(self) -> Path:
        """Put the seeds together into the run folder, and clear the room of unfinished work."""
        seeds = {
            str(seed): read_json(self.room / "seeds" / str(seed) / "seed.json") for seed in self.setup.experiment.seeds
        }
        predicted = pd.concat(
            [read_parquet(self.room / "seeds" / seed / "predictions.parquet") for seed in seeds], ignore_index=True
        )
        with atomic_path(self.folder) as temporary:
            temporary.mkdir()
            write_json(temporary / "settings.json", self.settings_json)
            write_json(temporary / "run.json", self.run_json)
            metrics = run_metrics(predicted, self.data, self.setup.scheme)
            write_json(temporary / "metrics.json", metrics | _mean_auxiliary(seeds))
            write_json(temporary / "scores.json", _scores(seeds))
            write_json(temporary / "training.json", {seed: values["training"] for seed, values in seeds.items()})
            write_json(temporary / "timing.json", _timing(seeds))
            write_json(temporary / "environment.json", environment())
            probabilities = probability_columns(self.setup.scheme.codes)
            write_parquet(temporary / "predictions.parquet", predicted, packed=probabilities)
            first = run_outcomes(predicted, self.data, self.setup.scheme)["test"][self.setup.experiment.seeds[0]]
            write_figures(first, self.setup.experiment.title, temporary / "figures")
            for seed in seeds:
                # Copied, not moved: a failure in between must leave the unfinished work whole.
                source, place = self.room / "seeds" / seed, temporary / "seeds" / seed
                shutil.copytree(source / "model", place / "model")
                shutil.copyfile(source / "calibration.json", place / "calibration.json")
        remove(self.room)
        return self.folder


def _scores(seeds: dict[str, Any]) -> dict[str, Any]:
    return {
        "seeds": {
            seed: {"chosen": values["chosen"], "temperature": values["temperature"], **values["metrics"]}
            for seed, values in seeds.items()
        },
        "search": [row for values in seeds.values() for row in values["search"]],
    }


def _timing(seeds: dict[str, Any]) -> dict[str, Any]:
    return {
        "fit_seconds": median(values["fit_seconds"] for values in seeds.values()),
        "predict_seconds_per_unit": median(values["predict_seconds_per_unit"] for values in seeds.values()),
        "threads": threads(),
    }


def _mean_auxiliary(seeds: dict[str, Any]) -> dict[str, Any]:
    """Average the scores of an auxiliary label over seeds."""
    found = [values["metrics"]["auxiliary"] for values in seeds.values() if "auxiliary" in values["metrics"]]
    if not found:
        return {}
    names = {part: list(scores) for part, scores in found[0].items()}
    return {
        "auxiliary": {
            part: {name: round(mean(one[part][name] for one in found), DIGITS) for name in metrics}
            for part, metrics in names.items()
        }
    }
