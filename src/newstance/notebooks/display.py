"""What notebooks show: text with numbers from variables, and the report's kind of figures."""

from __future__ import annotations

import io

from IPython.display import Markdown, display

from newstance.errors import NewstanceError
from newstance.reporting.drawing import Chart, house_style

DPI = 110


def say(text: str) -> None:
    """Show text (Markdown) that has its numbers from variables."""
    display(Markdown(text))  # type: ignore[no-untyped-call]


def show(chart: Chart) -> None:
    """Show a figure as PNG (which every viewer of notebooks draws), its caption as alternative text and below it.

    Raises
    ------
    NewstanceError
        When nothing is drawn in it.
    """
    if not any(axes.has_data() for axes in chart.figure.axes):
        raise NewstanceError(f"The figure '{chart.title}' is empty.")
    stream = io.BytesIO()
    with house_style():
        chart.figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    display(  # type: ignore[no-untyped-call]
        {"image/png": stream.getvalue(), "text/plain": chart.title},
        metadata={"image/png": {"alt": f"{chart.title}. {chart.caption}"}},
        raw=True,
    )
    say(f"*{chart.caption}*")


def quote(text: str, words: int = 12) -> str:
    """Shorten a text to its first words: the articles belong to their publishers, and a quote is enough to see one."""
    parts = text.split()
    return " ".join(parts[:words]) + (" …" if len(parts) > words else "")
