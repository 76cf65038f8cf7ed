import pytest

from newstance.errors import NewstanceError
from newstance.reporting.goals import Goal, goals_table, read_goals


def test_without_a_file_there_are_no_goals(tmp_path):
    assert read_goals(tmp_path / "goals.yaml") == ()


def test_an_unknown_metric_is_named(tmp_path):
    path = tmp_path / "goals.yaml"
    path.write_text("goals:\n  - {task: topic, metric: beauty, at_least: 0.8}\n")
    with pytest.raises(
        NewstanceError, match=r"goals\.yaml: key 'goals\.0\.metric': .*must be one of accuracy, macro_f1"
    ):
        read_goals(path)


def test_goals_are_held_against_the_best_on_validation(study_results):
    stance = study_results["stance"]
    unseen = stance.compared("unseen-target").loc[stance.best["experiment"], "macro_f1"]
    goals = (
        Goal(task="stance", metric="macro_f1", at_least=stance.best["macro_f1"] - 0.01),
        Goal(task="stance", protocol="unseen-target", metric="macro_f1", at_least=unseen + 0.02),
        Goal(task="topic", metric="accuracy", at_least=0.5),
    )
    rows = goals_table(stance, goals).rows
    assert [(row[0].text, row[3].text) for row in rows] == [
        ("macro-F1", "reached"),
        ("macro-F1, unseen-target", "missed by 0.020"),
    ]
    assert rows[1][2].text == f"{unseen:.3f}"


def test_a_task_without_goals_has_no_table(study_results):
    assert goals_table(study_results["stance"], (Goal(task="topic", metric="accuracy", at_least=0.5),)) is None
