"""The champions in the MLflow registry: one registered model a task, whose version with the alias is in use."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.tracking.folder import RunFolder
from newstance.tracking.model import EXAMPLE, link_model, save_pyfunc
from newstance.tracking.store import Store, load_mlflow, opened, opened_to_read, shown_uri, store_errors, store_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

ALIAS = "champion"
COMMAND = "newstance champion"
CARD = "MODEL_CARD.md"
REPLACED = "newstance.replaced_version"
ROLLED_BACK = "newstance.rolled_back"
PACKAGE_VERSION = "newstance.version"
DESCRIPTION_LENGTH = 5000  # MLflow's databases hold no longer one
# What answering from a bundle imports, and no more: an image that serves it needs no torch.
RUNTIME = "numpy onnxruntime pandas py3langid pydantic pyyaml safetensors sentencex tokenizers"


class Provenance(BaseModel):
    """What a registered version comes from, as its tags ``newstance.*`` say it: a run, and the code that converted it.

    `code` is a hash of that code; versions that were registered before it was kept have none.
    """

    model_config = ConfigDict(frozen=True)

    experiment: str
    seed: int
    run_id: str
    data: str
    validation_macro_f1: float
    code: str = ""

    def tags(self) -> dict[str, str]:
        """Return the tags of a version that comes from this run."""
        return {f"newstance.{name}": str(value) for name, value in self.model_dump().items()}


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes
    ----------
    name, version
        Of the registered model and of the version.
    provenance
        The run that it comes from; None where a version made by other means has no such tags.
    replaced
        The version that was champion before, if there was one.
    """

    name: str
    version: str
    provenance: Provenance | None
    replaced: str | None


def model_name(task: str) -> str:
    """Return the registered model's name."""
    return f"newstance-{task}"


def champion(task: str) -> Registered | None:
    """Return the version of a task that has the alias, if any; writes nothing.

    Raises
    ------
    NewstanceError
        When mlflow isn't installed, or the store fails.
    """
    load_mlflow()
    with opened_to_read(COMMAND) as client:
        return None if client is None else _champion(client, task)


def rolled_back(task: str) -> list[Registered]:
    """Return the versions that a rollback put away; writes nothing.

    Raises
    ------
    NewstanceError
        When mlflow isn't installed, or the store fails.
    """
    load_mlflow()
    with opened_to_read(COMMAND) as client:
        known = [] if client is None else client.search_model_versions(f"name = '{model_name(task)}'")
        return [_registered(version) for version in known if ROLLED_BACK in version.tags]


def register(
    folder: Path, seed: int, bundle: Path, card: str, provenance: Provenance, replacing: Registered | None
) -> Registered:
    """Register the bundle of one seed as a new version, and give it the alias, which is the last step.

    Parameters
    ----------
    folder
        The run folder, which MLflow holds already (`newstance.tracking.track`).
    seed
        The seed whose model the bundle holds.
    bundle
        The bundle's folder.
    card
        The model card in Markdown.
    provenance
        What the version's tags say.
    replacing
        The champion so far.

    Raises
    ------
    NewstanceError
        When another process has set another champion meanwhile, mlflow isn't installed, or the store fails.
    """
    content = RunFolder.read(folder)
    task = content.settings.task
    load_mlflow()
    with opened(task, COMMAND) as store:
        if _champion(store.client, task) != replacing:
            raise NewstanceError(f"Another process has set the champion of '{task}' meanwhile; run `{COMMAND}` again.")
        _, nested = store.runs(content.identity)
        model = _log_bundle(store, nested[seed], content, seed, bundle, card)
        tags = provenance.tags() | {PACKAGE_VERSION: installed("newstance")}
        tags |= {REPLACED: replacing.version} if replacing else {}
        _ensure_registered_model(store.client, task)
        version = store.client.create_model_version(
            model_name(task),
            f"models:/{model.model_id}",
            nested[seed].info.run_id,
            tags,
            description=shortened(card),
            model_id=model.model_id,
        )
        store.client.set_registered_model_alias(model_name(task), ALIAS, version.version)
        return _registered(version)


def fetch_bundle(task: str, folder: Path) -> Path:
    """Copy the bundle of a task's champion into a folder, and return where it is.

    Raises
    ------
    NewstanceError
        When there is no champion, or the store fails.
    """
    present = champion(task)
    if present is None:
        raise NewstanceError(f"Task '{task}' has no champion in {shown_uri()}; choose one with `{COMMAND}`.")
    from mlflow.artifacts import download_artifacts  # noqa: PLC0415

    with store_errors("newstance export"):
        uri = f"models:/{present.name}/{present.version}/artifacts/bundle"
        return Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=store_uri()))


