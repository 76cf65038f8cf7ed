import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.corpus.near_duplicates import RECALL, bands, find
from newstance.settings import NearDuplicateSettings

SETTINGS = NearDuplicateSettings(shingle_words=2, similarity=0.3)


def corpus(texts: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"article_id": [f"a{number}" for number in range(len(texts))], "text": texts}, dtype="str")


def brute_force(texts: list[str], settings: NearDuplicateSettings) -> dict[tuple[str, str], float]:
    def shingles(text: str) -> set[tuple[str, ...]]:
        words = text.lower().split()
        return set(zip(*(words[start:] for start in range(settings.shingle_words)), strict=False))

    sets = [shingles(text) for text in texts]
    return {
        (f"a{first}", f"a{second}"): len(sets[first] & sets[second]) / len(sets[first] | sets[second])
        for second in range(len(sets))
        for first in range(second)
        if len(sets[first] & sets[second]) >= settings.similarity * len(sets[first] | sets[second]) > 0
    }


def random_texts(seed: int, count: int, changed: int) -> list[str]:
    """Texts of 80 words; every second one is the one before with some words changed."""
    random = np.random.default_rng(seed)
    texts = random.integers(0, 400, size=(count, 80))
    for number in range(1, count, 2):
        texts[number] = texts[number - 1]
        texts[number, random.integers(0, 80, size=random.integers(0, changed))] = 400
    return [" ".join(f"w{word}" for word in row) for row in texts]


def test_pairs_of_a_random_corpus_are_those_of_brute_force():
    texts = random_texts(seed=3, count=200, changed=40)
    expected = brute_force(texts, SETTINGS)
    _, pairs = find(corpus(texts), SETTINGS)
    found = {(row.first, row.second): row.similarity for row in pairs.itertuples()}
    assert set(found) <= set(expected)
    assert len(found) >= RECALL * len(expected) > 50
    assert all(similarity == pytest.approx(expected[pair]) for pair, similarity in found.items())


@given(
    st.lists(st.lists(st.sampled_from(["sail", "ferry", "noon", "rain", "crew"]), max_size=8).map(" ".join), min_size=1)
)
def test_groups_are_the_connected_components_of_the_pairs(texts):
    articles = corpus(texts).set_axis(range(5, 5 + len(texts)))
    groups, pairs = find(articles, SETTINGS)
    assert groups.index.equals(articles.index)
    by_id = dict(zip(articles["article_id"], groups, strict=True))
    assert all(by_id[first] == by_id[second] for first, second in zip(pairs["first"], pairs["second"], strict=True))
    in_pairs = {*pairs["first"], *pairs["second"]}
    assert all(by_id[name] == name for name in by_id if name not in in_pairs)
    order = list(by_id)
    for name, group in by_id.items():
        assert by_id[group] == group
        assert order.index(group) <= order.index(name)


def test_a_chain_of_versions_is_one_group_named_after_its_first_article():
    words = [f"w{number}" for number in range(90)]
    versions = [" ".join(words[30:90]), " ".join(words[15:75]), " ".join(words[:60]), "another story altogether here"]
    groups, pairs = find(corpus(versions), NearDuplicateSettings(similarity=0.5))
    assert groups.tolist() == ["a0", "a0", "a0", "a3"]
    assert pairs[["first", "second"]].to_numpy().tolist() == [["a0", "a1"], ["a1", "a2"]]
    assert groups.name == "group"
    assert groups.dtype == "str"


def test_case_and_punctuation_do_not_count():
    texts = ["The ferry sails at noon, rain or shine.", 'the FERRY sails: "at noon", rain or shine']
    assert find(corpus(texts), NearDuplicateSettings())[1]["similarity"].tolist() == [1.0]


def test_texts_shorter_than_a_shingle_are_near_duplicates_of_none():
    groups, pairs = find(corpus(["", "", "rain", "rain"]), NearDuplicateSettings())
    assert groups.tolist() == ["a0", "a1", "a2", "a3"]
    assert pairs.empty
    assert list(pairs.columns) == ["first", "second", "similarity"]


def test_the_most_similar_pair_comes_first_and_the_result_repeats():
    articles = corpus(random_texts(seed=5, count=60, changed=30))
    groups, pairs = find(articles, SETTINGS)
    assert pairs["similarity"].is_monotonic_decreasing
    again, pairs_again = find(articles, SETTINGS)
    pd.testing.assert_series_equal(groups, again)
    pd.testing.assert_frame_equal(pairs, pairs_again)


@given(st.floats(0.05, 1), st.integers(64, 256))
def test_bands_fit_the_permutations_and_reach_the_recall(similarity, permutations):
    count, rows = bands(NearDuplicateSettings(similarity=similarity, permutations=permutations))
    assert count * rows <= permutations
    assert 1 - (1 - similarity**rows) ** count >= min(RECALL, 1 - (1 - similarity) ** permutations)
