"""newstance: topic and stance of news articles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newstance.corpus.prepared import load_corpus

__all__ = ["load_corpus"]


def __getattr__(name: str) -> Any:
    # Imported on first use (PEP 562): `datasets` takes a second to import, and most commands don't need it.
    if name == "load_corpus":
        from newstance.corpus.prepared import load_corpus  # noqa: PLC0415

        return load_corpus
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
