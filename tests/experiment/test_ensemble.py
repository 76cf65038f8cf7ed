from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from experiment.running import DETERMINISTIC, UNFINISHED, contents, run, transformer, write_experiment
from newstance.errors import NewstanceError
from newstance.evaluation.calibration import apply_temperature
from newstance.files import read_json, write_json
from newstance.models import persistence
from newstance.settings import RUNS, EnsembleSettings, Settings, load_settings
from tiny_backbone import write_tiny_backbone

MEMBERS = ("view-logreg", "view-pair")
CODES = ("for", "even", "against")


@pytest.fixture(scope="module")
def finished_folder(prepared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with finished runs: a linear model, which has one seed, and a transformer, which has two."""
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("members") / "project"
    shutil.copytree(prepared_folder, folder)
    with contextlib.chdir(folder):
        write_tiny_backbone(Path("backbone"))
        write_experiment("view-pair", "view", transformer(targets="pair", epochs=1), seeds=[1, 2])
        for name in (*MEMBERS, "subject-logreg"):
            run(name, load_settings())
    return folder


@pytest.fixture
def finished(finished_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    folder = tmp_path / "project"
    shutil.copytree(finished_folder, folder)
    monkeypatch.chdir(folder)
    return load_settings()


def combine(
    settings: Settings,
    members: Sequence[str] = MEMBERS,
    weights: Sequence[float] = (0.25, 0.5),
    seeds: Sequence[int] = (1,),
) -> Path:
    model = {"kind": "ensemble", "members": list(members)}
    write_experiment("view-both", "view", model, grid={"weight": list(weights)}, seeds=list(seeds))
    return run("view-both", settings)


def probabilities(folder: Path, kind: str, split: str, seed: int = 1) -> np.ndarray:
    table = pd.read_parquet(folder / "predictions.parquet")
    rows = (table["seed"] == seed) & (table["split"] == split) & (table["protocol"] == "standard")
    return table.loc[rows, [f"{kind}_{code}" for code in CODES]].to_numpy()


@pytest.mark.parametrize("split", ["validation", "test"])
def test_probabilities_are_the_weighted_mean_of_the_members_calibrated_ones(finished: Settings, split: str) -> None:
    folder = combine(finished, weights=[0.25])
    linear, transformed = (probabilities(RUNS / name, "prob", split) for name in MEMBERS)
    np.testing.assert_allclose(probabilities(folder, "raw", split), 0.25 * linear + 0.75 * transformed, atol=1e-5)
    temperature = read_json(folder / "seeds/1/calibration.json")["temperature"]
    calibrated = apply_temperature(probabilities(folder, "raw", split), temperature)
    np.testing.assert_allclose(probabilities(folder, "prob", split), calibrated, atol=1e-9)


def test_members_with_several_seeds_take_part_with_the_ensembles_own(finished: Settings) -> None:
    folder = combine(finished, weights=[0.25], seeds=[1, 2])
    linear = probabilities(RUNS / "view-logreg", "prob", "test")
    for seed in (1, 2):
        transformed = probabilities(RUNS / "view-pair", "prob", "test", seed)
        expected = 0.25 * linear + 0.75 * transformed
        np.testing.assert_allclose(probabilities(folder, "raw", "test", seed), expected, atol=1e-5)
    assert not np.allclose(*(probabilities(folder, "raw", "test", seed) for seed in (1, 2)), atol=1e-3)


def test_the_folder_says_what_it_is_made_of_and_its_model_stands_alone(finished: Settings) -> None:
    folder = combine(finished, weights=[0.3, 0.6])
    chosen = read_json(folder / "scores.json")["seeds"]["1"]["chosen"]["weight"]
    made_of = read_json(folder / "training.json")["1"]
    assert made_of["members"] == list(MEMBERS)
    assert made_of["weights"] == pytest.approx([chosen, 1 - chosen])
    shutil.rmtree("backbone")
    for name in MEMBERS:
        shutil.rmtree(RUNS / name)
    model = persistence.load(folder / "seeds/1/model")
    test = pd.read_parquet("data/prepared/view/test.parquet")
    found = pd.DataFrame(model.predict_proba(test), columns=model.classes_)[list(CODES)]
    np.testing.assert_allclose(found, probabilities(folder, "raw", "test"), atol=1e-5)


def test_three_members_share_what_the_first_one_leaves(finished: Settings) -> None:
    run("view-svm", finished)
    combine(finished, members=(*MEMBERS, "view-svm"), weights=[0.5])
    assert read_json(RUNS / "view-both/training.json")["1"]["weights"] == [0.5, 0.25, 0.25]


def test_the_weight_with_the_best_macro_f1_on_validation_is_chosen(finished: Settings) -> None:
    weights = [0.05, 0.35, 0.65, 0.95]
    folder = combine(finished, weights=weights)
    table = pd.read_parquet(folder / "predictions.parquet")
    truth = table.loc[table["split"] == "validation", "label"]
    linear, transformed = (probabilities(RUNS / name, "prob", "validation") for name in MEMBERS)
    scores = []
    for weight in weights:
        labels = np.array(CODES)[(weight * linear + (1 - weight) * transformed).argmax(axis=1)]
        scores.append(f1_score(truth, labels, average="macro"))
    assert len(set(scores)) > 1, "the weights must differ for the choice to mean something"
    found = read_json(folder / "scores.json")
    assert [row["macro_f1"] for row in found["search"]] == pytest.approx(scores, abs=1e-6)
    best = max(found["search"], key=lambda row: (row["macro_f1"], -row["log_loss"]))
    assert found["seeds"]["1"]["chosen"] == best["settings"]


def test_the_choice_does_not_look_at_test(finished: Settings) -> None:
    weights = [0.05, 0.35, 0.65, 0.95]
    honest = read_json(combine(finished, weights=weights) / "scores.json")
    for name in MEMBERS:
        path = RUNS / name / "predictions.parquet"
        table = pd.read_parquet(path)
        of_test = table["split"] == "test"
        columns = [f"prob_{code}" for code in CODES]
        table.loc[of_test, columns] = table.loc[of_test, columns[::-1]].to_numpy()
        table.loc[of_test, "label"] = CODES[0]
        table.to_parquet(path, index=False)
    corrupted = read_json(combine(finished, weights=weights) / "scores.json")
    assert corrupted == honest


def test_the_same_members_give_the_same_bytes(finished: Settings) -> None:
    first, second = (contents(combine(finished)) for _ in range(2))
    for file in (*DETERMINISTIC, "training.json"):
        assert first[file] == second[file], file


def test_a_member_without_a_run_is_named_with_the_command_that_makes_it(finished: Settings) -> None:
    shutil.rmtree(RUNS / "view-pair")
    with pytest.raises(NewstanceError, match=r"needs the experiment 'view-pair'.*newstance run experiments/view-pair"):
        combine(finished)
    assert not (RUNS / "view-both").exists()


def test_a_member_of_which_a_clone_has_the_results_alone_is_named_before_anything_is_fitted(finished: Settings) -> None:
    shutil.rmtree(RUNS / "view-pair" / "seeds")
    with pytest.raises(NewstanceError, match=r"needs the model of 'view-pair'.*dvc pull.*running that experiment"):
        combine(finished)
    assert not (RUNS / "view-both").exists()


@pytest.mark.parametrize("declared", [MEMBERS[::-1], ("view-logreg", "view-svm")])
def test_members_that_dvc_does_not_wait_for_are_an_error(finished: Settings, declared: tuple[str, ...]) -> None:
    known = EnsembleSettings(task="view", members=declared)
    for key in ("ensembles", "study_ensembles"):
        settings = finished.model_copy(update={key: {"view-both": known}})
        with pytest.raises(NewstanceError, match=r"view-both\.yaml and params\.yaml name different members"):
            combine(settings)


def test_an_ensemble_of_the_study_takes_members_from_where_they_lie(finished: Settings) -> None:
    Path("study").mkdir()
    RUNS.joinpath("view-pair").rename("elsewhere")
    Path("study/runs").mkdir()
    Path("elsewhere").rename("study/runs/view-pair")
    known = {"view-both": EnsembleSettings(task="view", members=MEMBERS)}
    settings = finished.model_copy(update={"study": {"view-pair": "view"}, "study_ensembles": known})
    assert combine(settings) == Path("study/runs/view-both")


def test_members_of_other_data_are_an_error(finished: Settings) -> None:
    settings = read_json(RUNS / "view-pair/settings.json")
    write_json(RUNS / "view-pair/settings.json", settings | {"data": "0" * 64})
    with pytest.raises(NewstanceError, match=r"runs/view-pair was made from other data .* run it again"):
        combine(finished)


def test_a_member_of_another_task_is_an_error(finished: Settings) -> None:
    with pytest.raises(NewstanceError, match=r"runs/subject-logreg was made from other data"):
        combine(finished, members=("view-pair", "subject-logreg"))


def test_a_member_that_lacks_predictions_is_an_error(finished: Settings) -> None:
    path = RUNS / "view-logreg/predictions.parquet"
    table = pd.read_parquet(path)
    first = table.index[table["split"] == "validation"][0]
    table.drop(index=first).to_parquet(path, index=False)
    with pytest.raises(NewstanceError, match=r"predictions\.parquet lacks units of validation; run it again"):
        combine(finished)


def test_a_member_that_has_run_again_makes_unfinished_work_worthless(
    finished: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(persistence, "save", lambda *_: pytest.fail("stop here"))
        with pytest.raises(BaseException, match="stop here"):
            combine(finished)
    (room,) = UNFINISHED.iterdir()
    interrupted = read_json(room / "run.json")["id"]
    run("view-logreg", finished)
    assert read_json(combine(finished) / "run.json")["id"] != interrupted
    assert list(UNFINISHED.iterdir()) == []
