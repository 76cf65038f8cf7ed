"""Published data sets as tasks: from a corpus file to prepared data (docs/benchmarks.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.progress import Progress

from newstance.corpus import allsides, near_duplicates
from newstance.corpus.newsmtsc import read_newsmtsc
from newstance.corpus.prepared import ResolvedLabels, write_prepared
from newstance.corpus.published_datasets import read_dataset
from newstance.corpus.published_outlets import read_outlets
from newstance.corpus.published_settings import AllSidesCorpus, DatasetsCorpus, NewsMtscCorpus, read_corpus
from newstance.corpus.splits import EXCLUDED, make_splits
from newstance.errors import NewstanceError
from newstance.scheme import SPLITS, Scheme, load_schemes
from newstance.settings import CACHE, PREPARED
from newstance.tables import ARTICLE_COLUMNS

DOWNLOADS = CACHE / "downloads"
SCHEMES = Path("schemes")
REPORT_COLUMNS = ["task", "rule", *SPLITS]
READ, WRITTEN = "read", "written"


@dataclass(frozen=True)
class _Units:
    """A corpus before it is written: a row a labelled unit, and what was taken from which split.

    `rows` has the article columns, `group`, `label` (as published), `target` where the scheme has targets, and `split`
    (None where it is to be drawn).
    """

    rows: pd.DataFrame
    removed: tuple[tuple[str, pd.Series[str]], ...] = ()


def prepare_all(
    files: Sequence[Path],
    progress: Progress,
    *,
    schemes: Path = SCHEMES,
    prepared: Path = PREPARED,
    downloads: Path = DOWNLOADS,
) -> pd.DataFrame:
    """Write the prepared data of corpus files, each as ``prepared/TASK``; what they share is read once.

    Parameters
    ----------
    files
        Corpus files (`newstance.corpus.published_settings`).
    progress
        Shows which task is prepared.
    schemes
        Folder of the schemes, TASK.yaml.
    prepared
        The folder of all tasks.
    downloads
        Where data sets are put that the data directory doesn't have.

    Returns
    -------
    DataFrame
        Columns `REPORT_COLUMNS`: for every task the units read, what each rule removed, and the units written, a
        column a split.

    Raises
    ------
    NewstanceError
        When a file or scheme is wrong, or a data set can't be had or doesn't fit its scheme.
    """
    corpora = [read_corpus(path) for path in files]
    loaded = load_schemes(schemes, [corpus.task for corpus in corpora])
    reader = _Reader(downloads, progress)
    reports = [
        _prepare(corpus, loaded[corpus.task], reader.read(corpus), prepared)
        for corpus in progress.track(corpora, description="Corpora")
    ]
    return pd.concat(reports, ignore_index=True)


class _Reader:
    """Reads corpora; the AllSides articles, which several tasks share, once for equal settings."""

    def __init__(self, downloads: Path, progress: Progress) -> None:
        self._downloads = downloads
        self._progress = progress
        self._allsides: tuple[str, allsides.Collection] | None = None

    def read(self, corpus: AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus) -> _Units:
        if isinstance(corpus, AllSidesCorpus):
            return _allsides_units(corpus, self._collection(corpus))
        if isinstance(corpus, NewsMtscCorpus):
            return _newsmtsc_units(corpus, self._downloads)
        return _grouped(read_dataset(corpus), corpus)

    def _collection(self, corpus: AllSidesCorpus) -> allsides.Collection:
        settings = corpus.near_duplicates, corpus.compared_words, corpus.recurrent
        key = repr((corpus.outlets, settings))
        if self._allsides is None or self._allsides[0] != key:
            outlets = read_outlets(corpus.outlets)
            articles = allsides.read_allsides(self._downloads, self._progress)
            self._allsides = key, allsides.Collection(articles, outlets, *settings)
        return self._allsides[1]


def _allsides_units(corpus: AllSidesCorpus, collection: allsides.Collection) -> _Units:
    articles = collection.masked if corpus.masked else collection.articles
    splits, rules = collection.splits(corpus.splits)
    before = collection.articles[f"split_{'random' if corpus.splits == 'random' else 'media'}"]
    removed = tuple((rule, before[gone]) for rule, gone in rules)
    rows = articles[[*ARTICLE_COLUMNS, "group"]].assign(label=articles[corpus.label], split=splits)
    return _Units(rows.assign(number=rows["label"]), removed)


def _newsmtsc_units(corpus: NewsMtscCorpus, downloads: Path) -> _Units:
    # Both test sets take their near-duplicates from train, so that the tasks of both have the same train.
    tables = [read_newsmtsc(part, downloads).assign(part=part) for part in ("train", "devtest_rw", "devtest_mt")]
    rows = pd.concat(tables, ignore_index=True).rename(columns={"stance": "label"})
    splits = rows["part"].where(rows["part"] == "train", "test")
    units = _grouped(rows.assign(number=rows["label"], split=splits), corpus)
    return _Units(units.rows[units.rows["part"].isin(["train", corpus.test])], units.removed)


def _grouped(rows: pd.DataFrame, corpus: NewsMtscCorpus | DatasetsCorpus) -> _Units:
    """Group the articles, and take what is nearly a test article from the other published splits."""
    articles = rows.drop_duplicates("article_id")
    if "target" not in rows and len(articles) < len(rows):
        raise NewstanceError(f"Task '{corpus.task}': an id occurs twice; correct the key 'columns.id'.")
    if "target" in rows:
        _check_ids(rows, corpus)
    compared = articles[["article_id"]].assign(
        text=[_beginning(text, corpus.compared_words) for text in articles["text"]]
    )
    groups = pd.Series(
        near_duplicates.find(compared, corpus.near_duplicates)[0].to_numpy(), index=articles["article_id"]
    )
    rows = rows.assign(group=rows["article_id"].map(groups), published=pd.Series(pd.NaT, rows.index, "datetime64[ns]"))
    for name in ("outlet", "url", "title", "subtitle"):
        if name not in rows:
            rows[name] = ""
    shared = rows["group"].isin(rows.loc[rows["split"] == "test", "group"]) & (rows["split"] != "test")
    removed = (("near-duplicate of test", rows.loc[shared, "split"]),)
    return _Units(rows.assign(split=rows["split"].mask(shared, EXCLUDED)), removed)


def _check_ids(rows: pd.DataFrame, corpus: NewsMtscCorpus | DatasetsCorpus) -> None:
    """Refuse an id that stands for several articles: all but the first would be lost, and with them their split."""
    found = rows.groupby("article_id", sort=False)[["text", "split"]].nunique()
    for column, what in (("text", "has several texts"), ("split", "is in several splits")):
        if several := list(found.index[found[column] > 1]):
            raise NewstanceError(
                f"Task '{corpus.task}': the id '{several[0]}' {what}; name with the key 'columns.id' a column whose "
                "values are an article's own in all splits."
            )


def _beginning(text: str, words: int) -> str:
    return " ".join(text.split(None, words)[:words])


def _prepare(
    corpus: AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus, scheme: Scheme, units: _Units, prepared: Path
) -> pd.DataFrame:
    """Map the labels, draw the splits that weren't published, and write ``prepared/TASK``; return the report."""
    rows = units.rows
    report = [_counts(rule, splits) for rule, splits in units.removed]
    report.insert(0, _counts(READ, pd.concat([rows["split"], *(splits for _, splits in units.removed)])))
    labels = _codes(rows, corpus, scheme)
    report.append(_counts("label left out", rows.loc[labels.isna(), "split"]))
    rows = rows.assign(**{scheme.name: labels})[labels.notna()]
    if scheme.has_targets:
        rows, ambiguous = _distinct_units(rows, scheme)
        report += [_counts(rule, splits) for rule, splits in ambiguous.items()]
    if _names_test(corpus) and not (rows["split"] == "test").any():
        raise NewstanceError(
            f"Task '{corpus.task}': no {'pair' if scheme.has_targets else 'article'} of its test split has a label "
            "that is kept; correct the keys 'splits' and 'labels'."
        )
    splits = _splits(rows, corpus, scheme)
    kept = [*scheme.unit, scheme.name]
    resolved = ResolvedLabels(scheme, rows[kept].assign(annotator=corpus.annotator), _nothing(rows[kept]))
    articles = rows.drop_duplicates("article_id")[[*ARTICLE_COLUMNS, "group"]]
    write_prepared(prepared, resolved, articles, splits, datasheet=corpus.about)
    written = rows["article_id"].map(splits.set_index("article_id")["split"])
    rules = [row for row in report if row[0] == READ or any(row[1:])]
    return pd.DataFrame([[corpus.task, *row] for row in [*rules, _counts(WRITTEN, written)]], columns=REPORT_COLUMNS)


