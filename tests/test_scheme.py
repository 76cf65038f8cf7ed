import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.scheme import ARTICLE_COLUMNS, check_articles, empty_articles, load_schemes
from newstance.settings import LabelSettings, load_settings

LEANING = """
name: leaning
kind: single-label
title: Leaning
annotations: leanings.csv
labels:
  - {code: left, name: left, definition: of the left}
  - {code: right, name: right, definition: of the right}
"""


def test_a_scheme_knows_its_codes_its_unit_and_its_annotation_columns(tmp_path):
    write_text(tmp_path / "leaning.yaml", LEANING)
    scheme = load_schemes(tmp_path, ["leaning"])["leaning"]
    assert scheme.codes == ["left", "right"]
    assert scheme.unit == ["article_id"]
    assert scheme.annotation_columns == ["article_id", "annotator", "leaning"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (LEANING.replace("code: right", "code: left"), "label codes must be distinct"),
        (LEANING.replace("name: leaning", "name: slant"), "key 'name' is 'slant' but the file is called 'leaning'"),
        (LEANING.replace("single-label", "two-labels"), "key 'kind'"),
        (LEANING.replace("code: left", "code: Far Left"), "key 'labels.0.code'"),
        (LEANING + "color: red\n", "unknown key 'color'"),
    ],
)
def test_a_wrong_scheme_is_refused_with_file_and_key(tmp_path, changed, problem):
    write_text(tmp_path / "leaning.yaml", changed)
    with pytest.raises(NewstanceError, match=rf"leaning\.yaml: .*{problem}"):
        load_schemes(tmp_path, ["leaning"])


def test_the_embedded_topics_are_the_top_level_media_topics():
    schemes = LabelSettings().load_schemes()
    assert len(schemes["topic"].labels) == 17
    assert len({label.medtop for label in schemes["topic"].labels}) == 17
    assert schemes["stance"].codes == ["favor", "neutral", "against"]
    assert load_settings().labels.schemes == ("topic", "stance")


def articles(**changes) -> pd.DataFrame:
    table = pd.DataFrame(
        {name: ["x", "y"] for name in ARTICLE_COLUMNS} | {"published": pd.to_datetime(["2017-02-07", None])}
    )
    return table.astype({"published": "datetime64[ns]"}).assign(**changes)


def test_articles_come_back_in_the_standard_order():
    checked = check_articles(articles()[list(reversed(ARTICLE_COLUMNS))], "mine.csv")
    assert tuple(checked.columns) == ARTICLE_COLUMNS
    assert tuple(empty_articles().columns) == ARTICLE_COLUMNS


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"article_id": ["x", "x"]}, "row 1, column 'article_id'"),
        ({"article_id": ["x", ""]}, "row 2, column 'article_id'"),
        ({"text": ["x", None]}, "row 2, column 'text'"),
    ],
)
def test_a_wrong_article_is_named_with_source_row_and_column(changes, problem):
    with pytest.raises(NewstanceError, match=rf"mine\.csv: {problem}"):
        check_articles(articles(**changes), "mine.csv")


def test_a_missing_column_is_named():
    with pytest.raises(NewstanceError, match=r"mine\.csv lacks the column\(s\) outlet, text"):
        check_articles(articles().drop(columns=["text", "outlet"]), "mine.csv")
