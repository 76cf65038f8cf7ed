"""What `newstance doctor` says: what is installed, where things are, and what is missing. It changes nothing."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from newstance.errors import NewstanceError
from newstance.settings import (
    BUNDLE,
    CLEAN,
    EXPERIMENTS,
    PREPARED,
    RAW,
    REPORTS,
    STUDY,
    WHEELS,
    EnsembleSettings,
    Settings,
    load_settings,
)

# Checks import what they need inside, so that a library that is missing or broken is a finding and no crash.
# ruff: noqa: PLC0415

OPTIONAL = {
    "mlflow": "tracking",
    "dvc": "tracking",
    "jupyter": "notebooks",
    "fastapi": "serving",
    "uvicorn": "serving",
    "onnxscript": "export",
}


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
    findings = [
        *_guarded("Python", _python()),
        *_guarded("newstance", _packages()),
        *_guarded("backbone", _backbone()),
        *_guarded("torch device", _device()),
        *_guarded("tracking store", _store()),
    ]
    try:
        settings = load_settings(params)
    except (NewstanceError, OSError) as error:
        return [*findings, Finding("wrong", "settings", _one_line(error))]
    findings.append(Finding("ok", "settings", f"{params} is valid"))
    for name in settings.labels.schemes:
        findings += _guarded(f"labels: {name}", _labels(name, settings))
    findings += _guarded("own articles", _own_articles(settings))
    for name, task in _tasks(settings.experiments | settings.weak, settings.ensembles).items():
        findings += _guarded(name, _experiment(name, task, settings))
    findings += _study(settings)
    return [*findings, *_guarded("data", _made(settings))]


def _guarded(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Give the findings; what stops them becomes one more."""
    try:
        yield from findings
    except ImportError as error:
        yield Finding("wrong", subject, f"can't be looked at: {_one_line(error)}; install all with make setup")
    except (NewstanceError, OSError) as error:
        yield Finding("wrong", subject, _one_line(error))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _python() -> Iterator[Finding]:
    yield Finding("ok", "Python", platform.python_version())
    yield Finding("ok", "folder", f"{Path.cwd()}; paths below start here")


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
    from newstance.models.backbone import backbone_folder
    from newstance.models.settings import DEFAULT_BACKBONE

    try:
        importlib.metadata.version(DEFAULT_BACKBONE)
    except importlib.metadata.PackageNotFoundError:
        return  # said among the packages; looking further would ask the model hub
    yield Finding("ok", "backbone", f"{DEFAULT_BACKBONE} in {backbone_folder(DEFAULT_BACKBONE)}")


def _device() -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        yield Finding("ok", "torch device", "cpu (no CUDA device)")
        return
    bfloat16 = "with" if torch.cuda.is_bf16_supported() else "without"
    yield Finding("ok", "torch device", f"cuda, {torch.cuda.get_device_name()}, {bfloat16} bfloat16")


def _store() -> Iterator[Finding]:
    from newstance.tracking import available, store

    if not available():
        return  # said among the packages
    uri = store.store_uri()
    if uri.startswith(store.SQLITE) and not Path(uri.removeprefix(store.SQLITE)).is_file():
        command = "newstance run makes it, and newstance track for run folders that are there already"
        yield Finding("not yet", "tracking store", f"{store.shown_uri()}; {command}")
    else:
        yield Finding("ok", "tracking store", store.shown_uri())


def _labels(name: str, settings: Settings) -> Iterator[Finding]:
    from newstance.labels.annotations import read_annotations
    from newstance.scheme import load_schemes

    directory = settings.labels.directory
    scheme = load_schemes(directory / "schemes", (name,))[name]
    rows = len(read_annotations(scheme, directory))
    yield Finding("ok", f"labels: {name}", f"{rows} in {directory / scheme.annotations}")


def _own_articles(settings: Settings) -> Iterator[Finding]:
    from newstance.corpus import own

    number = len(own.read(settings.corpus, RAW))
    yield Finding("ok", "own articles", f"{number} in {settings.corpus.own_articles}")


def _tasks(experiments: Mapping[str, str], ensembles: Mapping[str, EnsembleSettings]) -> dict[str, str]:
    return {**experiments, **{name: ensemble.task for name, ensemble in ensembles.items()}}


def _study(settings: Settings) -> Iterator[Finding]:
    """Say in one line how far the study is: most machines never run it. What is wrong in it is said in full."""
    names = _tasks(settings.study, settings.study_ensembles)
    findings = [one for name, task in names.items() for one in _guarded(name, _experiment(name, task, settings))]
    yield from (one for one in findings if one.state == "wrong")
    done = sum(one.state == "ok" for one in findings)
    if names:
        text = f"{done} of {len(names)} experiments have runs"
        rest = f"; dvc repro {STUDY / 'dvc.yaml'}"
        yield Finding("ok", "study", text) if done == len(names) else Finding("not yet", "study", text + rest)


def _experiment(name: str, task: str, settings: Settings) -> Iterator[Finding]:
    from newstance.experiment.ensemble import check_declared
    from newstance.experiment.settings import load_experiment
    from newstance.models.settings import EnsembleModel

    path = EXPERIMENTS / f"{name}.yaml"
    experiment = load_experiment(path)
    if isinstance(experiment.model, EnsembleModel):
        check_declared(name, experiment.model, settings)
    if experiment.task != task:
        yield Finding("wrong", name, f"{path} says task '{experiment.task}', the settings say '{task}'")
    elif task not in settings.labels.schemes:
        known = ", ".join(settings.labels.schemes)
        yield Finding("wrong", name, f"{path}: task '{task}' is no scheme of the settings; use {known}")
    elif (settings.run_folder(name) / "seeds").is_dir():
        yield Finding("ok", name, f"has run: {settings.run_folder(name)}")
    else:
        yield Finding("not yet", name, f"has not run here; newstance run {path}")


def _made(settings: Settings) -> Iterator[Finding]:
    from newstance.corpus.fetch import WHEEL

    if settings.corpus.source == "news-articles":
        yield _place("wheel", WHEELS / WHEEL, "newstance fetch")
    elif settings.corpus.path and settings.corpus.path.is_file():
        yield Finding("ok", "your corpus", str(settings.corpus.path))
    elif settings.corpus.path:
        yield Finding("wrong", "your corpus", f"{settings.corpus.path} does not exist; correct 'corpus.path'")
    if settings.corpus.source != "own":  # which has nothing to fetch
        yield _place("raw corpus", RAW, "newstance fetch")
    yield _place("clean corpus", CLEAN, "dvc repro clean")
    for name in settings.labels.schemes:
        yield _place(f"prepared: {name}", PREPARED / name, "dvc repro split")
    yield _place("report", REPORTS / "index.html", "dvc repro")
    yield _place("bundle of champions", BUNDLE, "dvc repro export")


def _place(subject: str, path: Path, command: str) -> Finding:
    there = path.is_file() or (path.is_dir() and any(path.iterdir()))
    return Finding("ok", subject, str(path)) if there else Finding("not yet", subject, f"{path}; {command}")
