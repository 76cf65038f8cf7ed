import zipfile

import pandas as pd
import pytest

from newstance.corpus.news_articles import outlet_of, read
from newstance.errors import NewstanceError
from newstance.settings import CorpusSettings

HEADER = "article_id,publish_date,article_source_link,title,subtitle,text\n"


def write(folder, csv: str, member: str = "NewsArticles.csv"):
    with zipfile.ZipFile(folder / "NewsArticles.zip", "w") as archive:
        archive.writestr(member, csv)


def test_the_collection_becomes_the_article_table(tmp_path):
    rows = (
        '7,2017/2/7, http://www.rte.ie/news/1/ ,"Ferry, again",,"The ""slow""? ferry sails."\n'
        "007,2017/02/18 9:30,http://example.org/x,NA,Sub,Text\n"
        "8,some day,http://europe.chinadaily.com.cn/a.html,,,\n"
    )
    write(tmp_path, HEADER + rows)
    table = read(CorpusSettings(), tmp_path)
    assert list(table.columns) == ["article_id", "outlet", "url", "published", "title", "subtitle", "text"]
    assert table["article_id"].tolist() == ["7", "007", "8"]
    assert table["outlet"].tolist() == ["RTE", "", "China Daily"]
    assert table["url"].iloc[0] == "http://www.rte.ie/news/1/"
    assert table["published"].tolist()[:2] == [pd.Timestamp("2017-02-07"), pd.Timestamp("2017-02-18 09:30")]
    assert table["published"].isna().tolist() == [False, False, True]
    assert table["title"].tolist() == ["Ferry, again", "NA", ""]
    assert table["text"].iloc[0] == 'The "slow"? ferry sails.'


@pytest.mark.parametrize(
    ("url", "outlet"),
    [
        ("http://www.bbc.co.uk/news/1", "BBC"),
        ("https://tass.com/defense/1", "TASS"),
        ("http://notbbc.co.uk/1", ""),
        ("no url", ""),
        ("http://[x", ""),
    ],
)
def test_the_outlet_follows_from_the_host(url, outlet):
    assert outlet_of(url) == outlet


def test_a_missing_or_damaged_file_is_one_clear_error(tmp_path):
    with pytest.raises(NewstanceError, match="is missing; run the step that fetches it"):
        read(CorpusSettings(), tmp_path)
    (tmp_path / "NewsArticles.zip").write_bytes(b"no zip")
    with pytest.raises(NewstanceError, match="can't be read"):
        read(CorpusSettings(), tmp_path)
    write(tmp_path, HEADER, member="other.csv")
    with pytest.raises(NewstanceError, match="can't be read"):
        read(CorpusSettings(), tmp_path)
    write(tmp_path, "article_id,text\n1,x\n")
    with pytest.raises(NewstanceError, match=r"lacks the column\(s\) published, subtitle, title, url"):
        read(CorpusSettings(), tmp_path)
