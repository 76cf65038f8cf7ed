from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from models.kinds import SVM, model
from newstance.bundle.terms import Terms

WORDS = (
    "The ferry Ferry FERRY a i its it's café cafe CAFÉ Straße ñandú 2017 №5 snake_case ﬁne İstanbul — ! mother-in-law"
)
texts = st.one_of(
    st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join), st.text(max_size=30), st.just("")
)
features = st.fixed_dictionaries(
    {
        "kind": st.just("tfidf"),
        "field": st.just("text"),
        "ngrams": st.sampled_from([(1, 1), (1, 2), (2, 3)]),
        "stop_words": st.sampled_from([None, "english"]),
        "min_documents": st.just(1),
    }
)


def fitted(feature, documents):
    """Fit the vectorizer that an experiment with this feature has."""
    pipeline = model([feature], SVM).named_steps["features"].transformer_list[0][1]
    return pipeline[-1].fit(documents)


def terms_of(vectorizer):
    stop_words = frozenset(vectorizer.get_stop_words() or ())
    return Terms(vectorizer.vocabulary_, vectorizer.idf_, vectorizer.ngram_range, stop_words)


@settings(max_examples=150)
@given(features, st.lists(texts, max_size=5), st.lists(texts, min_size=1, max_size=4))
def test_counts_and_vectors_are_those_of_the_vectorizer_on_seen_and_unseen_texts(feature, documents, unseen):
    vectorizer = fitted(feature, ["ferry captain praised harbour", *documents])
    terms = terms_of(vectorizer)
    for text in [*documents, *unseen]:
        counts = CountVectorizer.transform(vectorizer, [text]).tocoo()
        assert terms.count(text) == Counter(dict(zip(counts.col.tolist(), counts.data.tolist(), strict=True)))
        columns, values = terms.vector(terms.count(text))
        dense = np.zeros(len(vectorizer.vocabulary_))
        dense[columns] = values
        np.testing.assert_allclose(dense, vectorizer.transform([text]).toarray()[0], atol=1e-12)


@pytest.mark.parametrize("text", ["", "!?", "the of", "zeppelin"])
def test_a_text_without_a_known_term_has_an_empty_vector_and_is_no_error(text):
    vectorizer = fitted({"kind": "tfidf", "field": "text", "stop_words": "english", "min_documents": 1}, ["A ferry."])
    columns, values = terms_of(vectorizer).vector(terms_of(vectorizer).count(text))
    assert (columns.tolist(), values.tolist()) == ([], [])


def test_one_letter_words_count_as_they_do_in_training():
    vectorizer = fitted({"kind": "tfidf", "field": "text", "min_documents": 1}, ["I saw a ferry."])
    assert terms_of(vectorizer).count("I, I, and I") == {vectorizer.vocabulary_["i"]: 3}
