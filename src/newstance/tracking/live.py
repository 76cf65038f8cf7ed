"""A run that shows in MLflow while it goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from newstance.errors import NewstanceError
from newstance.tracking.folder import Identity, Settings, numbers, parse
from newstance.tracking.store import TRACK, Store, available, load_mlflow, opened, shown_uri, store_errors
from newstance.tracking.values import log_metrics, log_params, log_parent

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)


@dataclass
class Shown:
    """Something that goes on, shown in MLflow, or nothing at all where `store` is None: then methods return at once.

    MLflow only shows it, so a store that fails meanwhile is let go with a warning.
    """

    command: ClassVar[str] = TRACK  # what to run when the store is back
    identity: Identity
    store: Store | None = None
    parent: Run | None = None

    @contextmanager
    def forgiving(self) -> Iterator[Store | None]:
        """Give the store, or None where there is none any more; what fails inside is the last that is asked of it."""
        if self.store is None:
            yield None
            return
        try:
            with store_errors(self.command):
                yield self.store
        except NewstanceError as error:
            self.store = None
            log.warning("%s What runs goes on without it.", error)


@dataclass
class LiveRun(Shown):
    """A run of an experiment; what a store that failed lacks, `track` completes from the run folder later."""

    nested: dict[int, Run] = field(default_factory=dict)

    def start(self, settings: Settings) -> None:
        """Find or make the parent run and set it running; the one step whose failure is an error."""
        load_mlflow()
        with opened(settings.task) as store:
            parent, self.nested = store.runs(self.identity)
            self.parent = parent or store.create_parent(settings, self.identity)
            store.client.update_run(self.parent.info.run_id, status="RUNNING")
            log_parent(store, self.parent, settings)
            self.store = store

    def seed_started(self, seed: int) -> None:
        """Find or make the nested run of a seed and set it running."""
        with self.forgiving() as store:
            if store is None or self.parent is None:
                return
            if seed not in self.nested:
                self.nested[seed] = store.create_nested(self.parent, seed, int(time.time() * 1000))
            run_id = self.nested[seed].info.run_id
            store.client.update_run(run_id, status="RUNNING")
            log_params(store, run_id, {"seed": seed})

    def log_seed_metric(self, seed: int, name: str, value: float, step: int) -> None:
        """Log one point of a curve (a search step, an epoch) of a seed that has started."""
        with self.forgiving() as store:
            if store is not None:
                log_metrics(store, self.nested[seed].info.run_id, [(name, value, step)], self.identity)

    def seed_finished(self, seed: int, metrics: Mapping[str, Any]) -> None:
        """Log the scores of a seed (flat, or nested as in scores.json) and end its run."""
        with self.forgiving() as store:
            if store is None:
                return
            run_id = self.nested[seed].info.run_id
            points = [(name, value, 0) for name, value in numbers(metrics, f"seed {seed}").items()]
            log_metrics(store, run_id, points, self.identity)
            store.client.set_terminated(run_id, "FINISHED")

    def end(self, status: str) -> None:
        """End the parent run and every nested run that still goes."""
        with self.forgiving() as store:
            if store is None:
                return
            for run in self._running(store):
                store.client.set_terminated(run.info.run_id, status)

    def _running(self, store: Store) -> list[Run]:
        parent, nested = store.runs(self.identity)
        runs = [*nested.values(), *([parent] if parent else [])]
        return [run for run in runs if run.info.status == "RUNNING"]


@contextmanager
def live(settings_json: Mapping[str, Any], run_json: Mapping[str, Any]) -> Iterator[LiveRun]:
    """Show an experiment in MLflow while it runs; where mlflow is absent, do nothing.

    Parameters
    ----------
    settings_json, run_json
        Content of the run folder's settings.json and run.json. A run with the same `id` is reopened.

    Yields
    ------
    LiveRun
        Ends as FINISHED, as KILLED on an interrupt and as FAILED on any other exception. `track` adds what only the
        finished folder holds.

    Raises
    ------
    NewstanceError
        When the store can't be opened at the start.
    """
    run = LiveRun(parse(Identity, run_json, "run.json"))
    settings = parse(Settings, settings_json, "settings.json")
    if available():
        run.start(settings)
        log.info("%s shows in MLflow at %s", settings.experiment, shown_uri())
    else:
        log.info("mlflow is not installed: %s is not shown live; log its folder later", settings.experiment)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        run.end(status)
