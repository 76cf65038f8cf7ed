from pathlib import Path

import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.reporting.page import environment
from newstance.reporting.scoring import COLUMNS, SCORING, scoring_tables

ROOT = Path(__file__).parents[2]
SPEED = {"articles": 1000, "start_seconds": 2.5, "articles_a_second": 20, "cpu_ms_an_article": 90}
MEMORY = {"rows": 1_000_000, "memory_mb": 1500.4, "growth": 0.01, "rows_a_second": 6000}


def write(path: Path, **parts: dict[str, dict[str, float]]) -> Path:
    rows = [
        [part, system, measure, value, "8 cores"]
        for part, systems in parts.items()
        for system, measures in systems.items()
        for measure, value in measures.items()
    ]
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
    return path


def test_ten_million_articles_cost_what_speed_and_processor_time_say(tmp_path):
    faster = SPEED | {"articles_a_second": 40, "cpu_ms_an_article": 95}
    (table,) = scoring_tables(write(tmp_path / "scoring.csv", speed={"local": SPEED, "ray, 2 workers": faster}))
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["local", "20.0", "90", "2.5", "5.8", "250"],
        ["ray, 2 workers", "40.0", "95", "2.5", "2.9", "264"],
    ]
    assert "8 cores, by 1,000 articles" in table.caption


def test_memory_has_a_table_of_its_own(tmp_path):
    path = write(tmp_path / "scoring.csv", speed={"local": SPEED}, memory={"ray, 2 workers": MEMORY})
    _, table = scoring_tables(path)
    assert [cell.text for cell in table.rows[0]] == ["ray, 2 workers", "1,000,000", "1,500", "+1.0%", "6,000"]


def test_where_nothing_was_measured_there_is_no_table(tmp_path):
    assert scoring_tables(tmp_path / "scoring.csv") == []


def test_a_table_of_something_else_is_refused(tmp_path):
    (tmp_path / "scoring.csv").write_text("part,system\nspeed,local\n", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"scoring\.csv lacks the column\(s\) measure, value, hardware"):
        scoring_tables(tmp_path / "scoring.csv")


def test_the_document_holds_the_tables_of_the_measurements():
    written = environment().get_template("scoring.md.j2").render(tables=scoring_tables(ROOT / SCORING))
    assert written in (ROOT / "docs/scoring.md").read_text(encoding="utf-8")
