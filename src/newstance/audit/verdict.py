"""The verdict: findings with a severity by the declared thresholds (`newstance.audit.thresholds`), and one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from newstance.audit.corpus import AuditedCorpus
from newstance.audit.scores import difference
from newstance.audit.shared import AUTHOR, DUPLICATE, LINE, OUTLET_IDENTITY, OUTLET_NAME, Shared
from newstance.audit.shortcuts import (
    BOILERPLATE_ONLY,
    BYLINE_ONLY,
    FULL,
    FULL_ON_MASKED,
    MASKED,
    OUTLET_ONLY,
    SHORTCUT,
    Models,
)
from newstance.audit.slices import DUPLICATES, OUTLETS, SIDES, Sides
from newstance.audit.thresholds import DROP_LEAK, SHARED_LEAK, SHORTCUT_LEAK, SIDE_ARTICLES
from newstance.reporting import words
from newstance.reporting.results import Row, records


class Severity(StrEnum):
    """How bad a finding is, from the best to the worst."""

    CLEAN = "clean"
    WATCH = "watch"
    LEAK = "leak"


_ORDER = list(Severity)
_SHORTCUT = "shortcut: "
FINDING_COLUMNS = ["subject", "severity", "text"]


@dataclass(frozen=True)
class Finding:
    """One finding: what it is about, how bad it is, and a sentence with the numbers."""

    subject: str
    severity: Severity
    text: str


def percent(share: float) -> str:
    """Write a share as a percentage with one decimal."""
    return words.MISSING if pd.isna(share) else f"{100 * share:.1f} %".replace("-", "−")


def findings(corpus: AuditedCorpus, shared: Shared, models: Models, sides: Sides) -> list[Finding]:
    """Judge everything that was found, the worst first."""
    shortcuts = {row["model"]: row for row in records(models.table) if row["kind"] == SHORTCUT}
    found = [
        *_outlets(corpus, shared, shortcuts),
        _duplicates(shared),
        _carried("shared authors", AUTHOR, shared, shortcuts.get(BYLINE_ONLY)),
        _carried("shared boilerplate", LINE, shared, shortcuts.get(BOILERPLATE_ONLY)),
        *(_shortcut(row) for row in shortcuts.values()),
        _masking(models),
        *_sides(sides),
    ]
    return sorted(found, key=lambda finding: -_ORDER.index(finding.severity))


def shortcut_severity(row: Row) -> Severity:
    """Judge a shortcut by its gain over the majority."""
    if not row["gain_low"] > 0:
        return Severity.CLEAN
    # Where the full text gains nothing, everything that gains is more than it.
    return Severity.WATCH if row["share_of_full"] < SHORTCUT_LEAK else Severity.LEAK


def drop_severity(drop: float, low: float) -> Severity:
    """Judge a drop of accuracy by itself and the lower end of its interval."""
    if not low > 0:
        return Severity.CLEAN
    return Severity.LEAK if drop >= DROP_LEAK else Severity.WATCH


def _outlets(corpus: AuditedCorpus, shared: Shared, shortcuts: dict[str, Row]) -> Iterator[Finding]:
    key = OUTLET_IDENTITY if OUTLET_IDENTITY in shared.flags else OUTLET_NAME
    if key not in shared.flags:
        return
    test = shared.outlets[shared.outlets["test"] > 0]
    names = shared.outlets[shared.outlets["train"] > 0]["outlet"]
    flag = shared.flags[key]
    text = _occurring(test["outlet"], names, "outlet name")
    if corpus.declared:
        identities = test.loc[test["identity_in_train"] > 0, "identity"]
        text += f", and {_occurring(test['identity'], identities, 'declared outlet')}"
    severity = Severity.CLEAN
    if flag.any():
        severity = Severity.WATCH
        text += f": {words.count(flag.sum())} of {words.plural(len(flag), 'test article')} ({percent(flag.mean())})"
        if shortcut_severity(shortcuts[OUTLET_ONLY]) is Severity.LEAK:
            severity = Severity.LEAK
            text += ", and the outlet tells the label"
    yield Finding("shared outlets", severity, text + ".")


def _occurring(tested: pd.Series[str], trained: pd.Series[str], what: str) -> str:
    distinct = set(tested)
    return f"{len(distinct & set(trained))} of the {words.plural(len(distinct), what)} in test occur in train"


def _duplicates(shared: Shared) -> Finding:
    flag = shared.flags[DUPLICATE]
    pairs = words.plural(len(shared.pairs), "pair")
    if not flag.any():
        text = f"No test article has a near-duplicate in train ({pairs} between any two splits)."
        return Finding("near-duplicates", Severity.WATCH if len(shared.pairs) else Severity.CLEAN, text)
    text = (
        f"{words.count(flag.sum())} of {words.plural(len(flag), 'test article')} ({percent(flag.mean())}) "
        f"{'has' if flag.sum() == 1 else 'have'} a near-duplicate in train; {pairs} between any two splits."
    )
    return Finding("near-duplicates", Severity.LEAK if flag.mean() >= SHARED_LEAK else Severity.WATCH, text)


def _carried(subject: str, key: str, shared: Shared, shortcut: Row | None) -> Finding:
    """Judge something in the text that splits share: as much as its shortcut, but to be watched where it is common."""
    flag = shared.flags[key]
    share = f"{words.count(flag.sum())} of {words.plural(len(flag), 'test article')} ({percent(flag.mean())})"
    text = f"{share} {'has' if flag.sum() == 1 else 'have'} {key} in common with train."
    severity = Severity.WATCH if flag.mean() >= SHARED_LEAK else Severity.CLEAN
    if shortcut is not None and flag.any():
        severity = max(severity, shortcut_severity(shortcut), key=_ORDER.index)
    return Finding(subject, severity, text)


def _shortcut(row: Row) -> Finding:
    severity = shortcut_severity(row)
    gain = f"{words.signed(row['gain'])} [{words.signed(row['gain_low'])}, {words.signed(row['gain_high'])}]"
    text = f"Accuracy {words.with_interval(row, 'accuracy')}, {gain} against the majority"
    if severity is not Severity.CLEAN and not pd.isna(row["share_of_full"]):
        text += f": {percent(row['share_of_full'])} of what the full text gains"
    return Finding(f"{_SHORTCUT}{row['model']}", severity, text + ".")


def _masking(models: Models) -> Finding:
    drops = {name: difference(models.tested[FULL], models.tested[name]) for name in (FULL_ON_MASKED, MASKED)}
    severity = max((drop_severity(drop, low) for drop, low, _ in drops.values()), key=_ORDER.index)
    tested, trained = (
        f"{words.signed(-drop)} [{words.signed(-high)}, {words.signed(-low)}]" for drop, low, high in drops.values()
    )
    text = f"Without outlet names and bylines the full text's accuracy changes by {tested}, trained so by {trained}."
    return Finding("masking", severity, text)


def _sides(sides: Sides) -> Iterator[Finding]:
    subjects = {OUTLETS: "unseen outlets", DUPLICATES: "without near-duplicates"}
    full = sides.differences[sides.differences["model"] == FULL]
    for row in records(full):
        first, second = SIDES[row["comparison"]]
        values = f"{words.signed(row['difference'])} [{words.signed(row['low'])}, {words.signed(row['high'])}]"
        text = f"The full text's accuracy on test articles with {first} minus {second}: {values}"
        small = row["smaller_side"] < SIDE_ARTICLES
        severity = Severity.CLEAN if small else drop_severity(row["difference"], row["low"])
        if small:
            text += f" (not judged: {words.plural(row['smaller_side'], 'article')} on the smaller side)"
        yield Finding(subjects[row["comparison"]], severity, text + ".")


def verdict(found: list[Finding]) -> str:
    """Say all findings in one sentence."""
    named = {severity: _listed([one.subject for one in found if one.severity is severity]) for severity in Severity}
    watched = f"to be watched: {named[Severity.WATCH]}"
    if named[Severity.LEAK]:
        return f"Leak: {named[Severity.LEAK]}{f'; {watched}' if named[Severity.WATCH] else ''}."
    if named[Severity.WATCH]:
        return f"No leak; {watched}."
    return f"Clean: none of {words.plural(len(found), 'finding')} is a leak or needs watching."


def _listed(subjects: list[str]) -> str:
    """List subjects, the shortcuts together at the end."""
    shortcuts = [name.removeprefix(_SHORTCUT).removesuffix(" only") for name in subjects if name.startswith(_SHORTCUT)]
    listed = [name for name in subjects if not name.startswith(_SHORTCUT)]
    if shortcuts:
        listed.append(f"shortcuts by {' and '.join(filter(None, (', '.join(shortcuts[:-1]), shortcuts[-1])))}")
    return ", ".join(listed)
