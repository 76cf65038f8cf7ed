"""What commands say on the terminal, always on standard error: standard output is for results."""

from __future__ import annotations

import logging

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

console = Console(stderr=True)


def configure_logging(*, verbose: bool, quiet: bool) -> None:
    """Set how much is said."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    handler = RichHandler(console=console, show_time=False, show_path=False, show_level=level == logging.DEBUG)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler], force=True)
    logging.getLogger("newstance").setLevel(level)


def say(text: str) -> None:
    """Tell what was done."""
    logging.getLogger("newstance").info(text)


def complain(error: Exception) -> None:
    """Tell what went wrong, in one line."""
    # A Text, since rich would read brackets in a message as markup and words between colons as emoji.
    console.print(Text.assemble(("Error:", "bold red"), " ", " ".join(str(error).split())), soft_wrap=True)


def progress_bar(*more: ProgressColumn, hidden: bool = False) -> Progress:
    """Make a progress bar, with further columns; it is shown on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *more)
    quiet = not logging.getLogger("newstance").isEnabledFor(logging.INFO)
    return Progress(*columns, console=console, disable=hidden or quiet or not console.is_terminal)
