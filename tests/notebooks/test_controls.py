from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.synthetic_runs import Experiment, write_project
from newstance.evaluation.compare import compare, write_tables
from newstance.files import read_parquet
from newstance.notebooks import controls
from newstance.notebooks.project import Project
from newstance.reporting.results import TaskResults
from newstance.settings import PREPARED, RUNS, TABLES, Settings

STANDARD = ("standard",)
EXPERIMENTS = (
    Experiment("stance-best", "stance", 1.5, seeds=(1, 2), protocols=STANDARD),
    Experiment("stance-target-only", "stance", 0.4, role="control", protocols=STANDARD),
    Experiment("topic-best", "topic", 1.5, protocols=STANDARD),
)


@dataclass
class Made:
    project: Project
    stance: TaskResults
    topic: TaskResults


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up project in the places in which a notebook looks for it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / PREPARED.parent).mkdir()
    (folder / PREPARED).symlink_to(folder / "prepared")
    made = write_project(folder, EXPERIMENTS)
    write_tables(compare(made.runs, made.prepared, made.settings, made.labels), folder / TABLES)
    (folder / "settings.json").write_text(made.settings.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.chdir(folder)
    project = Project(Settings.model_validate_json((folder / "settings.json").read_text(encoding="utf-8")))
    return Made(project, project.results["stance"], project.results["topic"])


def correct(folder: Path, experiment: str) -> pd.DataFrame:
    """One row a test pair, one column a seed: whether the prediction is right."""
    table = read_parquet(folder / RUNS / experiment / "predictions.parquet")
    table = table[table["split"] == "test"]
    labels = [name.removeprefix("prob_") for name in table if name.startswith("prob_")]
    predicted = table[[f"prob_{code}" for code in labels]].to_numpy().argmax(axis=1)
    table = table.assign(right=np.array(labels)[predicted] == table["label"])
    return table.pivot_table(index=["article_id", "target"], columns="seed", values="right").astype(bool)


def test_the_marks_are_the_best_ones_accuracy_where_the_control_is_right_and_where_it_is_wrong(made, folder):
    (axes,) = controls.beyond_controls(made.project, made.stance).figure.axes
    drawn = [container.lines[0].get_xdata()[0] for container in axes.containers]
    best = correct(folder, "stance-best").mean(axis=1)
    control = correct(folder, "stance-target-only")[1]
    assert drawn == pytest.approx([best[control].mean(), best[~control].mean()])
    assert drawn[0] != drawn[1]


def test_the_title_says_both_shares_with_their_intervals(made, folder):
    title = controls.beyond_controls(made.project, made.stance).title
    best = correct(folder, "stance-best").mean(axis=1)
    control = correct(folder, "stance-target-only")[1]
    assert f"Stance best is right on {100 * best[~control].mean():.0f}" in title
    assert f"where Stance target only is wrong, and on {100 * best[control].mean():.0f}" in title


def test_a_task_without_controls_says_so(made):
    assert controls.beyond_controls(made.project, made.topic) == "There is no control of topic."
