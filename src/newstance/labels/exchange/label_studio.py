"""Label Studio's JSON: one task a unit, with the annotations and predictions of it, and the labelling interface (XML).

https://labelstud.io/guide/export ("JSON") and https://labelstud.io/guide/predictions describe the format. An annotator
is known to Label Studio by a number or an address; the field `annotator` of the interface holds the name. Label Studio
gives annotations that it imports a new time; a task's data therefore say what was decided before, and when.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from newstance.errors import NewstanceError
from newstance.files import describe_problems, read_json, write_json, write_text
from newstance.labels.exchange.content import ARTICLE_PART, Content, label_codes, label_columns
from newstance.labels.history import TIME
from newstance.scheme import Label, Scheme

TEXT = "text"
ANNOTATOR = "annotator"
LONGEST = 32  # characters of an annotator's name
DECIDED = "decided"  # in a task's data: the decisions that it was written with


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Value(_Part):
    choices: tuple[str, ...] = ()
    text: tuple[str, ...] | str = ()


class _Result(_Part):
    from_name: str
    value: _Value = _Value()


class _Person(_Part):
    id: int | None = None
    email: str | None = None


class _Annotation(_Part):
    result: tuple[_Result, ...] = ()
    completed_by: int | _Person | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    was_cancelled: bool = False


class _Task(_Part):
    data: dict[str, Any]
    annotations: tuple[_Annotation, ...]
    id: int | None = Field(default=None)


_TASKS = TypeAdapter(tuple[_Task, ...])


def write(output: Path, content: Content) -> None:
    """Write the tasks, and beside them the interface (``.xml``) that a project of Label Studio needs for them."""
    beside = output.with_suffix(".xml")
    if beside.exists() or beside == output:
        raise NewstanceError(f"The interface goes to {beside}, which must be another file and not be there yet.")
    labels = dict(list(content.labels.groupby(content.scheme.unit, sort=False)))
    tasks = []
    for unit, row in zip(_keys(content.units, content.scheme), content.units.to_dict("records"), strict=True):
        task: dict[str, Any] = {"data": {name: row[name] for name in [*content.scheme.unit, *ARTICLE_PART]}}
        rows = labels[unit].to_dict("records") if unit in labels else []
        task["annotations"] = [_annotation(label, content.scheme) for label in rows]
        task["data"][DECIDED] = [{name: label[name] for name in _said(content.scheme)} for label in rows]
        if unit in content.predictions:
            task["predictions"] = [_prediction(content.predictions[unit], content)]
        tasks.append(task)
    write_json(output, tasks)
    write_text(beside, interface(content.scheme))


def _said(scheme: Scheme) -> list[str]:
    """Return the columns of a decision that say who decided what, and when."""
    return [name for name in label_columns(scheme) if name not in scheme.unit]


def _keys(units: pd.DataFrame, scheme: Scheme) -> Iterator[tuple[Any, ...]]:
    return units[scheme.unit].itertuples(index=False, name=None)


def _annotation(row: Mapping[Any, str], scheme: Scheme) -> dict[str, Any]:
    result = [_choice(scheme.name, row[scheme.name])]
    if scheme.secondary and row[scheme.secondary]:
        result.append(_choice(scheme.secondary, row[scheme.secondary]))
    name = {"type": "textarea", "value": {"text": [row["annotator"]]}, "from_name": ANNOTATOR, "to_name": TEXT}
    annotation: dict[str, Any] = {"result": [*result, name]}
    return annotation | ({"created_at": row[TIME]} if row[TIME] else {})


def _choice(control: str, code: str) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": [code]}, "from_name": control, "to_name": TEXT}


def _prediction(probabilities: Mapping[str, float], content: Content) -> dict[str, Any]:
    code = max(probabilities, key=lambda one: probabilities[one])
    choice = _choice(content.scheme.name, code)
    return {"model_version": content.version, "score": probabilities[code], "result": [choice]}


def interface(scheme: Scheme) -> str:
    """Return the labelling interface of a scheme: its labels with their definitions, in Label Studio's XML."""
    view = ET.Element("View")
    if scheme.has_targets:
        ET.SubElement(view, "Header", value=f"{scheme.title}: $target")
    ET.SubElement(view, "Header", value="$title")
    ET.SubElement(view, "Text", name=TEXT, value="$text")
    skip = [Label(code=scheme.skip, name="no article", definition="not a news text")] if scheme.skip else []
    _choices(view, scheme.name, [*scheme.labels, *skip], required=True)
    if scheme.secondary:
        _choices(view, scheme.secondary, scheme.labels, required=False)
    name = {"name": ANNOTATOR, "toName": TEXT, "maxSubmissions": "1", "required": "true", "rows": "1"}
    ET.SubElement(view, "TextArea", {**name, "requiredMessage": "Your name, please.", "placeholder": "Your name"})
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def _choices(view: ET.Element, name: str, labels: Sequence[Label], *, required: bool) -> None:
    ET.SubElement(view, "Header", value=name.replace("_", " ").capitalize(), size="5")
    attributes = {"name": name, "toName": TEXT, "choice": "single", "required": str(required).lower()}
    choices = ET.SubElement(view, "Choices", attributes)
    for label in labels:
        # With an alias, what is exported is the code.
        ET.SubElement(choices, "Choice", value=label.name, alias=label.code, hint=label.definition)


