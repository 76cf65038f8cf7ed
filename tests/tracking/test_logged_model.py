from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient, pyfunc

from newstance import tracking
from newstance.experiment.environment import environment
from newstance.files import write_json
from newstance.models.ensemble import EnsembleClassifier
from newstance.models.transformer import TransformerClassifier
from runs import STANCES, UNITS, fitted, write_run
from tiny_backbone import write_tiny_backbone
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


@pytest.mark.parametrize("kind", ["pair", "shared", "ensemble"])
def test_a_transformer_and_an_ensemble_are_logged_and_answer_as_their_folder_does(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = write_run(tmp_path / f"runs/stance-{kind}", seeds=[1], model=of_kind(kind, tmp_path), curves=True)
    model = logged_model(client, folder, monkeypatch)
    shutil.rmtree(tmp_path / "backbone")  # the weights are the model's own
    answer = model.predict(UNITS[["title", "text", "target"]])
    expected = pd.read_parquet(folder / "predictions.parquet")[[f"prob_{code}" for code in STANCES]].to_numpy()
    assert np.ptp(expected, axis=0).min() > 0.001, "answers must differ for the comparison to mean something"
    np.testing.assert_allclose(answer[STANCES].to_numpy(), expected, atol=1e-5)
    assert list(answer["label"]) == [STANCES[row.argmax()] for row in expected]


def of_kind(kind: str, room: Path) -> Any:
    """Fit a tiny transformer on `UNITS`, or combine one with a linear model."""
    backbone = write_tiny_backbone(room / "backbone")
    targets = "pair" if kind == "ensemble" else kind
    model = TransformerClassifier(backbone, targets=targets, max_tokens=48, epochs=1, batch_size=2)
    model.fit(UNITS, UNITS["stance"])
    if kind != "ensemble":
        return model
    return EnsembleClassifier([fitted(["title", "text", "target"]), model], [0.25, 0.75], [1.5, 0.8])


@pytest.mark.slow
def test_the_logged_model_needs_nothing_that_its_requirements_do_not_bring(
    client: MlflowClient, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "runs/stance-ensemble", seeds=[1], model=of_kind("ensemble", tmp_path))
    write_json(folder / "environment.json", environment())
    tracking.track(folder)
    (output,) = client.get_run(found(client, folder)[0].info.run_id).outputs.model_outputs
    (requirements,) = Path("mlartifacts").rglob("requirements.txt")
    brought = with_dependencies(pin.split("==")[0] for pin in requirements.read_text().splitlines())
    assert "cleanlab" not in brought
    others = {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if not brought & {normal(name) for name in distributions}
    }
    assert {"cleanlab", "dvc", "statsmodels"} <= others
    UNITS.to_parquet("units.parquet")
    program = Path("serve.py")
    program.write_text(SERVE)
    command = [sys.executable, str(program), f"models:/{output.model_id}", *sorted(others - {"newstance"})]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answered, code = done.stdout.split()
    assert answered == str(len(UNITS))
    assert Path(code).is_relative_to(Path("mlartifacts").resolve()), "newstance must come from the logged model"


SERVE = """
import sys
uri, *others = sys.argv[1:]
sys.modules.update(dict.fromkeys(others))  # None: importing it fails
import mlflow, pandas
mlflow.set_tracking_uri("sqlite:///mlflow.db")
model = mlflow.pyfunc.load_model(uri)
answer = model.predict(pandas.read_parquet("units.parquet")[["title", "text", "target"]])
import newstance
print(len(answer), newstance.__file__)
"""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(names: Iterable[str]) -> set[str]:
    """Return the names of distributions and of all that they need, extras left out."""
    todo, seen = [normal(name) for name in names], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        with suppress(importlib.metadata.PackageNotFoundError):
            for requirement in importlib.metadata.requires(name) or []:
                if "extra ==" not in requirement:
                    todo.append(normal(re.split(r"[\[<>=!~; (]", requirement, maxsplit=1)[0]))
    return seen


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
