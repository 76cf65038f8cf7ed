import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from newstance.drift import measures
from newstance.drift.measures import domain_classifier, energy_distance
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=500)


def sample(generator, count, shift=0.0):
    vectors = generator.normal(size=(count, 16)) + shift * np.eye(16)[0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_halves_of_one_sample_are_told_apart_no_better_than_shuffled_ones():
    vectors = sample(np.random.default_rng(3), 160)
    domain = domain_classifier(vectors[:100], vectors[100:], SETTINGS)
    assert domain.low < 0.5 < domain.high
    assert domain.auc < domain.chance
    assert domain.p > 0.05
    distance = energy_distance(vectors[:100], vectors[100:], SETTINGS)
    assert distance.value < distance.chance
    assert distance.p > 0.05


def test_another_distribution_is_seen_by_both():
    generator = np.random.default_rng(4)
    reference, new = sample(generator, 100), sample(generator, 60, shift=3)
    domain = domain_classifier(reference, new, SETTINGS)
    assert domain.low > domain.chance
    assert domain.p == 1 / 1000
    distance = energy_distance(reference, new, SETTINGS)
    assert distance.value > 3 * distance.chance
    assert distance.p == 1 / 1000


def test_p_values_are_uniform_where_there_is_no_drift():
    generator = np.random.default_rng(5)
    values = [energy_distance(sample(generator, 20), sample(generator, 20), SETTINGS).p for _ in range(60)]
    assert 0.35 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.1) < 0.25


def test_the_energy_distance_equals_its_definition():
    generator = np.random.default_rng(6)
    first, second = sample(generator, 7), sample(generator, 5, shift=1)
    between = cdist(first, second).mean()
    expected = (2 * between - cdist(first, first).mean() - cdist(second, second).mean()) / (2 * between)
    assert energy_distance(first, second, SETTINGS).value == pytest.approx(expected)


def test_the_auc_equals_the_share_of_pairs_in_the_right_order():
    generator = np.random.default_rng(7)
    scores, labels = generator.integers(0, 5, 40).astype(float), generator.random(40) < 0.4
    expected = mannwhitneyu(scores[labels], scores[~labels]).statistic / (labels.sum() * (~labels).sum())
    assert measures._aucs(scores[None], labels[None].astype(float)) == pytest.approx(expected)
    resampled = measures._resampled_auc(scores[labels], scores[~labels], 2000, generator)
    assert np.mean(resampled) == pytest.approx(expected, abs=0.01)


def test_equal_seeds_give_equal_numbers():
    generator = np.random.default_rng(8)
    reference, new = sample(generator, 30), sample(generator, 25)
    assert domain_classifier(reference, new, SETTINGS) == domain_classifier(reference, new, SETTINGS)
    assert energy_distance(reference, new, SETTINGS) == energy_distance(reference, new, SETTINGS)
