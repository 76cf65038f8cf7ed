import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.tables import ARTICLE_COLUMNS, check_articles, empty_articles


def articles(**changes) -> pd.DataFrame:
    table = pd.DataFrame(
        {name: ["x", "y"] for name in ARTICLE_COLUMNS} | {"published": pd.to_datetime(["2017-02-07", None])}
    )
    return table.astype({"published": "datetime64[ns]"}).assign(**changes)


def test_articles_come_back_in_the_standard_order():
    checked = check_articles(articles()[list(reversed(ARTICLE_COLUMNS))], "mine.csv")
    assert tuple(checked.columns) == ARTICLE_COLUMNS
    pd.testing.assert_frame_equal(checked, articles())


def test_further_columns_and_another_index_are_left_out():
    pd.testing.assert_frame_equal(check_articles(articles(note="n").set_index([[7, 9]]), "mine.csv"), articles())


def test_an_article_table_without_rows_is_one():
    assert check_articles(empty_articles(), "mine.csv").empty


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"article_id": ["x", "x"]}, "row 1, column 'article_id'"),
        ({"article_id": ["x", ""]}, "row 2, column 'article_id'"),
        ({"text": ["x", None]}, "row 2, column 'text'"),
        ({"outlet": [1, 2]}, "row 1, column 'outlet'"),
        ({"published": ["2017-02-07", "spring"]}, "row 2, column 'published'"),
    ],
)
def test_a_wrong_article_is_named_with_source_row_and_column(changes, problem):
    table = articles(**changes).set_index([[7, 9]])  # a row is counted, whatever the index says
    with pytest.raises(NewstanceError, match=rf"mine\.csv: {problem} fails the check \w+"):
        check_articles(table, "mine.csv")


def test_a_missing_column_is_named():
    with pytest.raises(NewstanceError, match=r"mine\.csv lacks the column\(s\) outlet, text"):
        check_articles(articles().drop(columns=["text", "outlet"]), "mine.csv")
