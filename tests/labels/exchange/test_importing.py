import threading

import pandas as pd
import pytest

from exchanged import TOPIC
from newstance.errors import NewstanceError
from newstance.labels.annotations import read_annotations
from newstance.labels.exchange import importing
from newstance.labels.exchange.content import label_columns
from newstance.labels.exchange.importing import Imported, import_labels
from newstance.labels.store import LabelStore

EARLY, LATE = "2017-02-07T12:00:00Z", "2017-02-08T12:00:00Z"
IDS = {"1", "2", "3"}


def rows(*cells):
    return pd.DataFrame(cells, columns=label_columns(TOPIC), dtype="str")


def bring(tmp_path, *cells):
    return import_labels(rows(*cells), TOPIC, tmp_path, IDS, "new.csv")


def test_labels_are_appended_and_the_same_file_adds_nothing_again(tmp_path):
    (tmp_path / "topics.csv").write_text("article_id,annotator,topic,second\n1,A,sport,\n", encoding="utf-8")
    new = [["1", "A", "sport", "", ""], ["1", "B", "weather", "", EARLY], ["2", "A", "skip", "", ""]]
    assert bring(tmp_path, *new) == Imported(added=2, changed=0, known=1)
    assert bring(tmp_path, *new) == Imported(added=0, changed=0, known=3)
    assert read_annotations(TOPIC, tmp_path)["topic"].tolist() == ["sport", "weather", "skip"]
    assert (tmp_path / "topics.csv").read_text(encoding="utf-8").splitlines()[1] == "1,A,sport,"


def test_a_later_time_is_a_change_of_mind(tmp_path):
    bring(tmp_path, ["1", "A", "sport", "", EARLY])
    assert bring(tmp_path, ["1", "A", "weather", "", LATE]) == Imported(added=1, changed=1, known=0)
    assert read_annotations(TOPIC, tmp_path)["topic"].tolist() == ["weather"]


def test_a_time_is_later_than_none(tmp_path):
    (tmp_path / "topics.csv").write_text("article_id,annotator,topic,second\n1,A,sport,\n", encoding="utf-8")
    assert bring(tmp_path, ["1", "A", "weather", "", EARLY]) == Imported(added=1, changed=1, known=0)
    assert read_annotations(TOPIC, tmp_path)["topic"].tolist() == ["weather"]


@pytest.mark.parametrize("time", ["", EARLY])
@pytest.mark.parametrize("after", ["weather", ""])
def test_a_file_from_before_a_correction_does_not_undo_it(tmp_path, time, after):
    first = f"article_id,annotator,topic,second,labelled_at\n1,A,sport,,{time}\n"
    (tmp_path / "topics.csv").write_text(first, encoding="utf-8")
    LabelStore(TOPIC, tmp_path).append([{"article_id": "1", "annotator": "A", "topic": after, "labelled_at": LATE}])
    assert bring(tmp_path, ["1", "A", "sport", "", time]).added == 0
    assert read_annotations(TOPIC, tmp_path)["topic"].tolist() == [after] * bool(after)


def test_a_file_without_times_is_known_again_after_a_correction(tmp_path):
    given = ["1", "A", "sport", "", ""], ["2", "A", "sport", "", ""]
    bring(tmp_path, *given)
    store = LabelStore(TOPIC, tmp_path)
    store.append([{"article_id": "1", "annotator": "A", "topic": "weather"}, {"article_id": "2", "annotator": "A"}])
    assert bring(tmp_path, *given) == Imported(added=0, changed=0, known=2)
    assert read_annotations(TOPIC, tmp_path)["topic"].tolist() == ["weather"]


@pytest.mark.parametrize("time", ["", EARLY])
def test_another_label_without_a_later_time_is_a_conflict_and_nothing_is_added(tmp_path, time):
    bring(tmp_path, ["1", "A", "sport", "", LATE])
    before = (tmp_path / "topics.csv").read_bytes()
    with pytest.raises(NewstanceError, match=r"new\.csv: '1 / A' is labelled otherwise in .*topics\.csv before"):
        bring(tmp_path, ["2", "A", "sport", "", LATE], ["1", "A", "weather", "", time])
    assert (tmp_path / "topics.csv").read_bytes() == before


def test_a_label_from_before_it_was_taken_back_is_left_out(tmp_path):
    store = LabelStore(TOPIC, tmp_path)
    store.append([{"article_id": one, "annotator": "A", "topic": "", "labelled_at": LATE} for one in ("1", "2", "3")])
    given = [["1", "A", "sport", "", EARLY], ["2", "A", "sport", "", LATE], ["3", "A", "skip", "", ""]]
    assert bring(tmp_path, *given) == Imported(added=2, changed=0, known=0, outdated=1)
    assert read_annotations(TOPIC, tmp_path)["article_id"].tolist() == ["2", "3"]
    assert len(store.history()) == 5


def test_a_time_to_come_is_refused_with_the_file_it_came_from(tmp_path):
    with pytest.raises(NewstanceError, match=r"new\.csv, column 'labelled_at': '2199-01-01T00:00:00Z' is yet to come"):
        bring(tmp_path, ["1", "A", "sport", "", "2199-01-01T00:00:00Z"])
    assert list(tmp_path.iterdir()) == []


def test_nobody_writes_between_the_look_and_the_appending(tmp_path, monkeypatch):
    others: list[threading.Thread] = []

    class Interrupted(LabelStore):
        def append(self, rows):
            other = LabelStore(TOPIC, tmp_path)
            others.append(
                threading.Thread(target=other.append, args=[[{"article_id": "1", "annotator": "A", "topic": "skip"}]])
            )
            others[0].start()
            others[0].join(timeout=0.3)
            return super().append(rows)

    monkeypatch.setattr(importing, "LabelStore", Interrupted)
    assert bring(tmp_path, ["1", "A", "sport", "", EARLY]).added == 1
    others[0].join()
    assert LabelStore(TOPIC, tmp_path).history()["topic"].tolist() == ["sport", "skip"]


def test_a_second_label_that_differs_is_a_conflict(tmp_path):
    bring(tmp_path, ["1", "A", "sport", "", LATE])
    with pytest.raises(NewstanceError, match="'1 / A' is labelled otherwise"):
        bring(tmp_path, ["1", "A", "sport", "weather", ""])


def test_a_file_that_contradicts_itself_is_refused(tmp_path):
    with pytest.raises(NewstanceError, match=r"new\.csv: '1 / A' is labelled in two ways by the same annotator"):
        bring(tmp_path, ["1", "A", "sport", "", ""], ["1", "A", "weather", "", ""])
    assert list(tmp_path.iterdir()) == []


def test_unknown_articles_are_named_and_nothing_is_made(tmp_path):
    with pytest.raises(NewstanceError, match="the corpus has no article '4', '5', '6', '7', '8' and 2 more"):
        bring(tmp_path, *([str(number), "A", "sport", "", ""] for number in range(1, 11)))
    assert list(tmp_path.iterdir()) == []
