"""A small made-up project: label schemes, prepared data and run folders, for tests of all that reads runs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.special import softmax

from newstance.corpus.prepared import ResolvedLabels, fingerprint, read_prepared, write_prepared
from newstance.corpus.splits import folds
from newstance.evaluation.calibration import apply_temperature, fit_temperature
from newstance.files import write_json, write_parquet, write_text
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings, LabelSettings, Settings

OUTLETS = ("Harbour Post", "Hill Times", "Valley Radio")
TARGETS = ("the harbour bridge", "Mayor Lund", "the tram line", "River Town FC", "the ferry tax", "Ada Brink")
SENTENCE = "Crowds of rowers cheered as the ferry left the small harbour at noon . "


HARDWARE = "2 cores, Abacus 3000"


@dataclass(frozen=True)
class Experiment:
    """A made-up experiment: `skill` is the mean logit of the true label, against noise of standard deviation 1.

    `fit_seconds` and `predict_seconds` default to what grows with skill and to a constant; `auxiliary` names a second
    label, `members` are those of an ensemble.
    """

    name: str
    task: str
    skill: float
    role: str = "baseline"
    seeds: tuple[int, ...] = (1,)
    protocols: tuple[str, ...] = ("standard", "outlet-held-out")
    kind: str = "linear"
    aspects: tuple[str, ...] = ()
    train_share: float = 1.0
    fit_seconds: float | None = None
    predict_seconds: float = 0.002
    hardware: str = HARDWARE
    auxiliary: str | None = None
    members: tuple[str, ...] = ()


EXPERIMENTS = (
    Experiment("topic-strong", "topic", 3.0, seeds=(1, 2, 3)),
    Experiment("topic-weak", "topic", 1.5),
    Experiment("topic-majority", "topic", 0.0, role="majority", protocols=("standard",)),
    Experiment("stance-strong", "stance", 2.0, seeds=(1, 2)),
    Experiment("stance-target-only", "stance", 0.7, role="control"),
)


STANDARD_ONLY = ("standard",)
STUDY = (
    Experiment("topic-linear", "topic", 1.5, aspects=("learning-curve",), fit_seconds=6, predict_seconds=0.0004),
    Experiment("topic-embeddings", "topic", 1.7, fit_seconds=9, predict_seconds=0.015),
    *(
        Experiment(
            f"topic-linear-{share:.0%}",
            "topic",
            1.5 + skill,
            protocols=STANDARD_ONLY,
            aspects=("learning-curve",),
            train_share=share,
        )
        for share, skill in ((0.1, -1.0), (0.25, -0.6), (0.5, -0.3))
    ),
    Experiment(
        "topic-transformer",
        "topic",
        2.0,
        seeds=(1, 2),
        kind="transformer",
        aspects=("length", "noise", "learning-curve"),
        fit_seconds=840,
        predict_seconds=0.03,
    ),
    *(
        Experiment(
            f"topic-transformer-{share:.0%}",
            "topic",
            2.0 + skill,
            protocols=STANDARD_ONLY,
            kind="transformer",
            aspects=("learning-curve",),
            train_share=share,
        )
        for share, skill in ((0.1, -1.7), (0.25, -0.8), (0.5, -0.3))
    ),
    *(
        Experiment(
            f"topic-transformer-{tokens}",
            "topic",
            skill,
            protocols=STANDARD_ONLY,
            kind="transformer",
            aspects=("length",),
            fit_seconds=3.2 * tokens,
            predict_seconds=tokens / 9000,
        )
        for tokens, skill in ((128, 1.0), (512, 1.9))
    ),
    Experiment(
        "topic-ensemble",
        "topic",
        2.3,
        seeds=(1, 2),
        protocols=STANDARD_ONLY,
        kind="ensemble",
        members=("topic-linear", "topic-transformer"),
        fit_seconds=0.5,
        predict_seconds=0.031,
    ),
    Experiment("topic-majority", "topic", 0.0, role="majority", protocols=STANDARD_ONLY, kind="majority"),
    Experiment("stance-linear", "stance", 1.8, fit_seconds=30, predict_seconds=0.0006),
    Experiment("stance-target-only", "stance", 0.7, role="control", protocols=STANDARD_ONLY),
    Experiment(
        "stance-topics-too",
        "stance",
        2.0,
        kind="transformer",
        auxiliary="topic",
        fit_seconds=60,
        predict_seconds=0.02,
        hardware="1 x Loom 9",
    ),
)


@dataclass(frozen=True)
class Project:
    """Where the made-up project lies."""

    settings: Settings
    prepared: Path
    labels: Path
    runs: list[Path]
    tables: Path


def make_schemes(topics: int = 4) -> dict[str, Scheme]:
    """A topic scheme with secondary labels and a stance scheme."""
    topic = Scheme(
        name="topic",
        kind="single-label",
        title="Topic",
        annotations="topics.csv",
        secondary="secondary_topic",
        labels=[Label(code=f"topic{n:02}", name=f"Topic {n}", definition=f"number {n}") for n in range(topics)],
    )
    stance = Scheme(
        name="stance",
        kind="target-dependent",
        title="Stance",
        annotations="stances.csv",
        labels=[Label(code=code, name=code, definition=code) for code in ("favor", "neutral", "against")],
    )
    return {"topic": topic, "stance": stance}


def write_project(
    folder: Path,
    experiments: tuple[Experiment, ...] = EXPERIMENTS,
    *,
    sizes: tuple[int, int, int] = (60, 40, 80),
    topics: int = 4,
    pairs: int = 2,
    resamples: int = 200,
) -> Project:
    """Write schemes, prepared data and run folders.

    Parameters
    ----------
    folder
        An empty folder; everything lies below it.
    experiments
        What to write a run folder for.
    sizes
        Articles of train, validation and test.
    topics
        Classes of the topic task.
    pairs
        Targets an article.
    resamples
        Bootstrap samples of the settings.
    """
    generator = np.random.default_rng(7)
    schemes = make_schemes(topics)
    for name, scheme in schemes.items():
        text = yaml.safe_dump(scheme.model_dump(mode="json"))
        write_text(folder / "seeds" / "schemes" / f"{name}.yaml", text)
    prepared = folder / "prepared"
    _write_data(prepared, schemes, sizes, pairs, generator)
    _write_labels(folder / "labels", schemes, prepared, np.random.default_rng(8))
    runs = [write_run(folder / "runs", one, schemes[one.task], prepared, generator) for one in experiments]
    settings = Settings(
        labels=LabelSettings(directory=folder / "seeds"), evaluation=EvaluationSettings(resamples=resamples)
    )
    return Project(settings, prepared, folder / "labels", runs, folder / "tables")


def _write_data(
    prepared: Path, schemes: dict[str, Scheme], sizes: tuple[int, int, int], pairs: int, generator: np.random.Generator
) -> None:
    count = sum(sizes)
    ids = [f"a{number:04}" for number in range(count)]
    articles = pd.DataFrame(
        {
            "article_id": ids,
            "outlet": generator.choice(OUTLETS, count),
            "url": "",
            "published": pd.Series(pd.Timestamp("2017-02-07"), index=range(count)).astype("datetime64[ns]"),
            "title": "Rowers at noon",
            "subtitle": "",
            "text": [SENTENCE * int(sentences) for sentences in generator.integers(5, 80, count)],
            "group": ids,
        }
    )
    split = np.repeat(["train", "validation", "test"], sizes)
    codes = schemes["topic"].codes
    weights = 1 / np.arange(1, len(codes) + 1)
    # Every class occurs; the first ones are the most frequent.
    topic = np.concatenate([codes, generator.choice(codes, count - len(codes), p=weights / weights.sum())])
    secondary = np.where(generator.random(count) < 0.3, generator.choice(codes, count), None)
    secondary = np.where(secondary == topic, None, secondary)
    labels = pd.DataFrame({"article_id": ids, "topic": topic, "secondary_topic": secondary, "annotator": "A"})
    topic_labels = _resolved(schemes["topic"], labels)
    # The last two targets occur in test only.
    chosen = [generator.choice(TARGETS if part == "test" else TARGETS[:-2], pairs, replace=False) for part in split]
    stances = pd.DataFrame({"article_id": np.repeat(ids, pairs), "target": np.concatenate(chosen), "annotator": "A"})
    stances["stance"] = generator.choice(schemes["stance"].codes, len(stances), p=[0.2, 0.5, 0.3])
    splits = pd.DataFrame({"article_id": ids, "split": split})
    write_prepared(prepared, topic_labels, articles, splits)
    write_prepared(prepared, _resolved(schemes["stance"], stances), articles, splits, topics=topic_labels)


def _resolved(scheme: Scheme, labels: pd.DataFrame) -> ResolvedLabels:
    return ResolvedLabels(scheme, labels, labels.iloc[:0])


def _write_labels(folder: Path, schemes: dict[str, Scheme], prepared: Path, generator: np.random.Generator) -> None:
    """Write what annotators said of test: A's labels count, C agrees, B gave the next label in a tenth of the units."""
    for name, scheme in schemes.items():
        test = read_prepared(name, prepared)["test"]
        columns = [column for column in scheme.annotation_columns if column != "annotator"]
        doubtful = generator.random(len(test)) < 0.1
        second = test[columns].copy()
        second.loc[doubtful, name] = [_next_code(scheme, code) for code in test.loc[doubtful, name]]
        parts = [test[columns].assign(annotator=who) for who in ("A", "C")]
        labels = pd.concat([*parts, second.assign(annotator="B")], ignore_index=True)
        write_parquet(folder / f"{name}.parquet", labels[scheme.annotation_columns])


