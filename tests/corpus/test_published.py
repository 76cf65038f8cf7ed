import json
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
import yaml
from rich.progress import Progress

from newstance.corpus import allsides, newsmtsc
from newstance.corpus.prepared import load_corpus, read_prepared
from newstance.corpus.published import prepare_all
from newstance.corpus.published_settings import read_corpus
from newstance.errors import NewstanceError
from newstance.scheme import load_schemes
from small_allsides import OUTLETS, table

PROGRESS = Progress(disable=True)
PROJECT = Path(__file__).parents[2] / "published"
NEWS = {"task": "news", "source": "datasets", "annotator": "editors", "columns": {"text": "text", "label": "label"}}
NUMBERED = {"labels": {0: "world", 1: "sports", 2: "business", 3: "science"}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder, as published/ is one; the hub can't be reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "schemes").mkdir()
    (tmp_path / "outlets.yaml").write_text(OUTLETS)
    return tmp_path


def scheme(name: str, codes: list[str], kind: str = "single-label") -> None:
    labels = [{"code": code, "name": code, "definition": f"it is {code}"} for code in codes]
    content = {"name": name, "kind": kind, "title": name, "annotations": "none", "labels": labels}
    Path(f"schemes/{name}.yaml").write_text(yaml.safe_dump(content))


def prepare(*corpora: dict) -> pd.DataFrame:
    files = []
    for corpus in corpora:
        files.append(Path(f"{corpus['task']}.yaml"))
        files[-1].write_text(yaml.safe_dump(corpus))
    return prepare_all(files, PROGRESS, prepared=Path("prepared"), downloads=Path("downloads"))


def counts(report: pd.DataFrame, task: str, rule: str) -> list[int]:
    row = report[(report["task"] == task) & (report["rule"] == rule)]
    return row[["train", "validation", "test"]].to_numpy().ravel().tolist()


def news(count: int, first: int = 0) -> pd.DataFrame:
    """AG News' form: a text and a class number."""
    texts = [
        " ".join(f"w{(place * 31 + word * word) % 997}" for word in range(40)) for place in range(first, first + count)
    ]
    return pd.DataFrame({"text": texts, "label": [place % 4 for place in range(count)]})


def news_scheme() -> None:
    scheme("news", ["world", "sports", "business", "science"])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_local_file_gives_all_three_splits(project, suffix):
    news_scheme()
    file = f"news.{suffix}"
    rows = news(200)
    {
        "csv": lambda: rows.to_csv(file, index=False),
        "parquet": lambda: rows.to_parquet(file),
        "jsonl": lambda: rows.to_json(file, orient="records", lines=True),
    }[suffix]()
    report = prepare({**NEWS, **NUMBERED, "path": file})
    data = read_prepared("news", Path("prepared"))
    assert {split: len(part) for split, part in data.items()} == {"train": 144, "validation": 16, "test": 40}
    assert counts(report, "news", "read") == [200, 0, 0]
    assert counts(report, "news", "written") == [144, 16, 40]
    assert data["test"]["news"].value_counts().tolist() == [10] * 4
    assert set(data["train"]["annotator"]) == {"editors"}


def test_published_splits_are_kept_and_near_duplicates_of_test_leave_train(project):
    news_scheme()
    train, test = news(80), news(20, first=500)
    train.loc[7, "text"] = test["text"][3] + " again"
    train.loc[9, "text"] = train["text"][8]
    Path("folder").mkdir()
    train.to_parquet("folder/train.parquet")
    test.to_parquet("folder/test.parquet")
    report = prepare({**NEWS, **NUMBERED, "path": "folder", "splits": {"test": "test"}})
    data = read_prepared("news", Path("prepared"))
    assert data["test"]["text"].tolist() == test["text"].tolist()
    assert counts(report, "news", "near-duplicate of test") == [1, 0, 0]
    groups = [set(data[split]["group"]) for split in ("train", "validation", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert "No group of near-duplicate" in Path("prepared/news/README.md").read_text()


def test_a_published_validation_part_is_kept(project):
    news_scheme()
    for split, rows in {"train": news(40), "dev": news(12, first=300), "test": news(8, first=600)}.items():
        Path("folder").mkdir(exist_ok=True)
        rows.to_json(f"folder/{split}.jsonl", orient="records", lines=True)
    prepare({**NEWS, **NUMBERED, "path": "folder", "splits": {"validation": "validation", "test": "test"}})
    assert len(read_prepared("news", Path("prepared"))["validation"]) == 12


def test_optional_columns_and_text_labels(project):
    scheme("news", ["good", "bad"], kind="target-dependent")
    rows = news(60).rename(columns={"text": "body"})
    rows = rows.assign(head="Rain", who="crew", paper="Harbour", number=range(60), tone=["fine", "poor", "odd"] * 20)
    rows.to_parquet("news.parquet")
    columns = {"text": "body", "title": "head", "target": "who", "outlet": "paper", "id": "number", "label": "tone"}
    labels = {"fine": "good", "poor": "bad", "odd": None}
    report = prepare({**NEWS, "path": "news.parquet", "columns": columns, "labels": labels})
    row = read_prepared("news", Path("prepared"))["train"].iloc[0]
    assert (row["title"], row["target"], row["outlet"]) == ("Rain", "crew", "Harbour")
    assert row["article_id"].isdigit()
    assert counts(report, "news", "label left out") == [20, 0, 0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"labels": {0: "world"}}, "label '1' isn't among 'labels'"),
        ({"labels": {0: "weather"}, "other_labels": "drop"}, "'labels' names weather"),
        ({"columns": {"text": "body", "label": "label"}}, r"lacks the column\(s\) body; it has text, label"),
        ({"splits": {"test": "exam"}}, "has no split exam, only train"),
        ({"splits": {"validation": "dev"}}, "'test' must be named too"),
        ({"path": "no/such-news"}, "The data set no/such-news can't be had .* HF_HUB_OFFLINE is set"),
        ({"path": "news.csv", "colums": {}}, "unknown key 'datasets.colums'"),
        ({"columns": {"text": "text", "label": "label", "id": "label"}}, "an id occurs twice"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(project, change, problem):
    news_scheme()
    news(40).to_csv("news.csv", index=False)
    with pytest.raises(NewstanceError, match=problem):
        prepare({**NEWS, **NUMBERED, "path": "news.csv", **change})


def pairs(count: int, first: int = 0) -> pd.DataFrame:
    rows = news(count, first).assign(who="crew", tone=["good", "bad"] * (count // 2))
    return rows.assign(number=range(first, first + count))


TONES = {
    "task": "tone",
    "source": "datasets",
    "annotator": "editors",
    "path": "folder",
    "columns": {"text": "text", "target": "who", "label": "tone", "id": "number"},
    "splits": {"test": "test"},
}


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        (
            "number",
            range(40),
            "Task 'tone': the id '0' has several texts; name with the key 'columns.id' a",
        ),
        ("text", None, "Task 'tone': the id '0' is in several splits; name with the key 'columns.id' a"),
    ],
)
def test_ids_of_pairs_that_begin_anew_in_each_split_are_refused(project, column, value, problem):
    scheme("tone", ["good", "bad"], kind="target-dependent")
    Path("folder").mkdir()
    train, test = pairs(40), pairs(40, first=500)
    test = test.assign(**{column: value}) if value else train
    train.to_parquet("folder/train.parquet")
    test.to_parquet("folder/test.parquet")
    with pytest.raises(NewstanceError, match=problem):
        prepare(TONES)


def test_a_published_test_split_of_which_nothing_is_left_is_refused(project):
    scheme("tone", ["good", "bad"], kind="target-dependent")
    Path("folder").mkdir()
    pairs(40).to_parquet("folder/train.parquet")
    pairs(20, first=500).assign(tone="odd").to_parquet("folder/test.parquet")
    labels = {"good": "good", "bad": "bad", "odd": None}
    with pytest.raises(NewstanceError, match="Task 'tone': no pair of its test split has a label that is kept"):
        prepare({**TONES, "labels": labels})


@pytest.fixture
def leaning(project, monkeypatch):
    (project / "data/allsides").mkdir(parents=True)
    articles = table(articles=12)
    articles.to_parquet(project / "data/allsides/articles.parquet")
    monkeypatch.setattr(allsides, "DATA_DIR", project / "data")
    monkeypatch.setattr(allsides, "SHA256", allsides.content_sha256(articles))
    for name in ("leaning", "leaning_masked", "leaning_clean"):
        scheme(name, ["left", "center", "right"])
    return {"source": "allsides", "annotator": "AllSides", "label": "bias", "recurrent": 200}


def test_allsides_tasks_share_their_articles(leaning):
    report = prepare(
        {**leaning, "task": "leaning", "splits": "media"},
        {**leaning, "task": "leaning_masked", "splits": "media", "masked": True},
        {**leaning, "task": "leaning_clean", "splits": "media-clean"},
    )
    plain, masked, clean = (
        read_prepared(task, Path("prepared")) for task in ("leaning", "leaning_masked", "leaning_clean")
    )
    assert counts(report, "leaning", "written") == [48, 24, 24]
    assert counts(report, "leaning_clean", "outlet or author of test") == [24, 12, 0]
    for split, part in plain.items():
        assert part["article_id"].tolist() == masked[split]["article_id"].tolist()
        assert part["leaning"].tolist() == masked[split]["leaning_masked"].tolist()
        assert part["text"].str.contains("Ferry").all()
        assert not masked[split]["text"].str.contains("Ferry").any()
    assert clean["test"]["article_id"].tolist() == plain["test"]["article_id"].tolist()
    assert not set(clean["train"]["outlet"]) & set(clean["test"]["outlet"])


def test_topics_outside_the_scheme_are_left_out(leaning):
    scheme("theme", ["sport", "culture"])
    corpus = {**leaning, "task": "theme", "label": "topic", "splits": "random"}
    with pytest.raises(NewstanceError, match="label 'elections' isn't among"):
        prepare(corpus)
    report = prepare({**corpus, "other_labels": "drop"})
    assert set(read_prepared("theme", Path("prepared"))["train"]["theme"]) == {"sport"}
    assert counts(report, "theme", "label left out")[0] > 0


def test_a_card_says_that_published_splits_share_near_duplicates(leaning):
    articles = table(articles=12)
    articles.loc[articles["split_media"] == "test", "content"] = articles["content"].iloc[0] + " Later ."
    articles["content"] = articles["content"] + [" " * place for place in range(len(articles))]
    articles = articles[~articles["content"].str.strip().duplicated()]
    articles.to_parquet("data/allsides/articles.parquet")
    allsides.SHA256 = allsides.content_sha256(articles)
    prepare({**leaning, "task": "leaning", "splits": "media"})
    assert "lie in more than one split: 1" in Path("prepared/leaning/README.md").read_text()


def sentence(number: int, *targets: tuple[str, float], words: int = 12) -> dict:
    text = " ".join(f"w{(number * 31 + word * word) % 997}" for word in range(words))
    named = [{"mention": mention, "polarity": polarity} for mention, polarity in targets]
    return {"primary_gid": f"s{number}", "sentence_normalized": text, "targets": named}


@pytest.fixture
def sentences(project, monkeypatch):
    folder = project / "data/newsmtsc"
    folder.mkdir(parents=True)
    train = [sentence(number, ("Berg", (2.0, 4.0, 6.0)[number % 3])) for number in range(60)]
    train.append(sentence(60, ("Lund", 2.0), ("Lund", 2.0), ("Berg", 2.0), ("Berg", 6.0)))
    train.append({**sentence(701, ("Lund", 2.0)), "primary_gid": "copied"})
    parts = {
        "train": train,
        "devtest_rw": [sentence(number, ("Berg", 4.0)) for number in range(600, 609)],
        "devtest_mt": [sentence(number, ("Berg", 2.0), ("Lund", 6.0)) for number in range(700, 705)],
    }
    for name, rows in parts.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    hashes = {name: sha256((folder / f"{name}.jsonl").read_bytes()).hexdigest() for name in parts}
    monkeypatch.setattr(newsmtsc, "SHA256", hashes)
    monkeypatch.setattr(newsmtsc, "DATA_DIR", project / "data")
    for name in ("sentiment", "sentiment_mt"):
        scheme(name, ["negative", "neutral", "positive"], kind="target-dependent")


def test_both_newsmtsc_tasks_have_the_same_train_and_validation(sentences):
    labels = {"favor": "positive", "neutral": "neutral", "against": "negative"}
    shared = {"source": "newsmtsc", "annotator": "NewsMTSC", "labels": labels}
    report = prepare(
        {**shared, "task": "sentiment", "test": "devtest_rw"}, {**shared, "task": "sentiment_mt", "test": "devtest_mt"}
    )
    first, second = (read_prepared(task, Path("prepared")) for task in ("sentiment", "sentiment_mt"))
    assert (len(first["test"]), len(second["test"])) == (9, 10)
    assert set(first["test"]["sentiment"]) == {"neutral"}
    for split in ("train", "validation"):
        assert first[split].drop(columns="sentiment").equals(second[split].drop(columns="sentiment_mt"))
    for rule in ("near-duplicate of test", "pair stands twice"):
        assert counts(report, "sentiment", rule) == counts(report, "sentiment_mt", rule) == [1, 0, 0]
    assert counts(report, "sentiment", "pair with two labels") == [2, 0, 0]
    assert counts(report, "sentiment", "read") == [65, 0, 9]
    assert load_corpus("sentiment", Path("prepared"))["train"].features["sentiment"].names[0] == "negative"


def test_the_corpus_files_of_the_project_fit_their_schemes():
    files = sorted((PROJECT / "corpora").glob("*.yaml"))
    corpora = [read_corpus(path) for path in files]
    assert [path.stem for path in files] == [corpus.task for corpus in corpora]
    schemes = load_schemes(PROJECT / "schemes", [corpus.task for corpus in corpora])
    for corpus in corpora:
        assert set(corpus.labels.values()) <= {*schemes[corpus.task].codes, None}
