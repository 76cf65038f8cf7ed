import numpy as np
import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.models.fields import Category, SentimentScores, TextField, require

ALIASES = {"ferry": ["boat"]}
TABLE = pd.DataFrame(
    [
        ["Boats wanted", "A storm came. The ferry sank. A boat came.", "ferry", "Harbour Post"],
        ["Budget", "The minister spoke.", "minister", "Hill Gazette"],
    ],
    columns=["title", "text", "target", "outlet"],
    index=[7, 3],
)


@pytest.mark.parametrize(
    ("field", "texts"),
    [
        ("title", ["Boats wanted", "Budget"]),
        ("text", ["A storm came. The ferry sank. A boat came.", "The minister spoke."]),
        ("target", ["ferry", "minister"]),
        ("article", ["Boats wanted. A storm came. The ferry sank. A boat came.", "Budget. The minister spoke."]),
        ("target_sentences", ["The ferry sank. A boat came.", "The minister spoke."]),
        ("masked_sentences", ["The TARGET sank. A TARGET came.", "The TARGET spoke."]),
    ],
)
def test_a_text_field_gives_one_text_a_row(field, texts):
    assert TextField(field, ALIASES).fit_transform(TABLE) == texts


def test_sentence_fields_work_without_aliases():
    assert TextField("target_sentences").fit_transform(TABLE) == ["The ferry sank.", "The minister spoke."]


@pytest.mark.parametrize(
    ("field", "needed"),
    [
        ("title", ["title"]),
        ("text", ["text"]),
        ("target", ["target"]),
        ("article", ["title", "text"]),
        ("target_sentences", ["title", "text", "target"]),
        ("masked_sentences", ["title", "text", "target"]),
    ],
)
def test_a_text_field_needs_its_columns_and_no_others(field, needed):
    assert len(TextField(field).transform(TABLE[needed])) == len(TABLE)
    for column in needed:
        with pytest.raises(NewstanceError, match=rf"column\(s\) {column}, which"):
            TextField(field).transform(TABLE.drop(columns=column))


def test_all_missing_columns_are_named():
    with pytest.raises(NewstanceError, match=r"column\(s\) title, text, target, which"):
        TextField("target_sentences").transform(TABLE[["outlet"]])


def test_a_table_with_the_columns_that_are_needed_is_accepted():
    require(TABLE, ("title", "target"))
    require(TABLE.head(0), ("title",))
    require(TABLE, ())
    with pytest.raises(NewstanceError, match=r"^The model needs the column\(s\) topic, label, which its input doesn't"):
        require(TABLE, ("topic", "title", "label"))


def test_categories_are_one_column_of_texts_and_a_missing_one_is_empty():
    table = pd.DataFrame({"outlet": ["Harbour Post", None, "Hill Gazette"], "year": [2016, 2017, 2017]})
    assert Category("outlet").fit_transform(table).tolist() == [["Harbour Post"], [""], ["Hill Gazette"]]
    assert Category("year").fit_transform(table).tolist() == [["2016"], ["2017"], ["2017"]]


def test_a_category_needs_its_column():
    with pytest.raises(NewstanceError, match=r"column\(s\) topic, which"):
        Category("topic").transform(TABLE)


def test_sentiment_scores_tell_praise_from_blame():
    praise, blame, plain = SentimentScores().fit_transform(
        ["A wonderful, excellent success.", "A terrible, awful disaster.", "The table has four legs."]
    )
    positive, negative, compound, neutral, lowest, highest = range(6)
    assert praise[positive] > 0 == praise[negative]
    assert blame[negative] > 0 == blame[positive]
    assert praise[compound] > 0.5 > -0.5 > blame[compound]
    assert plain[neutral] == 1
    assert plain[compound] == plain[lowest] == plain[highest] == 0


def test_sentiment_scores_are_of_sentences():
    scores = SentimentScores().fit_transform(["A wonderful success. A terrible disaster. It is four."])[0]
    single = SentimentScores().fit_transform(["A wonderful success.", "A terrible disaster.", "It is four."])
    assert np.allclose(scores[:4], single[:, :4].mean(axis=0))
    assert scores[4:].tolist() == [single[1, 4], single[0, 5]]


def test_a_text_without_words_has_no_sentiment():
    assert SentimentScores().fit_transform(["", "  "]).shape == (2, 6)
    assert not SentimentScores().fit_transform(["", "  "]).any()
