"""The champions of all tasks as one bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from newstance.bundle.bundle import Bundle
from newstance.champion.convert import merge
from newstance.files import atomic_path
from newstance.tracking import registry


def export(tasks: Sequence[str], out: Path) -> Bundle:
    """Bring the registry's champions together in one bundle, and load it to see that it is whole.

    Each champion was verified against the model that was trained before it was registered
    (`newstance.champion.verify`); what is put together are the same files, by their hashes.

    Parameters
    ----------
    tasks
        Whose champions.
    out
        Folder of the bundle; one that is there is replaced when the new one is whole.

    Raises
    ------
    NewstanceError
        When a task has no champion, the store fails, or a registered bundle was changed.
    """
    with tempfile.TemporaryDirectory() as room:
        bundles = []
        for task in tasks:
            folder = Path(room) / task
            folder.mkdir()
            bundles.append(registry.fetch_bundle(task, folder))
        with atomic_path(out) as temporary:
            merge(bundles, temporary)
            Bundle.load(temporary)
    return Bundle.load(out)
