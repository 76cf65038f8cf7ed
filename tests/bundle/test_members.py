import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Task
from newstance.bundle.documents import Document
from newstance.bundle.members import (
    EncoderFeature,
    EnsembleMember,
    LinearMember,
    TermFeature,
    TransformerMember,
    Unit,
    first_order,
    softmax,
)
from newstance.bundle.networks import Encoded, Reader
from newstance.bundle.terms import Terms
from newstance.scheme import Scheme

WORDS = "praised condemned ferry bridge mayor rain old new".split()
CLASSES = 3
READER = Reader("made up", 64, "fp32")
# One row a word; the first speaks for the first class, the second for the last, and the others for little.
COEFFICIENTS = np.vstack([[3.0, 0, 0], [0, 0, 3], np.random.default_rng(1).normal(scale=0.05, size=(6, CLASSES))])
NO_CENTER = np.zeros(len(WORDS))
TEXT = "The mayor praised the new ferry. Others condemned it. There was rain on the old bridge. It was new."

sentence = st.lists(st.sampled_from([*WORDS, "unknown"]), min_size=1, max_size=6).map(
    lambda one: f"It {' '.join(one)}."
)
article = st.lists(sentence, min_size=1, max_size=5).map(" ".join)
numbers = st.floats(-3, 3, width=32)


def terms(ngrams=(1, 1)):
    columns = {word: number for number, word in enumerate(WORDS)}
    idf = np.linspace(1, 2, len(WORDS))
    if ngrams == (1, 2):
        columns |= {" ".join(pair): len(columns) + number for number, pair in enumerate(pairwise(WORDS))}
        idf = np.linspace(1, 2, len(columns))
    return Terms(columns, idf, ngrams, frozenset(["the", "it"]))


def encode(text):
    """Tokens are words, and a word's vector is its number's axis; there is one special token on each side."""
    words = list(re.finditer(r"\w+", text))
    states = np.zeros((len(words) + 2, len(WORDS)), dtype=np.float32)
    for row, word in zip(states[1:], words, strict=False):
        if word[0] in WORDS:
            row[WORDS.index(word[0])] = 1
    return Encoded(states, np.array([(0, 0), *((word.start(), word.end()) for word in words), (0, 0)]))


def unit(text, target=""):
    document = Document(Article("", text), {})
    passage = document.passage("text", target), document.passage("article", target)
    return Unit(document, target, {READER.request(one): encode(one.text) for one in passage})


def of_terms(columns=(0, 1, 2)):
    return LinearMember(np.array(columns), [TermFeature("text", terms(), COEFFICIENTS)], np.zeros(CLASSES))


def of_encoder():
    return LinearMember(
        np.arange(CLASSES), [EncoderFeature("text", READER, COEFFICIENTS, NO_CENTER)], np.zeros(CLASSES)
    )


def of_transformer():
    # The mean over tokens of a transformer is not brought to unit length, so each token counts for little.
    return TransformerMember(np.arange(CLASSES), READER, 8 * COEFFICIENTS, np.zeros(CLASSES), NO_CENTER)


@given(article)
def test_what_sentences_pull_by_their_words_adds_up_to_the_logits(text):
    feature = TermFeature("text", terms(), COEFFICIENTS)
    pulls = feature.pulls(unit(text))
    np.testing.assert_allclose(sum(pulls.values()), feature.logits(unit(text)), atol=1e-9)


def test_a_term_over_the_end_of_a_sentence_is_no_sentences_pull():
    coefficients = np.zeros((len(terms((1, 2)).columns), CLASSES))
    coefficients[terms((1, 2)).columns["ferry bridge"]] = [1, 0, 0]
    feature = TermFeature("text", terms((1, 2)), coefficients)
    across, inside = unit("A new ferry. Bridge praised."), unit("A new ferry bridge. Praised.")
    assert feature.logits(across)[0] > 0
    assert [pull[0] for pull in feature.pulls(across).values()] == [0, 0]
    assert feature.pulls(inside)[0][0] == pytest.approx(feature.logits(inside)[0])


@given(
    article.filter(lambda text: any(word in text for word in WORDS)), arrays(np.float64, len(WORDS), elements=numbers)
)
def test_what_sentences_pull_by_their_tokens_adds_up_to_the_logits_up_to_the_center(text, center):
    read = unit(text)
    feature = EncoderFeature("text", READER, COEFFICIENTS, center)
    encoded = read.encoded[READER.request(read.document.passage("text", ""))]
    in_sentences = len(encoded.states) - 2  # all but the special ones
    centered = in_sentences / len(encoded.states) * center @ COEFFICIENTS / np.linalg.norm(encoded.mean)
    np.testing.assert_allclose(sum(feature.pulls(read).values()) + centered, feature.logits(read), atol=1e-5)


