"""Which part of train a fit sees: shares of it, and what confident learning leaves of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.pipeline import Pipeline

from experiment.test_fit import fold_of, setup_of
from newstance.corpus.prepared import read_prepared
from newstance.corpus.splits import Fold
from newstance.experiment import fit as fitting
from newstance.experiment import noise, run
from newstance.experiment.fit import Setup, _training_units, fit
from newstance.files import read_json, write_text
from newstance.labels.weak import WeakSettings, weak_labels
from newstance.models.mentions import Aliases
from newstance.models.settings import LinearModel, LogisticRegressionSettings, ModelSettings, TfidfFeatures
from newstance.scheme import Scheme
from newstance.settings import Settings, load_settings
from projects import prepare


@pytest.fixture
def quick_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge labels by words alone: the real judge waits for a pretrained encoder."""
    features = (TfidfFeatures(field="article", min_documents=1),)
    classifier = LogisticRegressionSettings(class_weight=None, C=10)
    judge = LinearModel(kind="linear", features=features, classifier=classifier)
    monkeypatch.setattr(noise, "_judge", lambda _: judge)


def share(setup: Setup, fold: Fold, train_share: float, seed: int = 1) -> pd.DataFrame:
    experiment = setup.experiment.model_copy(update={"train_share": train_share, "refit": False})
    return _training_units(replace(setup, experiment=experiment), fold, seed)[0]


@pytest.fixture
def pairs(project: Settings) -> tuple[Setup, Fold]:
    """A task whose articles have two targets each."""
    setup = setup_of(project, "view-logreg")
    fold = fold_of(setup)
    doubled = pd.concat([fold.train, fold.train.assign(target="the pier")])
    return setup, replace(fold, train=doubled.sort_values("article_id", ignore_index=True))


def test_a_smaller_share_is_part_of_a_larger_one_and_no_article_is_split(pairs: tuple[Setup, Fold]) -> None:
    setup, fold = pairs
    shares = [share(setup, fold, size) for size in (0.1, 0.25, 0.5, 1)]
    articles = [set(table["article_id"]) for table in shares]
    for smaller, larger in pairwise(articles):
        assert smaller < larger
    whole = fold.train["article_id"].nunique()
    assert [len(some) for some in articles] == [round(size * whole) for size in (0.1, 0.25, 0.5, 1)]
    for table, some in zip(shares, articles, strict=True):
        assert len(table) == 2 * len(some), "both targets of an article are there"
    pd.testing.assert_frame_equal(shares[-1], fold.train)


def test_another_seed_draws_other_articles_and_the_smallest_share_has_one(pairs: tuple[Setup, Fold]) -> None:
    setup, fold = pairs
    assert set(share(setup, fold, 0.25, 1)["article_id"]) != set(share(setup, fold, 0.25, 2)["article_id"])
    assert share(setup, fold, 0.25, 3).equals(share(setup, fold, 0.25, 3))
    assert len(set(share(setup, fold, 1e-9)["article_id"])) == 1


def test_a_share_is_what_the_fit_sees(project: Settings) -> None:
    setup = setup_of(project, "subject-logreg", train_share=0.5, refit=False)
    fold = fold_of(setup)
    fitted = fit(setup, fold, 1)
    assert fitted.training == {"units": 18, "pruned": 0}
    alone = fit(setup_of(project, "subject-logreg", refit=False), replace(fold, train=share(setup, fold, 0.5)), 1)
    assert fitted.candidates == alone.candidates