def roll_back(task: str) -> tuple[Registered, Registered]:
    """Give the alias back to the version that the present champion replaced; return both, the present one first.

    The present one is marked, so that the next choice doesn't bring it back unasked.

    Raises
    ------
    NewstanceError
        When there is no champion or it replaced none that is still there, mlflow isn't installed, or the store fails.
    """
    name = model_name(task)
    present = champion(task)
    if present is None:
        raise NewstanceError(f"{name} in {shown_uri()} has no champion that could be rolled back.")
    if present.replaced is None:
        raise NewstanceError(f"The champion of {name}, version {present.version}, replaced no other version.")
    with opened(task, f"{COMMAND} --rollback") as store:
        before = next((one for one in _versions(store.client, name) if one.version == present.replaced), None)
        if before is None:
            raise NewstanceError(
                f"{name} has no version {present.replaced} any more, which version {present.version} replaced."
            )
        store.client.set_model_version_tag(name, present.version, ROLLED_BACK, "true")
        store.client.set_registered_model_alias(name, ALIAS, before.version)
        return present, before


def shortened(card: str) -> str:
    """Return a card that fits a version's description: whole sections, and where the rest is."""
    if len(card) <= DESCRIPTION_LENGTH:
        return card
    pointer = f"\n\nThe rest is in {CARD}, among the model's artifacts.\n"
    room = card[: DESCRIPTION_LENGTH - len(pointer)]
    return room[: room.rfind("\n## ")].rstrip() + pointer


def _champion(client: MlflowClient, task: str) -> Registered | None:
    """Find the version with the alias; a search, since asking for an absent one is an error like any other."""
    models = client.search_registered_models(f"name = '{model_name(task)}'")
    number = next((model.aliases.get(ALIAS) for model in models), None)
    if number is None:
        return None
    return _registered(client.get_model_version(model_name(task), str(number)))


def _versions(client: MlflowClient, name: str) -> list[Registered]:
    return [_registered(version) for version in client.search_model_versions(f"name = '{name}'")]


def _registered(version: ModelVersion) -> Registered:
    tags: Mapping[str, str] = version.tags
    values = {name: tags[tag] for name in Provenance.model_fields if (tag := f"newstance.{name}") in tags}
    try:
        provenance = Provenance.model_validate(values)
    except ValidationError:
        provenance = None
    return Registered(version.name, str(version.version), provenance, tags.get(REPLACED))


def _ensure_registered_model(client: MlflowClient, task: str) -> None:
    name = model_name(task)
    if not client.search_registered_models(f"name = '{name}'"):
        text = f"Models of task '{task}'. The version with the alias '{ALIAS}' is in use; its description is its card."
        client.create_registered_model(name, {"newstance.task": task}, text)


def _log_bundle(store: Store, run: Run, folder: RunFolder, seed: int, bundle: Path, card: str) -> LoggedModel:
    """Log the bundle as a model that is an output of its seed's run."""
    task = folder.settings.task
    model = store.client.create_logged_model(
        store.experiment_id,
        name=f"{folder.settings.experiment}-bundle",
        source_run_id=run.info.run_id,
        tags={"newstance.task": task, "newstance.seed": str(seed)},
        model_type="classifier",
    )
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "model"
        _save(path, model, folder, bundle)
        write_text(path / CARD, card)
        store.client.log_model_artifacts(model.model_id, str(path))
    store.client.finalize_logged_model(model.model_id, "READY")
    link_model(store, run, model.model_id)
    return model


def _save(path: Path, model: LoggedModel, folder: RunFolder, bundle: Path) -> None:
    columns = [name for name in EXAMPLE if name != "target" or folder.has_targets]
    save_pyfunc(
        path,
        model,
        "bundle_model.py",
        columns,
        artifacts={"bundle": str(bundle)},
        model_config={"task": folder.settings.task},
        pip_requirements=_requirements(),
        signature=_signature(columns, folder.codes),
    )


def _signature(columns: list[str], codes: list[str]) -> ModelSignature:
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, Schema  # noqa: PLC0415

    numbers = [ColSpec("double", code, required=False) for code in codes]
    words = [ColSpec("string", name, required=False) for name in ("label", "abstain")]
    return ModelSignature(
        inputs=Schema([ColSpec("string", name) for name in columns]), outputs=Schema([words[0], *numbers, words[1]])
    )


def _requirements() -> list[str]:
    """Pin what is installed, since the bundle was verified with it."""
    return [f"{name}=={installed(name).split('+')[0]}" for name in ("mlflow", *RUNTIME.split())]
