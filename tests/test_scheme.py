from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.scheme import Scheme, load_schemes

SEEDS = Path(__file__).parents[1] / "seeds" / "schemes"
LEANING = """
name: leaning
kind: single-label
title: Leaning
annotations: leanings.csv
labels:
  - {code: left, name: left, definition: of the left}
  - {code: right, name: right, definition: of the right}
"""


def test_a_scheme_knows_its_codes_its_unit_and_its_annotation_columns(tmp_path):
    write_text(tmp_path / "leaning.yaml", LEANING)
    scheme = load_schemes(tmp_path, ["leaning"])["leaning"]
    assert scheme.codes == ["left", "right"]
    assert scheme.unit == ["article_id"]
    assert scheme.annotation_columns == ["article_id", "annotator", "leaning"]


def test_a_target_dependent_scheme_has_a_target_in_its_unit_and_columns(tmp_path):
    write_text(tmp_path / "leaning.yaml", LEANING.replace("single-label", "target-dependent") + "secondary: second\n")
    scheme = load_schemes(tmp_path, ["leaning"])["leaning"]
    assert scheme.has_targets
    assert scheme.unit == ["article_id", "target"]
    assert scheme.annotation_columns == ["article_id", "annotator", "target", "leaning", "second"]


@given(st.lists(st.from_regex(r"[a-z0-9][a-z0-9_\-]{0,3}", fullmatch=True), min_size=2, max_size=6))
def test_codes_are_distinct_and_keep_their_order(codes):
    labels = [{"code": code, "name": code, "definition": ""} for code in codes]
    values = {"name": "leaning", "kind": "single-label", "title": "", "annotations": "a.csv", "labels": labels}
    if len(set(codes)) == len(codes):
        assert Scheme.model_validate(values).codes == codes
    else:
        with pytest.raises(ValidationError, match="label codes must be distinct"):
            Scheme.model_validate(values)


def test_a_missing_scheme_is_named(tmp_path):
    with pytest.raises(NewstanceError, match=r"mood\.yaml does not exist"):
        load_schemes(tmp_path, ["mood"])


def test_a_scheme_cannot_be_changed(tmp_path):
    write_text(tmp_path / "leaning.yaml", LEANING)
    with pytest.raises(ValidationError, match="frozen"):
        load_schemes(tmp_path, ["leaning"])["leaning"].title = "Other"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (LEANING.replace("code: right", "code: left"), "label codes must be distinct"),
        (LEANING.replace("name: leaning", "name: slant"), "key 'name' is 'slant' but the file is called 'leaning'"),
        (LEANING.replace("single-label", "two-labels"), "key 'kind'"),
        (LEANING.replace("code: left", "code: Far Left"), "key 'labels.0.code'"),
        (LEANING + "color: red\n", "unknown key 'color'"),
        (LEANING.replace("  - {code: right, name: right, definition: of the right}\n", ""), "key 'labels'"),
        (LEANING.replace("name: leaning", "name: outlet"), "key 'name': .* is the name of another column"),
        (LEANING.replace("name: leaning", "name: quality"), "key 'name': .* is the name of another column"),
        (LEANING + "secondary: text\n", "key 'secondary': .* is the name of another column"),
        (LEANING.replace("name: right", "medtop: 7, name: right"), "key 'labels.1.medtop'"),
        (LEANING.replace(", definition: of the left", ""), "key 'labels.0.definition' is missing"),
        (LEANING.replace("name: right", "name: left"), "label names must be distinct"),
        (LEANING + "skip: left\n", "'skip' is 'left', which is a label's code"),
        (LEANING + "secondary: leaning\n", "'secondary' is the scheme's name"),
        (LEANING.replace("leanings.csv", "../leanings.csv"), "key 'annotations': .* without a path"),
    ],
)
def test_a_wrong_scheme_is_refused_with_file_and_key(tmp_path, changed, problem):
    write_text(tmp_path / "leaning.yaml", changed)
    with pytest.raises(NewstanceError, match=rf"leaning\.yaml: .*{problem}"):
        load_schemes(tmp_path, ["leaning"])


def test_the_schemes_of_the_repository_are_the_media_topics_and_three_stances():
    schemes = load_schemes(SEEDS, ["topic", "stance"])
    assert len(schemes["topic"].codes) == len({label.medtop for label in schemes["topic"].labels}) == 17
    assert schemes["stance"].codes == ["favor", "neutral", "against"]
    assert all(label.definition for scheme in schemes.values() for label in scheme.labels)


def test_labels_have_examples_where_they_are_given_and_are_written_as_before_where_not(tmp_path):
    text = LEANING.replace("definition: of the left", "definition: of the left, examples: [a strike, rents]")
    write_text(tmp_path / "leaning.yaml", text)
    left, right = load_schemes(tmp_path, ["leaning"])["leaning"].labels
    assert left.examples == ("a strike", "rents")
    assert set(right.model_dump()) == {"code", "name", "definition", "medtop"}
    assert left.model_dump(mode="json")["examples"] == ["a strike", "rents"]