def noisy(articles: int = 120, flipped: int = 18) -> tuple[pd.DataFrame, np.ndarray]:
    """Articles whose subject shows in their words; of some the label says another one."""
    generator = np.random.default_rng(11)
    subjects = generator.choice(["transport", "sport", "health"], articles)
    words = {"transport": "ferry tram bridge", "sport": "goal medal coach", "health": "nurse ward fever"}
    texts = [" ".join(generator.choice(words[subject].split(), 6)) for subject in subjects]
    wrong = np.zeros(articles, dtype=bool)
    wrong[generator.choice(articles, flipped, replace=False)] = True
    following = {"transport": "sport", "sport": "health", "health": "transport"}
    labels = [following[one] if bad else one for one, bad in zip(subjects, wrong, strict=True)]
    table = pd.DataFrame({"title": "Today", "text": texts, "subject": labels})
    table["article_id"] = [f"n{number:03}" for number in range(articles)]
    table["group"] = [number // 2 for number in range(articles)]
    return table, wrong


@pytest.fixture
def subject(project: Settings) -> Scheme:
    return project.labels.load_schemes()["subject"]


@pytest.mark.usefixtures("quick_judge")
def test_wrong_labels_are_found_far_more_often_than_right_ones(subject: Scheme) -> None:
    table, wrong = noisy()
    found = noise.label_errors(table, subject, {})
    assert found[wrong].mean() > 0.6
    assert found[~wrong].mean() < 0.1


@pytest.mark.usefixtures("quick_judge")
def test_every_label_is_judged_by_a_model_that_saw_nothing_of_its_group(
    subject: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, _ = noisy()
    judged: list[str] = []
    build = noise.build

    class Watched:
        def __init__(self, model: Pipeline) -> None:
            self.model = model

        def fit(self, X: pd.DataFrame, y: Any) -> Watched:
            self.seen = set(X["group"])
            self.model.fit(X, y)
            self.classes_ = self.model.classes_
            return self

        def predict_proba(self, X: pd.DataFrame) -> Any:
            assert not self.seen & set(X["group"])
            judged.extend(X["article_id"])
            return self.model.predict_proba(X)

    def watched(settings: ModelSettings, aliases: Aliases, seed: int) -> Watched:
        return Watched(build(settings, aliases, seed))

    monkeypatch.setattr(noise, "build", watched)
    noise.label_errors(table, subject, {})
    assert sorted(judged) == list(table["article_id"])


@pytest.mark.usefixtures("quick_judge")
def test_a_class_of_one_group_is_no_obstacle(subject: Scheme) -> None:
    table, _ = noisy(40, 0)
    table["subject"] = table["subject"].replace("health", "sport")
    table.loc[table["group"] == 3, "subject"] = "health"
    assert noise.label_errors(table, subject, {}).shape == (40,)


@pytest.mark.usefixtures("quick_judge")
def test_pruned_units_are_counted_and_validation_keeps_all_of_its(project: Settings) -> None:
    setup = setup_of(project, "subject-logreg", noise="prune", refit=False)
    fold = fold_of(setup)
    table, _ = noisy()
    fitted = fit(setup, replace(fold, train=table), 1)
    assert fitted.training["pruned"] > 5
    assert fitted.training["units"] == len(table) - fitted.training["pruned"]
    assert len(fitted.validation) == len(fold.validation)


SEED_WORDS = {
    "transport": ["ferry", "tram", "pier", "bridge"],
    "sport": ["goal", "referee", "striker", "league"],
    "health": ["nurse", "clinic", "vaccine", "doctor"],
}


def test_weak_labels_replace_those_of_train_and_articles_without_one_are_left_out(project: Settings) -> None:
    setup = setup_of(project, "subject-logreg", refit=False, labels="weak")
    fold = fold_of(setup)
    weak = WeakSettings.model_validate({"words": SEED_WORDS})
    silent = fold.train.assign(title="", text="Nothing of note.").head(2)
    hidden = replace(fold, train=pd.concat([silent, fold.train.iloc[2:].assign(subject="sport")], ignore_index=True))
    train, pruned = _training_units(replace(setup, weak=weak), hidden, seed=1)
    assert pruned == 0
    assert not set(train["article_id"]) & set(silent["article_id"])
    expected = weak_labels(fold.train.iloc[2:], weak)
    assert train["subject"].tolist() == expected.tolist()
    assert set(train["subject"]) == set(SEED_WORDS), "not the labels that were given"
    assert fit(replace(setup, weak=weak), hidden, seed=1).training["units"] == len(train)


def test_weak_labels_are_given_to_articles_without_a_label_too_and_labels_of_people_to_none(project: Settings) -> None:
    setup = setup_of(project, "subject-logreg", refit=False, labels="weak")
    fold = fold_of(setup)
    weak = WeakSettings.model_validate({"words": SEED_WORDS})
    # As if most of train had never been labelled: the columns are those of clean articles.
    columns = ["article_id", "group", "outlet", "url", "published", "title", "subtitle", "text"]
    begun = replace(fold, train=fold.train.head(4), unlabelled=fold.train.iloc[4:][columns])
    train, _ = _training_units(replace(setup, weak=weak), begun, seed=1)
    whole, _ = _training_units(replace(setup, weak=weak), fold, seed=1)
    pd.testing.assert_frame_equal(train[[*columns, "subject"]], whole[[*columns, "subject"]])
    ordinary, _ = _training_units(setup, begun, seed=1)
    pd.testing.assert_frame_equal(ordinary, begun.train)


def test_a_run_and_its_held_out_outlets_learn_weakly_from_what_nobody_labelled(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = project.labels.directory / "subjects.csv"
    labels = pd.read_csv(annotations, dtype=str)
    gold = set(labels.loc[labels["annotator"] == "gold", "article_id"])
    # Two of three labels of people are taken away; test keeps its own.
    kept = labels["article_id"].isin(gold) | (labels["article_id"].str.removeprefix("n").astype(int) // 3 % 3 == 0)
    labels[kept].to_csv(annotations, index=False)
    prepare(Path())
    write_text(project.labels.directory / "weak/subject.yaml", yaml.safe_dump({"words": SEED_WORDS}))
    path = Path("experiments/subject-weak.yaml")
    settings = yaml.safe_load(Path("experiments/subject-logreg.yaml").read_text(encoding="utf-8"))
    settings |= {"labels": "weak", "refit": False, "seeds": [1], "protocols": ["standard", "outlet-held-out"]}
    write_text(path, yaml.safe_dump(settings, sort_keys=False))
    seen: list[Fold] = []

    def watched(setup: Setup, fold: Fold, *rest: Any) -> Any:
        seen.append(fold)
        return fit(setup, fold, *rest)

    for module in (run, fitting):
        monkeypatch.setattr(module, "fit", watched)
    monkeypatch.setattr(fitting, "PARALLEL_FROM", float("inf"))  # in other processes nobody would watch
    folder = run.run_experiment(path, load_settings(), track=False)
    data = read_prepared("subject")
    units = read_json(folder / "training.json")["1"]["units"]
    assert units > len(data["train"]), "more than people have labelled"
    assert [fold.name for fold in seen] == ["standard", *sorted(set(data["test"]["outlet"]))]
    assert len(seen) > 2
    for fold in seen:
        assert fold.unlabelled is not None
        assert len(fold.unlabelled) > 5
        judged = pd.concat([fold.validation, fold.test])
        assert not set(fold.unlabelled["group"]) & set(judged["group"])
        assert fold.protocol == "standard" or fold.name not in set(fold.unlabelled["outlet"])
