import base64
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from newstance.errors import NewstanceError
from newstance.notebooks.execute import check, cover, execute, read_source, sources
from newstance.terminal import progress_bar

ROOT = Path(__file__).parents[2]
HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""
FIGURE = """# %% tags=["cover"]
from matplotlib.figure import Figure
from newstance.notebooks.display import show
from newstance.reporting.drawing import finish, house_style, new_figure

with house_style():
    figure = new_figure(2, "Ferries were late twice")
    figure.subplots().plot([1, 2, 3])
show(finish(figure, "ferries", "Ferries were late twice", "One line."))
"""


def run(folder: Path, source: str, name: str = "01_ferries") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(HEADER + source, encoding="utf-8")
    with progress_bar(hidden=True) as progress:
        execute([path], folder / "pages", progress)
    return path


def test_a_notebook_is_stored_with_its_outputs_its_page_and_its_figure(tmp_path):
    run(tmp_path, "# %% [markdown]\n# # Ferries\n\n" + FIGURE + "\n# %%\nimport ipywidgets\n\nipywidgets.Button()\n")
    notebook = nbformat.read(tmp_path / "01_ferries.ipynb", as_version=4)
    image = notebook.cells[1].outputs[0]
    assert image.metadata["image/png"]["alt"] == "Ferries were late twice. One line."
    assert (tmp_path / "figures/01_ferries.png").read_bytes() == base64.b64decode(image.data["image/png"])
    page = (tmp_path / "pages/01_ferries.html").read_text(encoding="utf-8")
    assert "Interactive in Jupyter" in page
    assert 'alt="Ferries were late twice. One line."' in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.https?:", page)


def test_a_notebook_that_fails_says_where_and_why_and_the_old_one_stays(tmp_path):
    old = tmp_path / "01_ferries.ipynb"
    old.write_text("old", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"01_ferries\.py: a cell fails with ValueError: no ferry today"):
        run(tmp_path, "# %%\nraise ValueError('no ferry today')\n")
    assert old.read_text(encoding="utf-8") == "old"


def printed(text: str, name: str = "stdout") -> NotebookNode:
    cell = new_code_cell("print()", id="cell-07", outputs=[new_output("stream", name=name, text=text)])
    return new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        ("fog ahead", "stderr", "cell-07 warns: fog ahead"),
        ("stored in {folder}/ferries.csv", "stdout", "names a folder of this machine"),
        ("stored in {folder.parent}/pier", "stdout", "names a folder of this machine"),
        ("x" * 1_000_000, "stdout", "bytes, more than"),
    ],
)
def test_outputs_that_others_should_not_see_are_refused(tmp_path, text, name, complaint):
    notebook = printed(text.format(folder=tmp_path), name)
    with pytest.raises(NewstanceError, match=complaint):
        check(notebook, nbformat.writes(notebook), tmp_path)


def test_other_outputs_are_not_refused(tmp_path):
    notebook = printed(f"see https://ferries.example{tmp_path}/times")
    check(notebook, nbformat.writes(notebook), tmp_path)


def test_a_notebook_without_a_figure_that_stands_for_it_is_refused():
    with pytest.raises(NewstanceError, match="cover"):
        cover(printed("no figure"))


def test_a_folder_without_notebooks_is_said(tmp_path):
    with pytest.raises(NewstanceError, match="no notebook"):
        sources(tmp_path)


@pytest.mark.parametrize("path", sources(ROOT / "notebooks"), ids=lambda path: path.stem)
def test_the_stored_notebooks_are_what_their_text_forms_say(path):
    stored = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    texts = ["".join(cell["source"]) for cell in stored["cells"]]
    assert texts == [cell.source for cell in read_source(path).cells], "run: make notebooks"
    assert path.with_suffix(".ipynb").stat().st_size < 1_000_000
    assert {output["output_type"] for cell in stored["cells"] for output in cell.get("outputs", [])} >= {"display_data"}
