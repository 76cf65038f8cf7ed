"""Settings of published corpora: published/corpora/NAME.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, RootModel, model_validator

from newstance.files import read_settings
from newstance.scheme import Strict
from newstance.settings import NearDuplicateSettings, SplitSettings


def _texts(labels: Any) -> Any:
    """Write the keys of a label map as text: YAML reads class numbers as numbers."""
    return {str(value): code for value, code in labels.items()} if isinstance(labels, dict) else labels


class _Corpus(Strict):
    """What every published corpus says.

    Attributes
    ----------
    task
        Name of the task: its scheme is schemes/TASK.yaml.
    annotator
        Who labelled; stands in the column `annotator` and in the data card.
    about
        How the labels were made and what is known to be wrong (Markdown), for the data card.
    labels
        The published label (its text, or the class's name or number) to the scheme's code, or null where units with
        that label are left out. Empty: the labels are the codes.
    other_labels
        What to do with a label that is none of these.
    near_duplicates
        How near-duplicate articles are found.
    compared_words
        How many of an article's first words are compared for that.
    split
        Seed and sizes of the splits that weren't published.
    """

    task: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    annotator: str = Field(min_length=1)
    about: str = ""
    labels: Annotated[dict[str, str | None], BeforeValidator(_texts)] = Field(default_factory=dict)
    other_labels: Literal["error", "drop"] = "error"
    # The news stories that outlets share are alike from the first words on; at 0.4 and more, 64 permutations find
    # them in seconds.
    near_duplicates: NearDuplicateSettings = NearDuplicateSettings(permutations=64, similarity=0.4)
    compared_words: int = Field(default=300, ge=20)
    split: SplitSettings = SplitSettings()


class AllSidesCorpus(_Corpus):
    """The AllSides articles (`newstance.corpus.allsides`).

    Attributes
    ----------
    label
        The column that is the label.
    splits
        Which splits.
    masked
        Whether outlets, bylines and boilerplate are masked (`newstance.corpus.masking`).
    outlets
        File of the declared outlets.
    recurrent
        Paragraphs that stand in at least so many articles are boilerplate.
    """

    source: Literal["allsides"]
    label: Literal["bias", "topic"]
    splits: Literal["random", "media", "media-clean"]
    masked: bool = False
    outlets: Path = Path("outlets.yaml")
    recurrent: int = Field(default=10, ge=2)


class NewsMtscCorpus(_Corpus):
    """NewsMTSC (`newstance.corpus.newsmtsc`); `test` says which of its test sets is test."""

    source: Literal["newsmtsc"]
    test: Literal["devtest_rw", "devtest_mt"]


class Columns(Strict):
    """Names of a data set's columns."""

    text: str
    label: str
    title: str | None = None
    target: str | None = None
    outlet: str | None = None
    id: str | None = None


class PublishedSplits(Strict):
    """Names of a data set's splits; validation, or test and validation, are drawn from train where there is none."""

    train: str = "train"
    validation: str | None = None
    test: str | None = None

    @model_validator(mode="after")
    def _validation_needs_a_test(self) -> PublishedSplits:
        if self.validation and not self.test:
            raise ValueError("with a published 'validation', 'test' must be named too")
        return self


class DatasetsCorpus(_Corpus):
    """Any Hugging Face data set.

    Attributes
    ----------
    path
        Its name on the hub, or a local folder or file (.csv, .jsonl, .json, .parquet; a file is the split ``train``).
    config, revision
        Which configuration, and which commit of the hub's repository.
    columns, splits
        Their names.
    """

    source: Literal["datasets"]
    path: str = Field(min_length=1)
    config: str | None = None
    revision: str | None = None
    columns: Columns
    splits: PublishedSplits = PublishedSplits()


CorpusFile = Annotated[AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus, Field(discriminator="source")]


class _File(RootModel[CorpusFile]):
    pass


def read_corpus(path: Path) -> AllSidesCorpus | NewsMtscCorpus | DatasetsCorpus:
    """Read and check a corpus file; a missing or wrong one is a `NewstanceError` that names file and key."""
    return read_settings(path, _File).root
