import numpy as np
import pandas as pd
import pytest
from rich.progress import Progress
from sklearn.metrics import f1_score

from newstance.errors import NewstanceError
from newstance.models.settings import LinearModel, LogisticRegressionSettings, NaiveBayesSettings, TfidfFeatures
from newstance.scheme import Scheme
from newstance.selection import simulation
from newstance.selection.curves import curve_tables, resampled_scores
from newstance.selection.simulation import BUDGETS, CORRECTED, NEW, World, correct, counts, learn, simulate
from newstance.selection.tables import AREA_COLUMNS, CURVE_COLUMNS
from newstance.settings import EvaluationSettings, SelectionSettings

SUBJECTS = {"sport": "goal coach medal", "health": "nurse ward fever", "transport": "ferry tram bridge"}
SETTINGS = SelectionSettings(start=6, batch=6, labels=18, corrections=12, wrong=0.3, seeds=2)
EVALUATION = EvaluationSettings(resamples=100)


def words_only(_: Scheme) -> dict[str, LinearModel]:
    features = (TfidfFeatures(field="article", min_documents=1),)
    return {
        "encoder": LinearModel(kind="linear", features=features, classifier=LogisticRegressionSettings(C=10)),
        "bayes": LinearModel(kind="linear", features=features, classifier=NaiveBayesSettings()),
    }


def table(split: str, size: int) -> pd.DataFrame:
    generator = np.random.default_rng(size)
    subjects = generator.choice(list(SUBJECTS), size)
    noise = [str(generator.choice(list(SUBJECTS))) if generator.random() < 0.2 else subject for subject in subjects]
    return pd.DataFrame(
        {
            "article_id": [f"{split}{number}" for number in range(size)],
            "group": [f"{split}{number // 2}" for number in range(size)],
            "title": "Today",
            "text": [" ".join(generator.choice(SUBJECTS[subject].split(), 4)) for subject in noise],
            "subject": subjects,
        }
    )


@pytest.fixture(scope="module")
def world() -> World:
    labels = [{"code": code, "name": code, "definition": code} for code in SUBJECTS]
    about = {"name": "subject", "kind": "single-label", "title": "Subject", "annotations": "s.csv", "labels": labels}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(simulation, "committee", words_only)
        return World({"train": table("a", 60), "test": table("b", 40)}, Scheme.model_validate(about), {})


def test_all_strategies_start_from_the_same_labels_and_reach_the_same_score_when_nothing_is_left(world):
    settings = SETTINGS.model_copy(update={"labels": 60})
    curves = {name: learn(world, name, settings, seed=3) for name in BUDGETS[NEW]}
    for curve in curves.values():
        assert len(curve) == len(counts(NEW, settings, 60)) == 10
        np.testing.assert_array_equal(curve[0], curves["random"][0])
        assert (curve[-1] == curves["random"][-1]).mean() > 0.95  # the same labels, in another order


def test_labels_that_are_all_read_are_all_right(world):
    settings = SETTINGS.model_copy(update={"corrections": 18})
    ends = [correct(world, name, settings, seed=1)[-1] for name in BUDGETS[CORRECTED]]
    np.testing.assert_array_equal(*ends)
    rows = np.sort(np.random.default_rng(1).permutation(60)[:18])
    clean = world.probabilities("encoder", rows, world.labels[rows], None).argmax(axis=1)
    np.testing.assert_array_equal(ends[0], np.array(world.codes)[clean])


def test_first_labels_that_are_all_the_same_are_mended(world):
    settings = SETTINGS.model_copy(update={"start": 2, "labels": 10, "batch": 8})
    for seed in range(8):
        assert learn(world, "random", settings, seed).shape == (2, 40)


def test_the_score_is_the_mean_over_seeds_of_scikit_learns_macro_f1(world):
    said = np.stack([[np.roll(world.test_labels, shift)] for shift in (0, 1, 5)])
    scores = resampled_scores(said, world, EVALUATION)
    expected = [f1_score(world.test_labels, one[0], average="macro") for one in said]
    assert scores.shape == (1, 101)
    assert scores[0, 0] == pytest.approx(np.mean(expected))
    assert scores[0, 1:].std() > 0


def test_the_tables_have_a_row_a_point_and_random_differs_from_nothing(world):
    with Progress(disable=True) as progress:
        predicted = simulate(world, SETTINGS, progress, "subject")
    curves, areas = curve_tables(predicted, world, SETTINGS, EVALUATION)
    assert list(curves.columns) == CURVE_COLUMNS[1:]
    assert list(areas.columns) == AREA_COLUMNS[1:]
    assert len(curves) == 4 * 3 + 2 * 3
    assert areas.groupby("budget")["strategy"].apply(list).to_dict() == {name: list(BUDGETS[name]) for name in BUDGETS}
    others = areas[areas["strategy"] != "random"]
    assert (others["difference_low"] <= others["difference"]).all()
    assert (others["difference"] <= others["difference_high"]).all()
    assert others["p_bootstrap_holm"].between(0, 1).all()
    assert areas.loc[areas["strategy"] == "random", "difference"].isna().all()
    again, _ = curve_tables(predicted, world, SETTINGS, EVALUATION)
    pd.testing.assert_frame_equal(curves, again)


def test_a_curve_ends_where_labels_or_train_do_and_every_point_is_scored(world):
    settings = SETTINGS.model_copy(update={"corrections": 60, "labels": 30, "seeds": 1})
    predicted = simulate(world, settings, Progress(disable=True), "subject")
    curves, _ = curve_tables(predicted, world, settings, EVALUATION)
    assert curves.query("budget == @CORRECTED")["labels"].max() == 30
    assert curves.query("budget == @NEW")["labels"].max() == 30


def test_fewer_labels_than_the_first_ones_are_one_sentence(world):
    settings = SETTINGS.model_copy(update={"start": 61, "labels": 90})
    with pytest.raises(NewstanceError, match=r"'subject' has 60 labels in train; make 'selection.start' \(61\) less"):
        simulate(world, settings, Progress(disable=True), "subject")
