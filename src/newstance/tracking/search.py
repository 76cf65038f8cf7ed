"""A search in MLflow: a parent run with one nested run a trial, whichever of its processes has that trial."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from newstance.errors import NewstanceError
from newstance.tracking.folder import Identity, Settings, parse
from newstance.tracking.live import Shown
from newstance.tracking.store import PARENT, TRIAL, Store, available, load_mlflow, opened, shown_uri
from newstance.tracking.values import log_metrics, log_params, log_parent

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)
SEARCH = "newstance search"


@dataclass
class LiveSearch(Shown):
    """A search that shows in MLflow; its storage is the truth, so nothing is lost where MLflow fails."""

    command: ClassVar[str] = SEARCH
    trials: dict[int, str] = field(default_factory=dict)
    made: Run | None = None

    def start(self, settings: Settings) -> None:
        """Find or make the parent run and set it running; the one step whose failure is an error."""
        load_mlflow()
        with opened(settings.task, SEARCH) as store:
            if self._find(store, None) is None:
                self.made = store.create_parent(settings, self.identity)
            self.parent = self._agreed(store)
            store.client.update_run(self.parent.info.run_id, status="RUNNING")
            log_parent(store, self.parent, settings)
            self.store = store

    def trial_started(self, number: int, params: Mapping[str, Any]) -> None:
        """Make the nested run of a trial, with the settings that it tries."""
        with self.forgiving() as store:
            if store is not None:
                self.parent = self._agreed(store)
                run = store.create_trial(self.parent, number, int(time.time() * 1000))
                self.trials[number] = run.info.run_id
                if (parent := self._agreed(store)).info.run_id != self.parent.info.run_id:  # put away meanwhile
                    store.client.set_tag(run.info.run_id, PARENT, parent.info.run_id)
                log_params(store, run.info.run_id, params)

    def log_trial_metric(self, number: int, name: str, value: float, step: int) -> None:
        """Log one point of a trial's curve."""
        with self.forgiving() as store:
            if store is not None:
                log_metrics(store, self.trials[number], [(name, value, step)], self.identity)

    def trial_ended(self, number: int, status: str, *, pruned: bool = False) -> None:
        """End the nested run of a trial, also of one that another process has left; a pruned one says so."""
        with self.forgiving() as store:
            if store is None:
                return
            run_id = self.trials.get(number)
            if run_id is None and (found := self._find(store, number)):
                run_id = found.info.run_id
            if run_id is not None:
                if pruned:
                    store.client.set_tag(run_id, f"{TRIAL}.pruned", "true")
                store.client.set_terminated(run_id, status)

    def end(self, status: str, metrics: Mapping[str, float]) -> None:
        """End the parent run, with the scores of the best trial."""
        with self.forgiving() as store:
            if store is not None:
                run_id = self._agreed(store).info.run_id
                log_metrics(store, run_id, [(name, value, 0) for name, value in metrics.items()], self.identity)
                store.client.set_terminated(run_id, status)

    def _agreed(self, store: Store) -> Run:
        """Find the one parent run that all processes take; put away the one made here if it isn't that.

        The store's lock keeps only the processes of one machine apart, so machines that start at the same moment may
        each make a parent. All of them take the first in one order, and look again before every trial and at the end.
        """
        first = self._find(store, None)
        if first is None:
            raise NewstanceError(
                f"The run of this search is gone from {shown_uri()}; run `{SEARCH}` again to make a new one."
            )
        if self.made is not None and self.made.info.run_id != first.info.run_id:
            own = self.made.info.run_id
            for run in store.marked(self.identity, {PARENT: own}):
                store.client.set_tag(run.info.run_id, PARENT, first.info.run_id)
            store.client.delete_run(own)
            self.made = None
        return first

    def _find(self, store: Store, number: int | None) -> Run | None:
        """Find the nested run of a trial, or the first parent run."""
        wanted = None if number is None else str(number)
        found = store.marked(self.identity, {} if wanted is None else {TRIAL: wanted})
        return next((run for run in found if (PARENT in run.data.tags) == (wanted is not None)), None)


@contextmanager
def live_search(settings_json: Mapping[str, Any], run_json: Mapping[str, Any]) -> Iterator[LiveSearch]:
    """Show a search in MLflow while it goes on; where mlflow is absent, do nothing.

    Parameters
    ----------
    settings_json
        The experiment's settings with `experiment` (its name), `data` and `search`.
    run_json
        Who the search is, as in a run folder's run.json; all processes of a search have the same.

    Yields
    ------
    LiveSearch
        Its parent run ends as KILLED on an interrupt and as FAILED on any other exception.

    Raises
    ------
    NewstanceError
        When the store can't be opened at the start.
    """
    search = LiveSearch(parse(Identity, run_json, "the search's storage"))
    settings = parse(Settings, settings_json, "the experiment")
    if available():
        search.start(settings)
        log.info("The search shows in MLflow at %s", shown_uri())
    try:
        yield search
    except KeyboardInterrupt:
        search.end("KILLED", {})
        raise
    except BaseException:
        search.end("FAILED", {})
        raise
