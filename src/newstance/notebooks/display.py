"""What notebooks show: text with numbers from variables, and the report's kind of figures."""

from __future__ import annotations

import io

import pandas as pd
from IPython.display import Markdown, display
from PIL import Image

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
        {"image/png": with_palette(stream.getvalue()), "text/plain": chart.title},
        metadata={"image/png": {"alt": f"{chart.title}. {chart.caption}"}},
        raw=True,
    )
    say(f"*{chart.caption}*")


def report(found: Chart | str) -> None:
    """Show a figure, or say why there is none."""
    if isinstance(found, Chart):
        show(found)
    else:
        say(found)


def as_table(table: pd.DataFrame) -> str:
    """Write a table in Markdown; signs in its cells that Markdown would read are shown as they are."""
    if table.empty:
        return "*(no rows)*"
    shown = {r"[^\S\xa0]+": " ", r"([\\`*_{}\[\]<>|$#~])": r"\\\1"}  # a no-break space stays one
    cells = table.astype(str).replace(shown, regex=True)
    rows = [list(table.columns), [":---"] * len(table.columns), *cells.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_palette(png: bytes) -> bytes:
    """Store a picture with a palette of its own: the same to the eye, in a third of the bytes."""
    stream = io.BytesIO()
    # The default way to choose colours gives up rare ones: orange became vermillion.
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE)
    picture.save(stream, "png", optimize=True)
    return stream.getvalue()


def quote(text: str, words: int = 12) -> str:
    """Shorten a text to its first words: the articles belong to their publishers, and a quote is enough to see one."""
    parts = text.split()
    return " ".join(parts[:words]) + (" …" if len(parts) > words else "")
