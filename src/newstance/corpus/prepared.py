"""Prepared data: a Parquet file a split with Hugging Face features, and a data card, in data/prepared/TASK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, DatasetInfo, Features, SplitDict, SplitInfo, Value
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from newstance.errors import NewstanceError
from newstance.files import atomic_path, file_sha256, read_parquet
from newstance.scheme import SPLITS, Label, Scheme
from newstance.settings import ARTICLES, PREPARED

ARTICLE_PART = ["article_id", "group", "outlet", "url", "published", "title", "subtitle", "text"]


@dataclass(frozen=True)
class ResolvedLabels:
    """A scheme with its labels, one a unit (`newstance.labels.annotations.resolve`).

    Attributes
    ----------
    scheme
        The label scheme.
    training
        Labels of the training annotators: they train and validate.
    reference
        Labels of the reference annotator: they test. Where the table is empty, training labels test.
    """

    scheme: Scheme
    training: pd.DataFrame
    reference: pd.DataFrame

    def of_split(self, article_ids: pd.Series[str], split: str) -> pd.DataFrame:
        """Return the labels of a split's articles, from the annotators that serve for that split."""
        source = self.reference if split == "test" and len(self.reference) else self.training
        return source[source["article_id"].isin(article_ids)]


def write_prepared(
    folder: Path,
    labels: ResolvedLabels,
    articles: pd.DataFrame,
    splits: pd.DataFrame,
    *,
    topics: ResolvedLabels | None = None,
    datasheet: str = "",
) -> None:
    """Write ``folder/TASK`` anew: train.parquet, validation.parquet, test.parquet and the data card README.md.

    The columns are `ARTICLE_PART`, `target` (target-dependent schemes only), the label, the secondary label, the
    topic (see `topics`) and `annotator`. Equal input gives equal bytes.

    Parameters
    ----------
    folder
        The folder of all tasks.
    labels
        The task's scheme and labels.
    articles
        The article columns and `group`.
    splits
        As `newstance.corpus.splits.make_splits` returns them.
    topics
        For a target-dependent scheme: the single-label scheme whose label becomes a further column, named as that
        scheme; missing where an article has none.
    datasheet
        How the labels were made (Markdown); goes into the data card.

    Raises
    ------
    NewstanceError
        When a split has no label of this task; nothing is written then.
    """
    features = _features(labels.scheme, topics.scheme if topics else None)
    tables = {}
    for split in SPLITS:
        chosen = articles[articles["article_id"].isin(splits.loc[splits["split"] == split, "article_id"])]
        tables[split] = _split_table(split, chosen, labels, topics)[list(features)]
        if tables[split].empty:
            raise NewstanceError(f"Task '{labels.scheme.name}' has no label in '{split}'; label more of its articles.")
    encoded = {split: _encode(table, features) for split, table in tables.items()}
    front_matter = _front_matter(labels.scheme, encoded, features)
    with atomic_path(folder / labels.scheme.name) as temporary:
        temporary.mkdir()
        for split, table in encoded.items():
            pq.write_table(table, temporary / f"{split}.parquet")
        card = _card(front_matter, labels.scheme, tables, datasheet)
        (temporary / "README.md").write_text(card, encoding="utf-8", newline="\n")


def _features(scheme: Scheme, topic_scheme: Scheme | None) -> Features:
    columns = {name: Value("timestamp[ns]" if name == "published" else "string") for name in ARTICLE_PART}
    if scheme.has_targets:
        columns["target"] = Value("string")
    columns[scheme.name] = ClassLabel(names=scheme.codes)
    if scheme.secondary:
        columns[scheme.secondary] = ClassLabel(names=scheme.codes)
    if topic_scheme:
        columns[topic_scheme.name] = ClassLabel(names=topic_scheme.codes)
    return Features({**columns, "annotator": Value("string")})


def _split_table(
    split: str, articles: pd.DataFrame, labels: ResolvedLabels, topics: ResolvedLabels | None
) -> pd.DataFrame:
    """One row a labelled unit of the split's articles, in their order."""
    ids = articles["article_id"]
    table = articles.merge(labels.of_split(ids, split), on="article_id", validate="one_to_many")
    if topics:
        topic = topics.of_split(ids, split)[["article_id", topics.scheme.name]]
        table = table.merge(topic, on="article_id", how="left", validate="many_to_one")
    return table


def _label_columns(features: Features) -> dict[str, list[str]]:
    return {name: feature.names for name, feature in features.items() if isinstance(feature, ClassLabel)}


def _encode(table: pd.DataFrame, features: Features) -> pa.Table:
    """Turn label codes into the class numbers of the features, and the table into Arrow with their schema."""
    numbers = {
        name: table[name].map({code: number for number, code in enumerate(codes)}).astype("Int64")
        for name, codes in _label_columns(features).items()
    }
    schema = features.arrow_schema
    encoded = pa.Table.from_pandas(table.assign(**numbers), schema=schema, preserve_index=False)
    # pandas adds metadata of its own (versions, index), which has no place in a file that others read.
    return encoded.replace_schema_metadata(schema.metadata)


def load_corpus(task: str, folder: Path = PREPARED) -> DatasetDict:
    """Load a task's prepared data.

    The same as ``datasets.load_dataset("parquet", data_files=...)`` over the three files, but in memory: nothing is
    written to a cache.

    Parameters
    ----------
    task
        Name of a scheme, such as ``topic`` or ``stance``.
    folder
        The folder of all tasks.

    Returns
    -------
    DatasetDict
        The splits train, validation and test; labels are `ClassLabel` features.

    Raises
    ------
    NewstanceError
        When the task hasn't been prepared.
    """
    return DatasetDict({split: Dataset(pq.read_table(path)) for split, path in _files(task, folder).items()})


