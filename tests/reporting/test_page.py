import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from newstance.files import write_csv, write_parquet
from newstance.reporting.page import Cell, markdown_cell, write_report
from newstance.reporting.results import THROUGHPUT_COLUMNS

VOID = {"meta", "link", "br", "img"}


class Outline(HTMLParser):
    """Headings, ids and addresses of a page, and whether its elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.addresses, self.headings, self.heading = [], [], [], [], None
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.addresses += [values[key] for key in ("href", "src", "xlink:href") if key in values]
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings[-1] += data


@pytest.fixture
def report(write, tmp_path, settings):
    """Write a report of some tasks; returns the files' texts by name."""

    def written(wanted, out="out"):
        tables = wanted if not isinstance(wanted, dict) else write(wanted)
        paths = write_report(tables, tmp_path / out, settings)
        return {path.relative_to(tmp_path / out).as_posix(): path.read_text(encoding="utf-8") for path in paths}

    return written


def test_the_page_is_self_contained_and_well_formed(report, both_tasks):
    text = report(both_tasks)["index.html"]
    page = Outline(text)
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.addresses) <= {"#" + name for name in page.ids} | {"data:,"}
    assert "@import" not in text


def test_both_pages_have_the_same_headings_and_figures(report, both_tasks):
    files = report(both_tasks)
    page, markdown = Outline(files["index.html"]), files["comparison.md"]
    in_markdown = [line.lstrip("# ") for line in markdown.splitlines() if line.startswith("##")]
    assert page.headings[1:] == in_markdown
    assert {"Topic", "Stance", "Corpus", "How to read this"} <= set(in_markdown)
    figures = re.findall(r"\]\((figures/[^)]+)\)", markdown)
    assert sorted(figures) == sorted(name for name in files if name.endswith(".svg"))
    for name in figures:
        assert files[name].strip() in files["index.html"]


def test_equal_tables_give_equal_bytes(report, both_tasks, tmp_path):
    first = report({"stance": both_tasks["stance"]})
    assert report(tmp_path / "tables", "again") == first


def test_every_score_of_the_ranked_table_is_a_number_of_comparison(report, both_tasks, tmp_path):
    markdown = report({"topic": both_tasks["topic"]})["comparison.md"]
    comparison = pd.read_csv(tmp_path / "tables" / "comparison.csv").query("protocol == 'standard'").set_index("title")
    for title, row in comparison.iterrows():
        (line,) = [
            line for line in markdown.splitlines() if line.startswith(f"| {title}") and f" | {row['rank']} | " in line
        ]
        for metric in ("macro_f1", "accuracy", "lenient_accuracy", "balanced_accuracy", "log_loss"):
            assert f"| {row[metric]:.3f} [{row[metric + '_low']:.3f}, {row[metric + '_high']:.3f}] |" in line
        assert f"{row['ece_uncalibrated']:.3f} → {row['ece']:.3f}" in line
        assert ("★" in line) == row["best"]
        assert ("SD of macro-F1 0.004" in line) == (row["seeds"] == 3)


def test_parts_without_data_have_no_heading_and_no_column(report, both_tasks):
    task = both_tasks["stance"]
    task.experiments = {"only": ("Majority", "majority", 0.4)}
    task.protocols, task.annotators, task.calibrated, task.timed = ("standard",), (), False, False
    files = report({"stance": task})
    text = files["comparison.md"]
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("###")]
    assert headings == ["Scores on test", "Classes", "Confusions", "Slices", "Cleaning", "Near-duplicates", "Splits"]
    for absent in ("| p (Holm)", "lenient", "Topic", "Annotators", "nan", "None"):
        assert absent not in text.split("## How to read this")[0]


def test_comparison_alone_gives_a_page_of_scores(report, write, both_tasks):
    tables = write(both_tasks)
    for path in tables.glob("*.csv"):
        if path.name != "comparison.csv":
            path.unlink()
    headings = Outline(report(tables)["index.html"]).headings[1:]
    protocols = ["Scores on test", "Held-out outlets and unseen targets"]
    assert headings == ["Topic", *protocols, "Stance", *protocols, "How to read this"]


def test_names_are_escaped_in_html_and_markdown(report, both_tasks):
    task = both_tasks["topic"]
    task.experiments = {"odd": ("<b>A|B</b> & co", "baseline", 0.8), "plain": ("Plain", "baseline", 0.7)}
    files = report({"topic": task})
    assert "<b>A" not in files["index.html"]
    assert "&lt;b&gt;A|B&lt;/b&gt; &amp; co" in files["index.html"]
    assert markdown_cell(Cell("<b>A|B", "[0.1, 0.2]")) == "&lt;b>A\\|B [0.1, 0.2]"


def test_the_most_similar_near_duplicates_are_shown_and_all_are_counted(report, write, both_tasks):
    tables = write({"topic": both_tasks["topic"]})
    pairs = pd.DataFrame(
        {"first": range(1000, 1040), "second": range(2000, 2040), "similarity": np.linspace(0.4, 1, 40)}
    )
    write_csv(tables / "near_duplicates.csv", pairs)
    text = report(tables)["comparison.md"]
    assert "40 pairs of near-duplicates" in text
    assert text.index("| 1039 | 2039 | 1.000 |") < text.index("| 1020 | 2020 |")
    assert "| 1019 |" not in text


def test_the_page_quotes_articles_and_the_markdown_never_does(report, both_tasks, elsewhere):
    quoted = "Rowers waited for the late ferry"
    articles = {"article_id": ["00", "01"], "title": ["Late ferry"] * 2, "text": [quoted] * 2}
    write_parquet(elsewhere / "data/prepared/topic/test.parquet", pd.DataFrame(articles))
    files = report(both_tasks)
    assert files["index.html"].count(f"<small>Late ferry: {quoted}</small>") == 2
    for name, text in files.items():
        assert name == "index.html" or quoted not in text


def test_a_study_has_sections_of_its_own_in_reading_order(study_project, tmp_path, elsewhere):
    speeds = [["stock", 256, 3.9, 1.0, 0.7, 0.6, 0.8, "2 cores"]]
    write_csv(elsewhere / "benchmarks/train_throughput.csv", pd.DataFrame(speeds, columns=THROUGHPUT_COLUMNS))
    write_report(study_project.tables, tmp_path / "out", study_project.settings)
    text = (tmp_path / "out/comparison.md").read_text(encoding="utf-8")
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("##")]
    expected = ["Scores on test", "Ablation: length", "Learning curves", "Cost", "Most confident mistakes"]
    assert [heading for heading in headings[: headings.index("Stance")] if heading in expected] == expected
    stance = headings[headings.index("Stance") :]
    assert "Second labels" in stance
    assert stance[-2:] == ["Training speed", "How to read this"]
    assert "nan" not in text.lower().split("## how to read this")[0]


def test_tables_of_corpus_and_labels_are_taken_from_the_default_reports(study_project, tmp_path, write, both_tasks):
    tables = write(both_tasks)
    Path("reports").mkdir()
    tables.rename("reports/tables")
    write_report(study_project.tables, tmp_path / "out", study_project.settings)
    text = (tmp_path / "out/comparison.md").read_text(encoding="utf-8")
    assert "Annotators A and B agree on 95.2 %" in text
    assert "\n## Corpus\n" in text
    assert "Fine-tuned encoder" not in text, "experiments are those of the study's own tables"
