"""The stages before the experiments: fetch, clean, label, split. Each reads what the one before wrote, and no more."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pandas as pd

from newstance.corpus import cleaning, fetch, near_duplicates, news_articles, own, prepared, splits, table
from newstance.errors import NewstanceError
from newstance.files import atomic_path, read_parquet, write_csv, write_parquet
from newstance.labels.agreement import agreement_table, reference_agreement
from newstance.labels.annotations import check_against_corpus, read_annotations, resolve, skipped_ids
from newstance.scheme import Scheme
from newstance.settings import ARTICLES, LABELS, PREPARED, RAW, TABLES, CorpusSettings, Settings

log = logging.getLogger(__name__)
LABEL_COUNT_COLUMNS = ["task", "annotator", "units", "articles", "of_dropped_articles"]
EVERYONE = "(all)"


def fetch_corpus(settings: Settings) -> Path:
    """Bring the raw corpus into data/raw: the verified download, or a copy of the user's own table.

    With the source ``own`` there is nothing to bring, and the folder stays empty: own articles are read where they are.
    """
    path = settings.corpus.path
    if settings.corpus.source == "own":
        RAW.mkdir(parents=True, exist_ok=True)
        return settings.corpus.own_articles
    if path is None:
        return fetch.fetch_news_articles()
    table.read(settings.corpus, RAW)  # refused here, where the message can name the user's own file
    copy = _raw_copy(path)
    with atomic_path(copy) as temporary:
        shutil.copyfile(path, temporary)
    return copy


def _raw_copy(path: Path) -> Path:
    return RAW / f"articles{path.suffix.lower()}"


def read_raw(settings: CorpusSettings) -> pd.DataFrame:
    """Read the raw articles of the source and people's own articles, uncleaned."""
    mine = own.read(settings, RAW)
    if settings.source == "own":
        if mine.empty:
            raise NewstanceError(f"{settings.own_articles} holds no articles; put them there as .txt files, one each.")
        return mine
    if settings.path is None:
        source = news_articles.read(settings, RAW)
    else:
        source = table.read(settings.model_copy(update={"path": _raw_copy(settings.path)}), RAW)
    return pd.concat([source, mine], ignore_index=True)


def clean(settings: Settings) -> None:
    """Clean the raw articles and find near-duplicates; write data/clean and what was done as tables."""
    raw = read_raw(settings.corpus)
    skipped = {
        article_id
        for scheme in settings.labels.load_schemes().values()
        for article_id in skipped_ids(
            read_annotations(scheme, settings.labels.directory), scheme, _annotators(settings)
        )
    }
    articles, report = cleaning.clean_articles(
        raw,
        min_words=settings.corpus.min_words,
        skipped=skipped,
        sample=settings.corpus.sample,
        always_keep=set(own.read(settings.corpus, RAW)["article_id"]),
    )
    groups, pairs = near_duplicates.find(articles, settings.corpus.near_duplicates)
    write_parquet(ARTICLES, articles.assign(group=groups))
    write_csv(TABLES / "cleaning.csv", report)
    write_csv(TABLES / "near_duplicates.csv", pairs)


def articles_to_label(settings: Settings) -> pd.DataFrame:
    """Return the clean articles, after fetching and cleaning them where nobody has yet."""
    if not ARTICLES.is_file():
        fetch_corpus(settings)
        clean(settings)
    return read_parquet(ARTICLES)


def _annotators(settings: Settings) -> tuple[str, ...]:
    """Whose word counts on whether a text is an article: the reference, then the training annotators."""
    return (settings.labels.reference, *settings.labels.training)


