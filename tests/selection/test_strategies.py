import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_pool import MadeUpPool
from newstance.errors import NewstanceError
from newstance.selection.strategies import STRATEGIES, disagreement, diversity, random, suspects, uncertainty

CODES = ["a", "b", "c"]


def generator() -> np.random.Generator:
    return np.random.default_rng(4)


def shares(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, dtype=float)


def whole_pool(size: int, seed: int) -> MadeUpPool:
    drawn = np.random.default_rng(seed)
    probabilities = drawn.dirichlet(np.ones(3), size)
    vectors = drawn.normal(size=(size + 4, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    opinions = {"one": probabilities, "other": drawn.dirichlet(np.ones(3), size)}
    labels = [*CODES, *drawn.choice(CODES, size)][:size]
    return MadeUpPool(CODES, size, probabilities, opinions, vectors[:size], vectors[size:], labels)


@pytest.mark.parametrize("name", STRATEGIES)
@given(size=st.integers(4, 30), count=st.integers(1, 40), seed=st.integers(0, 1000))
def test_every_strategy_ranks_distinct_units_highest_score_first_with_a_reason_each(name, size, count, seed):
    choice = STRATEGIES[name](whole_pool(size, seed), count, generator())
    assert len(choice.rows) == len(choice.scores) == len(choice.reasons) == min(size, count)
    assert len(set(choice.rows.tolist())) == len(choice.rows)
    assert set(choice.rows.tolist()) <= set(range(size))
    assert (np.diff(choice.scores) <= 1e-12).all()
    assert all(choice.reasons)


def test_a_seed_draws_the_same_units_again_and_another_seed_others():
    pool = MadeUpPool(CODES, 1000)
    first, again = (random(pool, 10, generator()).rows.tolist() for _ in range(2))
    assert first == again
    assert first != random(pool, 10, np.random.default_rng(5)).rows.tolist()


def test_uncertainty_prefers_a_narrow_margin_to_a_low_maximum():
    probabilities = shares((0.45, 0.30, 0.25), (0.50, 0.49, 0.01), (0.9, 0.05, 0.05))
    choice = uncertainty(MadeUpPool(CODES, 3, probabilities), 3, generator())
    assert choice.rows.tolist() == [1, 0, 2]
    assert choice.scores == pytest.approx([0.99, 0.85, 0.15])
    assert choice.reasons[0] == "a 0.50 or b 0.49"


def test_diversity_goes_far_from_what_is_labelled_and_then_from_what_it_chose_itself():
    angles = np.radians([10, 90, 95, 200])
    units = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    pool = MadeUpPool(CODES, 4, units=units, labelled=np.array([[1.0, 0.0]]))
    choice = diversity(pool, 4, generator())
    assert choice.rows.tolist() == [3, 2, 0, 1]
    assert choice.scores == pytest.approx(1 - np.cos(np.radians([160, 95, 10, 5])))
    assert choice.reasons[0] == "its nearest, the labelled text 0, is at cosine -0.94"
    assert choice.reasons[3] == "its nearest, number 2 of this list, is at cosine 1.00"


def test_diversity_starts_in_the_middle_where_nothing_is_labelled():
    angles = np.radians([0, 40, 70])
    units = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    choice = diversity(MadeUpPool(CODES, 3, units=units, labelled=np.empty((0, 2))), 2, generator())
    assert choice.rows.tolist() == [1, 0]
    assert choice.reasons[0] == "nearest to the middle of all"


def test_models_that_are_unsure_alike_do_not_disagree():
    flat, sure_a, sure_b = (1 / 3, 1 / 3, 1 / 3), (1, 0, 0), (0, 1, 0)
    pool = MadeUpPool(CODES, 3, opinions={"one": shares(flat, sure_a, sure_a), "other": shares(flat, sure_a, sure_b)})
    choice = disagreement(pool, 3, generator())
    assert choice.rows[0] == 2
    assert choice.scores == pytest.approx([np.log(2), 0, 0])
    assert choice.reasons[0] == "one: a; other: b"


def test_the_label_that_a_model_contradicts_with_confidence_is_the_first_suspect():
    labels = ["a"] * 10 + ["b"] * 10
    probabilities = np.tile([0.9, 0.1, 0.0], (20, 1))
    probabilities[10:] = [0.1, 0.9, 0.0]
    probabilities[13] = [0.98, 0.02, 0.0]
    choice = suspects(MadeUpPool(CODES, 20, probabilities, labels=labels), 3, generator())
    assert choice.rows[0] == 13
    assert choice.scores[0] == pytest.approx(1.98)
    assert choice.scores[1] < 1
    assert choice.reasons[0] == "labelled b with probability 0.02; likeliest is a, 0.98"


def test_labels_that_are_all_the_same_cannot_be_suspected():
    pool = MadeUpPool(CODES, 3, np.full((3, 3), 1 / 3), labels=["a"] * 3)
    with pytest.raises(NewstanceError, match="All labels are 'a'"):
        suspects(pool, 2, generator())