def _names_test(corpus: AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus) -> bool:
    return not isinstance(corpus, DatasetsCorpus) or corpus.splits.test is not None


def _counts(rule: str, splits: pd.Series[str]) -> list[str | int]:
    return [rule, *(int((splits == split).sum()) for split in SPLITS)]


def _nothing(labels: pd.DataFrame) -> pd.DataFrame:
    """Return no labels: the published ones test too."""
    return labels.iloc[:0].assign(annotator="")


def _codes(
    rows: pd.DataFrame, corpus: AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus, scheme: Scheme
) -> pd.Series[str]:
    """Return the scheme's code of every unit, missing where units with its label are left out."""
    codes: dict[str, str | None] = dict(corpus.labels) or {code: code for code in scheme.codes}
    if wrong := sorted({code for code in codes.values() if code} - set(scheme.codes)):
        raise NewstanceError(f"Task '{corpus.task}': 'labels' names {', '.join(wrong)}, no code of its scheme.")
    known = [
        next((value for value in pair if value in codes), None)
        for pair in zip(rows["number"], rows["label"], strict=True)
    ]
    unknown = [label for label, value in zip(rows["label"], known, strict=True) if value is None]
    if unknown and corpus.other_labels == "error":
        raise NewstanceError(
            f"Task '{corpus.task}': label '{unknown[0]}' isn't among 'labels'; map it to a code or to null."
        )
    return pd.Series([None if value is None else codes[value] for value in known], index=rows.index, dtype="str")


def _distinct_units(rows: pd.DataFrame, scheme: Scheme) -> tuple[pd.DataFrame, dict[str, pd.Series[str]]]:
    """Keep one row for each article and target; a pair with two labels has none."""
    several = rows.groupby(scheme.unit)[scheme.name].transform("nunique") > 1
    again = rows.duplicated(scheme.unit) & ~several
    removed = {"pair with two labels": rows.loc[several, "split"], "pair stands twice": rows.loc[again, "split"]}
    return rows[~several & ~again], removed


def _splits(
    rows: pd.DataFrame, corpus: AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus, scheme: Scheme
) -> pd.DataFrame:
    """Return the published splits, those that are missing drawn from train: stratified, groups as a whole."""
    published = rows.drop_duplicates("article_id")[["article_id", "group", "split"]]
    if (published["split"] == "validation").any():
        return published
    labels = rows[["article_id", scheme.name, *(["target"] if scheme.has_targets else [])]]
    used = published.loc[published["split"] != EXCLUDED, ["article_id", "group"]]
    parts = {split: labels[rows["split"] == split] for split in ("train", "test")}
    return make_splits(
        used, {scheme.name: scheme}, {scheme.name: parts["train"]}, {scheme.name: parts["test"]}, corpus.split
    )
