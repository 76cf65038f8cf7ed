from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, log_loss
from sklearn.pipeline import Pipeline

from newstance.corpus.prepared import read_prepared
from newstance.corpus.splits import STANDARD, Fold, folds
from newstance.evaluation.calibration import apply_temperature, fit_temperature
from newstance.evaluation.outcomes import prediction_columns
from newstance.experiment.fit import (
    Candidate,
    Fitted,
    Hooks,
    Setup,
    fit,
    held_out_predictions,
    predictions,
    seconds_per_unit,
)
from newstance.experiment.settings import load_experiment
from newstance.models.build import build
from newstance.models.groups import group_weights
from newstance.models.settings import GroupBalance
from newstance.settings import Settings


@pytest.fixture
def setup(project: Settings) -> Setup:
    return setup_of(project, "subject-logreg")


@pytest.fixture
def fold(setup: Setup) -> Fold:
    return fold_of(setup)


def setup_of(project: Settings, name: str, **changed: Any) -> Setup:
    experiment = load_experiment(Path("experiments") / f"{name}.yaml")
    schemes = project.labels.load_schemes()
    return Setup(experiment.model_copy(update=changed), schemes[experiment.task], {"Mayor Lund": ("Lund",)})


def fold_of(setup: Setup) -> Fold:
    (fold,) = folds(read_prepared(setup.scheme.name), setup.scheme, STANDARD)
    return fold


def fitted_anew(setup: Setup, fold: Fold, seed: int = 1) -> list[np.ndarray]:
    """Fit the whole pipeline of every candidate by itself; return its probabilities on validation."""
    labels = fold.train[setup.scheme.name].to_numpy(dtype=object)
    models = [build(model, setup.aliases, seed).fit(fold.train, labels) for _, model in setup.experiment.candidates()]
    for model in models:
        assert list(model.classes_) == sorted(setup.scheme.codes)
    order = np.argsort(np.argsort(setup.scheme.codes))  # from scikit-learn's order of the classes to the scheme's
    return [model.predict_proba(fold.validation)[:, order] for model in models]


def fitted_on_both(setup: Setup, fold: Fold, chosen: Candidate, seed: int = 1) -> Pipeline:
    """Fit the candidate's whole pipeline on train and validation."""
    (model,) = [model for values, model in setup.experiment.candidates() if values == chosen.settings]
    both = pd.concat([fold.train, fold.validation])
    return build(model, setup.aliases, seed).fit(both, both[setup.scheme.name].to_numpy(dtype=object))


def same(first: Fitted, second: Fitted, table: pd.DataFrame) -> bool:
    return (
        first.candidates == second.candidates
        and first.chosen == second.chosen
        and first.temperature == second.temperature
        and np.array_equal(first.validation, second.validation)
        and np.array_equal(first.model.predict_proba(table), second.model.predict_proba(table))
    )


@pytest.mark.parametrize("name", ["subject-logreg", "view-logreg", "view-svm"])
def test_shared_features_give_what_fitting_every_pipeline_anew_gives(project: Settings, name: str) -> None:
    setup = setup_of(project, name)
    fold = fold_of(setup)
    fitted = fit(setup, fold, 1)
    anew = fitted_anew(setup, fold)
    truth = fold.validation[setup.scheme.name].to_numpy(dtype=object)
    codes = np.array(setup.scheme.codes, dtype=object)

    assert [one.settings for one in fitted.candidates] == [values for values, _ in setup.experiment.candidates()]
    for candidate, probabilities in zip(fitted.candidates, anew, strict=True):
        assert candidate.macro_f1 == f1_score(truth, codes[probabilities.argmax(axis=1)], average="macro")
        order = np.argsort(codes)
        expected = log_loss(truth, probabilities[:, order], labels=codes[order])
        assert candidate.log_loss == pytest.approx(expected, rel=1e-12)
    best = fitted.candidates.index(fitted.chosen)
    numbers = np.array([setup.scheme.codes.index(code) for code in truth])
    assert fitted.temperature == fit_temperature(anew[best], numbers)
    assert np.array_equal(fitted.validation, anew[best])


@pytest.mark.parametrize("name", ["subject-majority", "subject-logreg", "view-logreg", "view-svm"])
def test_the_chosen_candidate_is_fitted_once_more_on_train_and_validation(project: Settings, name: str) -> None:
    setup = setup_of(project, name)
    fold = fold_of(setup)
    fitted = fit(setup, fold, 1)
    alone = fitted_on_both(setup, fold, fitted.chosen)
    assert np.array_equal(fitted.model.predict_proba(fold.test), alone.predict_proba(fold.test))
    assert list(fitted.model.named_steps) == list(alone.named_steps)
    assert fitted.seconds > 0


