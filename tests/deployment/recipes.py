"""Dockerfile and compose.yaml, read as far as the tests need."""

from __future__ import annotations

import json
from typing import Any

import yaml

from deployment.environment import ROOT


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in joined.splitlines() if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, its FROM first."""
    found: list[list[tuple[str, str]]] = []
    for instruction, arguments in instructions():
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, arguments))
    return found


def health_command() -> list[str]:
    """Return the command that checks the health of a container."""
    (arguments,) = (arguments for instruction, arguments in stages()[-1] if instruction == "HEALTHCHECK")
    command: list[str] = json.loads(arguments.partition("CMD ")[2])
    return command


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """Return a compose file."""
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return content
