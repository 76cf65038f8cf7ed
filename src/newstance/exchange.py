"""Labels of a project to other programs and back: what is exchanged is gathered here, and brought in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pandas as pd

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.errors import NewstanceError
from newstance.files import read_parquet
from newstance.labels.exchange import datasets_folder, label_studio, plain_csv
from newstance.labels.exchange.content import ARTICLE_PART, Content, label_columns
from newstance.labels.exchange.importing import Imported, import_labels
from newstance.labels.history import counting, read_history
from newstance.pipeline import read_raw
from newstance.scheme import Scheme
from newstance.settings import ARTICLES, Settings

Format = Literal["label-studio", "datasets", "csv"]
FORMATS: dict[Format, ModuleType] = {"label-studio": label_studio, "datasets": datasets_folder, "csv": plain_csv}
BATCH = 64


def scheme_of(task: str, settings: Settings) -> Scheme:
    """Return a task's scheme, or refuse a task that the settings don't name."""
    schemes = settings.labels.load_schemes()
    if task not in schemes:
        raise NewstanceError(f"labels.schemes of the settings has no task '{task}'; it has {', '.join(schemes)}.")
    return schemes[task]


def export_labels(
    task: str,
    kind: Format,
    output: Path,
    settings: Settings,
    *,
    bundle: Bundle | None = None,
    unlabelled: bool = False,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Content:
    """Write the labels of a task that count, with their articles, those that cleaning dropped included.

    Parameters
    ----------
    task
        Name of a scheme.
    kind
        The format.
    output
        A file, for ``datasets`` a folder; it must not be there yet.
    settings
        The project's.
    bundle
        Exported champions, whose predictions go along (``label-studio``), and which proposes targets of unlabelled
        articles.
    unlabelled
        Whether the clean articles that nobody labelled go along, too (``label-studio``).
    advance
        Is told how many units of how many were predicted.

    Raises
    ------
    NewstanceError
        When there is no such task, OUTPUT is there, the format has no place for what is asked, the bundle doesn't know
        the task, or there is nothing to write.
    """
    scheme = scheme_of(task, settings)
    if output.exists():
        raise NewstanceError(f"{output} is there already; remove it, or choose another name.")
    if bundle and task not in bundle.schemes:
        raise NewstanceError(f"The bundle has no model of '{task}'; it has {', '.join(bundle.schemes)}.")
    if kind != "label-studio" and (bundle or unlabelled):
        raise NewstanceError(f"Predictions and unlabelled articles are for label-studio; leave them out for {kind}.")
    clean = read_parquet(ARTICLES)
    labels = _labels(scheme, settings)
    articles = _with_dropped(clean, set(labels["article_id"]), settings)
    labels = labels[labels["article_id"].isin(articles["article_id"])].reset_index(drop=True)
    units = labels[scheme.unit].drop_duplicates()
    if unlabelled:
        fresh = clean[~clean["article_id"].isin(labels["article_id"])]
        units = pd.concat([units, _pairs(fresh, bundle, advance) if scheme.has_targets else fresh[scheme.unit]])
    if units.empty:
        raise NewstanceError(f"Task '{task}' has no label yet; --unlabelled writes the articles for label-studio.")
    units = _with_articles(units, articles)
    predictions = _predictions(units, scheme, bundle, advance) if bundle else {}
    content = Content(scheme, units, labels, predictions, bundle.version if bundle else "")
    FORMATS[kind].write(output, content)
    return content


def bring_in(task: str, kind: Format, path: Path, settings: Settings) -> Imported:
    """Append the labels of a file to those of a task (`newstance.labels.exchange.importing.import_labels`)."""
    scheme = scheme_of(task, settings)
    if not path.exists():
        raise NewstanceError(f"{path} does not exist.")
    rows = FORMATS[kind].read(path, scheme)
    if rows.empty:
        raise NewstanceError(f"{path} holds no label.")
    known = set(read_raw(settings.corpus)["article_id"])
    return import_labels(rows, scheme, settings.labels.directory, known, str(path))


def _labels(scheme: Scheme, settings: Settings) -> pd.DataFrame:
    if not (settings.labels.directory / scheme.annotations).is_file():  # nobody has labelled anything yet
        return pd.DataFrame(columns=label_columns(scheme), dtype="str")
    return counting(read_history(scheme, settings.labels.directory), scheme)


def _with_dropped(clean: pd.DataFrame, labelled: set[str], settings: Settings) -> pd.DataFrame:
    """Add the raw articles that have a label and aren't clean: what annotators took for no article is among them."""
    missing = labelled.difference(clean["article_id"])
    if not missing:
        return clean
    raw = read_raw(settings.corpus)
    return pd.concat([clean, raw[raw["article_id"].isin(missing)]], ignore_index=True)


def _with_articles(units: pd.DataFrame, articles: pd.DataFrame) -> pd.DataFrame:
    texts = articles[["article_id", *ARTICLE_PART]].copy()
    texts["published"] = texts["published"].dt.strftime("%Y-%m-%d").fillna("")
    return units.merge(texts, on="article_id", how="left", validate="many_to_one")


def _pairs(articles: pd.DataFrame, bundle: Bundle | None, advance: Callable[[int, int], None]) -> pd.DataFrame:
    """Pair articles with the targets that the bundle proposes."""
    if bundle is None:
        raise NewstanceError("Targets of unlabelled articles come from the bundle; ask for --predictions, too.")
    rows = []
    for start in range(0, len(articles), BATCH):
        part = articles.iloc[start : start + BATCH]
        asked = [Article(title, text) for title, text in zip(part["title"], part["text"], strict=True)]
        for article_id, answer in zip(part["article_id"], bundle.predict(asked, evidence=0), strict=True):
            rows += [[article_id, one.target] for one in answer.targets]
        advance(start + len(part), len(articles))
    return pd.DataFrame(rows, columns=["article_id", "target"], dtype="str")


def _predictions(
    units: pd.DataFrame, scheme: Scheme, bundle: Bundle, advance: Callable[[int, int], None]
) -> Mapping[tuple[Any, ...], Mapping[str, float]]:
    codes = bundle.schemes[scheme.name].codes
    found: dict[tuple[Any, ...], Mapping[str, float]] = {}
    for start in range(0, len(units), BATCH):
        part = units.iloc[start : start + BATCH]
        targets = part["target"] if scheme.has_targets else [None] * len(part)
        asked = [
            Article(title, text, None if target is None else [target])
            for title, text, target in zip(part["title"], part["text"], targets, strict=True)
        ]
        keys = part[scheme.unit].itertuples(index=False, name=None)
        for key, row in zip(keys, bundle.probabilities(scheme.name, asked).tolist(), strict=True):
            found[key] = dict(zip(codes, row, strict=True))
        advance(start + len(part), len(units))
    return found
