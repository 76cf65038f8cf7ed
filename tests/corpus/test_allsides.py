import pandas as pd
import pytest
from rich.progress import Progress

from downloads import ending_midway, files_below
from newstance.corpus import allsides
from newstance.corpus.published_outlets import read_outlets
from newstance.errors import NewstanceError
from newstance.settings import NearDuplicateSettings
from small_allsides import OUTLETS, table, write_archive

PROGRESS = Progress(disable=True)
SETTINGS = NearDuplicateSettings(permutations=64, similarity=0.4)


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setattr(allsides, "DATA_DIR", tmp_path / "data")
    (tmp_path / "data/allsides").mkdir(parents=True)
    return tmp_path / "data/allsides"


def put(articles: pd.DataFrame, folder, monkeypatch) -> None:
    monkeypatch.setattr(allsides, "SHA256", allsides.content_sha256(articles))
    articles.to_parquet(folder / "articles.parquet")


def collection(articles: pd.DataFrame, tmp_path) -> allsides.Collection:
    (tmp_path / "outlets.yaml").write_text(OUTLETS)
    return allsides.Collection(articles, read_outlets(tmp_path / "outlets.yaml"), SETTINGS, words=300, recurrent=10)


def test_the_archive_gives_the_same_articles_as_the_table(tmp_path):
    expected = table()
    write_archive(tmp_path / "archive.zip", expected)
    found = allsides.read_archive(tmp_path / "archive.zip", PROGRESS)
    assert allsides.content_sha256(found) == allsides.content_sha256(expected)
    assert found["split_random"].isna().sum() == expected["split_random"].isna().sum() > 0


def test_a_file_that_is_no_archive_of_the_repository_is_refused(tmp_path):
    (tmp_path / "archive.zip").write_bytes(b"no archive")
    with pytest.raises(NewstanceError, match="isn't the archive of"):
        allsides.read_archive(tmp_path / "archive.zip", PROGRESS)


def test_without_a_data_directory_the_archive_is_downloaded_once(tmp_path, monkeypatch):
    articles = table()
    source = tmp_path / "served.zip"
    write_archive(source, articles)
    monkeypatch.setattr(allsides, "DATA_DIR", None)
    monkeypatch.setattr(allsides, "SHA256", allsides.content_sha256(articles))
    monkeypatch.setattr(allsides, "HOME", source.as_uri())
    first = allsides.read_allsides(tmp_path / "downloads", PROGRESS)
    source.unlink()
    pd.testing.assert_frame_equal(first, allsides.read_allsides(tmp_path / "downloads", PROGRESS))
    assert [path.name for path in (tmp_path / "downloads/allsides").iterdir()] == ["articles.parquet"]


def test_what_cannot_be_downloaded_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(allsides, "DATA_DIR", None)
    monkeypatch.setattr(allsides, "HOME", (tmp_path / "nowhere.zip").as_uri())
    with pytest.raises(NewstanceError, match="set NEWSTANCE_DATA_DIR"):
        allsides.read_allsides(tmp_path / "downloads", PROGRESS)


def test_a_connection_that_ends_midway_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(allsides, "DATA_DIR", None)
    with ending_midway() as address:
        monkeypatch.setattr(allsides, "HOME", address)
        with pytest.raises(NewstanceError, match="can't be downloaded from"):
            allsides.read_allsides(tmp_path / "downloads", PROGRESS)
    assert files_below(tmp_path / "downloads") == []


def test_a_downloaded_archive_of_other_articles_is_not_kept(tmp_path, monkeypatch):
    write_archive(tmp_path / "served.zip", table())
    monkeypatch.setattr(allsides, "DATA_DIR", None)
    monkeypatch.setattr(allsides, "HOME", (tmp_path / "served.zip").as_uri())
    with pytest.raises(NewstanceError, match=r"served\.zip holds articles with sha256 .* it isn't ramybaly"):
        allsides.read_allsides(tmp_path / "downloads", PROGRESS)
    assert files_below(tmp_path / "downloads") == []


def test_articles_that_were_changed_are_refused(data_dir, tmp_path, monkeypatch):
    put(table(), data_dir, monkeypatch)
    changed = table()
    changed.loc[3, "content"] += "!"
    changed.to_parquet(data_dir / "articles.parquet")
    with pytest.raises(NewstanceError, match="isn't ramybaly"):
        allsides.read_allsides(tmp_path, PROGRESS)


def test_a_table_of_another_form_is_refused(data_dir, tmp_path):
    pd.DataFrame({"id": ["a"]}).to_parquet(data_dir / "articles.parquet")
    with pytest.raises(NewstanceError, match=r"can't be read as the AllSides table|lacks the column"):
        allsides.read_allsides(tmp_path, PROGRESS)


def test_the_hash_is_the_content_s_and_not_the_order_s():
    articles = table()
    assert allsides.content_sha256(articles) == allsides.content_sha256(articles.sample(frac=1, random_state=1))
    assert allsides.content_sha256(articles) != allsides.content_sha256(articles.assign(bias="left"))


def test_articles_are_cleaned(data_dir, tmp_path, monkeypatch):
    raw = table()
    raw.loc[1, "content"] = raw.loc[0, "content"] + "  "
    raw.loc[2, "content"] = " \n "
    raw.loc[3, "date"] = "0001-11-30"
    put(raw, data_dir, monkeypatch)
    articles = allsides.read_allsides(tmp_path, PROGRESS)
    assert len(articles) == len(raw) - 2
    assert articles["title"][0] == "Rowers 0 leave"
    assert articles["published"][0] == pd.Timestamp("2016-05-18")
    assert articles.set_index("article_id")["published"].isna().tolist().count(True) == 1
    assert set(articles["split_random"]) == {"train", "validation", "test", "excluded"}


@pytest.fixture
def small(data_dir, tmp_path, monkeypatch):
    raw = table()
    # The last article of test, which an inland outlet printed too.
    raw.loc[raw["source"] == "Inland", "content"] = [
        *raw.loc[raw["source"] == "Inland", "content"][:-1],
        raw["content"].iloc[-1] + " At noon .",
    ]
    put(raw, data_dir, monkeypatch)
    return collection(allsides.read_allsides(tmp_path, PROGRESS), tmp_path)


def test_media_clean_removes_outlets_authors_and_near_duplicates_of_test(small):
    media, _ = small.splits("media")
    clean, removed = small.splits("media-clean")
    assert [(rule, int(gone.sum())) for rule, gone in removed] == [
        ("outlet or author of test", 18),  # Harbour at Ferry's address, Ferry's guests, Anna Berg elsewhere
        ("near-duplicate of test", 1),
    ]
    assert (clean == "test").equals(media == "test")
    articles = small.articles
    test = clean == "test"
    kept = clean.isin(["train", "validation"])
    assert not set(articles.loc[kept, "outlet"]) & set(articles.loc[test, "outlet"])
    assert not set(articles.loc[kept, "group"]) & set(articles.loc[test, "group"])
    assert (clean[~kept & ~test] == "excluded").all()


def test_the_authors_splits_stay_as_they_are(small):
    for name in ("random", "media"):
        splits, removed = small.splits(name)
        assert removed == []
        assert splits.equals(small.articles[f"split_{name}"])


def test_masked_articles_name_no_outlet(small):
    masked = small.masked
    assert small.articles["text"].str.contains("Ferry").all()
    assert not masked["text"].str.contains("Ferry|Harbour").any()
    assert masked["article_id"].equals(small.articles["article_id"])
    assert masked is small.masked
