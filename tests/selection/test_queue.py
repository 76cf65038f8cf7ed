from __future__ import annotations

import contextlib
from pathlib import Path

import pandas as pd
import pytest

import projects
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.experiment import noise
from newstance.files import read_parquet
from newstance.models.settings import LinearModel, LinearSvmSettings, LogisticRegressionSettings, TfidfFeatures
from newstance.scheme import Scheme
from newstance.selection import pool
from newstance.selection.queue import next_units
from newstance.settings import ARTICLES, Settings

NEW = ["random", "uncertainty", "diversity", "disagreement"]


def words_only(_: Scheme) -> dict[str, LinearModel]:
    features = (TfidfFeatures(field="article", min_documents=1),)
    return {
        "encoder": LinearModel(kind="linear", features=features, classifier=LogisticRegressionSettings()),
        "svm": LinearModel(kind="linear", features=features, classifier=LinearSvmSettings()),
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A prepared project of which only half the articles have labels, and the working directory for its tests."""
    folder = tmp_path_factory.mktemp("queue")
    projects.write_project(folder)
    settings = projects.prepare(folder)
    for name in ("subjects", "views"):
        path = folder / f"labels/{name}.csv"
        labels = pd.read_csv(path, dtype=str, keep_default_na=False)
        labels[labels["article_id"] < "n036"].to_csv(path, index=False)
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "committee", words_only)
        patched.setattr(noise, "_judge", lambda scheme: words_only(scheme)["encoder"])
        yield settings


@pytest.mark.parametrize("strategy", NEW)
def test_the_queue_holds_articles_without_a_label_ranked_with_reasons(settings, strategy):
    queue = next_units("subject", strategy, 5, settings)
    assert list(queue.columns) == ["article_id", "rank", "score", "reason"]
    assert queue["rank"].tolist() == [1, 2, 3, 4, 5]
    assert queue["score"].is_monotonic_decreasing
    assert queue["article_id"].is_unique
    assert (queue["article_id"] >= "n036").all()
    assert queue["reason"].str.len().gt(0).all()


def test_a_queue_longer_than_what_is_left_holds_all_of_it_once_a_group(settings):
    queue = next_units("subject", "random", 1000, settings)
    articles = read_parquet(ARTICLES)
    left = articles[articles["article_id"] >= "n036"]
    labelled = articles.loc[articles["article_id"] < "n036", "group"]
    assert len(queue) == left.loc[~left["group"].isin(labelled), "group"].nunique()


def test_no_model_that_chooses_has_learned_from_test(settings):
    for task, scheme in settings.labels.load_schemes().items():
        known = set(pool.Project(scheme, settings).unlabelled().labelled["article_id"])
        assert known
        assert not known & set(read_prepared(task)["test"]["article_id"])


def test_stances_are_queued_as_pairs_with_targets_that_the_articles_name(settings):
    queue = next_units("view", "uncertainty", 8, settings)
    assert list(queue.columns) == ["article_id", "target", "rank", "score", "reason"]
    assert not queue.duplicated(["article_id", "target"]).any()
    assert set(queue["target"]) & set(projects.TARGETS)


def test_suspects_are_labels_that_the_reference_has_not_decided(settings):
    path = Path("labels/subjects.csv")
    before = path.read_text(encoding="utf-8")
    labels = pd.read_csv(path, dtype=str, keep_default_na=False)
    first = labels["article_id"] == "n000"
    decided = labels[first & (labels["annotator"] == "A")].assign(annotator="gold")
    pd.concat([labels, decided]).to_csv(path, index=False)
    try:
        queue = next_units("subject", "suspects", 1000, settings)
    finally:
        path.write_text(before, encoding="utf-8")
    assert (queue["article_id"] < "n036").all()
    assert "n000" not in set(queue["article_id"])
    assert projects.SKIPPED not in set(queue["article_id"])
    assert not set(queue["article_id"]) & set(read_prepared("subject")["test"]["article_id"])
    assert len(queue) > 5
    assert queue["reason"].str.startswith("labelled ").all()


def test_without_labels_there_are_random_and_diverse_units_and_a_sentence_for_the_others(settings):
    path = Path("labels/subjects.csv")
    before = path.read_text(encoding="utf-8")
    path.unlink()
    try:
        for strategy in ("random", "diversity"):
            assert len(next_units("subject", strategy, 3, settings)) == 3
        for strategy in ("uncertainty", "disagreement"):
            with pytest.raises(NewstanceError, match="start with the strategy random or diversity"):
                next_units("subject", strategy, 3, settings)
        with pytest.raises(NewstanceError, match="nothing is labelled"):
            next_units("subject", "suspects", 3, settings)
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("task", "strategy", "sentence"),
    [("subjekt", "random", "no task 'subjekt'; it has subject, view"), ("subject", "luck", "'luck' is no strategy")],
)
def test_an_unknown_task_or_strategy_is_one_sentence(settings, task, strategy, sentence):
    with pytest.raises(NewstanceError, match=sentence):
        next_units(task, strategy, 3, settings)


def test_a_corpus_that_is_all_labelled_has_no_queue(settings):
    articles = read_parquet(ARTICLES)
    path = Path("labels/subjects.csv")
    before = path.read_text(encoding="utf-8")
    articles[["article_id"]].assign(annotator="A", subject="sport", second_subject="").to_csv(path, index=False)
    try:
        with pytest.raises(NewstanceError, match="Every article"):
            next_units("subject", "random", 3, settings)
    finally:
        path.write_text(before, encoding="utf-8")
