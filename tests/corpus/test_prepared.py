import subprocess
import sys
from pathlib import Path

import datasets
import pandas as pd
import pytest

import newstance
from newstance.corpus.prepared import (
    ResolvedLabels,
    fingerprint,
    load_corpus,
    read_prepared,
    read_unlabelled,
    unlabelled_fingerprint,
    write_prepared,
)
from newstance.corpus.splits import check_splits, folds, make_splits
from newstance.errors import NewstanceError
from newstance.files import write_parquet
from newstance.labels.annotations import read_annotations, resolve
from newstance.scheme import Label, Scheme
from newstance.settings import SplitSettings


def labels(*codes: str) -> tuple[Label, ...]:
    return tuple(Label(code=code, name=code, definition=f"it is {code}") for code in codes)


TOPIC = Scheme(
    name="topic",
    kind="single-label",
    title="Topic",
    annotations="topics.csv",
    secondary="secondary_topic",
    labels=labels("sport", "arts"),
)
STANCE = Scheme(
    name="stance", kind="target-dependent", title="Stance", annotations="stances.csv", labels=labels("favor", "against")
)
LEANING = Scheme(
    name="leaning",
    kind="single-label",
    title="Leaning",
    annotations="leanings.csv",
    labels=labels("left", "center", "right"),
)


def articles_of(ids: list[str]) -> pd.DataFrame:
    count = len(ids)
    return pd.DataFrame(
        {
            "article_id": ids,
            "outlet": ["north" if number % 2 else "south" for number in range(count)],
            "url": "",
            "published": pd.Series([pd.Timestamp("2017-02-07"), pd.NaT] * count)[:count].astype("datetime64[ns]"),
            "title": [f"Crowds greet rower {name}" for name in ids],
            "subtitle": "",
            "text": [f"The rower {name} came home – and the town was glad." for name in ids],
            "group": [f"g{name}" for name in ids],
        }
    )


ARTICLES = articles_of(["1", "2", "3", "4"])
SPLITS = pd.DataFrame(
    {
        "article_id": ["1", "2", "3", "4"],
        "group": ["g1", "g2", "g3", "g4"],
        "split": ["train", "validation", "test", "excluded"],
    }
)
TOPICS = ResolvedLabels(
    TOPIC,
    pd.DataFrame(
        {
            "article_id": ["2", "1", "3", "4"],
            "topic": ["arts", "sport", "arts", "sport"],
            "secondary_topic": [None, "arts", None, None],
            "annotator": "A",
        }
    ),
    pd.DataFrame({"article_id": ["3"], "topic": ["sport"], "secondary_topic": ["arts"], "annotator": ["gold"]}),
)
STANCES = ResolvedLabels(
    STANCE,
    pd.DataFrame(
        {
            "article_id": ["1", "1", "2", "3"],
            "target": ["rowers", "the town", "rowers", "rowers"],
            "stance": ["favor", "against", "against", "against"],
            "annotator": "A",
        }
    ),
    pd.DataFrame({"article_id": ["3"], "target": ["rowers"], "stance": ["favor"], "annotator": ["gold"]}),
)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    write_prepared(tmp_path, TOPICS, ARTICLES, SPLITS, datasheet="# Datasheet\nLabelled by a language model.\n")
    write_prepared(tmp_path, STANCES, ARTICLES, SPLITS, topics=TOPICS)
    return tmp_path


@pytest.mark.parametrize("task", ["topic", "stance"])
def test_load_dataset_and_load_corpus_open_the_same(prepared, task, tmp_path):
    files = {split: str(prepared / task / f"{split}.parquet") for split in ("train", "validation", "test")}
    cache = str(tmp_path / "cache")
    ours = load_corpus(task, prepared)
    by_files = datasets.load_dataset("parquet", data_files=files, cache_dir=cache)
    by_card = datasets.load_dataset(str(prepared / task), cache_dir=cache)
    for theirs in (by_files, by_card):
        assert isinstance(ours, datasets.DatasetDict)
        assert list(ours) == list(theirs)
        for split, dataset in ours.items():
            assert dataset.features == theirs[split].features
            assert dataset.to_list() == theirs[split].to_list()


def test_labels_are_class_labels_in_the_order_of_the_scheme(prepared):
    features = load_corpus("stance", prepared)["train"].features
    assert features["stance"].names == ["favor", "against"]
    assert features["topic"].names == ["sport", "arts"]
    assert features["published"].dtype == "timestamp[ns]"
    assert list(features)[-4:] == ["target", "stance", "topic", "annotator"]
    assert list(load_corpus("topic", prepared)["test"].features)[-3:] == ["topic", "secondary_topic", "annotator"]


def test_frames_hold_label_codes_and_missing_values(prepared):
    frames = read_prepared("topic", prepared)
    assert frames["train"]["topic"].tolist() == ["sport"]
    assert frames["train"]["secondary_topic"].tolist() == ["arts"]
    assert frames["validation"]["secondary_topic"].isna().all()
    pd.testing.assert_frame_equal(frames["train"][list(ARTICLES)], ARTICLES[:1], check_like=True)
    assert frames["validation"]["published"].isna().all()
    assert frames["train"]["title"].dtype == frames["train"]["topic"].dtype == "str"


