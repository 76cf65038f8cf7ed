from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.files import write_csv, write_text
from newstance.reporting.page import search_sections
from newstance.reporting.searches import charts_of, read_searches, trials_table

TRIALS = """trial,state,macro_f1,log_loss,seconds,classifier.C,features.0.stop_words
0,complete,0.61,1.1,0.5,0.5,null
1,complete,0.70,1.0,0.5,2.0,english
2,pruned,0.40,,,0.01,null
3,pruned,,,,0.02,null
5,complete,0.70,0.9,0.5,3.0,english
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_text(tmp_path / "topic-svm.csv", TRIALS)
    shares = {"setting": ["classifier.C", "features.0.stop_words"], "importance": [0.8, 0.2]}
    write_csv(tmp_path / "topic-svm.importance.csv", pd.DataFrame(shares))
    return tmp_path


def test_a_search_has_its_history_its_importance_and_its_best_trials(folder: Path) -> None:
    heading, section = search_sections(folder)
    assert (heading.title, section.title, section.level) == ("Searches for settings", "topic-svm", 3)
    history, importance, table = section.blocks
    assert history.title == "Search of topic-svm: macro-F1 on validation 0.700 in trial 5, 0.610 in the first"
    assert "test was not looked at" in history.caption
    assert importance.title == "Search of topic-svm: classifier.C mattered most (80%)"
    assert table.columns == ["trial", "classifier.C", "features.0.stop_words", "macro-F1", "log loss"]
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["5", "3.0", "english", "0.700", "0.900"],
        ["1", "2.0", "english", "0.700", "1.000"],
        ["0", "0.5", "null", "0.610", "1.100"],
    ]
    assert table.caption.startswith("The best of 5 trials (2 pruned) of topic-svm")


def test_equal_tables_are_drawn_in_equal_bytes(folder: Path) -> None:
    (name, tables), *_ = read_searches(folder).items()
    first, second = ([chart.svg for chart in charts_of(name, *tables)] for _ in range(2))
    assert first == second
    assert len(first) == 2


def test_without_differences_there_is_no_importance_to_draw(folder: Path) -> None:
    write_csv(folder / "topic-svm.importance.csv", pd.DataFrame(columns=["setting", "importance"]))
    ((name, (trials, importance)),) = read_searches(folder).items()
    assert [chart.name for chart in charts_of(name, trials, importance)] == ["search-topic-svm-history"]
    assert len(trials_table(name, trials).rows) == 3


def test_where_nothing_was_searched_the_report_says_nothing(tmp_path: Path) -> None:
    assert search_sections(tmp_path / "absent") == []


@pytest.mark.parametrize("text", ["a,b\n1,2\n", TRIALS.splitlines()[0] + "\n"])
def test_a_table_of_something_else_is_named(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / "wrong.csv", text)
    with pytest.raises(NewstanceError, match=r"wrong\.csv is no table of a search; write it anew"):
        search_sections(tmp_path)