@pytest.mark.parametrize("name", ["subject-majority", "subject-logreg", "view-svm"])
def test_without_a_refit_the_model_is_the_one_that_was_fitted_on_train(project: Settings, name: str) -> None:
    setup = setup_of(project, name, refit=False)
    fold = fold_of(setup)
    fitted = fit(setup, fold, 1)
    order = [list(fitted.model.classes_).index(code) for code in setup.scheme.codes]
    assert np.array_equal(fitted.model.predict_proba(fold.validation)[:, order], fitted.validation)
    assert fitted.training == {"units": len(fold.train), "pruned": 0}
    refitted = fit(setup_of(project, name), fold, 1)
    assert refitted.training["units"] == len(fold.train) + len(fold.validation)
    assert (refitted.candidates, refitted.temperature) == (fitted.candidates, fitted.temperature)


def test_the_best_macro_f1_on_validation_wins(setup: Setup, fold: Fold) -> None:
    grid = {"features.0.max_features": [2, 1000], "classifier.C": [0.001, 10]}
    fitted = fit(replace(setup, experiment=setup.experiment.model_copy(update={"grid": grid})), fold, 1)
    scores = [one.macro_f1 for one in fitted.candidates]
    assert len(set(scores)) > 1, "the candidates must differ for the choice to mean something"
    assert fitted.chosen.macro_f1 == max(scores)


def test_a_tie_goes_to_the_lower_log_loss_wherever_it_stands_in_the_grid(setup: Setup, fold: Fold) -> None:
    # At so strong a penalty C scales the confidence and leaves the decisions as they are.
    for values in ([1e-4, 1e-3], [1e-3, 1e-4]):
        experiment = setup.experiment.model_copy(update={"grid": {"classifier.C": values}})
        fitted = fit(replace(setup, experiment=experiment), fold, 1)
        first, second = fitted.candidates
        assert first.macro_f1 == second.macro_f1
        assert first.log_loss != second.log_loss
        assert fitted.chosen.log_loss == min(first.log_loss, second.log_loss)


def test_of_equal_candidates_the_first_one_wins(setup: Setup, fold: Fold) -> None:
    experiment = setup.experiment.model_copy(update={"grid": {"features.0.stop_words": [None], "classifier.C": [1, 1]}})
    fitted = fit(replace(setup, experiment=experiment), fold, 1)
    assert fitted.chosen is fitted.candidates[0]


@pytest.mark.parametrize("name", ["subject-logreg", "view-svm"])
def test_nothing_depends_on_the_test_part(project: Settings, name: str) -> None:
    setup = setup_of(project, name)
    fold = fold_of(setup)
    task = setup.scheme.name
    codes = setup.scheme.codes
    turned = {code: codes[(number + 1) % len(codes)] for number, code in enumerate(codes)}
    corrupted = fold.test.assign(title="x", text="Nothing of this is true .", **{task: fold.test[task].map(turned)})
    honest = fit(setup, fold, 1)
    assert same(honest, fit(setup, replace(fold, test=corrupted), 1), fold.test)
    assert same(honest, fit(setup, replace(fold, test=fold.test.iloc[:0]), 1), fold.test)


def test_validation_labels_leave_the_candidates_as_they_are_and_decide_the_rest(setup: Setup, fold: Fold) -> None:
    one = replace(setup, experiment=setup.experiment.model_copy(update={"grid": {}}))
    shuffled = fold.validation["subject"].sample(frac=1, random_state=3).array
    first = fit(one, fold, 1)
    second = fit(one, replace(fold, validation=fold.validation.assign(subject=shuffled)), 1)
    assert np.array_equal(first.validation, second.validation)
    assert first.chosen.log_loss != second.chosen.log_loss
    assert first.temperature != second.temperature
    assert not np.allclose(first.model.predict_proba(fold.test), second.model.predict_proba(fold.test))


@pytest.mark.parametrize("name", ["subject-majority", "subject-logreg", "subject-svm"])
@pytest.mark.parametrize("lacking", [("train",), ("train", "validation")], ids=["train", "train and validation"])
def test_a_class_that_training_lacks_gets_probability_zero(
    project: Settings, name: str, lacking: tuple[str, ...]
) -> None:
    setup = setup_of(project, name)
    fold = fold_of(setup)
    missing = "sport"
    assert (fold.validation["subject"] == missing).any()
    for split in lacking:
        table = getattr(fold, split)
        fold = replace(fold, **{split: table[table["subject"] != missing]})
    fitted = fit(setup, fold, 1)
    table = predictions(fitted, fold, ("validation", "test"), setup.scheme, 1)

    assert list(table.columns) == prediction_columns(setup.scheme.codes)
    without = table["split"] == "validation" if lacking == ("train",) else pd.Series(True, index=table.index)
    assert (table.loc[without, f"raw_{missing}"] == 0).all()
    assert (table.loc[~without, f"raw_{missing}"] > 0).all()
    for prefix in ("raw_", "prob_"):
        np.testing.assert_allclose(table[[prefix + code for code in setup.scheme.codes]].sum(axis=1), 1)
    assert np.isfinite(fitted.chosen.log_loss)
    assert np.isfinite(fitted.temperature)