def test_reference_labels_test_and_training_labels_train(prepared):
    frames = read_prepared("stance", prepared)
    assert frames["train"][["target", "stance"]].to_numpy().tolist() == [["rowers", "favor"], ["the town", "against"]]
    assert frames["test"][["stance", "topic", "annotator"]].to_numpy().tolist() == [["favor", "sport", "gold"]]
    assert "4" not in {name for frame in frames.values() for name in frame["article_id"]}


def test_a_missing_topic_is_missing(tmp_path):
    without = ResolvedLabels(TOPIC, TOPICS.training[:1], TOPICS.reference)
    write_prepared(tmp_path, STANCES, ARTICLES, SPLITS, topics=without)
    assert read_prepared("stance", tmp_path)["train"]["topic"].isna().all()


def test_equal_input_gives_equal_bytes_and_other_labels_another_fingerprint(prepared, tmp_path):
    again = tmp_path / "again"
    write_prepared(again, TOPICS, ARTICLES, SPLITS)
    assert fingerprint("topic", again) == fingerprint("topic", prepared)
    for split in ("train", "validation", "test"):
        name = f"topic/{split}.parquet"
        assert (again / name).read_bytes() == (prepared / name).read_bytes()
    changed = ResolvedLabels(TOPIC, TOPICS.training.assign(topic="arts", secondary_topic=None), TOPICS.reference)
    write_prepared(again, changed, ARTICLES, SPLITS)
    assert fingerprint("topic", again) != fingerprint("topic", prepared)
    assert [path.name for path in again.iterdir()] == ["topic"]


def test_articles_without_a_label_are_those_that_share_no_story_with_validation_or_test(prepared, monkeypatch):
    monkeypatch.chdir(prepared)
    assert read_unlabelled("topic", prepared) is None
    assert unlabelled_fingerprint() is None
    more = articles_of(["1", "2", "3", "4", "5", "6", "7"])
    more["group"] = ["g1", "g2", "g3", "g3", "g1", "g2", "g7"]
    write_parquet(prepared / "data/clean/articles.parquet", more)
    found = read_unlabelled("topic", prepared)
    assert found["article_id"].tolist() == ["5", "7"]
    columns = list(found)
    assert columns == list(read_prepared("topic", prepared)["train"])[: len(columns)]
    before = unlabelled_fingerprint()
    write_parquet(prepared / "data/clean/articles.parquet", more[:6])
    assert unlabelled_fingerprint() != before


def test_the_card_states_counts_annotators_and_the_datasheet(prepared):
    card = (prepared / "topic" / "README.md").read_text(encoding="utf-8")
    assert "| sport | 1 | 0 | 1 |" in card
    assert "- test: gold (1)" in card
    assert "## Datasheet\nLabelled by a language model." in card
    assert "belong to their publishers" in card
    assert "not recorded" in (prepared / "stance" / "README.md").read_text(encoding="utf-8")


def test_an_unprepared_task_is_refused(prepared):
    with pytest.raises(NewstanceError, match="check the task's name 'mood' or prepare the data"):
        load_corpus("mood", prepared)
    (prepared / "topic" / "test.parquet").unlink()
    with pytest.raises(NewstanceError, match=r"test\.parquet is missing"):
        fingerprint("topic", prepared)


def test_a_split_without_labels_is_refused_and_nothing_is_written(tmp_path):
    unlabelled = ResolvedLabels(TOPIC, TOPICS.training[1:], TOPICS.reference)
    with pytest.raises(NewstanceError, match="Task 'topic' has no label in 'validation'"):
        write_prepared(tmp_path, unlabelled, ARTICLES, SPLITS)
    assert list(tmp_path.iterdir()) == []


def test_a_scheme_of_one_annotator_without_reference_goes_all_the_way(tmp_path):
    ids = [f"own-{number}" for number in range(30)]
    rows = "".join(f"{name},A,{LEANING.codes[number % 3]}\n" for number, name in enumerate(ids))
    (tmp_path / "leanings.csv").write_text(f"article_id,annotator,leaning\n{rows}", encoding="utf-8")
    annotations = read_annotations(LEANING, tmp_path)
    resolved = ResolvedLabels(
        LEANING, resolve(annotations, ("A", "own"), LEANING), resolve(annotations, ("gold",), LEANING)
    )
    articles = articles_of(ids)
    splits = make_splits(
        articles,
        {"leaning": LEANING},
        {"leaning": resolved.training},
        {"leaning": resolved.reference},
        SplitSettings(),
    )
    check_splits(splits)
    write_prepared(tmp_path, resolved, articles, splits)
    data = read_prepared("leaning", tmp_path)
    assert sum(len(frame) for frame in data.values()) == 30
    assert set(data["train"]["leaning"]) == {"left", "center", "right"}
    assert len(data["test"]) == pytest.approx(6, abs=1)
    assert [fold.name for fold in folds(data, LEANING, "outlet-held-out")] == sorted(set(data["test"]["outlet"]))


def test_load_corpus_is_at_hand_without_a_slow_import():
    assert newstance.load_corpus is load_corpus
    with pytest.raises(AttributeError, match="no attribute 'load_corpora'"):
        _ = newstance.load_corpora
    check = "import sys, newstance; sys.exit('datasets' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
