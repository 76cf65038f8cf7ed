"""The labelling server over HTTP, without a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from labelling.small_project import Labelling, served, write_labels, write_list, write_small_project
from newstance.labelling.queue import Queue
from newstance.scheme import load_schemes

FIRST = {"task": "topic", "annotator": "Ann", "pass": "label"}
SECOND = {"task": "topic", "annotator": "Bo", "pass": "blind"}
GOLD = {"task": "topic", "annotator": "gold", "pass": "adjudicate"}
STANCE = {**FIRST, "task": "stance"}
OLD = "2026-03-01T10:00:00Z"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Labelling]:
    with served(write_small_project(tmp_path, monkeypatch)) as found:
        yield found


def label(desk: Labelling, who: dict[str, str], **labels: str) -> None:
    for article_id, code in labels.items():
        assert desk.ask("decide", **who, article_id=article_id, label=code)["label"] == code


def test_a_choice_is_a_row_and_the_next_article_comes_with_progress(desk):
    given = desk.ask("next", **FIRST)
    assert given["item"]["article_id"] == "bridge"
    assert (given["labelled"], given["waiting"], given["can_undo"]) == (0, 4, False)
    saved = desk.ask("decide", **FIRST, article_id="bridge", label="politics", second="economy")
    assert saved["labelled_at"].endswith("Z")
    assert desk.rows("topic") == [["bridge", "Ann", "politics", "economy"]]
    given = desk.ask("next", **FIRST)
    assert (given["item"]["article_id"], given["labelled"], given["waiting"]) == ("budget", 1, 3)


def test_the_same_choice_again_adds_no_row_and_another_one_replaces_it(desk):
    for code in ("politics", "politics", "economy"):
        label(desk, FIRST, bridge=code)
    assert Path("seeds/topics.csv").read_text("utf-8").count("\n") == 3
    assert desk.rows("topic") == [["bridge", "Ann", "economy", ""]]


def test_undo_brings_back_what_was_chosen_before_and_then_nothing(desk):
    label(desk, FIRST, bridge="politics")
    label(desk, FIRST, bridge="economy")
    given = desk.ask("undo", **FIRST)
    assert given["item"]["article_id"] == "bridge"
    assert given["item"]["units"][0]["label"] == "politics"
    given = desk.ask("undo", **FIRST)
    assert given["item"]["units"][0]["label"] == ""
    assert not given["can_undo"]
    assert desk.rows("topic") == []
    assert "nothing to undo" in desk.ask("undo", **FIRST)["detail"]


def test_undo_stays_within_a_pass(desk):
    label(desk, FIRST, bridge="politics")
    label(desk, {**FIRST, "annotator": "Bo"}, budget="economy")
    blind = {**FIRST, "pass": "blind"}
    assert not desk.ask("next", **blind)["can_undo"]
    assert "nothing to undo" in desk.ask("undo", **blind)["detail"]
    assert desk.ask("next", **FIRST)["can_undo"]
    assert ["bridge", "Ann", "politics", ""] in desk.rows("topic")


def test_undo_leaves_alone_what_was_changed_in_another_pass(desk):
    label(desk, {**FIRST, "annotator": "Bo"}, bridge="economy")
    label(desk, FIRST, bridge="politics")
    label(desk, {**FIRST, "pass": "blind"}, bridge="conflict")
    assert "changed elsewhere" in desk.ask("undo", **FIRST)["detail"]
    assert ["bridge", "Ann", "conflict", ""] in desk.rows("topic")
    assert "nothing to undo" in desk.ask("undo", **FIRST)["detail"]


def test_a_skipped_article_comes_back_after_all_others(desk):
    given = desk.ask("skip", **FIRST, article_id="bridge")
    assert (given["item"]["article_id"], given["skipped"]) == ("budget", 1)
    label(desk, FIRST, budget="economy", cells="science", truce="conflict")
    assert desk.ask("next", **FIRST)["item"]["article_id"] == "bridge"


def test_two_annotators_at_a_time_get_different_articles(desk):
    assert desk.ask("next", **FIRST)["item"]["article_id"] == "bridge"
    assert desk.ask("next", **{**FIRST, "annotator": "Bo"})["item"]["article_id"] == "budget"
    label(desk, FIRST, bridge="politics")
    assert desk.ask("next", **{**FIRST, "annotator": "Cy"})["item"]["article_id"] == "cells"


def test_a_blind_pass_asks_for_what_others_labelled_and_never_sends_their_labels(desk):
    label(desk, FIRST, bridge="politics", truce="conflict")
    answer = httpx.post(f"{desk.url}/v1/next", json=SECOND)
    assert answer.json()["item"]["article_id"] == "bridge"
    assert answer.json()["item"]["units"] == [{"target": "", "label": "", "second": "", "required": True, "others": []}]
    assert '"politics"' not in answer.text
    assert "Ann" not in answer.text
    label(desk, SECOND, bridge="economy")
    given = desk.ask("next", **SECOND)
    assert given["item"]["article_id"] == "truce"
    assert given["agreement"] == []
    assert (given["labelled"], given["waiting"]) == (1, 1)
    label(desk, SECOND, truce="conflict")
    assert desk.ask("next", **SECOND)["item"] is None


def test_adjudication_shows_both_labels_disagreements_first_and_writes_as_the_reference(desk):
    label(desk, FIRST, bridge="politics", truce="conflict")
    label(desk, SECOND, bridge="politics", truce="politics")
    given = desk.ask("next", **GOLD)
    assert given["item"]["article_id"] == "truce"
    assert [(one["annotator"], one["label"]) for one in given["item"]["units"][0]["others"]] == [
        ("Ann", "conflict"),
        ("Bo", "politics"),
    ]
    label(desk, GOLD, truce="conflict")
    assert ["truce", "gold", "conflict", ""] in desk.rows("topic")
    assert desk.ask("next", **GOLD)["item"]["article_id"] == "bridge"


@pytest.mark.parametrize("way", ["label", "blind"])
def test_the_reference_annotator_labels_in_adjudication_only(desk, way):
    assert "whose labels come from the pass adjudicate" in desk.ask("next", **{**GOLD, "pass": way})["detail"]
    assert "done as 'gold'" in desk.ask("next", **{**GOLD, "annotator": "Ann"})["detail"]


def test_targets_are_proposed_kept_once_labelled_and_asked_for_in_the_blind_pass(desk):
    item = desk.ask("next", **STANCE)["item"]
    assert "Ada Quill" in [one["target"] for one in item["units"]]
    about = {"article_id": "bridge", "label": "against"}
    desk.ask("decide", **STANCE, **about, target="  the  toll ")
    assert desk.rows("stance") == [["bridge", "Ann", "the toll", "against"]]
    item = desk.ask("next", **{**SECOND, "task": "stance"})["item"]
    assert [one["target"] for one in item["units"]] == ["the toll"]
    assert "Say which target" in desk.ask("decide", **STANCE, **about)["detail"]


def test_the_champion_speaks_after_the_choice_or_when_asked(desk):
    question = {**FIRST, "article_id": "cells", "targets": []}
    assert "Choose first" in desk.ask("suggest", **question)["detail"]
    asked = desk.ask("suggest", **question, asked=True)
    assert [one["label"] for one in asked["suggestions"]] == ["science"]
    label(desk, FIRST, cells="economy")
    assert desk.ask("suggest", **question) == asked
    about = desk.ask("suggest", **STANCE, article_id="bridge", targets=["Ada Quill"], asked=True)
    assert [(one["target"], one["label"], one["mentioned"]) for one in about["suggestions"]] == [
        ("Ada Quill", "against", True)
    ]


def test_in_a_blind_pass_the_champion_is_silent_before_and_after_the_choice(desk):
    label(desk, FIRST, cells="science")
    question = {**SECOND, "article_id": "cells", "targets": []}
    assert "there are no suggestions" in desk.ask("suggest", **question, asked=True)["detail"]
    label(desk, SECOND, cells="science")
    assert "there are no suggestions" in desk.ask("suggest", **question)["detail"]


def test_without_a_champion_targets_come_from_the_labels_and_names(tmp_path, monkeypatch):
    with served(write_small_project(tmp_path, monkeypatch, champion=False)) as desk:
        assert [task["champion"] for task in httpx.get(f"{desk.url}/v1/project").json()["tasks"]] == [False, False]
        assert "Ada Quill" in [one["target"] for one in desk.ask("next", **STANCE)["item"]["units"]]
        question = {**FIRST, "article_id": "cells", "targets": [], "asked": True}
        assert "no champion" in desk.ask("suggest", **question)["detail"]


def test_a_list_gives_order_and_targets_and_says_why_only_after_the_choice(tmp_path, monkeypatch):
    project = write_small_project(tmp_path, monkeypatch)
    lines = ["truce,Dora Pike,against 0.41 or favor 0.38", "cells,,politics 0.41 or crime 0.38"]
    with served(project, write_list(project, *lines, columns="article_id,target,reason")) as desk:
        given = httpx.post(f"{desk.url}/v1/next", json=STANCE)
        assert "0.41" not in given.text
        assert (given.json()["item"]["article_id"], given.json()["waiting"]) == ("truce", 2)
        assert given.json()["item"]["place"] == "ranked 1 of 2"
        assert [one["target"] for one in given.json()["item"]["units"]] == ["Dora Pike"]
        about = {"article_id": "truce", "label": "favor"}
        assert desk.ask("decide", **STANCE, **about, target="Dora Pike")["reason"] == "against 0.41 or favor 0.38"
        assert desk.ask("decide", **STANCE, **about, target="the army")["reason"] == ""
        label(desk, FIRST, cells="science")
        blind = {**SECOND, "article_id": "cells", "label": "science"}
        assert desk.ask("decide", **blind)["reason"] == ""
        assert desk.ask("decide", **{**blind, "annotator": "Cy", "pass": "label"})["reason"].startswith("politics 0.41")


def test_a_list_asks_anew_for_what_was_labelled_before_it_and_hides_the_old_label(tmp_path, monkeypatch):
    project = write_small_project(tmp_path, monkeypatch)
    path = write_labels("topic", f"bridge,Ann,politics,,{OLD}", "cells,Ann,science,,", f"truce,Ann,conflict,,{OLD}")
    queue = write_list(project, "bridge,labelled politics with probability 0.03", "cells,x")
    with served(project, queue) as desk:
        given = desk.ask("next", **FIRST)
        assert (given["item"]["article_id"], given["labelled"], given["waiting"]) == ("bridge", 0, 2)
        assert given["item"]["units"][0]["label"] == ""
        question = {**FIRST, "article_id": "bridge", "targets": []}
        assert "Choose first" in desk.ask("suggest", **question)["detail"]
        label(desk, FIRST, bridge="politics")
        assert path.read_text("utf-8").count("bridge") == 2, "the same label again is a decision of now"
        given = desk.ask("next", **FIRST)
        assert (given["item"]["article_id"], given["labelled"], given["waiting"]) == ("cells", 1, 1)
        label(desk, FIRST, bridge="economy")
        given = desk.ask("undo", **FIRST)
        assert (given["item"]["units"][0]["label"], given["waiting"]) == ("politics", 1)
        given = desk.ask("undo", **FIRST)
        assert (given["item"]["article_id"], given["item"]["units"][0]["label"]) == ("bridge", "")
        assert (given["labelled"], given["waiting"]) == (0, 2)
        assert ["bridge", "Ann", "politics", ""] in desk.rows("topic")
        label(desk, FIRST, bridge="conflict", cells="science")
        given = desk.ask("next", **FIRST)
        assert (given["item"], given["labelled"], given["waiting"]) == (None, 2, 0)
        assert ["bridge", "Ann", "conflict", ""] in desk.rows("topic")


def test_what_was_decided_since_the_list_was_written_is_not_asked_again_by_the_next_start(tmp_path, monkeypatch):
    project = write_small_project(tmp_path, monkeypatch)
    write_labels("topic", f"bridge,Ann,politics,,{OLD}")
    write_list(project, "bridge,x", "cells,x")
    os.utime("list.csv", (1_700_000_000, datetime.fromisoformat(OLD).timestamp() + 5))
    with served(project, Queue.from_file(Path("list.csv"), ["bridge", "cells"])) as desk:
        label(desk, FIRST, bridge="politics")
    with served(project, Queue.from_file(Path("list.csv"), ["bridge", "cells"])) as desk:
        given = desk.ask("next", **FIRST)
        assert (given["item"]["article_id"], given["labelled"], given["waiting"]) == ("cells", 1, 1)


def test_an_article_stays_open_until_each_target_that_the_list_names_is_decided(tmp_path, monkeypatch):
    project = write_small_project(tmp_path, monkeypatch)
    write_labels("stance", f"truce,Ann,Dora Pike,favor,{OLD}", f"truce,Ann,the valley,favor,{OLD}")
    lines = ["truce,Dora Pike,first", "cells,,x", "truce,the  army,second", "truce,Dora Pike,again"]
    with served(project, write_list(project, *lines, columns="article_id,target,reason")) as desk:
        given = desk.ask("next", **STANCE)
        assert [(one["target"], one["label"], one["required"]) for one in given["item"]["units"]] == [
            ("Dora Pike", "", True),
            ("the army", "", True),
            ("the valley", "favor", False),
        ]
        about = {"article_id": "truce", "label": "favor"}
        assert desk.ask("decide", **STANCE, **about, target="the army")["reason"] == "second"
        assert desk.ask("decide", **STANCE, **about, target="the valley")["reason"] == ""
        given = desk.ask("next", **STANCE)
        assert (given["item"]["article_id"], given["waiting"]) == ("truce", 2)
        assert [one["label"] for one in given["item"]["units"]] == ["", "favor", "favor"]
        assert desk.ask("decide", **STANCE, **about, target="Dora Pike")["reason"] == "first"
        assert desk.ask("next", **STANCE)["item"]["article_id"] == "cells"
        given = desk.ask("undo", **STANCE)
        assert (given["item"]["article_id"], given["item"]["units"][0]["label"]) == ("truce", "")


def test_progress_is_of_the_pass_and_not_of_all_labels(desk):
    label(desk, FIRST, bridge="politics", truce="conflict")
    label(desk, SECOND, bridge="politics")
    label(desk, {**FIRST, "annotator": "Bo"}, cells="science")
    label(desk, GOLD, bridge="politics")
    given = {
        (who["annotator"], way): desk.ask("next", **{**who, "pass": way})
        for who in (FIRST, SECOND)
        for way in ("label", "blind")
    } | {("gold", "adjudicate"): desk.ask("next", **GOLD)}
    assert {key: (one["labelled"], one["waiting"]) for key, one in given.items()} == {
        ("Ann", "label"): (2, 1),
        ("Ann", "blind"): (0, 1),
        ("Bo", "label"): (1, 1),
        ("Bo", "blind"): (1, 1),
        ("gold", "adjudicate"): (1, 0),
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"task": "mood"}, "There is no task 'mood'; the tasks are topic, stance."),
        ({"annotator": "A-B"}, "'A-B' is no annotator's name"),
        ({"annotator": ""}, "'' is no annotator's name"),
        ({"article_id": "nowhere"}, "There is no article 'nowhere'."),
        ({"label": "sprot"}, "'sprot' is no label of scheme 'topic'"),
        ({"second": "politics"}, "repeats the primary label"),
        ({"target": "Oslo"}, "This scheme has no targets."),
        ({"pass": "third"}, "Input should be 'label', 'blind' or 'adjudicate'"),
        ({"more": 1}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_a_problem_in_one_sentence_and_nothing_is_written(desk, changed, said):
    body = {**FIRST, "article_id": "bridge", "label": "politics"} | changed
    answer = httpx.post(f"{desk.url}/v1/decide", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text
    assert not Path("seeds/topics.csv").exists()


def test_other_sites_can_neither_read_nor_write(desk):
    body = {**FIRST, "article_id": "bridge", "label": "politics"}
    assert httpx.post(f"{desk.url}/v1/decide", json=body, headers={"Host": "evil.example"}).status_code == 400
    plain = httpx.post(f"{desk.url}/v1/decide", content=httpx.Request("POST", desk.url, json=body).read())
    assert plain.status_code == 415
    assert not Path("seeds/topics.csv").exists()
    headers = httpx.get(desk.url).headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-frame-options"] == "DENY"


def test_labels_of_another_process_are_seen(desk):
    desk.ask("next", **FIRST)
    Path("seeds/topics.csv").write_text("article_id,annotator,topic,secondary_topic\nbridge,A,politics,\n", "utf-8")
    assert desk.ask("next", **FIRST)["item"]["article_id"] == "budget"


def test_the_page_is_told_schemes_codebook_and_names(desk):
    project = httpx.get(f"{desk.url}/v1/project").json()
    assert [task["name"] for task in project["tasks"]] == ["topic", "stance"]
    topic = load_schemes(Path("seeds/schemes"), ["topic"])["topic"]
    assert [one["code"] for one in project["tasks"][0]["labels"]] == topic.codes
    assert project["codebook"].startswith("# Codebook")
    assert (project["reference"], project["training"], project["articles"]) == ("gold", ["A", "own"], 4)
