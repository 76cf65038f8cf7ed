"""From the run folder of an experiment to a bundle with its model, and from several bundles to one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save

from newstance.bundle.abstention import NEIGHBOURS, NearestTraining
from newstance.bundle.answers import Article
from newstance.bundle.bundle import TARGETS
from newstance.bundle.documents import Document
from newstance.bundle.manifest import Manifest, TaskInfo, file_hashes, read_manifest, write_manifest
from newstance.bundle.networks import GRAPHS, Networks, Reader, Request
from newstance.bundle.novelty import ARRAYS as NOVELTY_ARRAYS
from newstance.bundle.novelty import DESCRIPTION as NOVELTY_DESCRIPTION
from newstance.bundle.novelty import Novelty
from newstance.bundle.stored import ARRAYS, MODEL, SCHEME, TASKS, StoredModel
from newstance.bundle.targets import TargetProposer
from newstance.champion.graphs import Encoder, shared_layers, write_graph
from newstance.champion.parts import Parts, Reading
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.experiment.fit import EMBEDDINGS
from newstance.files import atomic_path, read_json, write_json
from newstance.models.embeddings import FrozenEncoder, embedding_cache
from newstance.models.mentions import Aliases, read_aliases
from newstance.models.persistence import load
from newstance.models.settings import DEFAULT_BACKBONE
from newstance.scheme import Scheme
from newstance.settings import Settings

CENTER_UNITS = 200  # the mean token vector of so many units of training hardly moves with more
SMOOTHING_UNITS = 40  # of those
NOVELTY_TOKENS = 256


def convert(folder: Path, seed: int, settings: Settings, out: Path) -> None:
    """Write the model of a run folder's seed as a bundle with this one task.

    Parameters
    ----------
    folder
        Run folder of the experiment.
    seed
        Whose model is taken.
    settings
        Of the pipeline: schemes and aliases.
    out
        The bundle's folder; one that is there is replaced.

    Raises
    ------
    NewstanceError
        When a file is missing or the model has a part that a bundle can't hold.
    """
    about = read_json(folder / "settings.json")
    task = str(about["task"])
    scheme = settings.labels.load_schemes()[task]
    prepared = read_prepared(task)
    aliases = read_aliases(settings.labels.directory / "aliases.yaml")
    with atomic_path(out) as bundle:
        parts = Parts(bundle / TASKS / task, scheme.codes)
        parts.folder.mkdir(parents=True)
        _write_model(parts, folder / "seeds" / str(seed), scheme)
        novelty = parts.frozen(DEFAULT_BACKBONE)
        units = _units(prepared["train"], aliases)
        readings = {*parts.centers.values(), Reading(novelty, "article", NOVELTY_TOKENS)}
        _write_graphs(parts, readings, [document for document, _ in units[:SMOOTHING_UNITS]], bundle)
        _write_arrays(parts, units, bundle)
        _novelty(novelty, settings).save(bundle)
        write_json(bundle / TARGETS, _targets(scheme, prepared["train"], aliases).to_json())
        tasks = {task: _task_info(folder, seed)}
        write_manifest(bundle, Manifest(package=version("newstance"), tasks=tasks, files=file_hashes(bundle)))


def _write_model(parts: Parts, seed_folder: Path, scheme: Scheme) -> None:
    temperature = float(read_json(seed_folder / "calibration.json")["temperature"])
    stored = StoredModel(temperature=temperature, model=parts.member(load(seed_folder / "model")))
    write_json(parts.folder / MODEL, stored.model_dump(mode="json"))
    write_json(parts.folder / SCHEME, scheme.model_dump(mode="json"))


def _units(train: pd.DataFrame, aliases: Aliases) -> list[tuple[Document, str]]:
    """Draw units of training: articles, each with its target or an empty one."""
    sample = train.sample(min(CENTER_UNITS, len(train)), random_state=0)
    targets = sample["target"] if "target" in sample else [""] * len(sample)
    return [
        (Document(Article(title, text), aliases), target)
        for title, text, target in zip(sample["title"], sample["text"], targets, strict=True)
    ]


def _write_graphs(parts: Parts, readings: set[Reading], documents: Sequence[Document], bundle: Path) -> None:
    """Write each encoder as a graph; where two read the same text and share lower layers, a graph has both."""
    samples = [document.passage("article", "").text for document in documents]
    alone = {reading.encoder for reading in readings}
    for first, second in _siblings(parts.encoders):
        texts = [{(one.field, one.max_tokens) for one in readings if one.encoder == key} for key in (first, second)]
        if shared := shared_layers(parts.encoders[first], parts.encoders[second]) if texts[0] & texts[1] else 0:
            write_graph([parts.encoders[first], parts.encoders[second]], shared, samples, bundle)
            alone -= {key for key, own in zip((first, second), texts, strict=True) if own <= texts[0] & texts[1]}
    for key in sorted(alone):
        write_graph([parts.encoders[key]], 0, samples, bundle)


def _siblings(encoders: Mapping[str, Encoder]) -> list[tuple[str, str]]:
    """Pair encoders, each at most once, those that share most layers first."""
    keys = list(encoders)
    pairs = [(one, other) for place, one in enumerate(keys) for other in keys[place + 1 :]]
    pairs.sort(key=lambda pair: -shared_layers(encoders[pair[0]], encoders[pair[1]]))
    chosen: list[tuple[str, str]] = []
    for pair in pairs:
        if not any(key in other for other in chosen for key in pair):
            chosen.append(pair)
    return chosen


def _write_arrays(parts: Parts, units: Sequence[tuple[Document, str]], bundle: Path) -> None:
    """Write the arrays, with the mean token vector over units of training for each thing that is read."""
    networks = Networks(bundle, threads=1)
    for name, reading in parts.centers.items():
        passages = [document.passage(reading.field, target) for document, target in units]
        requests = [Request(reading.encoder, reading.max_tokens, passage.text, "fp32") for passage in passages]
        answers = networks.submit(requests)
        means = [answer.result().mean for request, answer in answers.items() if request.encoder == reading.encoder]
        parts.arrays[name] = np.mean(means, axis=0, dtype=np.float32)
    (parts.folder / ARRAYS).write_bytes(save(parts.arrays))


def _novelty(encoder: str, settings: Settings) -> Novelty:
    """Look at the articles of all tasks, so that the bundles of all tasks abstain from the same articles."""
    prepared = [read_prepared(task) for task in settings.labels.schemes]
    frozen = FrozenEncoder(DEFAULT_BACKBONE, NOVELTY_TOKENS).fit([])
    vectors = []
    for split in ("train", "validation"):
        table = pd.concat([splits[split] for splits in prepared]).drop_duplicates("article_id")
        with embedding_cache(EMBEDDINGS):
            texts = [f"{title}. {text}" for title, text in zip(table["title"], table["text"], strict=True)]
            vectors.append(frozen.transform(texts))
    train, validation = vectors
    nearest = NearestTraining.fit(train, validation, min(NEIGHBOURS, len(train)))
    return Novelty(Reader(encoder, NOVELTY_TOKENS, "fp32"), nearest)


def _targets(scheme: Scheme, train: pd.DataFrame, aliases: Aliases) -> TargetProposer:
    if not scheme.has_targets:
        return TargetProposer({}, aliases, {})
    articles = train.groupby("article_id", sort=True).agg({"title": "first", "text": "first", "target": list})
    return TargetProposer.fit(articles.itertuples(index=False, name=None), aliases)


def _task_info(folder: Path, seed: int) -> TaskInfo:
    about = read_json(folder / "settings.json")
    metrics = {
        f"{split}/{name}": value
        for split, scores in read_json(folder / "metrics.json").items()
        for name, value in scores.items()
        if isinstance(value, float)
    }
    return TaskInfo(
        experiment=about["experiment"],
        run_id=read_json(folder / "run.json")["id"],
        seed=seed,
        title=about["title"],
        kind=about["model"]["kind"],
        metrics=metrics,
        data=about["data"],
        precision="fp32",
    )


def merge(bundles: Sequence[Path], out: Path) -> None:
    """Put bundles of different tasks together.

    All have looked at the same articles for what is news-like; known targets are those of a task that has targets.

    Raises
    ------
    NewstanceError
        When one is damaged, or two have the same task.
    """
    manifests = [read_manifest(path)[0] for path in bundles]
    tasks: dict[str, TaskInfo] = {}
    for path, manifest in zip(bundles, manifests, strict=True):
        if twice := set(tasks) & set(manifest.tasks):
            raise NewstanceError(
                f"{path} has the task '{min(twice)}', which another bundle has too; merge one of them."
            )
        tasks |= manifest.tasks
    with atomic_path(out) as bundle:
        for path in bundles:
            for part in (TASKS, GRAPHS):
                shutil.copytree(path / part, bundle / part, dirs_exist_ok=True)
        for name in (NOVELTY_DESCRIPTION, NOVELTY_ARRAYS):
            shutil.copy(bundles[0] / name, bundle / name)
        shutil.copy(max(bundles, key=_known_targets) / TARGETS, bundle / TARGETS)
        write_manifest(bundle, Manifest(package=version("newstance"), tasks=tasks, files=file_hashes(bundle)))


def _known_targets(bundle: Path) -> int:
    return len(read_json(bundle / TARGETS)["known"])