def _files(task: str, folder: Path) -> dict[str, Path]:
    files = {split: folder / task / f"{split}.parquet" for split in SPLITS}
    for path in files.values():
        if not path.is_file():
            raise NewstanceError(f"{path} is missing; check the task's name '{task}' or prepare the data (dvc repro).")
    return files


def read_prepared(task: str, folder: Path = PREPARED) -> dict[str, pd.DataFrame]:
    """Read a task's prepared data as one DataFrame a split.

    Labels are their codes (text); a missing secondary label or topic is missing. Errors as in `load_corpus`.
    """
    tables = {}
    for split, dataset in load_corpus(task, folder).items():
        table = dataset.to_pandas()
        for name, codes in _label_columns(dataset.features).items():
            table[name] = table[name].map(dict(enumerate(codes))).astype("str")
        tables[split] = table
    return tables


def read_unlabelled(task: str, folder: Path = PREPARED) -> pd.DataFrame | None:
    """Return the clean articles that have no label of a task, for weak labels; None where there is no clean corpus.

    Left out is whatever shares a group of near-duplicates with an article of the task's validation or test. The columns
    are `ARTICLE_PART`. Errors as in `load_corpus`.
    """
    if not ARTICLES.is_file():
        return None
    labelled = read_prepared(task, folder)
    held = pd.concat([labelled["validation"]["group"], labelled["test"]["group"]])
    articles = read_parquet(ARTICLES)[ARTICLE_PART]
    free = ~articles["group"].isin(held) & ~articles["article_id"].isin(labelled["train"]["article_id"])
    return articles[free].reset_index(drop=True)


def fingerprint(task: str, folder: Path = PREPARED) -> str:
    """Return the SHA-256 over the task's three Parquet files: the data set's hash in runs."""
    hashes = "".join(file_sha256(path) for path in _files(task, folder).values())
    return sha256(hashes.encode()).hexdigest()


def unlabelled_fingerprint() -> str | None:
    """Return the SHA-256 of the clean corpus, which `read_unlabelled` draws on; None where there is none."""
    return file_sha256(ARTICLES) if ARTICLES.is_file() else None


def _card(front_matter: str, scheme: Scheme, tables: Mapping[str, pd.DataFrame], datasheet: str) -> str:
    """Write the data card: YAML front matter that `datasets` reads, and the same in words and numbers."""
    return "\n".join(
        [
            "---",
            front_matter,
            "---",
            "",
            f"# {scheme.title}: prepared data",
            "",
            f"Task `{scheme.name}`, {scheme.kind}. One row is one labelled "
            f"{'pair of article and target' if scheme.has_targets else 'article'}. "
            f"Open it with `newstance.load_corpus('{scheme.name}')`, or with `datasets.load_dataset('parquet', ...)`. "
            f"{_group_sentence(tables)}",
            "",
            "The article texts belong to their publishers. They are here for your own research; don't pass them on.",
            "",
            "## Labels",
            "",
            *_count_table(scheme, tables),
            "",
            *map(_label_line, scheme.labels),
            "",
            "## Who labelled",
            "",
            *_annotator_counts(tables),
            "",
            *_provenance(datasheet),
        ]
    )


def _label_line(label: Label) -> str:
    examples = f" (for example: {'; '.join(label.examples)})" if label.examples else ""
    return f"- `{label.code}` ({label.name}): {label.definition}{examples}"


def _group_sentence(tables: Mapping[str, pd.DataFrame]) -> str:
    homes = pd.concat([table[["group"]].drop_duplicates() for table in tables.values()])
    shared = len(homes[homes.duplicated()].drop_duplicates())
    if not shared:
        return "No group of near-duplicate articles lies in two splits."
    return (
        f"Groups of near-duplicate articles that lie in more than one split: {shared} (the splits are the publishers')."
    )


def _front_matter(scheme: Scheme, encoded: Mapping[str, pa.Table], features: Features) -> str:
    files = [{"split": split, "path": f"{split}.parquet"} for split in SPLITS]
    data = DatasetCardData(
        license="other",
        pretty_name=scheme.title,
        task_categories=["text-classification"],
        configs=[{"config_name": "default", "data_files": files}],
    )
    counts = SplitDict()
    for split, table in encoded.items():
        counts.add(SplitInfo(split, num_bytes=table.nbytes, num_examples=table.num_rows))
    DatasetInfosDict({"default": DatasetInfo(features=features, splits=counts)}).to_dataset_card_data(data)
    return str(data.to_yaml())


def _count_table(scheme: Scheme, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    lines = [f"| label | {' | '.join(SPLITS)} |", "|---|" + "---:|" * len(SPLITS)]
    for code in scheme.codes:
        counts = [str((tables[split][scheme.name] == code).sum()) for split in SPLITS]
        lines.append(f"| {code} | {' | '.join(counts)} |")
    units = [str(len(tables[split])) for split in SPLITS]
    articles = [str(tables[split]["article_id"].nunique()) for split in SPLITS]
    return [*lines, f"| all | {' | '.join(units)} |", f"| articles | {' | '.join(articles)} |"]


def _annotator_counts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    lines = []
    for split in SPLITS:
        counts = tables[split]["annotator"].value_counts().sort_index()
        lines.append(f"- {split}: {', '.join(f'{name} ({count})' for name, count in counts.items())}")
    return lines


def _provenance(datasheet: str) -> list[str]:
    if not datasheet.strip():
        return ["How the labels were made is not recorded: the labels folder has no datasheet.md."]
    # One level down, so that the datasheet's heading doesn't become a second title of the card.
    lines = datasheet.strip().splitlines()
    return [
        "The datasheet of the labels follows.",
        "",
        *(f"#{line}" if line.startswith("#") else line for line in lines),
        "",
    ]
