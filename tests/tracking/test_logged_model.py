from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient, pyfunc

from newstance import tracking
from runs import STANCES, UNITS, write_run
from tracking.contents import found

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")


def logged_model(client: MlflowClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> pyfunc.PyFuncModel:
    tracking.track(folder)
    (output,) = client.get_run(found(client, folder)[0].info.run_id).outputs.model_outputs
    # MLflow puts the code that a model brings before everything else on the path.
    monkeypatch.setattr(sys, "path", list(sys.path))
    return pyfunc.load_model(f"models:/{output.model_id}")


def test_the_logged_model_answers_as_the_folder_does(
    client: MlflowClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = logged_model(client, folder, monkeypatch)
    answer = model.predict(UNITS[["title", "text", "target"]])
    predictions = pd.read_parquet(folder / "predictions.parquet").query("seed == 1")
    expected = predictions[[f"prob_{code}" for code in STANCES]].to_numpy()
    np.testing.assert_allclose(answer[STANCES].to_numpy(), expected, rtol=1e-12)
    assert list(answer.columns) == ["label", *STANCES]
    assert list(answer["label"]) == [STANCES[row.argmax()] for row in expected]
    example = model.input_example
    assert list(example.columns) == ["title", "text", "target"]
    assert len(model.predict(example)) == 1
    assert model.metadata.signature.outputs.input_names() == ["label", *STANCES]


def test_the_logged_model_knows_every_code_and_asks_for_a_target_only_where_the_task_has_one(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [*STANCES, "mixed"]
    folder = write_run(tmp_path / "runs/stance-text", seeds=[3], targets=False, codes=codes)
    model = logged_model(client, folder, monkeypatch)
    answer = model.predict(pd.DataFrame({"title": ["Ferry fares"], "text": ["They praised the ferry."]}))
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert list(answer.columns) == ["label", *codes]
    assert answer["mixed"].iloc[0] == pytest.approx(predictions["prob_mixed"].iloc[0], abs=1e-9)
    assert model.metadata.signature.inputs.required_input_names() == ["title", "text"]


def test_the_logged_model_is_free_of_pickle_and_brings_its_code_and_versions(
    client: MlflowClient, folder: Path
) -> None:
    tracking.track(folder)
    files = [path for path in Path("mlartifacts").rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".joblib"}]
    (requirements, _) = sorted(path for path in files if path.name == "requirements.txt")
    pins = requirements.read_text().splitlines()
    assert f"numpy=={np.__version__}" in pins
    assert "torch==2.9.0" in pins
    assert not [pin for pin in pins if pin.startswith("newstance")]
    assert (requirements.parent / "code/newstance/errors.py").is_file()