def _next_code(scheme: Scheme, code: str) -> str:
    return scheme.codes[(scheme.codes.index(code) + 1) % len(scheme.codes)]


def write_run(
    runs: Path, experiment: Experiment, scheme: Scheme, prepared: Path, generator: np.random.Generator
) -> Path:
    """Write the run folder of one experiment, as far as the comparison reads it, and return it."""
    folder = runs / experiment.name
    data = read_prepared(scheme.name, prepared)
    parts = []
    for seed in experiment.seeds:
        for protocol in experiment.protocols:
            for fold in folds(data, scheme, protocol):
                validation = _raw(fold.validation, scheme, experiment.skill, generator)
                temperature = fit_temperature(validation, _numbers(fold.validation, scheme))
                key = {"seed": seed, "protocol": protocol, "fold": fold.name}
                if protocol == "standard":
                    parts.append(_rows(fold.validation, scheme, validation, temperature, key | {"split": "validation"}))
                test = _raw(fold.test, scheme, experiment.skill, generator)
                parts.append(_rows(fold.test, scheme, test, temperature, key | {"split": "test"}))
    write_parquet(folder / "predictions.parquet", pd.concat(parts, ignore_index=True))
    settings = {
        "experiment": experiment.name,
        "title": experiment.name.replace("-", " ").capitalize(),
        "task": experiment.task,
        "role": experiment.role,
        "seeds": list(experiment.seeds),
        "protocols": list(experiment.protocols),
        "model": {"kind": experiment.kind, "auxiliary": experiment.auxiliary, "members": list(experiment.members)},
        "grid": {},
        "refit": experiment.kind == "linear",
        "train_share": experiment.train_share,
        "noise": "none",
        "aspects": list(experiment.aspects),
        "data": fingerprint(experiment.task, prepared),
    }
    write_json(folder / "settings.json", settings)
    fit_seconds = 1.5 + experiment.skill if experiment.fit_seconds is None else experiment.fit_seconds
    timing = {"fit_seconds": fit_seconds, "predict_seconds_per_unit": experiment.predict_seconds, "threads": 2}
    write_json(folder / "timing.json", timing)
    write_json(folder / "environment.json", {"python": "3.11", "hardware": experiment.hardware})
    units = round(experiment.train_share * len(data["train"]))
    training = {"members": experiment.members} if experiment.members else {"units": units, "pruned": 0}
    write_json(folder / "training.json", {str(seed): training for seed in experiment.seeds})
    scores = {part: {"accuracy": 0.75, "macro_f1": 0.7} for part in ("validation", "test")}
    metrics = {"test": {"macro_f1": 0.5}} | ({"auxiliary": scores} if experiment.auxiliary else {})
    write_json(folder / "metrics.json", metrics)
    return folder


