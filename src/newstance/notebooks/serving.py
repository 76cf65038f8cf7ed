"""Notebook 5: the champions in the registry and in the exported bundle, and what they answer about own articles."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from newstance.bundle.answers import Answer, Article
from newstance.bundle.bundle import TARGETS, Bundle
from newstance.bundle.manifest import Manifest, TaskInfo, read_manifest
from newstance.champion.register import make_plan
from newstance.corpus import own
from newstance.errors import NewstanceError
from newstance.notebooks.estimates import Mean
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.reporting.results import records
from newstance.settings import BUNDLE
from newstance.tracking import registry
from newstance.tracking.store import opened_to_read

SHORT_ID = 8
TARGETS_MEASURED = Path("benchmarks/targets.csv")
ALMOST = 0.005  # nearer to 0 or 1, two decimals would say certainty


class Registration(NamedTuple):
    """What the registry says of a champion.

    Attributes
    ----------
    version
        The version with the alias.
    mlflow_run
        MLflow's id of the run that it comes from.
    card
        The model card, or its beginning where it is long.
    exported
        Whether the exported bundle holds this version's files.
    """

    version: registry.Registered
    mlflow_run: str
    card: str
    exported: bool


@dataclass(frozen=True)
class Champion:
    """The model that answers for a task.

    Attributes
    ----------
    task
        The task.
    about
        What the bundle's manifest says.
    registration
        None where the registry has no champion.
    reason
        Why it has none.
    """

    task: str
    about: TaskInfo
    registration: Registration | None
    reason: str = ""

    @property
    def says(self) -> str:
        """Where the answers come from, in one sentence."""
        if self.registration is None:
            return f"**{self.task}**: {self.reason} So only the exported bundle in `{BUNDLE}/` says what answers."
        version = self.registration.version
        name = f"version {version.version} of `{version.name}`"
        if self.registration.exported:
            return (
                f"**{self.task}**: {name} has the alias `{registry.ALIAS}`; fetched from the registry, its files have "
                f"the same hashes (SHA-256) as those in `{BUNDLE}/`, so that is what answers below."
            )
        return (
            f"**{self.task}**: {name} has the alias `{registry.ALIAS}`, but `{BUNDLE}/` holds other files, which "
            "answer below; `newstance export` would bring the registry's."
        )


def find_champions(project: Project, bundle: Path = BUNDLE) -> list[Champion]:
    """Look the tasks of the exported bundle up in the MLflow registry."""
    manifest, _ = read_manifest(bundle)
    tasks = [task for task in project.schemes if task in manifest.tasks]
    return [_champion(task, manifest) for task in tasks]


def _champion(task: str, manifest: Manifest) -> Champion:
    about = manifest.tasks[task]
    try:
        version = registry.champion(task)
        if version is None:
            return Champion(task, about, None, "The registry has no champion here.")
        return Champion(task, about, _registration(version, task, manifest))
    except NewstanceError as error:
        return Champion(task, about, None, str(error))


def _registration(version: registry.Registered, task: str, manifest: Manifest) -> Registration:
    with opened_to_read(registry.COMMAND) as client:
        found = client.get_model_version(version.name, version.version) if client else None
    with tempfile.TemporaryDirectory() as room:
        fetched, _ = read_manifest(registry.fetch_bundle(task, Path(room)))
    # Known targets are those of the task that has targets, whichever bundle they stand in.
    files = {name: code for name, code in fetched.files.items() if name != TARGETS}
    exported = files.items() <= manifest.files.items()
    run, card = (found.run_id, found.description) if found else ("", "")
    return Registration(version, run or "", card or "", exported)


def champions_table(champions: Sequence[Champion], project: Project) -> pd.DataFrame:
    """Say of each champion what it is, where it is registered and how it scores; to be shown."""
    rows = []
    for one in champions:
        found = one.registration
        rows.append(
            [
                one.task,
                one.about.title,
                f"{found.version.name}, version {found.version.version}" if found else words.MISSING,
                f"{found.mlflow_run[:SHORT_ID]} ({one.about.experiment}, seed {one.about.seed})"
                if found
                else f"{one.about.experiment}, seed {one.about.seed}",
                words.score(one.about.metrics.get("validation/macro_f1", float("nan"))),
                _on_test(one, project),
            ]
        )
    columns = ["task", "model", "registered as", "run in MLflow", "macro-F1, validation", "macro-F1, test"]
    return pd.DataFrame(rows, columns=columns)


def _on_test(champion: Champion, project: Project) -> str:
    results = project.results.get(champion.task)
    compared = records(results.ranked) if results else []
    row = next((row for row in compared if row["experiment"] == champion.about.experiment), None)
    if row is None:
        return words.score(champion.about.metrics.get("test/macro_f1", float("nan")))
    return words.with_interval(row, "macro_f1").replace(" ", "\N{NO-BREAK SPACE}")


def card_beginning(champion: Champion, sections: int = 2) -> str:
    """Quote the first sections of a champion's model card in Markdown; headings become bold words."""
    if champion.registration is None or not champion.registration.card:
        return f"*Without a champion in the registry there is no model card of {champion.task}.*"
    parts = champion.registration.card.strip().split("\n## ")
    title, _, first = parts[0].removeprefix("# ").partition("\n")
    shown = [f"**{title}**", first.strip()]
    for part in parts[1:sections]:
        heading, _, content = part.partition("\n")
        shown += [f"**{heading}**", content.strip()]
    return "\n".join(f"> {line}" for line in "\n\n".join(shown).splitlines())


