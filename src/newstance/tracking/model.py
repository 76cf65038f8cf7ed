"""A seed's model in MLflow: a pyfunc from code, with signature and input example, without pickle."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from newstance.tracking.folder import RunFolder

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.models import ModelSignature

    from newstance.tracking.store import Store

PACKAGE = Path(__file__).parent.parent
# What may stand beside the text; a model that doesn't need them ignores them.
OPTIONAL_COLUMNS = ["subtitle", "outlet"]
EXAMPLE = {
    "title": "Harbour town opens its new tram line",
    "text": "The mayor of Ostrava praised the new tram line on Monday and said it would halve the way to work.",
    "target": "tram line",
}


def log_model(store: Store, run: Run, folder: RunFolder, seed: int) -> str:
    """Log the model of a seed as an output of its run, unless an earlier attempt has; return the model's id."""
    client = store.client
    found = client.search_logged_models([store.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'")
    model = next(iter(found), None) or client.create_logged_model(
        store.experiment_id,
        name=folder.settings.experiment,
        source_run_id=run.info.run_id,
        tags={"newstance.task": folder.settings.task, "newstance.seed": str(seed)},
        model_type="classifier",
    )
    if model.status != "READY":
        with tempfile.TemporaryDirectory() as room:
            path = Path(room) / "model"
            _save(path, model, folder, seed)
            client.log_model_artifacts(model.model_id, str(path))
        client.finalize_logged_model(model.model_id, "READY")
    link_model(store, run, model.model_id)
    return str(model.model_id)


def link_model(store: Store, run: Run, model_id: str) -> None:
    """Name a model as an output of a run, once."""
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415

    outputs = store.client.get_run(run.info.run_id).outputs
    if model_id not in {output.model_id for output in (outputs.model_outputs if outputs else [])}:
        store.client.log_outputs(run.info.run_id, [LoggedModelOutput(model_id, step=0)])


def _save(path: Path, model: LoggedModel, folder: RunFolder, seed: int) -> None:
    columns = [name for name in EXAMPLE if name != "target" or folder.has_targets]
    optional = [*OPTIONAL_COLUMNS, *_read_labels(folder, {*columns, *OPTIONAL_COLUMNS})]
    part = folder.path / "seeds" / str(seed)
    save_pyfunc(
        path,
        model,
        "pyfunc_model.py",
        columns,
        artifacts={"model": str(part / "model"), "calibration": str(part / "calibration.json")},
        model_config={"codes": folder.codes, "columns": [*columns, *optional]},
        pip_requirements=_requirements(folder),
        signature=_signature(columns, optional, folder.codes),
    )


def save_pyfunc(path: Path, model: LoggedModel, code: str, columns: list[str], **parts: Any) -> None:
    """Write an MLflow model from a file of this folder. It brings the package's own code, since no index holds that.

    Parameters
    ----------
    path
        The model's folder.
    model
        What it is logged as.
    code, columns
        Name of the file, and the columns of the input example.
    **parts
        Artifacts, configuration, requirements and signature, as `mlflow.pyfunc.save_model` takes them.
    """
    from mlflow import pyfunc  # noqa: PLC0415
    from mlflow.models import Model  # noqa: PLC0415

    pyfunc.save_model(
        path,
        python_model=str(Path(__file__).with_name(code)),
        code_paths=[str(PACKAGE)],
        input_example=pd.DataFrame([{name: EXAMPLE[name] for name in columns}]),
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            model_uuid=model.model_id,
            run_id=model.source_run_id,
            model_id=model.model_id,
        ),
        **parts,
    )


def _read_labels(folder: RunFolder, known: Collection[str]) -> list[str]:
    """Return the columns that a control reads as categories, such as the topic of an article, beyond the known ones."""
    features = folder.settings.model.get("features", [])
    return [one["column"] for one in features if one["kind"] == "category" and one["column"] not in known]


def _signature(columns: list[str], optional: list[str], codes: list[str]) -> ModelSignature:
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, Schema  # noqa: PLC0415

    inputs = [ColSpec("string", name) for name in columns]
    beside = [ColSpec("string", name, required=False) for name in optional]
    outputs = [ColSpec("string", "label"), *(ColSpec("double", code) for code in codes)]
    return ModelSignature(inputs=Schema([*inputs, *beside]), outputs=Schema([*outputs]))


def _requirements(folder: RunFolder) -> list[str]:
    """Pin what the model was trained with; local builds (2.9.0+cpu) are on no index, so their suffix goes."""
    from mlflow.version import VERSION  # noqa: PLC0415

    packages = {**folder.environment.packages, "mlflow": VERSION}
    return [f"{name}=={version.split('+')[0]}" for name, version in sorted(packages.items()) if name != "newstance"]
