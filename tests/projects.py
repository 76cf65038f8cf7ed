"""A small project folder as a user has it: a corpus table, labels, settings and experiments; all of it made up."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from newstance import pipeline
from newstance.files import write_csv, write_text
from newstance.settings import Settings, load_settings

OUTLETS = ("Harbour Post", "Hill Times", "Valley Radio")
SUBJECTS = {
    "transport": "ferry tram pier bridge driver timetable engine platform fare tunnel passenger captain",
    "sport": "goal referee striker league rower medal coach stadium trainer penalty marathon trophy",
    "health": "nurse clinic vaccine doctor fever surgeon ward patient pharmacy remedy hospital bandage",
}
VIEWS = {
    "for": "praised welcomed admired applauded cheered thanked",
    "even": "described mentioned counted listed visited noted",
    "against": "condemned mocked rejected blamed scolded doubted",
}
LEANINGS = {
    "left": "union rent commons wages solidarity welfare",
    "center": "compromise survey council budget average forum",
    "right": "border heritage tariff parish enterprise order",
}
TARGETS = ("Mayor Lund", "the tram line", "the ferry tax")
UNSEEN_TARGET = "Ada Brink"  # only the reference annotator labels it
FILLER = (
    "on a grey morning people near the old market spoke about what happened after the weekend while "
    "some neighbours waited for further news from a small office beside the river and others went home early"
).split()
ARTICLES = 72
GOLD = 22  # so many articles at the end are the reference annotator's
# Two articles of different outlets that tell the same story: they share a group.
TWINS = ("n003", "n010")
SHORT = "n005"
SKIPPED = "n007"
MIN_WORDS = 20
CLARITY = 0.4  # the share of sentences that are sure to have words of the article's class
LOGISTIC_REGRESSION = {"kind": "logistic-regression", "class_weight": "balanced"}
LINEAR_SVM = {"kind": "linear-svm", "class_weight": "balanced"}


def write_project(folder: Path, *, leaning: bool = False) -> None:
    """Write the project's files.

    Parameters
    ----------
    folder
        Gets corpus.csv, params.yaml, labels/ and experiments/.
    leaning
        Instead of the two tasks `subject` (single-label, with a second label) and `view` (target-dependent), the one
        task `leaning`, which the reference annotator didn't label.
    """
    corpus = _corpus(np.random.default_rng(2017))
    write_csv(folder / "corpus.csv", corpus.drop(columns=["subject", "target", "view", "leaning"]))
    schemes = _schemes_of_leaning() if leaning else _schemes()
    for scheme in schemes:
        write_text(folder / f"labels/schemes/{scheme['name']}.yaml", yaml.safe_dump(scheme, sort_keys=False))
    if leaning:
        labels = corpus[["article_id"]].assign(annotator="A", leaning=corpus["leaning"])
        write_csv(folder / "labels/leanings.csv", labels)
    else:
        write_csv(folder / "labels/subjects.csv", _subject_labels(corpus))
        write_csv(folder / "labels/views.csv", _view_labels(corpus))
        write_text(folder / "labels/aliases.yaml", yaml.safe_dump({"Mayor Lund": ["Lund"]}))
    experiments = {
        name: (scheme["name"], settings)
        for scheme in schemes
        for name, settings in _experiments(scheme["name"], targets=scheme["kind"] == "target-dependent").items()
    }
    for name, (_, settings) in experiments.items():
        write_text(folder / f"experiments/{name}.yaml", yaml.safe_dump(settings, sort_keys=False))
    params = {
        "corpus": {
            "source": "table",
            "path": "corpus.csv",
            "own_articles": "own",
            "min_words": MIN_WORDS,
            "sample": None,
        },
        "labels": {
            "directory": "labels",
            "schemes": [scheme["name"] for scheme in schemes],
            "training": ["A", "B"],
            "reference": "gold",
        },
        "split": {"seed": 5, "validation": 0.25, "test": 0.3},
        "evaluation": {"seed": 6, "resamples": 100},
        "experiments": {name: task for name, (task, _) in experiments.items()},
    }
    write_text(folder / "params.yaml", yaml.safe_dump(params, sort_keys=False))


def prepare(folder: Path) -> Settings:
    """Run the stages before the experiments in the folder; return the project's settings."""
    with contextlib.chdir(folder):
        settings = load_settings()
        pipeline.fetch_corpus(settings)
        pipeline.clean(settings)
        pipeline.label(settings)
        pipeline.split(settings)
    return settings


