"""A Hugging Face `datasets` folder: one Parquet file with features, a row a decision, and a data card."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, Value
from huggingface_hub import DatasetCardData

from newstance.errors import NewstanceError
from newstance.files import atomic_path
from newstance.labels.exchange.content import ARTICLE_PART, Content, label_codes, label_columns
from newstance.labels.history import TIME
from newstance.scheme import Scheme

FILE = "labels.parquet"


def write(output: Path, content: Content) -> None:
    """Write the folder; the columns of articles stand beside the labels', and `published` is text."""
    scheme = content.scheme
    features = _features(scheme)
    table = content.labels.merge(content.units, on=scheme.unit, how="left", validate="many_to_one")[list(features)]
    for name, feature in features.items():
        if isinstance(feature, ClassLabel):
            table[name] = table[name].map({code: number for number, code in enumerate(feature.names)}).astype("Int64")
    schema = features.arrow_schema
    encoded = pa.Table.from_pandas(table, schema=schema, preserve_index=False).replace_schema_metadata(schema.metadata)
    with atomic_path(output) as temporary:
        temporary.mkdir()
        pq.write_table(encoded, temporary / FILE)
        (temporary / "README.md").write_text(_card(content), encoding="utf-8", newline="\n")


def _features(scheme: Scheme) -> Features:
    labels = {scheme.name: ClassLabel(names=label_codes(scheme))}
    if scheme.secondary:
        labels[scheme.secondary] = ClassLabel(names=scheme.codes)
    columns = [*label_columns(scheme), *ARTICLE_PART]
    return Features({name: labels.get(name, Value("string")) for name in columns})


def _card(content: Content) -> str:
    scheme, labels = content.scheme, content.labels
    front = DatasetCardData(
        license="other",
        pretty_name=scheme.title,
        task_categories=["text-classification"],
        configs=[{"config_name": "default", "data_files": [{"split": "train", "path": FILE}]}],
    )
    counts = labels[scheme.name].value_counts()
    who = labels["annotator"].value_counts(sort=False)
    skip = [f"- `{scheme.skip}`: not a news text; {counts.get(scheme.skip, 0)} decisions"] if scheme.skip else []
    return "\n".join(
        [
            "---",
            str(front.to_yaml()),
            "---",
            "",
            f"# {scheme.title}: labels",
            "",
            f"Task `{scheme.name}`, {scheme.kind}. One row is one annotator's decision on one "
            f"{'pair of article and target' if scheme.has_targets else 'article'}: {len(labels)} decisions on "
            f"{labels['article_id'].nunique()} articles. `{TIME}` is UTC, and empty where it is not known.",
            "",
            "The article texts belong to their publishers. They are here for your own research; don't pass them on.",
            "",
            "## Labels",
            "",
            *(
                f"- `{label.code}` ({label.name}): {label.definition}; {counts.get(label.code, 0)} decisions"
                for label in scheme.labels
            ),
            *skip,
            "",
            "## Who labelled",
            "",
            *(f"- {name}: {count} decisions" for name, count in who.items()),
            "",
        ]
    )


def read(path: Path, scheme: Scheme) -> pd.DataFrame:
    """Read the labels of a folder's Parquet files; class numbers become codes by the features that the files hold.

    Returns
    -------
    DataFrame
        Columns `label_columns`, all text.

    Raises
    ------
    NewstanceError
        When the folder has no Parquet file, a file can't be read, lacks a column, or holds another label.
    """
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise NewstanceError(f"{path} has no Parquet file; give the folder of a data set.")
    return pd.concat([_read_file(file, scheme) for file in files], ignore_index=True)


def _read_file(file: Path, scheme: Scheme) -> pd.DataFrame:
    try:
        data = Dataset(pq.read_table(file))
    except (OSError, pa.ArrowException) as error:
        raise NewstanceError(f"{file} can't be read as Parquet: {error}.") from None
    if missing := [name for name in scheme.annotation_columns if name not in data.column_names]:
        raise NewstanceError(f"{file} lacks the column(s) {', '.join(missing)}.")
    table: pd.DataFrame = data.to_pandas()
    for name, feature in data.features.items():
        if isinstance(feature, ClassLabel):
            table[name] = table[name].map(dict(enumerate(feature.names)))
    # Where labels have no time, there may be no column.
    table = table.reindex(columns=label_columns(scheme)).astype("object")
    table = table.where(table.notna(), "").astype("str")
    wrong = ~table[scheme.name].isin(label_codes(scheme))
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise NewstanceError(
            f"{file}, row {row + 1}, column '{scheme.name}': '{table[scheme.name].iloc[row]}' is no label of scheme "
            f"'{scheme.name}'; use {', '.join(label_codes(scheme))}."
        )
    return table
