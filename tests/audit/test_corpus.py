from __future__ import annotations

import pandas as pd
import pytest

from audit.planted import clean_data, scheme
from newstance.audit.corpus import read_corpus
from newstance.corpus.published_outlets import Outlet, Outlets
from newstance.errors import NewstanceError


def test_identity_follows_the_declared_sources_and_addresses() -> None:
    data = clean_data()
    data["test"].loc[:2, "outlet"] = ["Post (Web)", "Guest", "Elsewhere"]
    data["test"].loc[1, "url"] = "https://www.post.example/today"
    outlets = Outlets(
        outlets=(Outlet(name="Post", sources=("Post (Web)",), hosts=("post.example",)),), unnamed=("Guest",)
    )

    corpus = read_corpus(data, scheme(), outlets)

    assert corpus.units["test"]["identity"].tolist()[:3] == ["Post", "Post", "Elsewhere"]


def test_an_article_with_several_targets_is_one_article() -> None:
    corpus = read_corpus(clean_data(targets=True), scheme(targets=True))

    assert len(corpus.of_split("test")) * 2 == len(corpus.units["test"])


def test_missing_columns_of_origin_are_noted() -> None:
    data = {split: table.drop(columns=["outlet", "published", "title"]) for split, table in clean_data().items()}

    corpus = read_corpus(data, scheme())

    assert corpus.lacking == ("outlet", "published")
    assert set(corpus.articles["identity"]) == {""}


def _without(split: str) -> dict[str, pd.DataFrame]:
    return {name: table for name, table in clean_data().items() if name != split}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_without("validation"), "'validation' is missing"),
        ({**clean_data(), "test": clean_data()["test"].drop(columns="text")}, "'test' lacks the column.* text"),
        ({**clean_data(), "test": clean_data()["test"].head(0)}, "'test' is empty"),
        ({**clean_data(), "test": clean_data()["test"].assign(leaning="upward")}, "'upward' is no label"),
        ({**clean_data(), "train": clean_data()["train"].assign(leaning="left")}, "'train' has the label 'left' alone"),
    ],
)
def test_data_that_cannot_be_audited_are_refused(data: dict[str, pd.DataFrame], message: str) -> None:
    with pytest.raises(NewstanceError, match=message):
        read_corpus(data, scheme())