def test_predictions_have_a_row_a_unit_and_the_fitted_temperature(project: Settings) -> None:
    setup = setup_of(project, "view-logreg")
    fold = fold_of(setup)
    fitted = fit(setup, fold, 4)
    table = predictions(fitted, fold, ("validation", "test"), setup.scheme, 4)
    assert list(table["split"]) == ["validation"] * len(fold.validation) + ["test"] * len(fold.test)
    units = pd.concat([fold.validation, fold.test])
    for column, values in {"article_id": "article_id", "target": "target", "label": "view"}.items():
        assert list(table[column]) == list(units[values])
    assert set(zip(table["seed"], table["protocol"], table["fold"], strict=True)) == {(4, "standard", "standard")}
    raw = table[[f"raw_{code}" for code in setup.scheme.codes]].to_numpy()
    calibrated = table[[f"prob_{code}" for code in setup.scheme.codes]].to_numpy()
    of_validation = (table["split"] == "validation").to_numpy()
    assert np.array_equal(raw[of_validation], fitted.validation)
    order = [list(fitted.model.classes_).index(code) for code in setup.scheme.codes]
    assert np.array_equal(raw[~of_validation], fitted.model.predict_proba(fold.test)[:, order])
    assert fitted.temperature != 1
    assert np.array_equal(calibrated, apply_temperature(raw, fitted.temperature))


def test_a_task_without_targets_has_an_empty_target(setup: Setup, fold: Fold) -> None:
    table = predictions(fit(setup, fold, 1), fold, ("test",), setup.scheme, 1)
    assert set(table["target"]) == {""}


def test_every_candidate_is_told_as_soon_as_it_is_done(setup: Setup, fold: Fold) -> None:
    told: list[Candidate] = []
    fitted = fit(setup, fold, 1, Hooks(on_candidate=told.append))
    assert told == fitted.candidates
    assert len(told) == 4

    def interrupt(candidate: Candidate) -> None:
        told.append(candidate)
        raise KeyboardInterrupt

    told.clear()
    with pytest.raises(KeyboardInterrupt):
        fit(setup, fold, 1, Hooks(on_candidate=interrupt))
    assert len(told) == 1


def test_every_outlet_gets_a_choice_and_a_temperature_of_its_own(setup: Setup) -> None:
    divided = folds(read_prepared("subject"), setup.scheme, "outlet-held-out")
    tables = list(held_out_predictions(setup, divided, 1, 0.01))
    assert [set(table["fold"]) for table in tables] == [{fold.name} for fold in divided]
    for fold, table in zip(divided, tables, strict=True):
        expected = predictions(fit(setup, fold, 1), fold, ("test",), setup.scheme, 1)
        pd.testing.assert_frame_equal(table, expected, check_exact=True)


def test_timing_is_of_whole_predictions_and_leaves_the_model_as_it_is(setup: Setup, fold: Fold) -> None:
    fitted = fit(setup, fold, 1)
    before = fitted.model.predict_proba(fold.test)
    assert 0 < seconds_per_unit(fitted.model, fold.test) < 1
    assert seconds_per_unit(fitted.model, fold.test.head(1)) > 0
    assert np.array_equal(fitted.model.predict_proba(fold.test), before)


def test_group_balance_moves_the_fit_on_train_and_the_last_fit_alike(setup, fold):
    plain = setup.experiment.model
    balanced = plain.model_copy(update={"group_balance": GroupBalance(column="outlet", power=1)})
    changed = replace(setup, experiment=setup.experiment.model_copy(update={"model": balanced}))
    before, after = fit(setup, fold, 1), fit(changed, fold, 1)
    assert not np.allclose(before.validation, after.validation)
    both = pd.concat([fold.train, fold.validation], ignore_index=True)
    labels = both[setup.scheme.name].to_numpy(dtype=object)
    (chosen,) = [model for values, model in changed.experiment.candidates() if values == after.chosen.settings]
    weights = group_weights(chosen.group_balance, both, labels)
    anew = build(chosen, setup.aliases, 1).fit(both, labels, classifier__sample_weight=weights)
    assert np.allclose(after.model.predict_proba(fold.test), anew.predict_proba(fold.test))
