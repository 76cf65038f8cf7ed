"""Which checkpoint a stopped training goes on from, the newest one that is whole, and how it is loaded."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from newstance.errors import NewstanceError
from newstance.files import file_sha256, read_json, remove, write_json

log = logging.getLogger(__name__)
SEAL = "checkpoint.sha256.json"
STATE = "trainer_state.json"
ORDER = 30  # after all of torch's own rules


def _on_numbered_cpu(storage: Any, location: str) -> Any:
    return storage if location.startswith("cpu:") else None


# Without a GPU, the processes of `accelerate launch` have devices cpu:0, cpu:1, …, which torch can't load onto unasked.
torch.serialization.register_package(ORDER, lambda _: None, _on_numbered_cpu)


def seal(checkpoint: Path) -> None:
    """Write the hashes of a checkpoint's files into it; a training killed before leaves one without a seal."""
    files = sorted(path for path in checkpoint.iterdir() if path.is_file() and path.name != SEAL)
    write_json(checkpoint / SEAL, {path.name: file_sha256(path) for path in files})


def newest_whole(folder: Path) -> Path | None:
    """Return the newest checkpoint in `folder` that training can go on from, None where there is none.

    Its files, and those of the best checkpoint so far, are as they were written. Others are removed, with a warning.
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for path in found:
        if _is_whole(path) and _has_best(path):
            return path
        log.warning("Checkpoint %s is damaged or was never finished; training goes on from an older one.", path)
        remove(path)
    return None


def had_ended(checkpoint: Path) -> bool:
    """Say whether training was over, early or not, when the checkpoint was written."""
    return bool(_state(checkpoint)["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"])


def _is_whole(path: Path) -> bool:
    try:
        hashes = read_json(path / SEAL)
        return all(file_sha256(path / name) == wanted for name, wanted in hashes.items())
    except (OSError, NewstanceError):
        return False


def _has_best(path: Path) -> bool:
    best = _state(path)["best_model_checkpoint"]
    return best is None or _is_whole(Path(best))


def _state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = read_json(checkpoint / STATE)
    return state
