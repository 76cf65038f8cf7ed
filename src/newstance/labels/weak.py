"""Weak labels: labelling functions of seed words and URL sections, and one label from what they say.

A labelling function reads one part of an article (title, lead, body, URL) and gives the label most of whose seed words
it finds there, or abstains. Ratner et al. (2017) have the idea; here the functions are combined by Dawid and Skene's
model (1979), which learns from their agreement alone how far each can be trusted, or by majority vote.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

import pandas as pd
from pydantic import Field

from newstance.errors import NewstanceError
from newstance.files import read_settings
from newstance.scheme import Scheme, Strict

Combination = Literal["dawid-skene", "majority"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)


class WeakSettings(Strict):
    """Seed words and URL sections by label, and how what they say becomes one label.

    Attributes
    ----------
    combination
        ``dawid-skene`` or ``majority``.
    lead_words
        How many words of the text are the lead; the rest is the body.
    words
        Label to words or phrases, in any case; one that ends in ``*`` stands for all words that begin so.
    sections
        Label to parts of a URL's path, such as ``politics``.
    """

    combination: Combination = "majority"
    lead_words: int = Field(default=60, ge=1)
    words: dict[str, tuple[str, ...]] = Field(min_length=2)
    sections: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @cached_property
    def patterns(self) -> dict[str, re.Pattern[str]]:
        """Label to the pattern of its words."""
        return {label: _pattern(words) for label, words in self.words.items() if words}


def read_weak(directory: Path, scheme: Scheme) -> WeakSettings:
    """Read ``directory/weak/TASK.yaml``.

    Raises
    ------
    NewstanceError
        When the file is missing or wrong, names a label that the scheme doesn't have, or the scheme has targets.
    """
    path = directory / "weak" / f"{scheme.name}.yaml"
    if scheme.has_targets:
        raise NewstanceError(f"Task '{scheme.name}' is about targets: seed words of an article can't label it.")
    settings = read_settings(path, WeakSettings)
    for key in ("words", "sections"):
        if unknown := sorted(set(getattr(settings, key)) - set(scheme.codes)):
            raise NewstanceError(
                f"{path}: key '{key}': '{unknown[0]}' is no label of scheme '{scheme.name}'; "
                f"use {', '.join(scheme.codes)}."
            )
    return settings


def votes(articles: pd.DataFrame, settings: WeakSettings) -> pd.DataFrame:
    """Let every labelling function label the articles.

    Parameters
    ----------
    articles
        Columns `title`, `text` and `url`.
    settings
        The seed words.

    Returns
    -------
    DataFrame
        A column a function (``title``, ``lead``, ``body``, ``section``), with the index of `articles`; missing where
        it abstains, which it does where no label or more than one has the most hits.
    """
    texts = articles["text"].str.split()
    lead = texts.str[: settings.lead_words].str.join(" ")
    body = texts.str[settings.lead_words :].str.join(" ")
    by_words = {"title": articles["title"], "lead": lead, "body": body}
    found = {name: _labels(part, lambda text: _hits(text, settings)) for name, part in by_words.items()}
    found["section"] = _labels(articles["url"], lambda url: _section_hits(url, settings))
    return pd.DataFrame(found, index=articles.index)


def combine(said: pd.DataFrame, combination: Combination) -> pd.Series[str]:
    """Give one label to each article that some function labels.

    Parameters
    ----------
    said
        As `votes` returns it, with distinct index values.
    combination
        How.

    Returns
    -------
    Series
        Labels by the index of `said`; articles on which every function abstains are left out.
    """
    try:
        from crowdkit.aggregation import DawidSkene, MajorityVote  # noqa: PLC0415  (an extra; seconds)
    except ImportError:
        raise NewstanceError("Weak labels need crowd-kit; install newstance[labelling].") from None
    long = said.melt(var_name="worker", value_name="label", ignore_index=False).dropna()
    if long.empty:
        raise NewstanceError("No labelling function says anything of these articles; give it other seed words.")
    model = DawidSkene() if combination == "dawid-skene" else MajorityVote()
    table = long.rename_axis("task").reset_index().astype({"worker": object, "label": object})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)  # crowd-kit 1.4 was written before pandas 3
        labels = model.fit_predict(table)
    return said.index.to_series().map(labels).dropna().astype("str").rename("label")


def weak_labels(articles: pd.DataFrame, settings: WeakSettings) -> pd.Series[str]:
    """Label articles by their words and URLs alone; see `combine`."""
    return combine(votes(articles.reset_index(drop=True), settings), settings.combination)


def _labels(parts: pd.Series[str], count: Callable[[str], Counter[str]]) -> pd.Series[str]:
    return pd.Series([_most(count(part)) for part in parts.fillna("")], index=parts.index, dtype="str")


def _most(hits: Counter[str]) -> str | None:
    """Return the label with the most hits; None where there is none, or two have as many."""
    first = hits.most_common(2)
    if not first or not first[0][1] or (len(first) > 1 and first[0][1] == first[1][1]):
        return None
    return first[0][0]


def _hits(text: str, settings: WeakSettings) -> Counter[str]:
    return Counter({label: len(pattern.findall(text)) for label, pattern in settings.patterns.items()})


def _section_hits(url: str, settings: WeakSettings) -> Counter[str]:
    try:
        parts = {part.lower() for part in urlsplit(url).path.split("/")}
    except ValueError:  # no URL, whatever the corpus says
        parts = set()
    return Counter({label: len(parts & set(names)) for label, names in settings.sections.items()})


def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = (
        re.escape(word.removesuffix("*")).replace(r"\ ", r"\s+") + (r"\w*" if word.endswith("*") else "")
        for word in words
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)", re.IGNORECASE)
