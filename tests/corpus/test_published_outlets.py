from pathlib import Path

import pandas as pd
import pytest

from newstance.corpus.published_outlets import Outlet, Outlets, read_outlets, shared_identities
from newstance.errors import NewstanceError

PROJECT = Path(__file__).parents[2] / "published"
OUTLETS = Outlets(
    outlets=(
        Outlet(name="Harbour", sources=("Harbour (Web)", "Harbour - Opinion"), hosts=("harbour.com",)),
        Outlet(name="Ferry", hosts=("ferry.org",)),
    ),
    authors=("Anna Berg",),
    unnamed=("Guest",),
)


@pytest.mark.parametrize(
    ("source", "host", "outlet", "identities"),
    [
        ("Harbour (Web)", "www.harbour.com", "Harbour", {"Harbour"}),
        ("Harbour - Opinion", "m.ferry.org:443", "Harbour", {"Harbour", "Ferry"}),
        ("Guest", "www.ferry.org", "Ferry", {"Ferry"}),
        ("Guest", "www.quay.net", "quay.net", {"quay.net"}),
        ("Anna Berg", "www.ferry.org", "Ferry", {"Ferry", "Anna Berg"}),
        ("Inland", "notferry.org", "Inland", {"Inland", "notferry.org"}),
    ],
)
def test_an_article_belongs_to_its_source_its_address_and_its_author(source, host, outlet, identities):
    assert OUTLETS.outlet(source, host) == outlet
    assert OUTLETS.identities(source, host) == identities


def test_shared_identities_find_another_name_another_address_and_the_same_author():
    articles = pd.DataFrame(
        [
            ("Harbour (Web)", "www.harbour.com"),
            ("Harbour - Opinion", "www.valley.org"),
            ("Guest", "news.harbour.com"),
            ("Inland", "www.inland.net"),
            ("Anna Berg", "www.quay.net"),
            ("Anna Berg", "www.valley.org"),
        ],
        columns=["source", "host"],
    )
    held = [True, False, False, False, True, False]
    assert shared_identities(articles, held, OUTLETS).tolist() == [True, True, True, False, True, True]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("outlets: [{name: A, hosts: [a.org]}, {name: B, hosts: [a.org]}]", "host declared twice: a.org"),
        ("outlets: [{name: A}]\nauthors: [A]", "source declared twice: A"),
        ("outlets: [{name: A, names: [x]}]", "two characters"),
        ("outlets: [{name: A, host: a.org}]", "unknown key 'outlets.0.host'"),
    ],
)
def test_wrong_declarations_are_refused(tmp_path, text, problem):
    path = tmp_path / "outlets.yaml"
    path.write_text(text)
    with pytest.raises(NewstanceError, match=problem):
        read_outlets(path)


def test_the_declared_outlets_of_the_project_are_consistent():
    outlets = read_outlets(PROJECT / "outlets.yaml")
    assert outlets.outlet("CNN - Editorial", "www.cnn.com") == outlets.of_host("politicalticker.blogs.cnn.com") == "CNN"
    assert outlets.identities("Ann Coulter", "www.townhall.com") == {"Ann Coulter", "Townhall"}
