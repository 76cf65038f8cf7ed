"""TF-IDF of few texts."""

import pytest

from newstance.errors import NewstanceError
from newstance.models.tfidf import PlainTfidf


def test_texts_without_a_word_in_common_are_refused_in_a_sentence():
    with pytest.raises(NewstanceError, match=r"no words to count in 2 different texts .* lower 'min_documents'"):
        PlainTfidf(min_df=2).fit(["ferry", "tram", "tram"])


def test_a_text_that_occurs_twice_counts_once_and_has_its_row_twice():
    matrix = PlainTfidf(min_df=1).fit_transform(["ferry", "tram", "tram"])
    assert matrix.toarray().tolist() == [[1, 0], [0, 1], [0, 1]]