def _corpus(generator: np.random.Generator) -> pd.DataFrame:
    """The articles, and beside them what they were made to be about."""
    numbers = np.arange(ARTICLES)
    table = pd.DataFrame({"article_id": [f"n{number:03}" for number in numbers]})
    table["outlet"] = np.array(OUTLETS)[numbers % 3]
    table["url"] = [f"https://news.example/{number}" for number in numbers]
    table["published"] = pd.date_range("2017-02-01", periods=ARTICLES).strftime("%Y-%m-%d")
    table["subject"] = generator.choice(list(SUBJECTS), ARTICLES)
    table["target"] = generator.choice(TARGETS, ARTICLES)
    table.loc[table.index % 6 == 5, "target"] = UNSEEN_TARGET
    table.loc[table.index < ARTICLES - GOLD, "target"] = table["target"].replace(UNSEEN_TARGET, TARGETS[0])
    table["view"] = generator.choice(list(VIEWS), ARTICLES)
    table["leaning"] = generator.choice(list(LEANINGS), ARTICLES)
    table["title"] = [f"{_noisy(SUBJECTS, subject, 2, generator)} today".capitalize() for subject in table["subject"]]
    table["text"] = [_text(row, generator) for row in table.itertuples()]
    story = table["article_id"].isin(TWINS)
    table.loc[story, ["title", "subject", "target", "view", "text"]] = (
        table.loc[story, ["title", "subject", "target", "view", "text"]].iloc[0].tolist()
    )
    table.loc[table["article_id"] == SHORT, "text"] = "Nothing more is known."
    return table


def _words(vocabulary: str, count: int, generator: np.random.Generator) -> str:
    return " ".join(generator.choice(vocabulary.split(), count))


def _noisy(words: dict[str, str], code: str, count: int, generator: np.random.Generator) -> str:
    """Words of a class, or, so that no model is always right, of any class."""
    chosen = code if generator.random() < CLARITY else str(generator.choice(list(words)))
    return _words(words[chosen], count, generator)


def _text(row: pd.Series, generator: np.random.Generator) -> str:
    sentences = []
    for _ in range(4):
        filler = " ".join(generator.choice(FILLER, 5))
        about = _noisy(SUBJECTS, row.subject, 2, generator)
        side = _noisy(LEANINGS, row.leaning, 1, generator)
        verb = _noisy(VIEWS, row.view, 1, generator)
        sentences.append(f"The {about} {filler} and the {side} {verb} {row.target}.")
    return " ".join(sentences)


def _subject_labels(corpus: pd.DataFrame) -> pd.DataFrame:
    codes = list(SUBJECTS)
    following = dict(zip(codes, [*codes[1:], codes[0]], strict=True))

    def labels(annotator: str, rows: pd.DataFrame) -> pd.DataFrame:
        table = rows[["article_id", "subject"]].assign(annotator=annotator, second_subject="")
        table.loc[table.index % 5 == 0, "second_subject"] = table["subject"].map(following)
        return table

    first = labels("A", corpus)
    first.loc[first["article_id"] == SKIPPED, ["subject", "second_subject"]] = ["skip", ""]
    second = labels("B", corpus.iloc[::4])
    tables = pd.concat([first, second, labels("gold", corpus.iloc[-GOLD:])])
    return tables[["article_id", "annotator", "subject", "second_subject"]]


def _view_labels(corpus: pd.DataFrame) -> pd.DataFrame:
    known = corpus[corpus["target"] != UNSEEN_TARGET]
    parts = [known.assign(annotator="A"), known.iloc[::4].assign(annotator="B")]
    tables = pd.concat([*parts, corpus.iloc[-GOLD:].assign(annotator="gold")])
    return tables[["article_id", "annotator", "target", "view"]]


def _labels(words: dict[str, str]) -> list[dict[str, str]]:
    return [{"code": code, "name": code, "definition": f"made of {some}"} for code, some in words.items()]


def _schemes() -> list[dict[str, object]]:
    subject = {"name": "subject", "kind": "single-label", "title": "Subject", "annotations": "subjects.csv"}
    view = {"name": "view", "kind": "target-dependent", "title": "View", "annotations": "views.csv"}
    return [
        {**subject, "secondary": "second_subject", "skip": "skip", "labels": _labels(SUBJECTS)},
        {**view, "labels": _labels(VIEWS)},
    ]


def _schemes_of_leaning() -> list[dict[str, object]]:
    leaning = {"name": "leaning", "kind": "single-label", "title": "Leaning", "annotations": "leanings.csv"}
    return [{**leaning, "labels": _labels(LEANINGS)}]


def _experiments(task: str, *, targets: bool) -> dict[str, dict[str, object]]:
    features: list[dict[str, object]] = [{"kind": "tfidf", "field": "article", "min_documents": 1}]
    if targets:
        features.append({"kind": "tfidf", "field": "masked_sentences"})
    return {
        f"{task}-majority": {"title": "Majority", "task": task, "role": "majority", "model": {"kind": "majority"}},
        f"{task}-logreg": {
            "title": "TF-IDF + logistic regression",
            "task": task,
            "model": {"kind": "linear", "features": features, "classifier": LOGISTIC_REGRESSION},
            "grid": {"classifier.C": [0.1, 10], "features.0.weight": [0.5, 1]},
        },
        f"{task}-svm": {
            "title": "TF-IDF + linear SVM",
            "task": task,
            "model": {"kind": "linear", "features": features, "classifier": LINEAR_SVM},
            "grid": {"classifier.C": [0.05, 1]},
            "seeds": [1, 2],
        },
    }
