from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from newstance.errors import NewstanceError
from newstance.experiment import load_experiment
from newstance.models.settings import EnsembleModel, LinearModel, MajorityModel
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
        "",
    ],
)
def test_a_path_of_the_grid_that_leads_to_nothing_is_named(write: Write, path: str) -> None:
    message = refused(write(grid={path: [1]}))
    assert f"key 'grid': one of '{path}' leads to nothing in 'model'" in message
    assert "classifier.C" in message


def test_a_value_in_the_place_of_a_whole_feature_is_named(write: Write) -> None:
    message = refused(write(grid={"features.0": [1]}))
    assert "key 'grid': key 'linear.features.0': Input should be a valid dictionary" in message


@pytest.mark.parametrize("value", [-1, 0, "much", None])
def test_a_wrong_value_in_the_grid_is_named_with_its_key(write: Write, value: Any) -> None:
    message = refused(write(grid={"classifier.C": [1, value]}))
    assert "key 'grid'" in message
    assert "classifier.logistic-regression.C" in message
    assert repr(value) in message


TRANSFORMER = {"kind": "transformer", "max_tokens": 64}
ENSEMBLE = {"kind": "ensemble", "members": ["ferry-svm", "ferry-pair"]}


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ({"targets": "shared", "truncation": "windows"}, "'windows' is not made for targets 'shared'"),
        ({"truncation": "mentions-first"}, "use it with targets 'pair'"),
        ({"targets": "shared", "truncation": "mentions-first"}, "use it with targets 'pair'"),
        ({"targets": "pair", "auxiliary": "topic"}, "an auxiliary label is learned beside targets 'shared' only"),
        ({"max_tokens": 8}, "max_tokens"),
        ({"epochs": 0}, "epochs"),
        ({"balance": "oversampling"}, "balance"),
    ],
)
def test_a_transformer_that_cannot_work_is_refused(write: Write, model: dict[str, Any], named: str) -> None:
    assert load_experiment(write(model=TRANSFORMER, refit=False)).model.kind == "transformer"
    assert named in refused(write(model={**TRANSFORMER, **model}, refit=False))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"model": TRANSFORMER}, "a transformer stops by validation and can't be fitted on it: say refit: false"),
        ({"train_share": 0.5}, "'train_share' and 'noise' are about train alone: say refit: false"),
        ({"noise": "prune"}, "'train_share' and 'noise' are about train alone: say refit: false"),
        ({"train_share": 0, "refit": False}, "key 'train_share'"),
        ({"train_share": 1.5, "refit": False}, "key 'train_share'"),
        ({"noise": "smooth", "refit": False}, "key 'noise'"),
        ({"aspects": ["width"]}, "key 'aspects.0'"),
        ({"aspects": "length"}, "key 'aspects'"),
        ({"model": ENSEMBLE}, "an ensemble combines fitted models and can't be fitted anew: say protocols: [standard]"),
        ({"model": ENSEMBLE, "protocols": ["standard"], "noise": "prune", "refit": False}, "which an ensemble hasn't"),
        ({"model": {**ENSEMBLE, "members": ["ferry-svm"]}, "protocols": ["standard"]}, "key 'model.ensemble.members'"),
        ({"model": {**ENSEMBLE, "weight": 1}, "protocols": ["standard"]}, "key 'model.ensemble.weight'"),
        ({"model": ENSEMBLE, "protocols": ["standard"], "grid": {"weight": [0.5, 2]}}, "key 'grid'"),
    ],
)
def test_what_contradicts_itself_is_refused(write: Write, keys: dict[str, Any], named: str) -> None:
    assert named in refused(write(**keys))


def test_the_rules_leave_room_for_what_the_study_needs(write: Write) -> None:
    pruned = load_experiment(write(model=TRANSFORMER, refit=False, noise="prune", train_share=0.25))
    assert (pruned.noise, pruned.train_share, pruned.refit) == ("prune", 0.25, False)
    both = load_experiment(write(model=ENSEMBLE, protocols=["standard"], grid={"weight": [0.25, 0.75]}))
    assert [model.weight for _, model in both.candidates()] == [0.25, 0.75]
    assert load_experiment(write(aspects=["length", "seeds"])).aspects == ("length", "seeds")


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
    settings = load_settings(ROOT / "params.yaml")
    combined = {name: one.task for name, one in (settings.ensembles | settings.study_ensembles).items()}
    assert load_experiment(path).task == (settings.experiments | settings.weak | settings.study | combined)[path.stem]


def test_params_name_every_released_experiment_and_no_other() -> None:
    assert set(load_settings(ROOT / "params.yaml").names(study=True)) == {path.stem for path in EXPERIMENTS}


def test_params_name_the_members_of_every_released_ensemble() -> None:
    settings = load_settings(ROOT / "params.yaml")
    for name, declared in (settings.ensembles | settings.study_ensembles).items():
        model = load_experiment(ROOT / f"experiments/{name}.yaml").model
        assert isinstance(model, EnsembleModel)
        assert model.members == declared.members


def test_released_titles_are_distinct_within_a_task() -> None:
    loaded = [load_experiment(path) for path in EXPERIMENTS]
    titles = [(settings.task, settings.title) for settings in loaded]
    assert len(set(titles)) == len(titles)


def test_weak_labels_are_never_validations_and_none_of_an_ensembles(write: Write) -> None:
    assert "weak labels are not those that validation has: say refit: false" in refused(write(labels="weak"))
    ensemble = {"kind": "ensemble", "members": ["a", "b"]}
    keys = {"labels": "weak", "model": ensemble, "refit": False, "protocols": ["standard"]}
    assert "an ensemble learns from no labels" in refused(write(**keys))
    assert load_experiment(write(labels="weak", refit=False)).labels == "weak"
