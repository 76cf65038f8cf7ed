from pathlib import Path

import pytest

from newstance.reporting.readme import block, headline, published, study
from newstance.reporting.serving import serving
from newstance.settings import STUDY_REPORTS, TABLES, load_settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_readme_states_what_the_tracked_tables_say():
    assert block(Path("README.md")) == headline(TABLES, load_settings()), "run: newstance readme"


def test_the_readme_states_what_the_study_says():
    assert block(Path("README.md"), "study") == study(STUDY_REPORTS / TABLES.name, load_settings()), "newstance readme"


def test_the_readme_states_what_was_measured_of_the_champions():
    assert block(Path("README.md"), "serving") == serving(load_settings()), "newstance readme"


def test_the_figures_that_the_readme_shows_are_there():
    lines = [
        line for part in ("results", "study", "literature") for line in block(Path("README.md"), part).splitlines()
    ]
    shown = [line.split("](")[1].rstrip(")") for line in lines if line.startswith("![")]
    assert shown
    assert [path for path in shown if not Path(path).is_file()] == []


def test_the_readme_states_what_the_tables_of_published_data_say():
    written = published(load_settings())
    assert written
    assert block(Path("README.md"), "literature") == written, "run: newstance readme"
