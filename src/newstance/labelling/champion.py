"""What the champion says: its suggestions, and the targets that it or the labels so far propose."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from newstance.bundle.answers import Answer, Article
from newstance.bundle.bundle import TARGETS, Bundle
from newstance.bundle.manifest import MANIFEST
from newstance.bundle.targets import TargetProposer
from newstance.files import read_json
from newstance.models.mentions import Aliases


class Champion:
    """A bundle that is read when it is first asked; where there is none, it has nothing to say.

    Parameters
    ----------
    folder
        The exported bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bundle: Bundle | None = None
        self._loading = threading.Lock()

    @property
    def is_there(self) -> bool:
        """Whether there is a bundle."""
        return (self._folder / MANIFEST).is_file()

    def answer(self, article: Article) -> Answer:
        """Label an article; a `NewstanceError` when the bundle is damaged."""
        return self._loaded().predict([article], evidence=0)[0]

    def knows(self, task: str) -> bool:
        """Whether the bundle labels by a scheme."""
        return self.is_there and task in self._loaded().schemes

    def proposer(self, labelled: Iterable[tuple[str, str, Sequence[str]]], aliases: Aliases) -> TargetProposer:
        """Return what proposes targets: the bundle's, or else one that knows the targets labelled so far.

        Parameters
        ----------
        labelled
            Title, text and targets of each labelled article.
        aliases
            Further names by target.
        """
        if self.is_there:
            return TargetProposer.from_json(read_json(self._folder / TARGETS))
        return TargetProposer.fit(labelled, aliases)

    def _loaded(self) -> Bundle:
        with self._loading:
            if self._bundle is None:
                self._bundle = Bundle.load(self._folder)
            return self._bundle
