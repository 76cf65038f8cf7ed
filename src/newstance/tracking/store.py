"""The MLflow store: where it is, one quiet client for it, and runs that are looked for before they are made."""

from __future__ import annotations

import getpass
import importlib.util
import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from newstance.errors import NewstanceError
from newstance.tracking.folder import Identity, Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_ID = "newstance.run_id"
SEED = "newstance.seed"
TRIAL = "newstance.trial"
PARENT = "mlflow.parentRunId"
COMPLETE = "newstance.complete"
HARDWARE = "newstance.hardware"
ARTIFACTS = "mlartifacts"
SQLITE = "sqlite:///"
LOCK_SECONDS = 300
TRACK = "newstance track"

# Defaults only: what the user set stays. A few retries bridge a hiccup; MLflow's own seven would hold up a training
# for minutes after its server went away.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "GIT_PYTHON_REFRESH": "quiet",
}
# The first request tells whether there is a server at all, so it gets less patience than the uploads that follow.
FIRST_TIMEOUT, TIMEOUT = "5", "MLFLOW_HTTP_REQUEST_TIMEOUT"


def available() -> bool:
    """Tell whether mlflow is installed, without importing it."""
    return importlib.util.find_spec("mlflow") is not None


def store_uri() -> str:
    """Return the tracking store: MLFLOW_TRACKING_URI, or the SQLite file mlflow.db in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"


def shown_uri() -> str:
    """Return the store's URI for messages, without a password."""
    return _without_password(store_uri())


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//***@", text)


@dataclass
class Store:
    """A client with the experiment ``newstance-<task>`` in which a run belongs."""

    client: MlflowClient
    experiment_id: str

    def runs(self, identity: Identity) -> tuple[Run | None, dict[int, Run]]:
        """Find the parent run of a run folder, and its nested runs by seed."""
        found = self.marked(identity, {})
        parent = next((run for run in found if SEED not in run.data.tags), None)
        if parent is None:
            return None, {}
        nested = [run for run in found if run.data.tags.get(PARENT) == parent.info.run_id]
        return parent, {int(run.data.tags[SEED]): run for run in nested}

    def marked(self, identity: Identity, tags: Mapping[str, str]) -> list[Run]:
        """Find the runs of one execution that have all of the tags, the oldest first."""
        wanted = {RUN_ID: identity.id, **tags}
        condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
        found: list[Run] = self.client.search_runs(
            [self.experiment_id], condition, order_by=["attributes.start_time ASC", "attributes.run_id ASC"]
        )
        return found

    def create_parent(self, settings: Settings, identity: Identity) -> Run:
        """Make the parent run, with all that names it from its first moment on."""
        tags = {
            RUN_ID: identity.id,
            "newstance.experiment": settings.experiment,
            "newstance.task": settings.task,
            "newstance.role": settings.role,
            "newstance.dvc_stage": identity.dvc_stage,
            "mlflow.source.git.commit": identity.git_commit,
            "mlflow.note.content": settings.title,
        }
        return self._create(settings.experiment, identity.started, tags)

    def create_nested(self, parent: Run, seed: int, start: int) -> Run:
        """Make the nested run of a seed; `start` in milliseconds since 1970."""
        return self._create_below(parent, f"seed {seed}", start, {SEED: str(seed)})

    def create_trial(self, parent: Run, number: int, start: int) -> Run:
        """Make the nested run of a search's trial."""
        return self._create_below(parent, f"trial {number}", start, {TRIAL: str(number)})

    def _create_below(self, parent: Run, name: str, start: int, tags: Mapping[str, str]) -> Run:
        inherited = {tag: parent.data.tags[tag] for tag in (RUN_ID, "newstance.task")}
        below = {**inherited, PARENT: parent.info.run_id, **tags}
        return self._create(f"{parent.info.run_name}, {name}", start, below)

    def _create(self, name: str, start: int, tags: Mapping[str, str | None]) -> Run:
        known = {key: value for key, value in tags.items() if value is not None}
        return self.client.create_run(self.experiment_id, start_time=start, tags=known, run_name=name)


