"""The audit's page, as HTML with everything inlined and as Markdown without any article's text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from jinja2 import ChoiceLoader, Environment, PackageLoader

from newstance.audit.contents import (
    authors_table,
    boilerplate_table,
    findings_table,
    models_table,
    one_sided,
    outlets_table,
    pairs_table,
    sides_table,
    sizes_table,
    tokens_table,
)
from newstance.audit.corpus import OPTIONAL, AuditedCorpus
from newstance.audit.guide import guide
from newstance.audit.shared import Shared
from newstance.audit.shortcuts import Models
from newstance.audit.slices import Sides
from newstance.audit.verdict import Finding, verdict
from newstance.reporting.contents import Table
from newstance.reporting.drawing import Chart
from newstance.reporting.page import Section
from newstance.reporting.page import environment as report_environment
from newstance.settings import EvaluationSettings


@dataclass(frozen=True)
class Audit:
    """Everything that was found about a task's data; see the modules of its parts."""

    corpus: AuditedCorpus
    shared: Shared
    tokens: pd.DataFrame
    models: Models
    sides: Sides
    findings: list[Finding]
    settings: EvaluationSettings


def render(audit: Audit, charts: Mapping[str, Chart]) -> dict[str, str]:
    """Return the page as ``html``, which quotes the beginnings of boilerplate, and as ``md``, which quotes nothing."""
    found = environment()
    scheme = audit.corpus.scheme
    context = {
        "title": scheme.title,
        "task": scheme.name,
        "verdict": verdict(audit.findings),
        "guide": guide(audit.settings),
    }
    return {
        kind: found.get_template(f"page.{kind}.j2").render(
            **context, sections=_sections(audit, charts, quoting=kind == "html")
        )
        for kind in ("html", "md")
    }


def environment() -> Environment:
    """Return the report's template environment with the audit's templates before it."""
    found = report_environment()
    found.loader = ChoiceLoader([PackageLoader("newstance.audit"), PackageLoader("newstance.reporting")])
    return found


def _sections(audit: Audit, charts: Mapping[str, Chart], *, quoting: bool) -> list[Section]:
    corpus, shared = audit.corpus, audit.shared
    level = f"{100 * audit.settings.confidence:g} %"
    lacking = [OPTIONAL[name] for name in corpus.lacking]
    parts: list[tuple[str, str, list[str], list[Table | Chart | None]]] = [
        (
            "findings",
            "Findings",
            [*lacking, *audit.models.notes],
            [findings_table(audit.findings), sizes_table(corpus)],
        ),
        (
            "shared",
            "What splits share",
            [],
            [
                charts["shared"],
                outlets_table(corpus, shared),
                pairs_table(shared),
                authors_table(shared),
                boilerplate_table(shared, quoting=quoting),
            ],
        ),
        ("shortcuts", "Shortcut models", [], [charts["shortcuts"], models_table(audit.models, level)]),
        ("slices", "Parts of test", one_sided(audit.sides), [charts.get("slices"), sides_table(audit.sides, level)]),
        ("tokens", "Tell-tale tokens", [], [charts.get("tokens"), tokens_table(audit.tokens, level)]),
    ]
    sections = []
    for anchor, title, texts, blocks in parts:
        there = [block for block in blocks if block is not None]
        if texts or there:
            sections.append(Section(anchor, title, 2, texts, there))
    return sections
