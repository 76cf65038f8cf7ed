"""Notebook 1: a widget that shows labelled articles by task, label and outlet."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from newstance.notebooks.corpus import NO_OUTLET, NO_TITLE
from newstance.notebooks.display import quote
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.scheme import Scheme

EVERY_OUTLET = "every outlet"
SHOW_ALL, SHOW_LESS = "Show the whole text", "Show its beginning only"


class ArticleBrowser(widgets.VBox):  # type: ignore[misc]
    """Menus for task, label and outlet, the titles that they leave, and the chosen article.

    Only the first words of an article are shown; the button shows the whole text, until another article is chosen.

    Parameters
    ----------
    tables
        By task, its labelled units (`newstance.notebooks.project.Project.prepared`).
    schemes
        By task.
    """

    def __init__(self, tables: dict[str, pd.DataFrame], schemes: dict[str, Scheme]) -> None:
        self._tables, self._schemes = tables, schemes
        wide = widgets.Layout(width="98%")
        self.task = widgets.Dropdown(description="Task", options=[(schemes[task].title, task) for task in tables])
        self.label = widgets.Dropdown(description="Label", layout=widgets.Layout(width="28em"))
        self.outlet = widgets.Dropdown(description="Outlet")
        self.titles = widgets.Select(description="Articles", rows=8, layout=wide)
        self.page = widgets.HTML(layout=wide)
        self.whole = widgets.Button(description=SHOW_ALL, icon="book", layout=widgets.Layout(width="16em"))
        self._offer_labels()
        for menu, answer in (
            (self.task, self._offer_labels),
            (self.label, self._offer_outlets),
            (self.outlet, self._offer_titles),
            (self.titles, self._show_beginning),
        ):
            menu.observe(lambda _, answer=answer: answer(), names="value")
        self.whole.on_click(lambda _: self._turn())
        menus = widgets.HBox([self.task, self.label, self.outlet], layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([menus, self.titles, self.page, self.whole])

    @property
    def scheme(self) -> Scheme:
        """The chosen task's scheme."""
        return self._schemes[self.task.value]

    @property
    def chosen(self) -> pd.DataFrame:
        """The labelled units that the menus leave."""
        table = self._tables[self.task.value]
        chosen: pd.Series[bool] = table[self.scheme.name] == self.label.value
        if self.outlet.value != EVERY_OUTLET:
            chosen &= table["outlet"] == self.outlet.value
        return table[chosen]

    @property
    def article(self) -> pd.Series[Any]:
        """The labelled unit whose title is chosen."""
        row: pd.Series[Any] = self._tables[self.task.value].loc[self.titles.value]
        return row

    def _offer_labels(self) -> None:
        counts = self._tables[self.task.value][self.scheme.name].value_counts()
        labels = [label for label in self.scheme.labels if label.code in counts.index]
        _offer(self.label, [(f"{label.name} ({words.count(counts[label.code])})", label.code) for label in labels])
        self._offer_outlets()

    def _offer_outlets(self) -> None:
        table = self._tables[self.task.value]
        counts = table.loc[table[self.scheme.name] == self.label.value, "outlet"].value_counts().sort_index()
        options = [(f"{name or NO_OUTLET} ({words.count(count)})", name) for name, count in counts.items()]
        _offer(self.outlet, [(f"{EVERY_OUTLET} ({words.count(counts.sum())})", EVERY_OUTLET), *options])
        self._offer_titles()

    def _offer_titles(self) -> None:
        rows = self.chosen
        about = [f" · {target}" for target in rows["target"]] if self.scheme.has_targets else [""] * len(rows)
        names = [(quote(title) or NO_TITLE) + target for title, target in zip(rows["title"], about, strict=True)]
        _offer(self.titles, list(zip(names, rows.index, strict=True)))
        self._show_beginning()

    def _show_beginning(self) -> None:
        self.whole.description = SHOW_ALL
        self._show(f"<p><q>{escape(quote(self.article['text']))}</q></p>")

    def _turn(self) -> None:
        if self.whole.description == SHOW_LESS:
            self._show_beginning()
            return
        self.whole.description = SHOW_LESS
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in self.article["text"].split("\n") if part.strip())
        self._show(f"<div style='max-height: 24em; overflow-y: auto'>{paragraphs}</div>")

    def _show(self, body: str) -> None:
        facts = " · ".join(escape(fact) for fact in self.facts())
        title = escape(quote(self.article["title"]) or NO_TITLE)
        self.page.value = f"<div style='line-height: 1.4'><h4>{title}</h4><p>{facts}</p>{body}</div>"

    def facts(self) -> list[str]:
        """Return the chosen unit's outlet, date, target, label and split."""
        row = self.article
        names = {label.code: label.name for label in self.scheme.labels}
        date = "" if pd.isna(row["published"]) else f"{row['published']:%-d %B %Y}"
        target = f"target: {row['target']}" if self.scheme.has_targets else ""
        label = f"{self.scheme.name}: {names[row[self.scheme.name]]}"
        return [fact for fact in (row["outlet"], date, target, label, f"in {row['split']}") if fact]


def _offer(menu: widgets.Dropdown | widgets.Select, options: list[tuple[str, Any]]) -> None:
    """Give a menu new options and choose the first."""
    menu.options = options
    menu.index = 0


def browse_articles(project: Project) -> ArticleBrowser:
    """Make the browser over all labelled units of a project."""
    return ArticleBrowser({task: project.prepared(task) for task in project.schemes}, project.schemes)


def first_page(browser: ArticleBrowser) -> str:
    """Say in Markdown what the browser shows before anybody chose: the static view beside it."""
    titles = browser.titles.options
    return "\n".join(
        [
            f"**{browser.task.label} · {browser.label.label} · {browser.outlet.label}**",
            "",
            *(f"{number}. {escape(title)}" for number, (title, _) in enumerate(titles[:5], start=1)),
            "",
            f"The first one: {escape(' · '.join(browser.facts()))}.",
            f"It begins: “{escape(quote(browser.article['text']))}”",
        ]
    )
