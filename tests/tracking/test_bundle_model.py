from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from mlflow import MlflowClient, pyfunc
from mlflow.pyfunc.scoring_server import init

from champion.fakes import STANCES, Bundle, install
from champion.finished import settings_for, write_finished
from newstance.bundle.answers import Article
from newstance.champion.register import register_champions
from runs import UNITS

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = pytest.mark.filterwarnings("ignore:Operation with range")
COLUMNS = ["title", "text", "target"]


@pytest.fixture
def model(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> pyfunc.PyFuncModel:
    install(monkeypatch)
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings_for("stance-ferry"))
    # MLflow puts the code that a model brings before everything else on the path.
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path('mlflow.db').absolute()}")
    return pyfunc.load_model("models:/newstance-stance@champion")


def test_the_champion_answers_as_its_bundle_does(model: pyfunc.PyFuncModel) -> None:
    answer = model.predict(UNITS[COLUMNS])
    articles = [Article(unit.title, unit.text, [unit.target]) for unit in UNITS.itertuples()]
    decisions = [one.targets[0].labels["stance"] for one in Bundle(3).predict(articles)]
    assert list(answer.columns) == ["label", *STANCES, "abstain"]
    assert list(answer["label"]) == [decision.label for decision in decisions]
    assert len(set(answer["label"])) > 1, "answers must differ for the comparison to mean something"
    expected = [list(decision.probabilities.values()) for decision in decisions]
    np.testing.assert_array_equal(answer[STANCES].to_numpy(dtype=float), expected)
    assert answer["abstain"].isna().all()


def test_over_http_an_abstention_is_null_and_the_other_articles_are_answered(model: pyfunc.PyFuncModel) -> None:
    units = pd.concat([UNITS[COLUMNS].head(1), pd.DataFrame([["Ferry", "Ferry again", "ferry"]], columns=COLUMNS)])
    body = {"dataframe_split": {"columns": COLUMNS, "data": units.to_numpy().tolist()}}
    with TestClient(init(model)) as server:
        done = server.post("/invocations", json=body)
    assert done.status_code == 200

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    first, second = json.loads(done.text, parse_constant=refuse)["predictions"]
    assert first["label"] in STANCES
    assert sum(first[code] for code in STANCES) == pytest.approx(1)
    assert first["abstain"] is None
    assert second == {"label": None, **dict.fromkeys(STANCES), "abstain": "too-short"}


def test_what_goes_in_and_comes_out_is_declared_and_an_example_is_there(model: pyfunc.PyFuncModel) -> None:
    signature = model.metadata.signature
    assert signature.inputs.required_input_names() == COLUMNS
    assert signature.outputs.input_names() == ["label", *STANCES, "abstain"]
    assert [str(column.type).rpartition(".")[2] for column in signature.outputs] == [
        "string",
        *["double"] * len(STANCES),
        "string",
    ]
    assert list(model.input_example.columns) == COLUMNS
    assert len(model.predict(model.input_example)) == 1


def test_the_champion_is_free_of_pickle_and_pins_what_answering_needs(model: pyfunc.PyFuncModel) -> None:
    (bundle,) = Path("mlartifacts").rglob("artifacts/bundle/manifest.json")
    folder = bundle.parents[2]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".joblib"}]
    assert (folder / "code/newstance/bundle/answers.py").is_file()
    pins = dict(line.split("==") for line in (folder / "requirements.txt").read_text().splitlines())
    assert pins["numpy"] == np.__version__
    assert {"mlflow", "onnxruntime", "tokenizers"} <= set(pins)
    assert not {"torch", "transformers", "newstance"} & set(pins)
