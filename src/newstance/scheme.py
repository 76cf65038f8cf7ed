"""Label schemes (data: seeds/schemes/*.yaml), and the names of the splits."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from newstance.errors import NewstanceError
from newstance.files import read_settings

SPLITS = ("train", "validation", "test")
# Columns that stand beside the labels in tables: no scheme can be called so.
RESERVED = frozenset(
    "article_id outlet url published title subtitle text group target annotator labelled_at split label "
    "row quality suggested suspected".split()
)


class Kind(StrEnum):
    """What a label is attached to."""

    SINGLE_LABEL = "single-label"
    TARGET_DEPENDENT = "target-dependent"


class Strict(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Label(Strict):
    """One class of a scheme.

    Attributes
    ----------
    code
        What stands in annotation files and answers.
    name, definition
        For people: what it is called, and when it is given.
    examples
        Short texts that get it, or descriptions of such; shown with the definition.
    """

    code: str = Field(pattern=r"^[a-z0-9][a-z0-9_\-]*$")
    name: str
    definition: str
    # Left out where there are none, as bundles without examples have it and keep their hash.
    examples: tuple[str, ...] = Field(default=(), exclude_if=lambda examples: not examples)
    medtop: str | None = Field(default=None, pattern=r"^\d{8}$", description="IPTC Media Topic number")


class Scheme(Strict):
    """A label scheme: its kind, its classes in order, and where its annotations are.

    Attributes
    ----------
    name
        The task's name, and the name of the label column in every table.
    kind
        ``single-label`` (one label an article) or ``target-dependent`` (one label an article and target).
    title
        Heading for reports.
    annotations
        File name of the annotations, in the labels folder; tidy CSV.
    secondary
        Column of an optional second label, or None.
    skip
        Code by which annotators mark a text that is no article, or None.
    labels
        The classes; their order is the order of every matrix and figure.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind
    title: str
    annotations: str
    secondary: str | None = None
    skip: str | None = None
    labels: tuple[Label, ...] = Field(min_length=2)

    @field_validator("name", "secondary")
    @classmethod
    def _is_no_other_column(cls, name: str | None) -> str | None:
        if name in RESERVED:
            raise ValueError("is the name of another column; choose another word")
        return name

    @field_validator("labels")
    @classmethod
    def _codes_are_distinct(cls, labels: tuple[Label, ...]) -> tuple[Label, ...]:
        codes = [label.code for label in labels]
        if len(set(codes)) < len(codes):
            raise ValueError("label codes must be distinct")
        names = [label.name for label in labels]
        if len(set(names)) < len(names):
            raise ValueError("label names must be distinct")
        return labels

    @field_validator("annotations")
    @classmethod
    def _is_a_file_of_the_folder(cls, annotations: str) -> str:
        if not annotations or Path(annotations).name != annotations:
            raise ValueError("must be the name of a file in the labels folder, without a path")
        return annotations

    @model_validator(mode="after")
    def _words_have_one_meaning(self) -> Scheme:
        if self.skip in self.codes:
            raise ValueError(f"'skip' is '{self.skip}', which is a label's code; choose another word")
        if self.secondary == self.name:
            raise ValueError("'secondary' is the scheme's name, which is the column of the first label")
        return self

    @cached_property
    def codes(self) -> list[str]:
        """The label codes, in the scheme's order."""
        return [label.code for label in self.labels]

    @property
    def has_targets(self) -> bool:
        """Whether a label is about a target."""
        return self.kind is Kind.TARGET_DEPENDENT

    @property
    def unit(self) -> list[str]:
        """The columns that identify one labelled unit."""
        return ["article_id", "target"] if self.has_targets else ["article_id"]

    @property
    def annotation_columns(self) -> list[str]:
        """The columns of the annotation file, in order."""
        columns = ["article_id", "annotator"]
        columns += ["target"] if self.has_targets else []
        columns += [self.name]
        return columns + ([self.secondary] if self.secondary else [])


def load_schemes(directory: Path, names: tuple[str, ...] | list[str]) -> dict[str, Scheme]:
    """Read the named schemes from ``directory/NAME.yaml``.

    Raises
    ------
    NewstanceError
        When a file is missing or wrong, or its `name` differs from the file's.
    """
    schemes = {}
    for name in names:
        path = directory / f"{name}.yaml"
        scheme = read_settings(path, Scheme)
        if scheme.name != name:
            raise NewstanceError(
                f"{path}: key 'name' is '{scheme.name}' but the file is called '{name}'; make them equal."
            )
        schemes[name] = scheme
    return schemes