def label(settings: Settings) -> None:
    """Check the annotations against schemes and corpus; write data/labels and the agreement tables."""
    corpus_ids = set(read_raw(settings.corpus)["article_id"])
    articles = read_parquet(ARTICLES)
    agreements, scores, counts, labels = [], [], [], {}
    for scheme in settings.labels.load_schemes().values():
        source = str(settings.labels.directory / scheme.annotations)
        everything = read_annotations(scheme, settings.labels.directory)
        kept, _ = check_against_corpus(
            everything, corpus_ids, set(articles["article_id"]), source, sampled=settings.corpus.sample is not None
        )
        labels[scheme.name] = kept
        counts.append(_label_counts(scheme, kept, everything[everything["article_id"].isin(corpus_ids)]))
        reference = settings.labels.reference
        agreements.append(agreement_table(kept, articles, scheme, settings.evaluation))
        scores.append(reference_agreement(kept, articles, scheme, reference, settings.evaluation))
    with atomic_path(LABELS) as temporary:
        for name, kept in labels.items():
            write_parquet(temporary / f"{name}.parquet", kept)
    write_csv(TABLES / "labels.csv", pd.concat(counts, ignore_index=True))
    write_csv(TABLES / "agreement.csv", pd.concat(agreements, ignore_index=True))
    write_csv(TABLES / "annotators.csv", pd.concat(scores, ignore_index=True))


def _label_counts(scheme: Scheme, kept: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Count the annotations of kept articles, and how many of the known ones fell with dropped articles."""
    rows = []
    for name in [*sorted(set(known["annotator"])), EVERYONE]:
        left, before = (table if name == EVERYONE else table[table["annotator"] == name] for table in (kept, known))
        rows.append([scheme.name, name, len(left), left["article_id"].nunique(), len(before) - len(left)])
    return pd.DataFrame(rows, columns=LABEL_COUNT_COLUMNS)


def split(settings: Settings) -> None:
    """Split the labelled articles, check the splits, and write the prepared data of every task."""
    schemes = settings.labels.load_schemes()
    articles = read_parquet(ARTICLES)
    resolved = {}
    for name, scheme in schemes.items():
        labels = read_parquet(LABELS / f"{name}.parquet")
        training = resolve(labels, settings.labels.training, scheme)
        reference = resolve(labels, (settings.labels.reference,), scheme)
        resolved[name] = prepared.ResolvedLabels(scheme, training, reference)
    divided = splits.make_splits(
        articles,
        schemes,
        {name: labels.training for name, labels in resolved.items()},
        {name: labels.reference for name, labels in resolved.items()},
        settings.split,
    )
    splits.check_splits(divided)
    for task_labels in resolved.values():
        _warn_of_rare_labels(divided, task_labels)
    topics = next((labels for labels in resolved.values() if not labels.scheme.has_targets), None)
    datasheet = settings.labels.directory / "datasheet.md"
    for task_labels in resolved.values():
        prepared.write_prepared(
            PREPARED,
            task_labels,
            articles,
            divided,
            topics=topics if task_labels.scheme.has_targets else None,
            datasheet=datasheet.read_text(encoding="utf-8") if datasheet.is_file() else "",
        )
    write_csv(TABLES / "splits.csv", _split_summary(schemes))


def _warn_of_rare_labels(divided: pd.DataFrame, labels: prepared.ResolvedLabels) -> None:
    scheme = labels.scheme
    rare = splits.check_labels(divided, scheme, pd.concat([labels.training, labels.reference]))
    if rare:
        log.warning(
            "Task '%s': %s. A label needs three articles (near-duplicates count once) to be in train, validation and "
            "test, and many more to be learnt: label more of them, or merge labels.",
            scheme.name,
            ", ".join(f"'{code}' has {count or 'no'} article{'s' * (count != 1)}" for code, count in rare.items()),
        )


def _split_summary(schemes: dict[str, Scheme]) -> pd.DataFrame:
    tables = []
    for name, scheme in schemes.items():
        data = prepared.read_prepared(name)
        for protocol in (splits.STANDARD, splits.OUTLET_HELD_OUT, splits.UNSEEN_TARGET):
            try:
                folds = splits.folds(data, scheme, protocol)
            except NewstanceError:  # not every corpus has several outlets or targets that training lacks
                continue
            if folds:
                tables.append(splits.summarise(scheme, folds))
    return pd.concat(tables, ignore_index=True)
