"""Outlets of a published collection: who is who, and what texts call them (data: published/outlets.yaml)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import pandas as pd
from pydantic import Field, field_validator, model_validator

from newstance.files import read_settings
from newstance.scheme import Strict


class Outlet(Strict):
    """One outlet.

    Attributes
    ----------
    name
        Its identity: the column `outlet` of prepared data.
    sources
        The collection's names for it; by default `name` alone.
    hosts
        Its web addresses, without ``www.``; subdomains belong to it too.
    names
        What texts call it.
    words
        Names that mean something else elsewhere (Reason, Time): names in its own articles only.
    """

    name: str = Field(min_length=1)
    sources: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @field_validator("names", "words")
    @classmethod
    def _names_can_be_found(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # A name is looked for as a whole word, and a lone letter would be found everywhere.
        if wrong := [name for name in names if len(name) < 2 or not (name[0].isalnum() and name[-1].isalnum())]:
            raise ValueError(f"a name has two characters or more and begins and ends with a letter or digit: {wrong}")
        return names


class Outlets(Strict):
    """All outlets of a collection.

    Attributes
    ----------
    outlets
        What is declared; a source name that isn't stands for an outlet of its own.
    authors
        Source names that are persons: their articles are theirs and the outlet's at the address.
    unnamed
        Source names that say nothing (guest writers): the address alone decides.
    """

    outlets: tuple[Outlet, ...] = ()
    authors: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _nothing_is_declared_twice(self) -> Outlets:
        sources = [source for outlet in self.outlets for source in outlet.sources or (outlet.name,)]
        hosts = [host for outlet in self.outlets for host in outlet.hosts]
        for what, found in (("source", [*sources, *self.authors, *self.unnamed]), ("host", hosts)):
            if twice := sorted({one for one in found if found.count(one) > 1}):
                raise ValueError(f"{what} declared twice: {', '.join(twice)}")
        return self

    @cached_property
    def _by_source(self) -> dict[str, str]:
        return {source: outlet.name for outlet in self.outlets for source in outlet.sources or (outlet.name,)}

    @cached_property
    def _by_host(self) -> dict[str, str]:
        return {host: outlet.name for outlet in self.outlets for host in outlet.hosts}

    def of_host(self, host: str) -> str:
        """Return the outlet at a web address: the declared one, else the address itself, without ``www.``."""
        bare = host.lower().split(":")[0].removeprefix("www.")
        labels = bare.split(".")
        parents = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._by_host[parent] for parent in parents if parent in self._by_host), bare)

    def outlet(self, source: str, host: str) -> str:
        """Return the one outlet that an article counts for: its source's, or its address's where that is no outlet."""
        if source in {*self.authors, *self.unnamed}:
            return self.of_host(host)
        return self._by_source.get(source, source)

    def identities(self, source: str, host: str) -> frozenset[str]:
        """Return everyone whom an article may be by: the outlet of its source, the one at its address, its author."""
        person = {source} if source in self.authors else set()
        return frozenset({self.outlet(source, host), self.of_host(host), *person} - {""})


def shared_identities(articles: pd.DataFrame, held_out: Iterable[bool], outlets: Outlets) -> pd.Series[bool]:
    """Say of each article whether it shares an identity with one that is held out.

    Parameters
    ----------
    articles
        Columns `source` and `host`.
    held_out
        Whether an article is held out (test), one value a row.
    outlets
        Who is who.
    """
    pairs = articles[["source", "host"]].drop_duplicates()
    known = {(source, host): outlets.identities(source, host) for source, host in pairs.itertuples(index=False)}
    each = [known[pair] for pair in zip(articles["source"], articles["host"], strict=True)]
    held = {one for identities, out in zip(each, held_out, strict=True) if out for one in identities}
    return pd.Series([not held.isdisjoint(identities) for identities in each], index=articles.index, dtype=bool)


def read_outlets(path: Path) -> Outlets:
    """Read and check the declared outlets; a missing or wrong file is a `NewstanceError`."""
    return read_settings(path, Outlets)
