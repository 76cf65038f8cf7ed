import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.files import write_csv
from newstance.reporting.results import read_tables, task_results
from newstance.settings import Settings


def test_tables_are_divided_by_task_in_the_order_of_the_settings(write, both_tasks, settings):
    reordered = settings.model_copy(
        update={"labels": settings.labels.model_copy(update={"schemes": ("stance", "topic")})}
    )
    found = task_results(read_tables(write(both_tasks)), reordered)
    assert [part.scheme.name for part in found] == ["stance", "topic"]
    for part in found:
        assert {task for table in part.tables.values() for task in table["task"]} == {part.scheme.name}
        assert part.ranked["rank"].is_monotonic_increasing


def test_only_comparison_is_needed(write, both_tasks, settings):
    tables = write({"topic": both_tasks["topic"]})
    for path in tables.glob("*.csv"):
        if path.name != "comparison.csv":
            path.unlink()
    (part,) = task_results(read_tables(tables), settings)
    assert part.of_best("per_class").empty


def test_names_that_look_like_missing_values_stay_names(write, both_tasks):
    tables = write(both_tasks)
    slices = pd.read_csv(tables / "slices.csv")
    slices.loc[0, "value"] = "NA"
    write_csv(tables / "slices.csv", slices)
    assert read_tables(tables)["slices"]["value"].iloc[0] == "NA"


def test_missing_comparison_is_an_error_that_names_it(tmp_path):
    with pytest.raises(NewstanceError, match=r"comparison\.csv is missing or empty; run the compare step"):
        read_tables(tmp_path)


def test_a_table_without_a_column_is_an_error_that_names_both(write, both_tasks):
    tables = write(both_tasks)
    write_csv(tables / "per_class.csv", pd.read_csv(tables / "per_class.csv").drop(columns=["f1_low"]))
    with pytest.raises(NewstanceError, match=r"per_class\.csv lacks the column\(s\) f1_low"):
        read_tables(tables)


@pytest.mark.parametrize(("change", "message"), [
    ({"role": "hero"}, "role 'hero' is none of baseline, control, majority"),
    ({"best": False}, "task 'topic' has no best experiment under the protocol 'standard'"),
    ({"task": "mood"}, "no experiment of a task that params.yaml names"),
])  # fmt: skip
def test_wrong_values_in_comparison_are_errors(write, both_tasks, settings, change, message):
    tables = write({"topic": both_tasks["topic"]})
    write_csv(tables / "comparison.csv", pd.read_csv(tables / "comparison.csv").assign(**change))
    with pytest.raises(NewstanceError, match=message):
        task_results(read_tables(tables), settings)


def test_the_level_of_the_intervals_comes_from_the_settings(write, both_tasks, settings):
    narrower = settings.evaluation.model_copy(update={"confidence": 0.9})
    changed = Settings(labels=settings.labels, evaluation=narrower)
    assert task_results(read_tables(write(both_tasks)), changed)[0].percent == "90 %"
