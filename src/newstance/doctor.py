"""What `newstance doctor` says: what is installed, where things are, and what is missing. It changes nothing."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from newstance.errors import NewstanceError
from newstance.settings import EXPERIMENTS, PREPARED, RAW, REPORTS, RUNS, WHEELS, Settings, load_settings

OPTIONAL = {"mlflow": "tracking", "dvc": "tracking", "jupyter": "notebooks"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes
    ----------
    state
        ``ok``; ``not yet`` (a command makes it); ``wrong`` (must be mended).
    subject, text
        What was looked at, and what was found.
    """

    state: Literal["ok", "not yet", "wrong"]
    subject: str
    text: str


def examine(params: Path) -> list[Finding]:
    """Look at the installation, the settings, the experiments and what the pipeline has made so far."""
    findings = [Finding("ok", "Python", platform.python_version()), *_packages(), *_backbone()]
    try:
        settings = load_settings(params)
    except NewstanceError as error:
        return [*findings, Finding("wrong", "settings", str(error))]
    findings.append(Finding("ok", "settings", f"{params} is valid"))
    return [*findings, *_labels(settings), *_experiments(settings), *_made(settings), *_store()]


def _packages() -> Iterator[Finding]:
    for requirement in importlib.metadata.requires("newstance") or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]
        try:
            yield Finding("ok", name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("wrong", name, f"is not installed; pip install '{requirement}' (make setup installs all)")
    for name, extra in OPTIONAL.items():
        try:
            yield Finding("ok", name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("not yet", name, f"is not installed; pip install 'newstance[{extra}]' if you want it")


def _backbone() -> Iterator[Finding]:
    from newstance.models.backbone import backbone_folder  # noqa: PLC0415
    from newstance.models.settings import DEFAULT_BACKBONE  # noqa: PLC0415

    try:
        yield Finding("ok", "backbone", f"{DEFAULT_BACKBONE} in {backbone_folder(DEFAULT_BACKBONE)}")
    except NewstanceError as error:
        yield Finding("wrong", "backbone", str(error))


def _labels(settings: Settings) -> Iterator[Finding]:
    from newstance.labels.annotations import read_annotations  # noqa: PLC0415  (pandas: a second)

    try:
        for name, scheme in settings.labels.load_schemes().items():
            rows = len(read_annotations(scheme, settings.labels.directory))
            yield Finding("ok", f"labels: {name}", f"{rows} in {settings.labels.directory / scheme.annotations}")
    except NewstanceError as error:
        yield Finding("wrong", "labels", str(error))


def _experiments(settings: Settings) -> Iterator[Finding]:
    from newstance.experiment.settings import load_experiment  # noqa: PLC0415  (pandas: a second)

    for name, task in settings.experiments.items():
        path = EXPERIMENTS / f"{name}.yaml"
        try:
            experiment = load_experiment(path)
        except NewstanceError as error:
            yield Finding("wrong", name, str(error))
            continue
        if experiment.task != task:
            yield Finding("wrong", name, f"{path} says task '{experiment.task}', the settings say '{task}'")
        elif (RUNS / name / "predictions.parquet").is_file():
            yield Finding("ok", name, f"has run: {RUNS / name}")
        else:
            yield Finding("not yet", name, f"has not run here; newstance run {path}")


def _made(settings: Settings) -> Iterator[Finding]:
    places = {
        "wheel": (WHEELS, "newstance fetch"),
        "raw corpus": (RAW, "newstance fetch"),
        **{f"prepared: {name}": (PREPARED / name, "dvc repro split") for name in settings.labels.schemes},
        "report": (REPORTS / "index.html", "dvc repro"),
    }
    for subject, (path, command) in places.items():
        there = path.is_file() or (path.is_dir() and any(path.iterdir()))
        yield Finding("ok", subject, str(path)) if there else Finding("not yet", subject, f"{path}; {command}")


def _store() -> Iterator[Finding]:
    from newstance.tracking import available, store  # noqa: PLC0415

    if available():
        yield Finding("ok", "tracking store", store.shown_uri())
