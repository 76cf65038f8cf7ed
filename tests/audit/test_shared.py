from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.planted import clean_data, prefixed, scheme
from newstance.audit.corpus import read_corpus
from newstance.audit.shared import AUTHOR, DUPLICATE, LINE, OUTLET_IDENTITY, OUTLET_NAME, boilerplate, find_shared
from newstance.audit.thresholds import BOILERPLATE_ARTICLES
from newstance.corpus.published_outlets import Outlet, Outlets

LINE_TEXT = "Follow the ferry news of page 12 every day."


def test_clean_splits_share_nothing() -> None:
    shared = find_shared(read_corpus(clean_data(), scheme()))

    assert shared.exposure["test_articles"].sum() == 0
    assert shared.pairs.empty
    assert shared.boilerplate.empty


def test_an_outlet_in_both_splits_is_counted_by_name_and_by_identity() -> None:
    data = clean_data()
    data["test"].loc[:9, "outlet"] = "Train Gazette A"
    data["test"].loc[10:14, "outlet"] = "Gazette A (Web)"
    outlets = Outlets(outlets=(Outlet(name="Gazette A", sources=("Train Gazette A", "Gazette A (Web)")),))

    shared = find_shared(read_corpus(data, scheme(), outlets))

    counts = shared.exposure.set_index("what")["test_articles"]
    assert (counts[OUTLET_NAME], counts[OUTLET_IDENTITY]) == (10, 15)
    row = shared.outlets.set_index("outlet").loc["Gazette A (Web)"]
    assert (row["train"], row["test"], row["identity"]) == (0, 5, "Gazette A")
    assert row["identity_in_train"] == (data["train"]["outlet"] == "Train Gazette A").sum()


def test_a_near_duplicate_across_splits_is_found_with_its_similarity() -> None:
    data = clean_data()
    data["test"].loc[4, "text"] = data["train"].loc[7, "text"] + " The story was changed."

    shared = find_shared(read_corpus(data, scheme()))

    pair = shared.pairs.iloc[0]
    assert len(shared.pairs) == 1
    assert (pair["first"], pair["first_split"], pair["second"], pair["second_split"]) == (
        "train-7",
        "train",
        "test-4",
        "test",
    )
    assert 0.8 < pair["similarity"] < 1
    assert shared.flags[DUPLICATE].nonzero()[0].tolist() == [4]


def test_an_article_that_lies_in_two_splits_is_its_own_near_duplicate() -> None:
    data = clean_data()
    data["test"] = pd.concat([data["test"], data["train"].head(1)], ignore_index=True)

    shared = find_shared(read_corpus(data, scheme()))

    assert shared.pairs[["first", "second", "similarity"]].to_numpy().tolist() == [["train-0", "train-0", 1.0]]


def test_authors_and_boilerplate_are_counted_by_split() -> None:
    data = clean_data()
    data["train"] = prefixed(prefixed(data["train"], range(8), LINE_TEXT), [20], "By Ada Brink")
    data["test"] = prefixed(prefixed(data["test"], range(3), LINE_TEXT.replace("12", "77")), [5, 6], "By Ada Brink")

    shared = find_shared(read_corpus(data, scheme()))

    assert shared.authors.to_numpy().tolist() == [["Ada Brink", 1, 0, 2]]
    assert shared.boilerplate.to_numpy().tolist() == [["follow the ferry news of page 00 every day.", 9, 8, 0, 3]]
    assert shared.flags[AUTHOR].nonzero()[0].tolist() == [5, 6]
    assert shared.flags[LINE].nonzero()[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("groups", [BOILERPLATE_ARTICLES - 1, BOILERPLATE_ARTICLES])
def test_a_line_is_boilerplate_from_a_number_of_groups_on(groups: int) -> None:
    count = BOILERPLATE_ARTICLES + 3
    texts = pd.Series(
        [f"Number {'abcdefghij'[place]} is late today.\nSign up for ferry news." for place in range(count)]
    )
    near_duplicates = pd.Series([str(min(place, groups - 1)) for place in range(count)])

    found = boilerplate(texts, near_duplicates)

    assert all(lines == (["sign up for ferry news."] if groups == BOILERPLATE_ARTICLES else []) for lines in found)


@given(st.lists(st.text(alphabet="ab .\n", max_size=30), min_size=1, max_size=12))
def test_boilerplate_of_any_texts_occurs_in_enough_of_them(texts: list[str]) -> None:
    found = boilerplate(pd.Series(texts, dtype="str"), pd.Series([str(place) for place in range(len(texts))]))

    for line in {line for lines in found for line in lines}:
        assert sum(line in lines for lines in found) >= BOILERPLATE_ARTICLES
