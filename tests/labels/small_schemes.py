"""Small schemes of both kinds."""

from __future__ import annotations

from newstance.scheme import Label, Scheme

LABELS = tuple(Label(code=code, name=code, definition=f"about {code}") for code in ("politics", "sport", "weather"))
TOPIC = Scheme(
    name="topic",
    kind="single-label",
    title="Topic",
    annotations="topics.csv",
    secondary="second",
    skip="skip",
    labels=LABELS,
)
MOOD = Scheme(name="mood", kind="target-dependent", title="Mood", annotations="moods.csv", labels=LABELS)
