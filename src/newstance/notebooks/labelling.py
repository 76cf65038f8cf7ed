"""Notebook 2: label articles yourself; the rows go to a file of the project's annotation format."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pandas as pd

from newstance.errors import NewstanceError
from newstance.labels.store import LabelStore, check_annotator
from newstance.notebooks.browse import SHOW_ALL, SHOW_LESS
from newstance.notebooks.corpus import NO_TITLE
from newstance.notebooks.display import quote
from newstance.notebooks.labels import read_labels
from newstance.scheme import Scheme

FOLDER = Path("build/labels")
NONE = "none"


class Labeller(widgets.VBox):  # type: ignore[misc]
    """Show one unit after the other, and write what the reader decides when the button is pressed.

    The outlet and the labels of others are not shown: a label must follow from the text alone. Of the text only the
    first words are shown until the button asks for all of it.

    Parameters
    ----------
    units
        The queue, each a row with article_id, title, text, and target where the scheme has targets.
    scheme
        The labels to choose from.
    taken
        Names of annotators that are not free.
    folder
        Where the rows go (`newstance.labels.store.LabelStore`).
    """

    def __init__(self, units: pd.DataFrame, scheme: Scheme, taken: Collection[str] = (), folder: Path = FOLDER) -> None:
        self.units, self.scheme, self._taken = units.reset_index(drop=True), scheme, taken
        self._place = 0
        self._store = LabelStore(scheme, folder)
        wide = widgets.Layout(width="98%")
        self.annotator = widgets.Text(description="Your name", placeholder="letters, digits, _")
        self.page = widgets.HTML(layout=wide)
        self.whole = widgets.Button(description=SHOW_ALL, icon="book", layout=widgets.Layout(width="16em"))
        names = [(label.name, label.code) for label in scheme.labels]
        skip = [("no article", scheme.skip)] if scheme.skip else []
        self.label = widgets.RadioButtons(description=scheme.title, options=[*names, *skip], value=None, layout=wide)
        self.definition = widgets.HTML(layout=wide)
        self.second = widgets.Dropdown(description="Second", options=[(NONE, ""), *names])
        self.save = widgets.Button(description="Save", icon="check", button_style="primary")
        self.next = widgets.Button(
            description="Next without a label", icon="forward", layout=widgets.Layout(width="14em")
        )
        self.message = widgets.HTML(layout=wide)
        self.whole.on_click(lambda _: self._turn())
        self.save.on_click(lambda _: self._save())
        self.next.on_click(lambda _: self._go_on())
        self.label.observe(lambda _: self._define(), names="value")
        second = [self.second] if scheme.secondary else []
        parts = [self.annotator, self.page, self.whole, self.label, self.definition, *second]
        super().__init__([*parts, widgets.HBox([self.save, self.next]), self.message])
        self._show()

    @property
    def unit(self) -> pd.Series[Any] | None:
        """The unit in question, None after the last."""
        return self.units.iloc[self._place] if self._place < len(self.units) else None

    def row(self) -> dict[str, str]:
        """Return what the reader decided about the unit, as a row of the annotation file.

        Raises
        ------
        NewstanceError
            When the name is no good, or nothing was chosen, or all units are done.
        """
        if self.unit is None:
            raise NewstanceError("There is nothing left to label.")
        row = {"annotator": check_annotator(self.annotator.value, self._taken)}
        if self.label.value is None:
            raise NewstanceError("Choose a label first.")
        row |= {column: str(self.unit[column]) for column in self.scheme.unit}
        row[self.scheme.name] = self.label.value
        if self.scheme.secondary:
            row[self.scheme.secondary] = self.second.value
        return row

    def question(self) -> list[str]:
        """Return what is asked and of what: progress, title and first words, as texts."""
        if self.unit is None:
            return ["All of them are done."]
        asked = f"{self.scheme.title} {self._place + 1} of {len(self.units)}"
        if self.scheme.has_targets:
            asked += f": toward {self.unit['target']}"
        return [asked, quote(self.unit["title"]) or NO_TITLE, quote(self.unit["text"])]

    def _save(self) -> None:
        try:
            self._store.append([self.row()])
        except NewstanceError as error:
            self.message.value = f"<p style='color: #a33c00'><b>Not saved.</b> {escape(str(error))}</p>"
            return
        label = self.label.value
        self._go_on()
        self.message.value = f"<p>Saved as {escape(label)} in <code>{escape(str(self._store.path))}</code>.</p>"

    def _go_on(self) -> None:
        self._place += 1
        self.label.value, self.second.value, self.message.value = None, "", ""
        self._show()

    def _define(self) -> None:
        chosen = [label.definition for label in self.scheme.labels if label.code == self.label.value]
        self.definition.value = "".join(f"<p><em>{escape(definition)}</em></p>" for definition in chosen)

    def _show(self) -> None:
        asked, *parts = self.question()
        done = self.unit is None
        self.whole.disabled = self.save.disabled = self.next.disabled = done
        self.whole.description = SHOW_ALL
        title, beginning = parts or ("", "")
        self._fill(asked, title, f"<p><q>{escape(beginning)}</q></p>" if parts else "")

    def _turn(self) -> None:
        if self.whole.description == SHOW_LESS or self.unit is None:
            self._show()
            return
        self.whole.description = SHOW_LESS
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in self.unit["text"].split("\n") if part.strip())
        asked, title, _ = self.question()
        title = self.unit["title"] or title
        self._fill(asked, title, f"<div style='max-height: 24em; overflow-y: auto'>{paragraphs}</div>")

    def _fill(self, asked: str, title: str, body: str) -> None:
        self.page.value = f"<div style='line-height: 1.4'><p>{escape(asked)}</p><h4>{escape(title)}</h4>{body}</div>"


def known_annotators(scheme: Scheme) -> set[str]:
    """Return the names under which the project has labels of a scheme."""
    return set(read_labels(scheme)["annotator"])


def first_question(labeller: Labeller) -> str:
    """Say in Markdown what the widget asks before anybody answered: the static view beside it."""
    asked, *parts = labeller.question()
    lines = [f"**{asked}**", ""]
    if parts:
        title, beginning = (escape(part) for part in parts)
        choices = " · ".join(label.name for label in labeller.scheme.labels)
        lines += [f"{title}: “{beginning}”", "", f"To choose from: {choices}."]
    return "\n".join(lines)
