from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.audit.thresholds import DROP_LEAK, SHORTCUT_LEAK
from newstance.audit.verdict import Finding, Severity, drop_severity, shortcut_severity, verdict


@pytest.mark.parametrize(
    ("low", "share", "expected"),
    [
        (-0.01, 0.9, Severity.CLEAN),
        (0.0, 0.9, Severity.CLEAN),
        (0.01, SHORTCUT_LEAK - 0.01, Severity.WATCH),
        (0.01, SHORTCUT_LEAK, Severity.LEAK),
        (0.01, float("nan"), Severity.LEAK),
    ],
)
def test_a_shortcut_is_judged_by_its_gain(low: float, share: float, expected: Severity) -> None:
    assert shortcut_severity({"gain_low": low, "share_of_full": share}) is expected


@pytest.mark.parametrize(
    ("drop", "low", "expected"),
    [
        (0.2, -0.01, Severity.CLEAN),
        (0.2, float("nan"), Severity.CLEAN),
        (DROP_LEAK / 2, 0.001, Severity.WATCH),
        (DROP_LEAK, 0.001, Severity.LEAK),
    ],
)
def test_a_drop_is_judged_by_its_size_where_it_is_sure(drop: float, low: float, expected: Severity) -> None:
    assert drop_severity(drop, low) is expected


def test_shortcuts_are_listed_together() -> None:
    subjects = ["shortcut: outlet only", "masking", "shortcut: date only"]

    sentence = verdict([Finding(subject, Severity.WATCH, "") for subject in subjects])

    assert sentence == "No leak; to be watched: masking, shortcuts by outlet and date."


@given(st.lists(st.sampled_from(list(Severity)), min_size=1))
def test_the_sentence_begins_with_the_worst_and_names_what_is_not_clean(severities: list[Severity]) -> None:
    found = [Finding(f"subject {place}", severity, "") for place, severity in enumerate(severities)]

    sentence = verdict(found)

    beginnings = {Severity.CLEAN: "Clean: ", Severity.WATCH: "No leak; to be watched: ", Severity.LEAK: "Leak: "}
    assert sentence.startswith(beginnings[max(severities, key=list(Severity).index)])
    named = {finding.subject for finding in found if finding.severity is not Severity.CLEAN}
    assert all(f"{subject}," in sentence or f"{subject};" in sentence or f"{subject}." in sentence for subject in named)