@dataclass(frozen=True)
class Asked:
    """An article of one's own, and what the bundle answers.

    Attributes
    ----------
    name
        The file's name without its ending, or another short name.
    article
        With the targets that are asked about.
    answer
        Of the bundle.
    given
        The labels that a person gave: by task and target ("" where the task has none).
    split
        Where the labelled article went, "" where it is in no split.
    """

    name: str
    article: Article
    answer: Answer
    given: dict[tuple[str, str], str]
    split: str

    @property
    def met(self) -> bool:
        """Whether models were fitted on it, or chosen by it."""
        return self.split in ("train", "validation")


def ask_about_own_articles(project: Project, bundle: Bundle) -> list[Asked]:
    """Label the articles in ``seeds/articles``, with the targets that their labels name.

    Raises
    ------
    NewstanceError
        When there is none.
    """
    folder = project.settings.corpus.own_articles
    files = [own.parse(path) for path in sorted(folder.glob("*.txt"))]
    if not files:
        raise NewstanceError(f"{folder} has no article; put one there as plain text (NAME.txt) and run this again.")
    labelled = {task: project.prepared(task) for task in project.schemes}
    asked = []
    for file in files:
        given, split, targets = {}, "", []
        for task, table in labelled.items():
            for row in records(table[table["article_id"] == file.article_id]):
                target = row["target"] if project.schemes[task].has_targets else ""
                given[task, target], split = row[task], row["split"]
                targets += [target] if target and target not in targets else []
        article = Article(file.title, file.text, targets or None)
        asked.append(Asked(file.article_id, article, bundle.predict([article])[0], given, split))
    return asked


def ask(name: str, article: Article, bundle: Bundle) -> Asked:
    """Label an article that nobody labelled."""
    return Asked(name, article, bundle.predict([article])[0], {}, "")


def warning(asked: Sequence[Asked]) -> str:
    """Say which of the articles the models have learnt from."""
    learnt = [one.name for one in asked if one.met]
    others = [one.name for one in asked if not one.met]
    if not learnt:
        return "The models have learnt from none of these articles."
    rest = f"; not from {', '.join(f'`{name}`' for name in others)}" if others else ""
    return (
        f"**The models have learnt from {words.count(len(learnt))} of these {words.plural(len(asked), 'article')}**"
        f"{rest}. Their answers show how an answer looks, not how good answers are."
    )


def chance(probability: float) -> str:
    """Write a probability with two decimals, but never as if it were certain."""
    if probability < ALMOST:
        return "< 0.01"
    return "> 0.99" if probability >= 1 - ALMOST else f"{probability:.2f}"


def answers_table(asked: Sequence[Asked]) -> pd.DataFrame:
    """Put the answers beside the labels that people gave; to be shown."""
    rows = []
    for one in asked:
        if one.answer.abstain:
            rows.append([one.name, words.MISSING, f"not labelled: {one.answer.abstain.reason}", "", ""])
        found = [(task, "", decision) for task, decision in one.answer.labels.items()]
        found += [(task, each.target, it) for each in one.answer.targets for task, it in each.labels.items()]
        for task, target, decision in found:
            subject = f"{task} toward {target}" if target else task
            given = one.given.get((task, target), words.MISSING)
            rows.append([one.name, subject, decision.label, chance(decision.probability), given])
    return pd.DataFrame(rows, columns=["article", "question", "answer", "probability", "its author's label"])


def proposed_targets(asked: Sequence[Asked], bundle: Bundle) -> pd.DataFrame:
    """Ask again without naming targets; to be shown beside those that the author named."""
    answers = bundle.predict([Article(one.article.title, one.article.text) for one in asked], evidence=0)
    rows = [
        [
            one.name,
            "; ".join(target.target for target in answer.targets) or words.MISSING,
            "; ".join(one.article.targets or ()) or words.MISSING,
        ]
        for one, answer in zip(asked, answers, strict=True)
    ]
    return pd.DataFrame(rows, columns=["article", "targets that the bundle proposes", "targets that its author names"])


def proposals_in_words(path: Path = TARGETS_MEASURED) -> str:
    """Say how good proposed targets are, where that was measured."""
    if not path.is_file():
        return f"How good proposals are is measured by `benchmarks/targets.py`; its table is not here (`{path}`)."
    table = pd.read_csv(path)
    row = records(table[(table["part"] == "test") & (table["targets"] == "all")])[0]
    recall, precision = (Mean(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("recall", "precision"))
    return (
        f"Measured on {words.plural(row['articles'], 'test article')} (`{path}`): of the targets that annotators "
        f"named, {recall.percent} are among the proposed ones, and of those proposed, {precision.percent} are targets "
        "that annotators named."
    )


def next_champions(project: Project) -> str:
    """Say what ``newstance champion`` would do now."""
    lines = []
    for task in project.schemes:
        try:
            lines.append(f"- **{task}**: {make_plan(task, project.settings).conclusion(planned=True)}")
        except NewstanceError as error:
            lines.append(f"- **{task}**: {error}")
    return "\n".join(lines)
