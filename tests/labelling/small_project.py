"""A project with a few articles to label, a bundle that labels by keywords, and the page's server."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from newstance.bundle.bundle import TARGETS, Bundle
from newstance.bundle.manifest import MANIFEST
from newstance.files import write_json, write_parquet, write_text
from newstance.labelling.queue import Queue
from newstance.labelling.schemas import Who
from newstance.labelling.server import make_app, make_server
from newstance.labels.annotations import read_annotations
from newstance.scheme import Scheme
from newstance.serving.server import listen
from newstance.serving.settings import ServingSettings
from newstance.settings import ARTICLES, BUNDLE, Settings
from serving.keyword_bundle import KeywordBundle

SEEDS = Path(__file__).parents[2] / "seeds"
PATIENCE = 20
STORIES = {
    "bridge": "The council voted for the toll on Monday. Critics called the toll of Ada Quill unjust and shabby.",
    "budget": "A loan of nine million pays for the harbour. Residents asked Ben Marrow what the tax will be.",
    "cells": "Researchers praised a battery of cells that Cleo Fenn built in her laboratory. It was a wonderful day.",
    "truce": "The army kept the truce that Dora Pike had asked for. Troops left the valley and fighting stopped.",
}
REST = " People near the old market spoke about it for a while, and then they went home in the rain without a word."


@dataclass
class Labelling:
    """A project in the working directory."""

    settings: Settings
    url: str = ""

    @property
    def articles(self) -> pd.DataFrame:
        return pd.read_parquet(ARTICLES)

    def rows(self, task: str) -> list[list[str]]:
        """Return the rows that count."""
        scheme: Scheme = self.settings.labels.load_schemes()[task]
        return read_annotations(scheme, Path("seeds")).fillna("").to_numpy().tolist()

    def ask(self, path: str, **body: Any) -> Any:
        """POST, and return what is answered."""
        answer = httpx.post(f"{self.url}/v1/{path}", json=body, timeout=PATIENCE)
        return answer.json()


def write_small_project(folder: Path, monkeypatch: pytest.MonkeyPatch, *, champion: bool = True) -> Labelling:
    """Write the project, go there, and let the bundle be one that labels by keywords."""
    monkeypatch.chdir(folder)
    for name in ("topic", "stance"):
        write_text(Path(f"seeds/schemes/{name}.yaml"), (SEEDS / f"schemes/{name}.yaml").read_text("utf-8"))
    shutil.copy(SEEDS / "codebook.md", "seeds/codebook.md")
    table = pd.DataFrame(
        [
            {
                "article_id": name,
                "outlet": "Harbour Post",
                "title": text.split(". ")[0],
                "subtitle": "",
                "text": text + REST,
            }
            for name, text in STORIES.items()
        ]
    )
    write_parquet(ARTICLES, table)
    if champion:
        write_json(BUNDLE / MANIFEST, {})
        write_json(BUNDLE / TARGETS, {"known": {}, "aliases": {}, "named": {}})
        monkeypatch.setattr(Bundle, "load", lambda _: KeywordBundle())
    return Labelling(Settings())


def write_labels(task: str, *lines: str) -> Path:
    """Write a label file, which is older than any list that is written after it."""
    columns = {"topic": "article_id,annotator,topic,secondary_topic", "stance": "article_id,annotator,target,stance"}
    path = Path(f"seeds/{task}s.csv")
    write_text(path, "\n".join([f"{columns[task]},labelled_at", *lines, ""]))
    return path


def write_list(project: Labelling, *lines: str, columns: str = "article_id,reason") -> Queue:
    """Write a ranked list, and read it."""
    write_text(Path("list.csv"), "\n".join([columns, *lines, ""]))
    return Queue.from_file(Path("list.csv"), project.articles["article_id"])


@contextlib.contextmanager
def served(project: Labelling, queue: Queue | None = None, **chosen: str) -> Iterator[Labelling]:
    """Serve the page in a thread."""
    articles = project.articles
    order = queue or Queue(articles["article_id"].tolist())
    who = Who.model_validate({"task": "topic", "annotator": "", "pass": "label", **chosen})
    server = make_server(make_app(project.settings, who, project.settings.labels.schemes, order, articles))
    with listen(ServingSettings(port=0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Labelling(project.settings, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(timeout=PATIENCE)
    assert not thread.is_alive(), "the server did not stop"
