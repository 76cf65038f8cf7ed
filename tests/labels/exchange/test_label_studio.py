import json
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from exchanged import MOOD, TOPIC
from newstance.errors import NewstanceError
from newstance.labels.exchange import label_studio
from newstance.labels.exchange.content import ARTICLE_PART, Content, label_columns


def content(scheme=TOPIC, rows=(("1", "A", "sport", "weather", "2017-02-07T12:00:00Z"),), **more):
    units = pd.DataFrame([["1", *ARTICLE_PART], ["2", *ARTICLE_PART]], columns=["article_id", *ARTICLE_PART])
    return Content(scheme, units, pd.DataFrame(rows, columns=label_columns(scheme), dtype="str"), **more)


def task(*annotations, **data):
    return {"id": 7, "data": {"article_id": "1", "text": "A text", **data}, "annotations": list(annotations)}


def annotation(choice="sport", control="topic", **more):
    result = {"id": "x1", "type": "choices", "from_name": control, "to_name": "text", "value": {"choices": [choice]}}
    return {"id": 3, "result": [result], "completed_by": 1, "lead_time": 12.5, **more}


def read(tmp_path, tasks, scheme=TOPIC):
    (tmp_path / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    return label_studio.read(tmp_path / "export.json", scheme)


def test_units_without_labels_are_tasks_too_and_predictions_stand_beside_them(tmp_path):
    said = {("2",): {"politics": 0.2, "sport": 0.7, "weather": 0.1}}
    label_studio.write(tmp_path / "out.json", content(predictions=said, version="v1"))
    first, second = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    decided = {"annotator": "A", "topic": "sport", "second": "weather", "labelled_at": "2017-02-07T12:00:00Z"}
    assert first["data"] == {"article_id": "1", **{name: name for name in ARTICLE_PART}, "decided": [decided]}
    assert [one["from_name"] for one in first["annotations"][0]["result"]] == ["topic", "second", "annotator"]
    assert "predictions" not in first
    assert second["annotations"] == []
    (prediction,) = second["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("v1", 0.7)
    assert prediction["result"][0]["value"] == {"choices": ["sport"]}


@pytest.mark.parametrize("scheme", [TOPIC, MOOD])
def test_the_interface_has_every_control_and_code_that_the_tasks_use(tmp_path, scheme):
    view = ET.fromstring(label_studio.interface(scheme))
    controls = [element.get("name") for element in view.iter() if element.get("toName") == "text"]
    assert controls == [scheme.name, *([scheme.secondary] if scheme.secondary else []), "annotator"]
    choices = view.find(f"Choices[@name='{scheme.name}']")
    assert [one.get("alias") for one in choices] == [*scheme.codes, *([scheme.skip] if scheme.skip else [])]
    assert choices[0].get("hint") == scheme.labels[0].definition
    assert ("$target" in ET.tostring(view, encoding="unicode")) == scheme.has_targets


def test_an_export_of_label_studio_is_read_with_its_annotators_and_times(tmp_path):
    tasks = [
        task(
            annotation(
                "Sport & more", created_at="2026-11-01T10:00:00.123456Z", updated_at="2026-11-01T11:30:00+01:00"
            ),
            annotation("skip", completed_by={"id": 4, "email": "ada.b@news.example"}),
            annotation("sport", was_cancelled=True),
            {"result": [], "completed_by": 2},
        ),
        task(annotation("weather", completed_by={"id": 5, "email": None}), article_id=22),
    ]
    assert read(tmp_path, tasks).to_numpy().tolist() == [
        ["1", "user1", "sport", "", "2026-11-01T10:30:00Z"],
        ["1", "ada_b", "skip", "", ""],
        ["22", "user5", "weather", "", ""],
    ]


@pytest.mark.parametrize("time", ["2017-02-07T12:00:00Z", ""])
def test_the_time_that_label_studio_gives_at_import_counts_only_for_what_was_changed_there(tmp_path, time):
    rows = [("1", "A", "sport", "", time), ("1", "B", "weather", "", time)]
    label_studio.write(tmp_path / "out.json", content(rows=rows))
    tasks = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    first, second = tasks[0]["annotations"]
    first["created_at"] = second["created_at"] = first["updated_at"] = "2026-11-01T10:00:00.5Z"
    second["result"][0]["value"]["choices"] = ["politics"]
    assert read(tmp_path, tasks).to_numpy().tolist() == [
        ["1", "A", "sport", "", time],
        ["1", "B", "politics", "", "2026-11-01T10:00:00Z"],
    ]


def test_addresses_become_names_that_differ_and_are_allowed(tmp_path):
    people = ["2pac@x.example", f"{'a' * 40}@x.example"]
    tasks = [task(annotation(completed_by={"id": 1, "email": email})) for email in people]
    assert read(tmp_path, tasks)["annotator"].tolist() == ["user_2pac", "a" * 32]
    tasks = [task(annotation(completed_by={"id": 1, "email": email})) for email in ("ada@x.example", "ada@y.example")]
    with pytest.raises(NewstanceError, match=r"ada@x\.example and ada@y\.example would both be 'ada'; fill in"):
        read(tmp_path, tasks)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"tasks": []}, "no export of Label Studio"),
        ([{"id": 1, "text": "A text", "topic": "sport", "annotator": 1}], "choose JSON, not JSON-MIN"),
        ([task(annotation("opera"))], r"export\.json, task 7 \(article '1'\): 'opera' is no label of scheme 'topic'"),
        ([task(annotation("sport", "tone"))], "an annotation has no choice for 'topic'"),
        ([task(annotation("skip", "second") | {"result": [
            {"from_name": "topic", "value": {"choices": ["sport"]}},
            {"from_name": "second", "value": {"choices": ["skip"]}},
        ]})], "'skip' is no label"),
        ([task(annotation(completed_by=None))], "nothing says who made an annotation"),
        ([task(annotation(), article_id=" ")], "its data has no 'article_id'"),
        ([task({"result": [{"from_name": "topic", "value": {"choices": ["sport", "weather"]}}], "completed_by": 1})],
         "2 choices for 'topic'"),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused_with_its_place(tmp_path, tasks, message):
    with pytest.raises(NewstanceError, match=message):
        read(tmp_path, tasks)


@pytest.mark.parametrize("name", ["out.json", "out.xml"])
def test_an_interface_that_is_there_is_not_replaced(tmp_path, name):
    (tmp_path / "out.xml").write_text("mine", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"out\.xml, which must be another file and not be there yet"):
        label_studio.write(tmp_path / name, content())
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["mine"]