@contextmanager
def opened(task: str, command: str = TRACK) -> Iterator[Store]:
    """Open the store for one process at a time, so that no two make the same run.

    `command` is what an error asks to run again.

    Raises
    ------
    NewstanceError
        When the store can't be reached, read or written, or another process holds it for five minutes.
    """
    # One lock a store and not a run: it also keeps two processes from making the same database or experiment.
    with store_errors(command), FileLock(_lock_path(), timeout=LOCK_SECONDS):
        client = _client()
        yield Store(client, _experiment_id(client, f"newstance-{task}"))


@contextmanager
def opened_to_read(command: str) -> Iterator[MlflowClient | None]:
    """Open the store for a few quick requests, and make nothing: None where its database isn't there yet.

    Raises
    ------
    NewstanceError
        When the store can't be reached or read; it asks to run `command` again.
    """
    with store_errors(command), _environment(_first_request()):
        absent = store_uri().startswith(SQLITE) and not _database().is_file()
        yield None if absent else _client()


@contextmanager
def store_errors(command: str = TRACK) -> Iterator[None]:
    """Turn what MLflow, its database and its server raise into one sentence."""
    # mlflow raises its own errors, SQLAlchemy's, the system's (requests') and a database driver's that is missing.
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except Timeout:
        raise NewstanceError(
            f"Another process has held the tracking store {shown_uri()} for {LOCK_SECONDS} seconds; "
            f"let it end, then run `{command}` again."
        ) from None
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        raise NewstanceError(
            f"The tracking store {shown_uri()} failed ({_reason(error)}); check that it runs and that "
            f"MLFLOW_TRACKING_URI names it, then run `{command}` again."
        ) from error


def _reason(error: Exception) -> str:
    """Say what went wrong in few words: what wraps a network error repeats the request, and any password with it."""
    first: BaseException = error
    while first.__context__ is not None:
        first = first.__context__
    named = first if isinstance(first, OSError | sqlite3.Error) else error
    return _without_password(" ".join(str(named).split()))


def load_mlflow() -> None:
    """Import mlflow with its telemetry, links, progress bars and migration logs off.

    Raises
    ------
    NewstanceError
        When mlflow isn't installed.
    """
    if not available():
        raise NewstanceError("mlflow is not installed, so nothing can be tracked: pip install 'newstance[tracking]'.")
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401, PLC0415

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _client() -> MlflowClient:
    from mlflow import MlflowClient  # noqa: PLC0415

    uri = store_uri()
    if uri.startswith(SQLITE):
        # MLflow keeps one engine a URI, so a relative one would go on meaning the directory it was first used in.
        path = _database()
        _check_sqlite(path)
        uri = f"{SQLITE}{path}"
    return MlflowClient(tracking_uri=uri)


def _database() -> Path:
    """Return the absolute path of the SQLite file that `store_uri` names."""
    return Path(store_uri().removeprefix(SQLITE)).absolute()


def _check_sqlite(path: Path) -> None:
    """Read the database's header; MLflow would retry a damaged file for a hundred seconds."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA schema_version")


def _lock_path() -> Path:
    """Return a lock file that all processes of this user share for the store."""
    if store_uri().startswith(SQLITE):
        path = _database()
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f"{path.name}.lock")
    store = sha256(f"{getpass.getuser()} {store_uri()}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"newstance-{store}.lock"


def _experiment_id(client: MlflowClient, name: str) -> str:
    with _environment(_first_request()):
        experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return _made_experiment(client, name)
    if experiment.lifecycle_stage == "deleted":
        raise NewstanceError(
            f"The MLflow experiment '{name}' in {shown_uri()} is deleted; bring it back with "
            f"`mlflow experiments restore --experiment-id {experiment.experiment_id}` or remove it with `mlflow gc`."
        )
    return str(experiment.experiment_id)


def _made_experiment(client: MlflowClient, name: str) -> str:
    """Make an experiment, or take the one that another machine made at the same moment."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    # A server decides itself where artifacts go; beside a local database MLflow would use ./mlruns.
    local = store_uri().startswith(SQLITE)
    location = (_database().parent / ARTIFACTS / name).as_uri() if local else None
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or (made := client.get_experiment_by_name(name)) is None:
            raise
        return str(made.experiment_id)


def _first_request() -> dict[str, str]:
    return {TIMEOUT: os.environ.get(TIMEOUT, FIRST_TIMEOUT), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while: MLflow reads its settings from nowhere else."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
