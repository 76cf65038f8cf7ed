"""Where the trials of a search are kept, so that several processes share them and a stopped search goes on.

A file (Optuna's journal) for the processes of one machine or of a shared folder, a database by its URL for machines.
Optuna is imported only here and below: without it everything else works.
"""

from __future__ import annotations

import importlib.util
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from newstance.errors import NewstanceError
from newstance.settings import CACHE

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

SEARCHES = CACHE / "search"
WORKER = "worker"
HEARTBEAT = 20  # seconds
SILENCE = 120  # seconds without a heartbeat after which a trial counts as lost
NAMELESS = timedelta(seconds=60)
PATIENCE = 10  # seconds
Lost = Callable[["FrozenTrial"], None]


@dataclass(frozen=True)
class Storage:
    """An open storage, for one process; `worker` is its name there.

    Attributes
    ----------
    place
        The journal, or the database's URL without its password.
    optuna
        What Optuna works with.
    journal
        The file, None for a database.
    """

    place: str
    optuna: BaseStorage
    journal: Path | None
    worker: str

    def retry_lost(self, study: Study, on_lost: Lost) -> None:
        """Fail the trials whose process is gone, and put their settings up again.

        Every process holds a lock beside the journal as long as it lives, whatever ends it. For a database, which
        machines share, Optuna's heartbeats tell.
        """
        if self.journal is None:
            _fail_silent(study, self.optuna, on_lost)
            return
        with FileLock(f"{self.journal}.retry.lock"):
            for trial in study.get_trials(deepcopy=False):
                if trial.state.name == "RUNNING" and self._is_lost(trial):
                    # It may have ended its trial just before it went.
                    now = study.tell(trial.number, state=_states().FAIL, skip_if_finished=True)
                    if now.state.name == "FAIL":
                        put_up_again(study, trial)
                        on_lost(trial)

    def _is_lost(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get(WORKER)
        if worker is None:  # killed before it said whose it was, or about to say so
            return trial.datetime_start is not None and datetime.now() - trial.datetime_start > NAMELESS
        lock = _lock_of(self.journal, worker)
        if worker == self.worker:
            return False
        if not lock.exists():
            return True
        try:
            with FileLock(lock, timeout=0):
                lock.unlink()
                return True
        except Timeout:
            return False


def put_up_again(study: Study, trial: FrozenTrial) -> None:
    """Have the settings of a lost trial tried before any new ones."""
    if trial.params:
        study.enqueue_trial(trial.params)


def _fail_silent(study: Study, storage: BaseStorage, on_lost: Lost) -> None:
    import optuna  # noqa: PLC0415

    before = {trial.number for trial in study.get_trials(deepcopy=False, states=(_states().RUNNING,))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(_states().FAIL,)):
        if trial.number in before:
            on_lost(trial)


def _states() -> Any:
    from optuna.trial import TrialState  # noqa: PLC0415

    return TrialState


def _lock_of(journal: Path | None, worker: str) -> Path:
    return Path(f"{journal}.worker-{worker}.lock")


@contextmanager
def opened(name: str, where: str | None) -> Iterator[Storage]:
    """Open a storage as one of its processes.

    Parameters
    ----------
    name
        Of the experiment.
    where
        A file, a database's URL, or None for a file in data/cache/search.

    Raises
    ------
    NewstanceError
        When Optuna isn't installed, the database can't be reached or lacks its driver, or the file can't be used.
    """
    if importlib.util.find_spec("optuna") is None:
        raise NewstanceError("Optuna is not installed, so nothing can be searched: pip install 'newstance[scaling]'.")
    import optuna  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if where is not None and "://" in where:
        yield _database(where)
        return
    journal = Path(where) if where else SEARCHES / f"{name}.journal"
    worker = uuid.uuid4().hex
    lock = _lock_of(journal, worker)
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    except OSError as error:
        raise NewstanceError(f"The search's storage {journal} can't be used: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise NewstanceError(
            f"The search's storage {journal} is no journal of Optuna or is damaged; give another file."
        ) from None
    with FileLock(lock):
        try:
            yield Storage(str(journal), storage, journal, worker)
        finally:
            lock.unlink(missing_ok=True)


def _database(url: str) -> Storage:
    from sqlalchemy.engine import make_url  # noqa: PLC0415  (comes with Optuna)
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        address = make_url(url)
        place = address.render_as_string(hide_password=True)
    except SQLAlchemyError:
        raise NewstanceError(
            "The search's storage is no URL of a database; write postgresql://user:password@host/database."
        ) from None
    if address.drivername == "postgresql":
        # The driver that newstance[scaling] brings; left alone, SQLAlchemy 2.1 looks for another one.
        address = address.set(drivername="postgresql+psycopg2")
    try:
        storage = _tables_made(address.render_as_string(hide_password=False))
    except (SQLAlchemyError, ImportError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise NewstanceError(
            f"The search's storage {place} can't be used ({reason}); check that it runs and that --storage names it."
        ) from None
    return Storage(place, storage, None, uuid.uuid4().hex)


def _tables_made(url: str) -> BaseStorage:
    """Open the database's tables, and make them in a new one, where another process may be making them just now."""
    import optuna  # noqa: PLC0415
    from sqlalchemy.exc import IntegrityError, ProgrammingError  # noqa: PLC0415

    latest = time.monotonic() + PATIENCE
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return optuna.storages.RDBStorage(
                    url,
                    engine_kwargs={"pool_pre_ping": True},
                    heartbeat_interval=HEARTBEAT,
                    grace_period=SILENCE,
                    heartbeat_stale_trial_callback=put_up_again,
                )
        except (AssertionError, IntegrityError, ProgrammingError):  # what Optuna raises when its tables are half made
            if time.monotonic() > latest:
                raise
            time.sleep(0.2)


def open_study(name: str, storage: Storage, identity: str, run_json: dict[str, Any]) -> Study:
    """Make the study of a search, or take part in it.

    Parameters
    ----------
    name
        Of the experiment.
    storage
        Where the trials are.
    identity
        A hash of what the trials have in common: the experiment's settings, the ranges, the data.
    run_json
        Who the search is, if it is a new one.

    Raises
    ------
    NewstanceError
        When the storage has a search of that name over something else.
    """
    import optuna  # noqa: PLC0415

    # Hopeless is what does worse than half of the earlier trials did at the same step.
    pruner = optuna.pruners.MedianPruner()
    try:
        study = optuna.create_study(study_name=name, storage=storage.optuna, direction="maximize", pruner=pruner)
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage.optuna, pruner=pruner)
        _wait_for_maker(study)
    if "run" not in study.user_attrs:
        study.set_user_attr("identity", identity)
        study.set_user_attr("run", run_json)  # last: it says that all is there
    if study.user_attrs["identity"] != identity:
        raise NewstanceError(
            f"{storage.place} has a search for '{name}' with other settings, ranges or data; go on with those, or give "
            "another --storage."
        )
    return study


def _wait_for_maker(study: Study) -> None:
    """Wait until the process that made the study a moment ago has described it; it may have died before."""
    latest = time.monotonic() + PATIENCE
    while "run" not in study.user_attrs and time.monotonic() < latest:
        time.sleep(0.1)
