"""In a blind pass the agreement must not tell whether the last label was the other annotator's, too."""

import pandas as pd
import pytest

from labels.small_schemes import TOPIC
from newstance.labelling.champion import Champion
from newstance.labelling.desk import Desk
from newstance.labelling.queue import Queue
from newstance.labelling.schemas import Choice, Who
from newstance.labels.store import LabelStore

IDS = [f"n{number:02}" for number in range(45)]
BO = {"task": "topic", "annotator": "Bo", "pass": "blind"}


def desk_of(folder, *, listed=False):
    articles = pd.DataFrame({"article_id": IDS, "title": "", "subtitle": "", "text": ""})
    queue = Queue(IDS, listed=listed, written="2026-01-01T00:00:00Z" if listed else "")
    return Desk(TOPIC, articles, queue, folder, "gold", Champion(folder / "none"), {})


@pytest.fixture
def desk(tmp_path):
    LabelStore(TOPIC, tmp_path).append([{"article_id": one, "annotator": "Ann", "topic": "sport"} for one in IDS])
    return desk_of(tmp_path)


def decide(desk, article_id, label, **who):
    desk.decide(Choice.model_validate({**BO, **who, "article_id": article_id, "label": label}))


def shown(desk, **who):
    return [(one.units, one.share) for one in desk.next(Who.model_validate({**BO, **who})).agreement]


def test_it_is_shown_from_20_units_on_and_changes_every_10(desk):
    seen = [shown(desk)]
    for number, one in enumerate(IDS):
        decide(desk, one, "weather" if number % 10 == 9 else "sport")
        seen.append(shown(desk))
    assert [number for number in range(1, 46) if seen[number] != seen[number - 1]] == [20, 30, 40]
    assert seen[20] == seen[29] == [(20, 0.9)]
    assert seen[45] == [(40, 0.9)]


def test_neither_a_changed_label_nor_a_new_start_shows_it_for_other_units(desk, tmp_path):
    for one in IDS[:24]:
        decide(desk, one, "sport")
    assert shown(desk) == [(20, 1.0)]
    decide(desk, IDS[3], "weather")
    assert shown(desk) == [(20, 1.0)]
    assert [units for units, _ in shown(desk_of(tmp_path))] == [20]


def test_where_others_labels_are_asked_about_again_it_comes_in_steps_and_in_adjudication_at_once(desk, tmp_path):
    listed = desk_of(tmp_path, listed=True)
    decide(listed, IDS[0], "sport", **{"pass": "label"})
    assert shown(listed, **{"pass": "label"}) == []
    decide(desk, IDS[0], "sport", annotator="gold", **{"pass": "adjudicate"})
    assert shown(desk, annotator="gold", **{"pass": "adjudicate"}) == [(1, 1.0), (1, 1.0)]
