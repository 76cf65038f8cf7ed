"""Parameters, metrics and the data set: written so that the same value written twice is one value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from newstance.settings import PREPARED
from newstance.tracking.folder import Identity, Settings, texts

if TYPE_CHECKING:
    from mlflow.entities import Run

    from newstance.tracking.store import Store

# MLflow's limits for one request.
PARAMS_A_BATCH = 100
METRICS_A_BATCH = 1000
DIGEST_LENGTH = 36


def log_params(store: Store, run_id: str, values: Mapping[str, Any]) -> None:
    """Log nested values as flat parameters."""
    from mlflow.entities import Param  # noqa: PLC0415

    params = [Param(name, value) for name, value in texts(values).items()]
    for first in range(0, len(params), PARAMS_A_BATCH):
        store.client.log_batch(run_id, params=params[first : first + PARAMS_A_BATCH])


def log_metrics(
    store: Store,
    run_id: str,
    points: Iterable[tuple[str, float, int]],
    identity: Identity,
    model_id: str | None = None,
) -> None:
    """Log points (name, value, step) on a run, and on its model where one is given.

    Every point carries the time at which the run started: a store keeps points with equal name, value, step and
    time once, so what was logged live or before a crash is not logged twice.
    """
    from mlflow.entities import Metric  # noqa: PLC0415

    metrics = [Metric(name, value, identity.started, step, model_id) for name, value, step in points]
    for first in range(0, len(metrics), METRICS_A_BATCH):
        store.client.log_batch(run_id, metrics=metrics[first : first + METRICS_A_BATCH])


def log_parent(store: Store, parent: Run, settings: Settings) -> None:
    """Log what is known of an experiment before it runs: its settings, and its data set by hash without a text."""
    from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

    log_params(store, parent.info.run_id, settings.model_dump())
    source = json.dumps({"uri": (PREPARED / settings.task).as_posix()})
    data = Dataset(settings.task, settings.data[:DIGEST_LENGTH], source_type="local", source=source)
    context = InputTag("mlflow.data.context", "training")
    store.client.log_inputs(parent.info.run_id, datasets=[DatasetInput(data, [context])])
