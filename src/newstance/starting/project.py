"""Write a new project: settings, pipeline, experiments and seeds for a user's own label schemes and articles."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from newstance.corpus import own
from newstance.errors import NewstanceError
from newstance.files import atomic_path, read_settings, write_text
from newstance.labels.store import check_annotator
from newstance.scheme import Scheme
from newstance.settings import EXPERIMENTS, PARAMS_FILE, SEARCH_TABLES, CorpusSettings, LabelSettings

TASK = "task: SCHEME"  # the line of an experiment's template that gets the scheme's name
ANNOTATOR = "own"
# By kind of scheme, the templates of the experiments: what is cheap enough to run on any machine.
BASELINES = ("majority", "tfidf-svm", "tfidf-encoder-svm")
CONTROLS = ("target-only",)  # of schemes with targets


def start_project(
    folder: Path,
    schemes: Sequence[Path],
    articles: Path | None = None,
    annotators: Sequence[str] = (ANNOTATOR,),
) -> Path:
    """Write a project whose articles can be labelled at once and which ``dvc repro`` trains and exports after that.

    The articles are read on the way, so that one that can't be read is named before anything is there.

    Parameters
    ----------
    folder
        The new folder; it may exist when it is empty, and be the working directory.
    schemes
        Files of label schemes; one a task.
    articles
        Folder of plain-text articles (``*.txt``), which are copied; without it seeds/articles stays empty.
    annotators
        Whose labels train, the first one that labelled a unit counts.

    Returns
    -------
    Path
        The folder, made whole or not at all.

    Raises
    ------
    NewstanceError
        When the folder is not empty or can't be one, a scheme, an article or an annotator's name is wrong, two schemes
        can't stand side by side, or DVC isn't installed.
    """
    read = _read_schemes(schemes)
    names = _check_annotators(annotators)
    if file := next((place for place in folder.resolve().parents if place.is_file()), None):
        raise NewstanceError(f"{file} is a file, so no folder can be made in it; name another one than {folder}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NewstanceError(f"{folder} is there already and not empty; name a new folder.")
    if articles is not None:
        _check_articles(articles)
    repository = _inside_git(folder)
    with _new_folder(folder.resolve()) as temporary:
        _write_files(temporary, read, names)
        for path, scheme in zip(schemes, read, strict=True):
            shutil.copyfile(path, temporary / "seeds/schemes" / f"{scheme.name}.yaml")
        for path in sorted(articles.glob("*.txt")) if articles is not None else ():
            shutil.copyfile(path, temporary / "seeds/articles" / path.name)
        _start_dvc(temporary, in_git=repository)
    return folder


def experiments_of(scheme: Scheme) -> dict[str, str]:
    """Return the experiments (YAML) of a scheme by name, such as ``frame-tfidf-svm``."""
    kinds = (*BASELINES, *CONTROLS) if scheme.has_targets else BASELINES
    templates = _templates()
    made = {}
    for kind in kinds:
        text = templates.get_template(f"{scheme.kind}-{kind}.yaml").render()
        made[f"{scheme.name}-{kind}"] = text.replace(TASK, f"task: {_scalar(scheme.name)}")
    return made


def _scalar(text: str) -> str:
    """Write a name so that YAML reads it as text, in quotes where it would read `no` and `null` as something else."""
    return text if yaml.safe_load(text) == text else json.dumps(text)


def _templates() -> Environment:
    loader = PackageLoader("newstance.starting")
    made = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701 - no HTML is made
    made.filters["scalar"] = _scalar
    return made


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder, which becomes `folder`; one that is there stays: it may be the working directory."""
    if not folder.exists():
        with atomic_path(folder) as temporary:
            yield temporary
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".newstance-") as room:
        yield Path(room)
        for path in Path(room).iterdir():
            path.replace(folder / path.name)


def _check_annotators(names: Sequence[str]) -> list[str]:
    reference = LabelSettings().reference
    checked = list(dict.fromkeys(map(check_annotator, names)))
    if any(name.casefold() == reference.casefold() for name in checked):
        raise NewstanceError(
            f"'{reference}' is the annotator whose labels test; name with --annotator whose labels train."
        )
    return checked


def _read_schemes(paths: Sequence[Path]) -> list[Scheme]:
    schemes = [read_settings(path, Scheme) for path in paths]
    if not schemes:
        raise NewstanceError("A project needs a label scheme; give the file of one with --scheme.")
    for path, scheme in zip(paths, schemes, strict=True):
        if not scheme.annotations.endswith(".csv"):
            raise NewstanceError(
                f"{path}: key 'annotations' is '{scheme.annotations}'; it must be the name of a .csv file."
            )
    for what, values in {
        "name": [scheme.name for scheme in schemes],
        "annotations": [scheme.annotations for scheme in schemes],
    }.items():
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise NewstanceError(f"Two schemes have the same '{what}', '{twice[0]}'; each needs its own.")
    return schemes


def _check_articles(folder: Path) -> None:
    if not folder.is_dir():
        raise NewstanceError(f"{folder} is no folder; give the folder of the articles, a .txt file each.")
    if own.read(CorpusSettings(own_articles=folder), folder).empty:
        raise NewstanceError(f"{folder} holds no articles; they are .txt files, one each.")


def _inside_git(folder: Path) -> bool:
    return any((place / ".git").exists() for place in folder.resolve().parents)


def _write_files(folder: Path, schemes: Sequence[Scheme], annotators: Sequence[str]) -> None:
    experiments = {scheme.name: experiments_of(scheme) for scheme in schemes}
    facts: dict[str, Any] = {
        "schemes": schemes,
        "experiments": experiments,
        "annotators": annotators,
        "reference": LabelSettings().reference,
        "targets": any(scheme.has_targets for scheme in schemes),
    }
    templates = _templates()
    for name, template in {
        PARAMS_FILE.name: "params.yaml.j2",
        "README.md": "README.md.j2",
        "dvc.yaml": "pipeline.yaml",
        ".gitignore": "gitignore",
        ".dvcignore": "dvcignore",
        "seeds/datasheet.md": "datasheet.md",
        "seeds/aliases.yaml": "aliases.yaml",
    }.items():
        write_text(folder / name, templates.get_template(template).render(facts))
    for of_scheme in experiments.values():
        for name, text in of_scheme.items():
            write_text(folder / EXPERIMENTS / f"{name}.yaml", text)
    for scheme in schemes:
        write_text(folder / "seeds" / scheme.annotations, ",".join(scheme.annotation_columns) + "\n")
    for name in ("schemes", "articles"):
        (folder / "seeds" / name).mkdir()
    write_text(folder / SEARCH_TABLES / ".gitkeep", "")  # on which the report depends


def _start_dvc(folder: Path, *, in_git: bool) -> None:
    """Make the folder a DVC project; outside git DVC is told that there is none."""
    try:
        from dvc.repo import Repo  # noqa: PLC0415
    except ImportError:
        raise NewstanceError("A project needs DVC; install it with pip install 'newstance[tracking]'.") from None
    # Even inside git: DVC would put what it makes under the temporary name into git's index.
    with (
        contextlib.redirect_stdout(sys.stderr),  # DVC says that it began; standard output is for results
        Repo.init(str(folder), no_scm=True) as repo,
        repo.config.edit("repo") as values,
    ):
        values["core"] = {"analytics": False, "check_update": False, **({} if in_git else {"no_scm": True})}