def read(path: Path, scheme: Scheme) -> pd.DataFrame:
    """Read the annotations of tasks that Label Studio exported as JSON, or that `write` wrote.

    Skipped tasks, drafts and predictions are left out. The time of a label is that of its last change; where it is what
    the annotator had decided when `write` wrote the task, that decision's. The annotator is the name in the field
    `annotator`, else the part of the address before the @, else ``user`` and the number.

    Returns
    -------
    DataFrame
        Columns `label_columns`, all text.

    Raises
    ------
    NewstanceError
        When the file is none of Label Studio's, an annotation has no label of the scheme, or two addresses are the same
        before the @; names task and article.
    """
    try:
        tasks = _TASKS.validate_python(read_json(path))
    except ValidationError as error:
        message = describe_problems(error)
        raise NewstanceError(
            f"{path} is no export of Label Studio in the format JSON ({message:.200}); choose JSON, not JSON-MIN."
        ) from None
    names: dict[str, str] = {}
    rows = [
        _row(annotation, task, scheme, f"{path}, task {task.id or number}", names)
        for number, task in enumerate(tasks, start=1)
        for annotation in task.annotations
        if annotation.result and not annotation.was_cancelled
    ]
    return pd.DataFrame(rows, columns=label_columns(scheme), dtype="str")


def _row(annotation: _Annotation, task: _Task, scheme: Scheme, place: str, names: dict[str, str]) -> list[str]:
    cells = {name: str(task.data.get(name, "")).strip() for name in scheme.unit}
    for name, cell in cells.items():
        if not cell:
            raise NewstanceError(f"{place}: its data has no '{name}'; export the tasks with newstance labels export.")
    place = f"{place} (article '{cells['article_id']}')"
    said = {result.from_name: result.value for result in annotation.result}
    cells["annotator"] = _annotator(annotation, said, place, names)
    codes = label_codes(scheme)
    cells[scheme.name] = _code(said, scheme.name, codes, scheme, place)
    if not cells[scheme.name]:
        raise NewstanceError(f"{place}: an annotation has no choice for '{scheme.name}'; make one, or delete it.")
    if scheme.secondary:
        cells[scheme.secondary] = _code(said, scheme.secondary, scheme.codes, scheme, place)
    moment = annotation.updated_at or annotation.created_at
    now = _utc(moment).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else ""
    cells[TIME] = _decided(task, cells, scheme, now)
    return [cells[name] for name in label_columns(scheme)]


def _decided(task: _Task, cells: Mapping[str, str], scheme: Scheme, now: str) -> str:
    """Return when the annotator had decided the same before the task was written ("" for no time), else `now`."""
    said = [name for name in _said(scheme) if name != TIME]
    before = task.data.get(DECIDED)
    rows = [row for row in before if isinstance(row, dict)] if isinstance(before, list) else []
    return next((str(row.get(TIME, "")) for row in rows if all(row.get(name) == cells[name] for name in said)), now)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _code(said: Mapping[str, _Value], control: str, codes: Sequence[str], scheme: Scheme, place: str) -> str:
    """Return the code that was chosen in a control, which Label Studio gives by alias or by name; "" for none."""
    chosen = said[control].choices if control in said else ()
    if len(chosen) > 1:
        raise NewstanceError(f"{place}: {len(chosen)} choices for '{control}'; one is allowed.")
    if not chosen:
        return ""
    names = {label.name: label.code for label in scheme.labels}
    code = chosen[0] if chosen[0] in codes else names.get(chosen[0], "")
    if not code:
        allowed = ", ".join(codes)
        raise NewstanceError(f"{place}: '{chosen[0]}' is no label of scheme '{scheme.name}'; use {allowed}.")
    return code


def _annotator(annotation: _Annotation, said: Mapping[str, _Value], place: str, names: dict[str, str]) -> str:
    text = said[ANNOTATOR].text if ANNOTATOR in said else ""
    name = (text if isinstance(text, str) else " ".join(text)).strip()
    who = annotation.completed_by
    if name:
        return name
    if isinstance(who, _Person) and who.email:
        name = re.sub(r"\W", "_", who.email.partition("@")[0])[:LONGEST]
        name = name if name[:1].isalpha() else f"user_{name}"[:LONGEST]
        if names.setdefault(name, who.email) != who.email:
            raise NewstanceError(
                f"{place}: {names[name]} and {who.email} would both be '{name}'; fill in the field '{ANNOTATOR}'."
            )
        return name
    number = who.id if isinstance(who, _Person) else who
    if number is None:
        raise NewstanceError(f"{place}: nothing says who made an annotation; fill in its field '{ANNOTATOR}'.")
    return f"user{number}"
