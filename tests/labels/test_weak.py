from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from newstance.errors import NewstanceError
from newstance.labels.weak import COMBINATIONS, WeakSettings, combine, read_weak, votes, weak_labels
from newstance.labels.weak_report import WEAK_COLUMNS, weak_report
from newstance.scheme import Scheme, load_schemes

SEEDS = Path(__file__).parents[2] / "seeds"
WORDS = {"sport": ["goal", "coach*"], "health": ["nurse*", "health care"]}
SECTIONS = {"sport": ["sport"]}


def settings(**keys: object) -> WeakSettings:
    return WeakSettings.model_validate({"words": WORDS, "sections": SECTIONS, "lead_words": 4, **keys})


def scheme(kind: str = "single-label") -> Scheme:
    labels = [{"code": code, "name": code, "definition": code} for code in WORDS]
    about = {"name": "subject", "kind": kind, "title": "Subject", "annotations": "subjects.csv", "labels": labels}
    return Scheme.model_validate(about)


def articles(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["title", "text", "url"], dtype="str")


def test_each_function_reads_its_own_part():
    said = votes(
        articles(("A goal", "The nurses spoke today while the coaches ran", "https://a.example/Sport/1")), settings()
    )
    assert said.iloc[0].to_dict() == {"title": "sport", "lead": "health", "body": "sport", "section": "sport"}


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Goals are set", None),  # a word without a star is the whole word
        ("COACHING a GOAL", "sport"),
        ("Health  care for all", "health"),
        ("A nurse scores a goal", None),  # as much for one as for the other
        ("", None),
    ],
)
def test_a_title_is_labelled_by_most_of_its_seed_words_or_not_at_all(title, label):
    said = votes(articles((title, "", "")), settings())["title"]
    assert said.dropna().tolist() == ([label] if label else [])


def test_an_address_that_is_no_url_says_nothing():
    assert votes(articles(("A goal", "", "http://[a/sport")), settings())["section"].isna().all()


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_articles_without_any_seed_word_are_left_out(combination):
    table = articles(("A goal", "goal", ""), ("Nothing", "at all", ""), ("A nurse", "nurse", ""))
    labels = combine(votes(table, settings()), combination)
    assert labels.to_dict() == {0: "sport", 2: "health"}


@given(st.lists(st.sampled_from(["goal", "nurse", "coach", "rain", "sport"]), min_size=1, max_size=12))
def test_a_label_needs_a_seed_word_and_is_one_of_the_schemes(found):
    table = articles((" ".join(found), "goal", ""))
    assert set(weak_labels(table, settings())) <= set(WORDS)
    assert votes(table.assign(text=""), settings()).notna().any(axis=None) <= bool(
        {"goal", "nurse", "coach"} & set(found)
    )


def test_articles_of_which_nothing_is_said_are_refused():
    with pytest.raises(NewstanceError, match="other seed words"):
        weak_labels(articles(("Nothing", "at all", "")), settings())


def test_the_majority_of_the_functions_decides():
    table = articles(("A goal", "The nurses spoke today while the coaches ran", ""))
    assert weak_labels(table, settings()).tolist() == ["sport"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"words": {"sport": ["goal"], "rain": ["wet"]}}, "key 'words': 'rain' is no label of scheme 'subject'"),
        ({"words": WORDS, "sections": {"rain": ["wet"]}}, "key 'sections': 'rain' is no label"),
        ({"words": WORDS, "combination": "mean"}, "key 'combination'"),
        ({"wrods": WORDS}, "unknown key 'wrods'"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_key(tmp_path, content, sentence):
    (tmp_path / "weak").mkdir()
    (tmp_path / "weak/subject.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(NewstanceError, match=sentence) as raised:
        read_weak(tmp_path, scheme())
    assert "subject.yaml" in str(raised.value)


def test_a_task_without_seed_words_or_with_targets_is_refused(tmp_path):
    with pytest.raises(NewstanceError, match=r"subject\.yaml does not exist"):
        read_weak(tmp_path, scheme())
    with pytest.raises(NewstanceError, match="about targets"):
        read_weak(tmp_path, scheme("target-dependent"))


def test_the_projects_seed_words_know_every_topic():
    topic = load_schemes(SEEDS / "schemes", ["topic"])["topic"]
    assert set(read_weak(SEEDS, topic).words) == set(topic.codes)


def test_coverage_overlap_conflict_and_accuracy_are_counted():
    table = articles(
        ("A goal", "goal", ""), ("A goal", "a nurse", ""), ("A goal", "at noon", ""), ("Rain", "at noon", "")
    ).assign(subject=["sport", "sport", "health", "health"])
    data = {"train": table, "validation": table, "test": table}
    report = weak_report(data, scheme(), settings(), 0.95)
    assert list(report.columns) == WEAK_COLUMNS
    rows = report[(report["split"] == "test") & (report["label"] == "(all)")].set_index("function")
    title = rows.loc["title"]
    assert (title["articles"], title["coverage"]) == (3, 0.75)
    assert title[["overlap", "conflict", "accuracy"]].tolist() == pytest.approx([2 / 3, 1 / 3, 2 / 3])
    assert title["accuracy_low"] < 2 / 3 < title["accuracy_high"]
    assert (rows.loc["section", "articles"], rows.loc["section", "coverage"]) == (0, 0)
    assert pd.isna(rows.loc["section", "accuracy"])
    assert rows["used"].to_dict() == dict.fromkeys(["title", "lead", "body", "section", "dawid-skene"], False) | {
        "majority": True
    }