@pytest.mark.parametrize("member", [of_terms, of_encoder, of_transformer])
@pytest.mark.parametrize("column", [0, 2])
def test_a_sentence_moves_a_label_as_it_does_when_it_is_left_out(member, column):
    read = unit(TEXT)
    before = member().probabilities(read)[column]
    moves = member().moves(read, column)
    spans = [(one.start, one.end) for one in read.document.sentences]
    assert len(moves) == len(spans) == 4
    falls = [before - member().probabilities(unit(TEXT[:start] + TEXT[end:]))[column] for start, end in spans]
    strongest = [0, 1]  # those that praise and condemn
    assert all(np.sign(moves[number]) == np.sign(falls[number]) for number in strongest)
    assert moves[0] * moves[1] < 0
    assert set(np.argsort(-np.abs(moves))[:2]) == set(np.argsort(-np.abs(falls))[:2]) == set(strongest)


@given(
    arrays(np.float64, CLASSES, elements=numbers),
    arrays(np.float64, (4, CLASSES), elements=numbers),
    st.integers(0, CLASSES - 1),
)
def test_a_move_is_the_slope_of_the_probability_in_the_direction_of_the_pull(logits, pulls, column):
    step = 1e-6
    slopes = [(softmax(logits + step * pull) - softmax(logits))[column] / step for pull in pulls]
    moves = first_order(softmax(logits), pulls, np.arange(CLASSES), column)
    np.testing.assert_allclose(moves, slopes, atol=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_temperature_is_part_of_the_slope(temperature):
    read, step = unit(TEXT), 1e-6
    logits = np.log(of_terms().probabilities(read))
    pulls = sum(np.array(list(feature.pulls(read).values())) for feature in of_terms()._features)
    slopes = [softmax((logits + step * pull) / temperature) - softmax(logits / temperature) for pull in pulls]
    np.testing.assert_allclose(of_terms().moves(read, 2, temperature), np.array(slopes)[:, 2] / step, atol=1e-4)


@given(article)
def test_what_speaks_for_one_label_speaks_against_the_others(text):
    moves = [of_terms().moves(unit(text), column) for column in range(CLASSES)]
    np.testing.assert_allclose(np.sum(moves, axis=0), 0, atol=1e-12)


def test_an_ensemble_averages_calibrated_probabilities_and_moves_of_members_with_other_labels():
    known, partial = of_terms((0, 1, 3)), of_terms((0, 3, 4))
    both = EnsembleMember([known, partial], [0.25, 0.75], [1.0, 2.0])
    assert both.columns.tolist() == [0, 1, 3, 4]
    read = unit(TEXT)
    flat = np.sqrt(partial.probabilities(read))
    first, second = known.probabilities(read), flat / flat.sum()
    expected = [
        0.25 * first[0] + 0.75 * second[0],
        0.25 * first[1],
        0.25 * first[2] + 0.75 * second[1],
        0.75 * second[2],
    ]
    np.testing.assert_allclose(both.probabilities(read), expected)
    np.testing.assert_allclose(both.moves(read, 1), 0.25 * known.moves(read, 1))
    np.testing.assert_allclose(both.moves(read, 0), 0.25 * known.moves(read, 0) + 0.75 * partial.moves(read, 0, 2.0))


def test_a_label_that_training_never_saw_gets_next_to_nothing_and_no_sentence_moves_it():
    labels = [{"code": code, "name": code, "definition": code} for code in ("favor", "unclear", "neutral", "against")]
    about = {"name": "stance", "kind": "target-dependent", "title": "Stance", "annotations": "stances.csv"}
    member = of_terms((0, 2, 3))
    decision = Task(Scheme.model_validate(about | {"labels": labels}), member, 1.5).decide(unit(TEXT), 3)
    assert decision.probabilities["unclear"] < 1e-9
    assert sum(decision.probabilities.values()) == pytest.approx(1)
    assert decision.label == "against"
    assert decision.evidence[0].text == "Others condemned it."
    assert not member.moves(unit(TEXT), 1).any()


def test_what_was_computed_for_one_target_is_not_given_for_another():
    member = LinearMember(
        np.arange(CLASSES), [TermFeature("masked_sentences", terms(), COEFFICIENTS)], np.zeros(CLASSES)
    )
    document = Document(Article("", "They praised the old ferry. They condemned the new bridge."), {})
    one, other = Unit(document, "old ferry", {}), Unit(document, "new bridge", {})
    for _ in range(2):
        assert member.probabilities(one).argmax() == 0
        assert member.probabilities(other).argmax() == 2
    assert (member.moves(one, 0)[0] > 0, member.moves(other, 2)[1] > 0) == (True, True)
