from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistune import create_markdown

from newstance.files import write_text
from newstance.notebooks import corpus
from newstance.notebooks.display import as_table
from newstance.notebooks.project import Project, open_project
from newstance.settings import CorpusSettings
from projects import ARTICLES, GOLD, SHORT, SKIPPED, TWINS, prepare, write_project


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_project(folder)
    write_text(folder / "dvc.yaml", "stages: {}\n")
    write_text(
        folder / "own/pier-closed.txt", "The pier is closed\n\n" + "It will open again when the storm is over. " * 5
    )
    prepare(folder)
    write_text(folder / "bundle/manifest.json", "{}")
    return folder


@pytest.fixture
def project(folder, monkeypatch) -> Project:
    monkeypatch.chdir(folder)
    return open_project()


def table(outlets: str, dates: list[str], words: int = 100) -> pd.DataFrame:
    """One article a letter of `outlets`."""
    return pd.DataFrame(
        {
            "article_id": [f"n{number}" for number in range(len(outlets))],
            "shown_outlet": list(outlets),
            "published": pd.to_datetime(dates),
            "words": words,
            "split": "train",
        }
    )


def report(*rules: tuple[str, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rules, columns=["rule", "dropped", "changed", "rows_left"])


def shown_texts(chart) -> list[str]:
    return [text.get_text() for axes in chart.figure.axes for text in axes.texts]


def test_every_article_says_its_split_and_whether_it_is_ones_own(project):
    articles = corpus.read_articles(project).set_index("article_id")
    assert len(articles) == ARTICLES + 1 - 2  # two were dropped
    assert not {SHORT, SKIPPED} & set(articles.index)
    assert (articles["split"] == "test").sum() == GOLD
    assert articles.loc["pier-closed", ["shown_outlet", "split"]].tolist() == [corpus.OWN, corpus.UNLABELLED]
    assert articles.loc["n000", "words"] == len(articles.loc["n000", "text"].split())
    assert len(corpus.of_outlets(articles)) == len(articles) - 1
    assert len(set(articles.loc[list(TWINS), "split"])) == 1


def test_a_labelled_article_that_no_split_has_is_excluded(project, monkeypatch):
    kept = {task: project.prepared(task) for task in project.schemes}
    lost = kept["subject"].loc[kept["subject"]["split"] == "train", "article_id"].iloc[0]
    monkeypatch.setattr(Project, "prepared", lambda _, task: kept[task][kept[task]["article_id"] != lost])
    articles = corpus.read_articles(project).set_index("article_id")
    assert articles.index[articles["split"] == "excluded"].tolist() == [lost]


def test_the_origin_is_the_collection_or_ones_own_table():
    assert "T. Dai" in corpus.origin(CorpusSettings())
    assert "`mine.csv`" in corpus.origin(CorpusSettings(source="table", path=Path("folder/mine.csv")))
    assert "T. Dai" not in corpus.origin(CorpusSettings(source="table", path=Path("folder/mine.csv")))


def test_the_figure_of_cleaning_says_how_many_articles_each_rule_touched():
    rules = [("read", 0, 0, 200), ("encoding repaired", 0, 50, 200), ("under 50 words", 20, 0, 180)]
    chart = corpus.cleaning(report(*rules))
    assert chart.title == (
        "Cleaning drops 20 of 200 articles; the rule that touches most, “encoding repaired”, touches 50"
    )
    assert shown_texts(chart) == ["50 (25.0\N{NO-BREAK SPACE}%)", "20 (10.0\N{NO-BREAK SPACE}%)"]


def test_a_corpus_that_was_clean_needs_no_second_half_of_the_title():
    assert corpus.cleaning(report(("read", 0, 0, 3), ("short", 0, 0, 3))).title == "Cleaning drops 0 of 3 articles"


def test_repairs_are_quoted_before_and_after_one_an_outlet(project, monkeypatch):
    texts = ["Nothing wrong here.", 'He didn"t come and they say that he won"t.', "She isn't late.", 'It isn"t there.']
    raw = pd.DataFrame({"outlet": ["Post", "Post", "Times", ""], "text": texts})
    monkeypatch.setattr(corpus, "read_raw", lambda _: raw)
    found = corpus.repairs(project)
    assert found.to_numpy().tolist() == [["Post", 'He didn"t come and they', "He didn't come and they"]]


@pytest.mark.parametrize(
    ("outlets", "title"),
    [
        ("aaaaaaaaaab", "a, one of 2 outlets, has 90.9 % of the articles, the smallest, b, 9.1 %"),
        (
            "aabbc",
            "No outlet dominates: the largest of 3, a, has 40.0 % of the articles, the smallest, c, 20.0 %",
        ),
        ("aaa", "All 3 articles are of one outlet, a"),
    ],
)
def test_the_figure_of_outlets_says_whether_one_dominates(outlets, title):
    chart = corpus.outlets(table(outlets, ["2017-02-01"] * len(outlets)))
    assert chart.title.replace("\N{NO-BREAK SPACE}", " ") == title
    assert shown_texts(chart)[0] == str(outlets.count("a"))


def test_ones_own_articles_stand_below_the_outlets_and_outside_the_finding():
    articles = table("aabb", ["2017-02-01"] * 4)
    articles = pd.concat([articles, articles.assign(shown_outlet=corpus.OWN)])
    chart = corpus.outlets(articles)
    labels = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert labels == ["a", "b", corpus.OWN]
    assert "largest of 2" in chart.title


def test_the_calendar_counts_articles_by_outlet_and_week_and_leaves_lone_ones_out():
    dates = ["2010-05-05", *["2017-02-06"] * 5, *["2017-02-13"] * 5, "2017-03-20", "2017-03-20", "2017-03-22"]
    chart = corpus.calendar(table("a" * 11 + "bbb", dates))
    assert sorted(shown_texts(chart)) == ["3", "5", "5"]
    assert chart.title == (
        "Outlet and period are entangled: half of a's articles are from before 6 February 2017, "
        "half of b's from after 20 March 2017"
    )
    assert "Left out: 1 article " in chart.caption
    columns = [label.get_text() for label in chart.figure.axes[0].get_xticklabels()]
    assert (columns[0], columns[-1], len(columns)) == ("6 Feb 17", "20 Mar 17", 7)


@pytest.mark.parametrize(("spread", "unit"), [("30D", "week"), ("400D", "month"), ("4000D", "year")])
def test_the_calendar_has_few_columns_however_long_the_period(spread, unit):
    dates = pd.date_range("2001-01-01", periods=40, freq=pd.Timedelta(spread) / 40).repeat(2)
    chart = corpus.calendar(table("ab" * 40, list(dates)))
    assert chart.figure.axes[0].get_xlabel() == f"{unit} that begins on"
    assert len(chart.figure.axes[0].get_xticks()) <= corpus.MOST_PERIODS
    assert "same period" in chart.title


def test_a_single_dated_article_makes_a_calendar():
    chart = corpus.calendar(table("ab", ["2017-02-01", "NaT"]))
    assert shown_texts(chart) == ["1"]
    assert chart.title == "Half of the articles of a are from before 1 February 2017"


def test_examples_are_quotes_one_an_outlet_always_the_same(project):
    articles, scheme = corpus.read_articles(project), project.schemes["subject"]
    found = corpus.examples(articles, project.prepared("subject"), scheme, seed=1)
    assert found["outlet"].tolist() == sorted(set(articles["outlet"]) - {""})
    assert (found["begins with"].str.split().str.len() <= 13).all()  # twelve words and the sign that more follow
    assert set(found["subject"]) <= set(scheme.codes)
    pd.testing.assert_frame_equal(found, corpus.examples(articles, project.prepared("subject"), scheme, seed=1))


def test_a_table_without_rows_is_said():
    assert as_table(pd.DataFrame(columns=["outlet"])) == "*(no rows)*"


@given(st.text(alphabet=st.sampled_from(list("a*_`|<>[]\\$#~&\n")), min_size=1))
def test_cells_of_a_table_are_shown_as_they_are(cell):
    shown = create_markdown(escape=True, plugins=["table"])(as_table(pd.DataFrame({"title": [cell], "n": [7]})))
    assert shown.count("<td") == 2
    for sign in "*_`|":
        assert shown.count(sign) == cell.count(sign)
    assert "<em>" not in shown
    assert "<code>" not in shown
