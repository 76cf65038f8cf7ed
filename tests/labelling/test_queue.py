import os
from pathlib import Path

import pytest

from newstance.errors import NewstanceError
from newstance.labelling.queue import Queue

IDS = [f"n{number}" for number in range(30)]


def test_a_random_order_is_the_same_for_a_seed_and_stays_when_articles_come_or_go():
    order = Queue.at_random(IDS, 1).order
    assert sorted(order) == sorted(IDS)
    assert order == Queue.at_random(reversed(IDS), 1).order != Queue.at_random(IDS, 2).order
    fewer = [one for one in IDS if one != "n7"]
    assert Queue.at_random(fewer, 1).order == [one for one in order if one != "n7"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,reason\nn1,x\n", "row 1: lacks the column article_id"),
        ("article_id\nn1\nn99\n", "row 3: there is no article 'n99'"),
        ("", "can't be read as UTF-8 CSV"),
        ('article_id\n"n1', "can't be read as UTF-8 CSV"),
    ],
)
def test_a_wrong_list_is_refused_with_its_place(tmp_path, text, said):
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"list\.csv") as refused:
        Queue.from_file(path, IDS)
    assert said in str(refused.value)


def test_a_missing_list_says_what_writes_one(tmp_path):
    with pytest.raises(NewstanceError, match="newstance labels next"):
        Queue.from_file(Path(tmp_path / "none.csv"), IDS)


def test_a_list_has_each_target_once_with_its_reason_and_when_it_was_written(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("article_id,target,reason\nn2,the  toll,a\nn1,,b\nn2, Ada Quill ,c\nn2,the toll,d\n", "utf-8")
    os.utime(path, (0, 1_700_000_000.9))
    queue = Queue.from_file(path, IDS)
    assert (queue.order, queue.written) == (["n2", "n1"], "2023-11-14T22:13:20Z")
    assert queue.targets == {"n2": ["the toll", "Ada Quill"]}
    assert [queue.reason("n2", one) for one in ("the toll", "Ada Quill", "Oslo")] == ["a", "c", ""]
    assert queue.reason("n1", "Oslo") == "b"
    assert [queue.place(one) for one in ("n1", "n7")] == ["ranked 2 of 2", ""]
    assert Queue.at_random(IDS, 1).place("n1") == ""
