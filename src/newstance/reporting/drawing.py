"""How figures look and how they become SVG: one style, colours that survive colour blindness and grey, stable bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from newstance.reporting.results import TaskResults

# Okabe and Ito's colours (2008); every colour comes with a marker of its own, so that grey prints can be read.
BLUE, VERMILLION, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7"
GREY, DARK, LIGHT = "#595959", "#1a1a1a", "#d9d9d9"
FAMILY_STYLES = {"linear": (BLUE, "o"), "transformer": (ORANGE, "^"), "ensemble": (PURPLE, "P")}
FAMILY_STYLES |= {"control": (VERMILLION, "s"), "majority": (GREY, "X")}
ANNOTATOR_STYLE = (GREEN, "D")
SERIES_STYLES = [(BLUE, "o"), (ORANGE, "s"), (PURPLE, "^")]  # of the marks in one row
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "newstance",
    # Glyphs as outlines: the same picture on machines with other fonts; titles and descriptions carry the text.
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.markersize": 6.0,
    "text.color": DARK,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
WIDTH = 6.6
TITLE_CHARACTERS = 70
TITLE_LINE = 0.18  # inches


@dataclass(frozen=True)
class Chart:
    """A finished figure.

    Attributes
    ----------
    name
        File name without its ending; also the prefix of the ids inside the SVG.
    title
        The finding.
    caption
        What is shown and how to read it.
    svg
        An ``<svg>`` element with title and description, ready for a file or for a page.
    figure
        The drawing itself, for other formats.
    """

    name: str
    title: str
    caption: str
    svg: str
    figure: Figure = field(repr=False, compare=False)


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the report's style, whatever the user's own matplotlib settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def new_figure(height: float, title: str, width: float = WIDTH) -> Figure:
    """Make an empty figure, sizes in inches, with its title wrapped at the top left; ``height`` has one line of it."""
    characters = int(TITLE_CHARACTERS * width / WIDTH)
    # A no-break space keeps a number with its interval or unit on one line.
    title = re.sub(r"(\d) (?=\[|ms\b|min\b)|(\[\S+,) ", lambda space: space[0].rstrip() + "\xa0", title)
    title = fill(title, characters)
    figure = Figure(figsize=(width, height + TITLE_LINE * title.count("\n")), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    return figure


def finish(figure: Figure, name: str, title: str, caption: str) -> Chart:
    """Turn a figure into a `Chart`; equal figures give equal bytes."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    # Several figures share one page, so ids (of glyphs, clips, groups) must differ between them.
    svg = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    described = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-description"',
        f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-description">{escape(caption)}</desc>',
    )
    opening, rest = svg.split(">", 1)
    svg = opening.replace("<svg", described[0], 1) + ">\n" + described[1] + rest
    return Chart(name, title, caption, "\n".join(line.rstrip() for line in svg.splitlines()) + "\n", figure)


def family_handle(family: str) -> Line2D:
    """Make the legend's entry of a family of experiments (`newstance.reporting.results.family`)."""
    color, marker = FAMILY_STYLES[family]
    return Line2D([], [], color=color, marker=marker, linestyle="none", label=family)


def chart_name(results: TaskResults, kind: str) -> str:
    """Return the file name, without its ending, of a task's figure."""
    return f"{results.scheme.name}-{kind}"


def score_axis(axes: Axes, label: str) -> None:
    """Label a horizontal axis of scores from 0 to 1, with grid lines."""
    axes.set_xlim(0, 1)
    axes.set_xlabel(label)
    axes.grid(axis="x")


def label_rows(axes: Axes, labels: list[str], characters: int = 36) -> None:
    """Put one label a row on the vertical axis, the first on top, long ones on two lines."""
    axes.set_yticks(range(len(labels)), [fill(label, characters) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def error_bars(axes: Axes, values: pd.Series, low: pd.Series, high: pd.Series, rows: Any, **style: Any) -> None:
    """Draw points with horizontal intervals; a missing interval leaves the point alone."""
    # A percentile interval of a skewed score may lie beside the score itself; bars have no negative length.
    lengths = np.clip(np.nan_to_num(np.stack([values - low, high - values]).astype(float)), 0, None)
    axes.errorbar(values, rows, xerr=lengths, linestyle="none", elinewidth=1.6, capsize=0, **style)
