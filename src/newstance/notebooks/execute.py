"""The notebooks, run from their text form: checked, stored with their outputs, and as web pages.

The text form (notebooks/NAME.py, jupytext's percent format) is what people edit and review; NAME.ipynb is made of it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from rich.progress import Progress

from newstance.errors import NewstanceError
from newstance.files import atomic_path, write_text

NOTEBOOKS = Path("notebooks")
PAGES = Path("reports/notebooks")
COVERS = NOTEBOOKS / "figures"
COVER = "cover"  # tag of the cell whose figure stands for the notebook
LARGEST = 1_000_000
SECONDS_A_CELL = 600
AT_ONCE = 2
WIDGET = "application/vnd.jupyter.widget-view+json"
ONLY_IN_JUPYTER = "<p><em>Interactive in Jupyter (<code>make lab</code>).</em></p>"


def sources(folder: Path = NOTEBOOKS) -> list[Path]:
    """List the notebooks' text forms, in the order of their names.

    Raises
    ------
    NewstanceError
        When there is none.
    """
    found = sorted(folder.glob("[0-9]*.py"))
    if not found:
        raise NewstanceError(f"{folder} holds no notebook (files like 01_corpus.py).")
    return found


def execute(paths: Sequence[Path], pages: Path, progress: Progress) -> None:
    """Execute notebooks, `AT_ONCE` at a time; write NAME.ipynb and figures/NAME.png beside each, NAME.html to `pages`.

    Raises
    ------
    NewstanceError
        When a notebook fails or breaks a rule (`check`); its files are left as they were, the others are written.
    """
    task = progress.add_task("Notebooks", total=len(paths))
    failures = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, outcome in [(path, pool.submit(_execute_one, path, pages)) for path in paths]:
            try:
                outcome.result()
            except NewstanceError as error:
                failures.append(f"{path.name}: {error}")
            progress.advance(task)
    if failures:
        raise NewstanceError(" ".join(failures))


def read_source(path: Path) -> NotebookNode:
    """Read a text form as a notebook without outputs, with cell ids that don't change from run to run."""
    notebook: NotebookNode = jupytext.read(path)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02}"
    return notebook


def _execute_one(path: Path, pages: Path) -> None:
    notebook = read_source(path)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise NewstanceError(f"a cell fails with {error.ename}: {error.evalue}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise NewstanceError(f"the kernel was stopped: {' '.join(str(error).split())}") from None
    text = nbformat.writes(notebook) + "\n"  # type: ignore[no-untyped-call]
    check(notebook, text, path.parent)
    write_text(pages / f"{path.stem}.html", page(notebook, path.stem))
    with atomic_path(path.parent / COVERS.name / f"{path.stem}.png") as temporary:
        temporary.write_bytes(cover(notebook))
    write_text(path.with_suffix(".ipynb"), text)


def check(notebook: NotebookNode, text: str, folder: Path) -> None:
    """Refuse an executed notebook that others should not see.

    Raises
    ------
    NewstanceError
        When it is too large, a cell warned, or an output names `folder` or another place of this machine.
    """
    if len(text.encode()) > LARGEST:
        raise NewstanceError(f"it has {len(text.encode()):,} bytes, more than {LARGEST:,}; show less.")
    for cell, output in _outputs(notebook):
        if output.get("name") == "stderr":
            raise NewstanceError(f"{cell.id} warns: {' '.join(output.text.split())[:300]}")
    for outer in {Path.home(), *folder.resolve().parents, folder.resolve()} - {Path("/")}:
        if match := re.search(rf"(?<![\w.]){re.escape(str(outer))}/[\w.-]+", text):
            raise NewstanceError(f"an output names a folder of this machine: {match[0]}.")


def cover(notebook: NotebookNode) -> bytes:
    """Return the figure (PNG) of the cell with the tag ``cover``.

    Raises
    ------
    NewstanceError
        When no such cell shows a figure.
    """
    for cell, output in _outputs(notebook):
        if COVER in cell.metadata.get("tags", []) and "image/png" in output.get("data", {}):
            return base64.b64decode(output.data["image/png"])
    raise NewstanceError(f"no cell with the tag '{COVER}' shows a figure.")


def page(notebook: NotebookNode, title: str) -> str:
    """Write an executed notebook as a web page that needs no other file and no network."""
    no_links = dict.fromkeys(["mathjax_url", "require_js_url", "jquery_url", "widget_renderer_url"], "")
    # The classic template alone gives pictures their alternative text.
    exporter = HTMLExporter(template_name="classic", embed_images=True, **no_links)  # type: ignore[no-untyped-call]
    still: Any = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    still.metadata["title"] = title
    for _, output in _outputs(still):
        if WIDGET in output.get("data", {}):
            output["data"] = {"text/html": ONLY_IN_JUPYTER}
    html, _ = exporter.from_notebook_node(still)
    return str(html)


def _outputs(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield cell, output
