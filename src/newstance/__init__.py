"""newstance: topic and stance of news articles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from newstance.bundle.bundle import Bundle
    from newstance.corpus.prepared import load_corpus

__all__ = ["load_champion", "load_corpus"]


def load_champion(path: Path | str | None = None) -> Bundle:
    """Load the exported champions, ready to label articles.

    Parameters
    ----------
    path
        The bundle's folder; by default ``bundle`` in the working directory, where `newstance export` writes it.

    Raises
    ------
    NewstanceError
        When there is none, or it was changed.
    """
    from pathlib import Path  # noqa: PLC0415

    from newstance.bundle.bundle import Bundle  # noqa: PLC0415
    from newstance.settings import BUNDLE  # noqa: PLC0415

    return Bundle.load(Path(path) if path is not None else BUNDLE)


def __getattr__(name: str) -> Any:
    # Imported on first use (PEP 562): `datasets` takes a second to import, and most commands don't need it.
    if name == "load_corpus":
        from newstance.corpus.prepared import load_corpus  # noqa: PLC0415

        return load_corpus
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
