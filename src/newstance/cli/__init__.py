"""The command line: thin, one function a command."""

from __future__ import annotations

import sys

from newstance.cli import init, labelling, labels, pipeline, published, search, selection, serving  # noqa: F401 - they add commands
from newstance.cli.app import app
from newstance.errors import NewstanceError
from newstance.terminal import complain


def main() -> None:
    """Run the command line; a `NewstanceError` becomes one sentence and exit status 2."""
    try:
        app(prog_name="newstance")
    except NewstanceError as error:
        complain(error)
        sys.exit(2)
