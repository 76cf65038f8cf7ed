import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanged import MOOD, TOPIC, as_set, contents
from newstance.labels.exchange import datasets_folder, label_studio, plain_csv

FORMATS = [label_studio, datasets_folder, plain_csv]


@pytest.mark.parametrize("kind", FORMATS)
@given(content=st.one_of(contents(TOPIC), contents(MOOD)))
@settings(max_examples=60)
def test_what_is_written_is_read_again(kind, content):
    with tempfile.TemporaryDirectory() as room:
        output = Path(room) / "labels.json"
        kind.write(output, content)
        again = kind.read(output, content.scheme)
    assert list(again.columns) == list(content.labels.columns)
    assert as_set(again) == as_set(content.labels)
    assert len(again) == len(content.labels)


@given(content=st.one_of(contents(TOPIC), contents(MOOD)))
@settings(max_examples=30)
def test_formats_lose_nothing_one_after_the_other(content):
    with tempfile.TemporaryDirectory() as room:
        labels = content.labels
        for number, kind in enumerate([*FORMATS, label_studio]):
            output = Path(room) / f"{number}.json"
            kind.write(output, type(content)(content.scheme, content.units, labels))
            labels = kind.read(output, content.scheme)
    assert as_set(labels) == as_set(content.labels)
