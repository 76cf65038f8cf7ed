"""The pools of a project: its unlabelled units, and its labelled ones whose label may be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import normalize

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.bundle.targets import TargetProposer
from newstance.errors import NewstanceError
from newstance.experiment.fit import EMBEDDINGS, all_classes
from newstance.experiment.noise import held_out_probabilities
from newstance.files import read_parquet
from newstance.labels.annotations import read_annotations, resolve
from newstance.models.build import build
from newstance.models.embeddings import embedding_cache
from newstance.models.mentions import Aliases, read_aliases
from newstance.models.settings import LinearModel
from newstance.scheme import Scheme
from newstance.selection.models import LEARNER, committee
from newstance.selection.strategies import Array
from newstance.settings import ARTICLES, PREPARED, Settings

CHAMPION = "champion"


@dataclass(frozen=True)
class ProjectPool:
    """Units of a project, for the strategies (`newstance.selection.strategies.Pool`).

    Attributes
    ----------
    scheme
        The task's.
    units
        What can be chosen: the unit's columns, `title`, `text`, `group`, and of labelled ones the label.
    labelled
        What a model can learn from: the same columns, without test.
    aliases
        Further names of targets.
    bundle
        The exported champions; None where there is no champion of this task. It is asked first.
    """

    scheme: Scheme
    units: pd.DataFrame
    labelled: pd.DataFrame
    aliases: Aliases
    bundle: Bundle | None

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.units)

    @property
    def codes(self) -> list[str]:
        """The scheme's labels."""
        return self.scheme.codes

    def probabilities(self) -> Array:
        """Ask the champion, or where there is none, a quick model that is fitted on all labels.

        Units that have a label are judged by a model that has seen neither it nor those of near-duplicates.
        """
        if self.scheme.name in self.units.columns:
            if self.units["group"].nunique() < 2:
                raise NewstanceError(f"Task '{self.scheme.name}' has too few labels to suspect any; label more first.")
            with embedding_cache(EMBEDDINGS):
                return held_out_probabilities(self.units, self.scheme, self.aliases)
        if self.bundle:
            return self._asked(self.bundle)
        return self._fitted(committee(self.scheme)[LEARNER])

    def committee(self) -> Mapping[str, Array]:
        """Ask quick models of different families that are fitted on all labels, and the champion where there is one."""
        found = {name: self._fitted(settings) for name, settings in committee(self.scheme).items()}
        return found | ({CHAMPION: self._asked(self.bundle)} if self.bundle else {})

    def embeddings(self) -> tuple[Array, Array]:
        """Embed texts (of target-dependent schemes also the target and its sentences) with the frozen encoder."""
        features = build(committee(self.scheme)[LEARNER], self.aliases, seed=0)[:-1]
        with embedding_cache(EMBEDDINGS):
            vectors = dense(features.fit_transform(pd.concat([self.units, self.labelled], ignore_index=True)))
        return vectors[: self.size], vectors[self.size :]

    def given(self) -> NDArray[np.object_]:
        """Return the labels that the units have."""
        labels: NDArray[np.object_] = self.units[self.scheme.name].to_numpy(dtype=object)
        return labels

    def names(self) -> list[str]:
        """Name the labelled units by their ids."""
        return [" ".join(map(str, values)) for values in self.labelled[self.scheme.unit].itertuples(index=False)]

    def _asked(self, bundle: Bundle) -> Array:
        targets = self.units["target"] if self.scheme.has_targets else [None] * self.size
        rows = zip(self.units["title"], self.units["text"], targets, strict=True)
        articles = [Article(title, text, None if target is None else [target]) for title, text, target in rows]
        return bundle.probabilities(self.scheme.name, articles)

    def _fitted(self, settings: LinearModel) -> Array:
        labels = self.labelled[self.scheme.name].to_numpy(dtype=object)
        if len(set(labels)) < 2:
            raise NewstanceError(
                f"Task '{self.scheme.name}' has no two different labels yet, so no model can be fitted; start with the "
                "strategy random or diversity."
            )
        with embedding_cache(EMBEDDINGS):
            model = build(settings, self.aliases, seed=0).fit(self.labelled, labels)
            return all_classes(model, self.units, self.scheme)


