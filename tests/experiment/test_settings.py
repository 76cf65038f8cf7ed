from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from newstance.errors import NewstanceError
from newstance.experiment import load_experiment
from newstance.models.settings import LinearModel, MajorityModel
from newstance.settings import load_settings

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.yaml"))
LINEAR = {
    "kind": "linear",
    "features": [{"kind": "tfidf", "field": "article"}, {"kind": "tfidf", "field": "title"}],
    "classifier": {"kind": "logistic-regression"},
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an experiment file with the given keys beside the ones it needs."""

    def file(**keys: Any) -> Path:
        path = tmp_path / "ferry.yaml"
        path.write_text(yaml.safe_dump({"title": "Ferry", "task": "subject", "model": LINEAR, **keys}))
        return path

    return file


def refused(path: Path) -> str:
    with pytest.raises(NewstanceError) as caught:
        load_experiment(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_a_file_leaves_out_has_a_default(write: Write) -> None:
    settings = load_experiment(write())
    assert settings.seeds == (1,)
    assert settings.role == "baseline"
    assert settings.protocols == ("standard", "outlet-held-out")
    assert settings.candidates() == [({}, settings.model)]


def test_every_combination_of_the_grid_is_a_candidate_in_the_files_order(write: Write) -> None:
    settings = load_experiment(write(grid={"classifier.C": [3, 0.5], "features.1.weight": [1, 2]}))
    candidates = settings.candidates()
    assert [values for values, _ in candidates] == [
        {"classifier.C": 3, "features.1.weight": 1},
        {"classifier.C": 3, "features.1.weight": 2},
        {"classifier.C": 0.5, "features.1.weight": 1},
        {"classifier.C": 0.5, "features.1.weight": 2},
    ]
    for values, model in candidates:
        assert isinstance(model, LinearModel)
        weights = [feature.weight for feature in model.features]
        assert {"classifier.C": model.classifier.C, "features.1.weight": weights[1]} == values
        assert weights[0] == 1


def test_the_grid_leaves_the_model_itself_as_it_is(write: Write) -> None:
    settings = load_experiment(write(grid={"classifier.C": [3, 0.5]}))
    before = settings.model.model_dump_json()
    settings.candidates()
    assert settings.model.model_dump_json() == before


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"seed": 1}, "unknown key 'seed'"),
        ({"model": {**LINEAR, "classifer": {}}}, "unknown key 'model.linear.classifer'"),
        ({"model": {"kind": "majority", "features": []}}, "unknown key 'model.majority.features'"),
        ({"model": {"kind": "forest"}}, "key 'model'"),
        ({"role": "winner"}, "key 'role'"),
        ({"title": ""}, "key 'title'"),
        ({"seeds": []}, "key 'seeds'"),
        ({"seeds": [1, -1]}, "key 'seeds.1'"),
        ({"seeds": [2**32]}, "key 'seeds.0'"),
        ({"seeds": [1, 2, 1]}, "key 'seeds': Value error, seeds must be distinct"),
        ({"protocols": ["outlet-held-out"]}, "key 'protocols': Value error, 'standard' must be among them"),
        ({"protocols": ["standard", "leave-one-out"]}, "key 'protocols.1'"),
        ({"grid": {"classifier.C": []}}, "'classifier.C' has no value to try"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(write: Write, keys: dict[str, Any], named: str) -> None:
    assert named in refused(write(**keys))


@pytest.mark.parametrize(
    "path",
    [
        "clasifier.C",
        "classifier.c",
        "classifier.kind.C",
        "features.2.weight",
        "features.first.weight",
        "features.0",
        "",
    ],
)
def test_a_path_of_the_grid_that_leads_to_nothing_is_named(write: Write, path: str) -> None:
    message = refused(write(grid={path: [1]}))
    assert f"key 'grid': one of '{path}' leads to nothing in 'model'" in message
    assert "classifier.C" in message


@pytest.mark.parametrize("value", [-1, 0, "much", None])
def test_a_wrong_value_in_the_grid_is_named_with_its_key(write: Write, value: Any) -> None:
    message = refused(write(grid={"classifier.C": [1, value]}))
    assert "key 'grid'" in message
    assert "classifier.logistic-regression.C" in message
    assert repr(value) in message


def test_a_majority_has_nothing_to_search(write: Write) -> None:
    assert isinstance(load_experiment(write(model={"kind": "majority"})).model, MajorityModel)
    assert "leads to nothing" in refused(write(model={"kind": "majority"}, grid={"classifier.C": [1]}))


def test_a_missing_file_and_a_missing_key_are_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.yaml").endswith("does not exist.")
    path = tmp_path / "empty.yaml"
    path.write_text("title: Nothing else\n")
    message = refused(path)
    assert "key 'task' is missing" in message
    assert "key 'model' is missing" in message


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_the_released_experiments_are_of_the_task_that_params_say(path: Path) -> None:
    tasks = load_settings(ROOT / "params.yaml").experiments
    assert load_experiment(path).task == tasks[path.stem]


def test_params_name_every_released_experiment_and_no_other() -> None:
    assert set(load_settings(ROOT / "params.yaml").experiments) == {path.stem for path in EXPERIMENTS}


def test_released_titles_are_distinct_within_a_task() -> None:
    loaded = [load_experiment(path) for path in EXPERIMENTS]
    titles = [(settings.task, settings.title) for settings in loaded]
    assert len(set(titles)) == len(titles)


def test_the_smoke_settings_are_the_full_ones_but_for_size() -> None:
    full, smoke = (load_settings(ROOT / name).model_dump() for name in ("params.yaml", "params.smoke.yaml"))
    assert smoke["experiments"].items() <= full["experiments"].items()
    assert set(smoke["experiments"].values()) == set(full["experiments"].values())
    assert smoke["corpus"].pop("sample") < 1000
    assert full["corpus"].pop("sample") is None
    assert smoke["evaluation"].pop("resamples") < full["evaluation"].pop("resamples")
    for settings in (full, smoke):
        del settings["experiments"]
    assert smoke == full