def _numbers(table: pd.DataFrame, scheme: Scheme) -> np.ndarray:
    return pd.Categorical(table[scheme.name], categories=scheme.codes).codes.astype(np.intp)


def _raw(table: pd.DataFrame, scheme: Scheme, skill: float, generator: np.random.Generator) -> np.ndarray:
    """Overconfident probabilities; without any skill, the same for every unit, as of a majority classifier."""
    if skill == 0:
        return np.tile(np.r_[1.0, np.zeros(len(scheme.codes) - 1)], (len(table), 1))
    truth = np.arange(len(scheme.codes)) == _numbers(table, scheme)[:, None]
    return softmax(2.5 * (skill * truth + generator.normal(size=truth.shape)), axis=1)


def _rows(
    table: pd.DataFrame, scheme: Scheme, raw: np.ndarray, temperature: float, key: dict[str, object]
) -> pd.DataFrame:
    probabilities = apply_temperature(raw, temperature)
    columns = {
        prefix + code: values[:, number]
        for number, code in enumerate(scheme.codes)
        for prefix, values in (("raw_", raw), ("prob_", probabilities))
    }
    target = table["target"] if scheme.has_targets else ""
    units = pd.DataFrame({"article_id": table["article_id"], "target": target, "label": table[scheme.name]})
    return pd.concat([pd.DataFrame(key, index=units.index), units, pd.DataFrame(columns, index=units.index)], axis=1)
