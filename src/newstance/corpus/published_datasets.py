"""Any Hugging Face data set as a corpus, by the names of its columns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import ClassLabel, Dataset, load_dataset

from newstance.corpus.encoding import normalise_white_space
from newstance.corpus.published_settings import DatasetsCorpus
from newstance.errors import NewstanceError

_BUILDERS = {".csv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


def read_dataset(corpus: DatasetsCorpus) -> pd.DataFrame:
    """Read the named columns and splits of a data set.

    Parameters
    ----------
    corpus
        Where it is and how its columns and splits are called.

    Returns
    -------
    DataFrame
        One row a unit: `article_id` (the split and the row's number where there is no id), `outlet`, `title`, `text`,
        `target` where the settings name one, `label` as published (a class's name), `number` (a class's number, else
        the label), `split` (train, validation or test).

    Raises
    ------
    NewstanceError
        When the data set can't be had, or lacks a split or column.
    """
    found = _load(corpus)
    wanted = corpus.splits.model_dump(exclude_none=True)
    if missing := sorted(set(wanted.values()) - set(found)):
        raise NewstanceError(
            f"{corpus.path} has no split {', '.join(missing)}, only {', '.join(found)}; correct the key 'splits'."
        )
    return pd.concat([_table(found[name], split, corpus) for split, name in wanted.items()], ignore_index=True)


def _load(corpus: DatasetsCorpus) -> dict[str, Dataset]:
    path = Path(corpus.path)
    builder = _BUILDERS.get(path.suffix.lower()) if path.is_file() else None
    try:
        if builder:
            loaded = load_dataset(builder, data_files={"train": str(path)})
        else:
            loaded = load_dataset(corpus.path, corpus.config, revision=corpus.revision)
    # Loading runs the libraries of hub, file formats and network, whose errors have no common base.
    except Exception as error:
        offline = " HF_HUB_OFFLINE is set: nothing is downloaded." if os.environ.get("HF_HUB_OFFLINE") else ""
        reason = " ".join(str(error).split())[:200]
        raise NewstanceError(
            f"The data set {corpus.path} can't be had ({reason}); name a data set of the hub, or a local folder or "
            f"file ({', '.join(_BUILDERS)}).{offline}"
        ) from None
    return dict(loaded)


def _table(rows: Dataset, split: str, corpus: DatasetsCorpus) -> pd.DataFrame:
    named = corpus.columns.model_dump(exclude_none=True)
    if missing := sorted(set(named.values()) - set(rows.column_names)):
        raise NewstanceError(
            f"{corpus.path} lacks the column(s) {', '.join(missing)}; it has {', '.join(rows.column_names)}."
        )
    raw = rows.select_columns(list(dict.fromkeys(named.values()))).to_pandas()
    ids = raw[named["id"]].map(str) if "id" in named else [f"{split}-{number}" for number in range(len(raw))]
    table = pd.DataFrame({"article_id": pd.Series(ids, index=raw.index, dtype="str")})
    for column in ("outlet", "title", "text", "target"):
        if column in named:
            table[column] = raw[named[column]].map(_text).astype("str")
        elif column != "target":
            table[column] = ""
    table["label"], table["number"] = _labels(raw[named["label"]], rows.features[named["label"]])
    return table.assign(split=split)


def _text(cell: Any) -> str:
    return normalise_white_space(cell) if isinstance(cell, str) else ""


def _labels(cells: pd.Series[Any], feature: Any) -> tuple[pd.Series[str], pd.Series[str]]:
    numbers = cells.map(str)
    if not isinstance(feature, ClassLabel):
        return numbers, numbers
    names = dict(enumerate(feature.names))
    return cells.map(lambda cell: names.get(cell, str(cell))), numbers