def dense(vectors: Any) -> Array:
    """Return embeddings as a matrix with rows of unit length."""
    matrix: Array = normalize(np.asarray(vectors.todense() if issparse(vectors) else vectors, dtype=np.float64))
    return matrix


@dataclass(frozen=True)
class Project:
    """A project's articles and the labels of one task, from which the pools are made."""

    scheme: Scheme
    settings: Settings
    bundle: Bundle | None = None

    def unlabelled(self) -> ProjectPool:
        """Return the pool of units without a label.

        These are the clean articles that nobody labelled in this task, one of each group of near-duplicates, and none
        of a group that is labelled. For a target-dependent scheme they are pairs with the targets that a
        `TargetProposer` proposes, which has learned from the labelled targets.

        Raises
        ------
        NewstanceError
            When every article is labelled.
        """
        seen = self._articles["article_id"].isin(self._annotations["article_id"])
        groups = self._articles.loc[seen, "group"]
        fresh = self._articles[~self._articles["group"].isin(groups)].drop_duplicates("group")
        if fresh.empty:
            raise NewstanceError(
                f"Every article of {ARTICLES} has a label of task '{self.scheme.name}' or a near-duplicate that has."
            )
        if self.scheme.has_targets:
            fresh = self._with_targets(fresh)
        return ProjectPool(self.scheme, fresh.reset_index(drop=True), self._labelled, self._aliases, self._champion)

    def doubtful(self) -> ProjectPool:
        """Return the pool of labelled units that are not of test: the reference annotator hasn't decided them.

        Raises
        ------
        NewstanceError
            When there is no such unit.
        """
        if self._labelled.empty:
            raise NewstanceError(f"Task '{self.scheme.name}' has no label that could be wrong: nothing is labelled.")
        return ProjectPool(self.scheme, self._labelled, self._labelled, self._aliases, self._champion)

    @cached_property
    def _articles(self) -> pd.DataFrame:
        return read_parquet(ARTICLES)

    @cached_property
    def _annotations(self) -> pd.DataFrame:
        path = self.settings.labels.directory / self.scheme.annotations
        if not path.is_file():  # a scheme that nobody has labelled by
            return pd.DataFrame(columns=self.scheme.annotation_columns, dtype="str")
        return read_annotations(self.scheme, self.settings.labels.directory)

    @cached_property
    def _labelled(self) -> pd.DataFrame:
        labels = resolve(self._annotations, self.settings.labels.training, self.scheme)
        labelled = labels.merge(self._articles, on="article_id")
        return labelled[~labelled["group"].isin(self._tested)].reset_index(drop=True)

    @cached_property
    def _tested(self) -> set[Any]:
        """The groups of test, which must not help to choose: what the reference decided, and what was split off."""
        reference = self._annotations["annotator"] == self.settings.labels.reference
        ids = set(self._annotations.loc[reference, "article_id"])
        split_off = PREPARED / self.scheme.name / "test.parquet"
        if split_off.is_file():
            ids |= set(read_parquet(split_off)["article_id"])
        return set(self._articles.loc[self._articles["article_id"].isin(ids), "group"])

    @cached_property
    def _aliases(self) -> Aliases:
        return read_aliases(self.settings.labels.directory / "aliases.yaml") if self.scheme.has_targets else {}

    @property
    def _champion(self) -> Bundle | None:
        """The bundle, where it labels by the very labels of the scheme."""
        known = self.bundle.schemes.get(self.scheme.name) if self.bundle else None
        return self.bundle if known and known.codes == self.scheme.codes else None

    def _with_targets(self, articles: pd.DataFrame) -> pd.DataFrame:
        grouped = self._labelled.groupby("article_id", sort=False)
        examples = [(part["title"].iloc[0], part["text"].iloc[0], part["target"].tolist()) for _, part in grouped]
        proposer = TargetProposer.fit(examples, self._aliases)
        targets = [proposer.propose(title, text) for title, text in articles[["title", "text"]].itertuples(index=False)]
        return articles.assign(target=pd.Series(targets, articles.index)).explode("target").dropna(subset="target")
