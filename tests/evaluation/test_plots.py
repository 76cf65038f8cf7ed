from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.synthetic_runs import Project
from newstance.errors import NewstanceError
from newstance.evaluation.compare import compare
from newstance.evaluation.plots import write_plot_data
from newstance.files import read_parquet


@pytest.fixture(scope="module")
def tables(project: Project) -> dict[str, pd.DataFrame]:
    return compare(project.runs, project.prepared, project.settings)


def write(project: Project, tables: dict[str, pd.DataFrame], out: Path) -> None:
    write_plot_data(tables, project.runs[0].parent, project.settings.labels.load_schemes(), out)


def best(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    chosen = tables["comparison"][tables["comparison"]["best"] & (tables["comparison"]["protocol"] == "standard")]
    return dict(zip(chosen["task"], chosen["experiment"], strict=True))


def test_every_experiment_has_its_macro_f1_on_test(
    project: Project, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write(project, tables, tmp_path / "plots")
    found = pd.read_csv(tmp_path / "plots/macro_f1.csv")
    assert list(found.columns) == ["task", "experiment", "macro_f1"]
    assert sorted(found["experiment"]) == sorted(folder.name for folder in project.runs)
    comparison = tables["comparison"]
    expected = comparison[comparison["protocol"] == "standard"].set_index("experiment")["macro_f1"]
    for row in found.itertuples():
        assert row.macro_f1 == pytest.approx(expected[row.experiment], abs=1e-6)


def test_the_best_experiment_of_each_task_has_its_confusion_a_row_a_unit(
    project: Project, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write(project, tables, tmp_path / "plots")
    assert set(best(tables)) == {"topic", "stance"}
    for task, experiment in best(tables).items():
        found = pd.read_csv(tmp_path / f"plots/confusion/{task}.csv")
        assert list(found.columns) == ["actual", "predicted"]
        rows = read_parquet(project.runs[0].parent / experiment / "predictions.parquet")
        assert len(set(rows["seed"])) > 1, "with one seed, its being the first means nothing"
        rows = rows[(rows["seed"] == 1) & (rows["protocol"] == "standard") & (rows["split"] == "test")]
        columns = [name for name in rows.columns if name.startswith("prob_")]
        predicted = rows[columns].idxmax(axis=1).str.removeprefix("prob_")
        assert sorted(zip(found["actual"], found["predicted"], strict=True)) == sorted(
            zip(rows["label"], predicted, strict=True)
        )


def test_the_first_seed_of_the_confusion_gives_nearly_the_accuracy_of_all(
    project: Project, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write(project, tables, tmp_path / "plots")
    confusion = pd.read_csv(tmp_path / "plots/confusion/topic.csv")
    comparison = tables["comparison"]
    row = comparison[(comparison["experiment"] == best(tables)["topic"]) & (comparison["protocol"] == "standard")]
    assert len(confusion) == row["units"].item()
    assert (confusion["actual"] == confusion["predicted"]).mean() == pytest.approx(row["accuracy"].item(), abs=0.1)


def test_reliability_is_of_the_best_experiment_after_calibration(
    project: Project, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write(project, tables, tmp_path / "plots")
    reliability = tables["reliability"]
    for task, experiment in best(tables).items():
        found = pd.read_csv(tmp_path / f"plots/reliability/{task}.csv")
        assert list(found.columns) == ["confidence", "accuracy", "units"]
        assert found["confidence"].is_monotonic_increasing
        wanted = (reliability["experiment"] == experiment) & reliability["calibrated"]
        expected = reliability.loc[wanted, ["confidence", "accuracy", "units"]]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        uncalibrated = reliability[(reliability["experiment"] == experiment) & ~reliability["calibrated"]]
        assert uncalibrated["confidence"].tolist() != expected["confidence"].tolist()


def test_the_folder_is_written_anew_and_the_same_again(
    project: Project, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    out = tmp_path / "plots"
    (out / "confusion").mkdir(parents=True)
    (out / "confusion/retired.csv").write_text("actual,predicted\n")
    write(project, tables, out)
    first = {path.relative_to(out): path.read_bytes() for path in out.rglob("*.csv")}
    expected = ["macro_f1", "confusion/stance", "confusion/topic", "reliability/stance", "reliability/topic"]
    assert set(first) == {Path(f"{name}.csv") for name in expected}
    write(project, tables, out)
    assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*.csv")} == first
    assert [path.name for path in tmp_path.iterdir()] == ["plots"]


def test_a_failure_leaves_the_earlier_folder(project: Project, tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    out = tmp_path / "plots"
    write(project, tables, out)
    first = {path: path.read_bytes() for path in out.rglob("*.csv")}
    with pytest.raises(NewstanceError, match=r"predictions\.parquet is missing"):
        write_plot_data(tables, tmp_path / "nowhere", project.settings.labels.load_schemes(), out)
    assert {path: path.read_bytes() for path in out.rglob("*.csv")} == first
