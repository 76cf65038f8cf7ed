from __future__ import annotations

import pandas as pd
import pytest

from newstance.files import write_csv
from newstance.labels.weak_report import WEAK_COLUMNS
from newstance.reporting import page
from newstance.reporting.drawing import Chart, house_style
from newstance.reporting.figures import forest
from newstance.reporting.page import write_report
from newstance.reporting.results import TaskResults
from newstance.reporting.selection import selection_curves
from newstance.selection.tables import AREA_COLUMNS, CURVE_COLUMNS


def tables(gain: float, p: float) -> dict[str, pd.DataFrame]:
    curves, areas = [], []
    for budget, names in (
        ("new labels", ("random", "uncertainty", "diversity")),
        ("corrections", ("random", "suspects")),
    ):
        for place, name in enumerate(names):
            apart = gain * place
            for labels in (50, 100, 150):
                score = 0.4 + labels / 1000 + apart
                curves.append(["topic", budget, name, labels, score, score - 0.03, score + 0.03, apart, 0, apart])
            tested = (apart, apart - 0.01, apart + 0.01, p, p) if place else (None,) * 5
            areas.append(["topic", budget, name, 0.5 + apart, 0.47, 0.55, *tested])
    weak = [
        [
            "topic",
            split,
            function,
            "(all)",
            40,
            0.4 if split == "test" else 0.5,
            0.9,
            0.3,
            accuracy,
            accuracy - 0.1,
            accuracy + 0.1,
            function == "majority",
        ]
        for split, accuracy in (("train", 0.61), ("validation", 0.62), ("test", 0.63))
        for function in ("title", "majority")
    ]
    return {
        "active_learning": pd.DataFrame(curves, columns=CURVE_COLUMNS),
        "active_learning_area": pd.DataFrame(areas, columns=AREA_COLUMNS),
        "weak_labels": pd.DataFrame(weak, columns=WEAK_COLUMNS),
    }


@pytest.fixture
def report(write, both_tasks, settings, tmp_path, monkeypatch):
    """Write a report of tables with the simulation, without other figures, and return its Markdown."""

    def few(results: TaskResults) -> dict[str, Chart]:
        with house_style():
            drawn = {"forest": forest(results)}
            return (
                drawn if results.tables["active_learning"].empty else {**drawn, "selection": selection_curves(results)}
            )

    monkeypatch.setattr(page, "charts", few)

    def written(**more: pd.DataFrame) -> str:
        folder = write(both_tasks)
        for name, table in more.items():
            write_csv(folder / f"{name}.csv", table)
        write_report(folder, tmp_path / "report", settings)
        return (tmp_path / "report/comparison.md").read_text(encoding="utf-8")

    return written


def test_strategies_that_beat_random_are_named_with_their_gain(report, tmp_path):
    text = report(**tables(0.02, 0.001))
    assert "### What to label next" in text
    assert "New labels for topic: uncertainty (+0.020) and diversity (+0.040) beat random." in text
    assert "Corrections for topic: suspects (+0.020) beats random." in text
    assert "beats random" in (tmp_path / "report/figures/topic-selection.svg").read_text(encoding="utf-8")
    assert not (tmp_path / "report/figures/stance-selection.svg").exists()


@pytest.mark.parametrize(("gain", "p"), [(0.02, 0.3), (0.0, 1.0)])
def test_it_is_said_when_none_is_shown_to_beat_random(report, gain, p):
    assert "New labels for topic: no strategy is shown to beat random (highest: " in report(**tables(gain, p))


def test_strategies_that_harm_are_named_too(report):
    text = report(**tables(-0.03, 0.001))
    assert "uncertainty (−0.030) and diversity (−0.060) fall behind random" in text


def test_weak_labels_are_listed_with_the_combination_that_is_learned_from(report):
    text = report(**tables(0.02, 0.001))
    assert "### Weak labels" in text
    row = next(line for line in text.splitlines() if line.startswith("| majority ★ |"))
    assert [cell.strip() for cell in row.split("|")[2:7]] == [
        "0.500",
        "0.400",
        "0.900",
        "0.300",
        "0.610 [0.510, 0.710]",
    ]
    assert "| title |" in text


def test_a_project_without_a_simulation_writes_its_report(report):
    text = report()
    assert "What to label next" not in text
    assert "Weak labels" not in text
