from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.planted import clean_data, scheme
from newstance.audit.corpus import read_corpus, spoken
from newstance.audit.names import BYLINE, OUTLET, SECTION, Name, authors, find_names, section


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("By Ada Brink\nThe ferry was late again.", ["Ada Brink"]),
        ("By ADA BRINK and Nils Holm, Harbour Post\nThe ferry was late.", ["Ada Brink", "Nils Holm"]),
        ("The ferry was late. Ada Brink and Nils Holm contributed to this report.", ["Ada Brink", "Nils Holm"]),
        ("The ferry was late. Ada Brink, Nils Holm and Eva Lund contributed.", ["Ada Brink", "Nils Holm", "Eva Lund"]),
        ("The ferry was late. Reporting by Ada Brink; Editing by Nils Holm.", ["Ada Brink", "Nils Holm"]),
        ("The ferry was late. Ada Brink reported from Lund.", ["Ada Brink"]),
        ("The ferry was late.\nAda M. Brink is a senior staff writer at the Harbour Post.", ["Ada M. Brink"]),
        ("By Sunday morning, more ferries were late.", []),
        ("The ferry was late. The Harbour Press contributed to this report.", []),
        ("The mayor said that the ferry was late by an hour.", []),
    ],
)
def test_bylines_and_credits_name_the_authors(text: str, expected: list[str]) -> None:
    assert authors(text) == expected


@given(st.text(max_size=400))
def test_authors_of_any_text_are_distinct_capitalised_names_of_the_text(text: str) -> None:
    found = authors(text)

    assert len(set(found)) == len(found)
    assert all(len(name.split()) >= 2 and name[0].isupper() for name in found)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("OPINION: The ferry must sail", "OPINION"),
        ("Analysis | The ferry must sail", "Analysis"),
        ("The ferry must sail | World", "World"),
        ("Brink: The ferry must sail", ""),
        ("The ferry must sail", ""),
    ],
)
def test_section_labels_stand_at_either_end_of_a_title(title: str, expected: str) -> None:
    assert section(title) == expected


@pytest.mark.parametrize("outlet", ["Valley Post", "Valley Post (Web)", "Valley Post - Opinion", "Valley Post – News"])
def test_remarks_are_no_part_of_the_name_that_texts_use(outlet: str) -> None:
    assert spoken(outlet) == "Valley Post"


def test_names_are_found_as_they_are_written() -> None:
    data = clean_data()
    train = data["train"].copy()
    train["outlet"] = ["Reason" if place % 2 else "Valley Post (Web)" for place in range(len(train))]
    train.loc[0, ["title", "text"]] = ["OPINION: Ferries", "By Ada Brink\nFor no reason the Valley Post was late."]
    train.loc[1, "text"] = "Reason says that Reason Magnusson is a captain."
    train.loc[2, "text"] = "The captain is Reason Magnusson."
    corpus = read_corpus({**data, "train": train}, scheme())

    found = find_names(corpus, [authors(text) for text in corpus.articles["text"]])

    assert found[0] == [Name(OUTLET, "Valley Post"), Name(BYLINE, "Ada Brink"), Name(SECTION, "OPINION")]
    assert found[1] == [Name(OUTLET, "Reason")]
    assert found[2] == []
