"""The command: audit prepared data, write a page, its figures and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import pandas as pd

from newstance.audit.corpus import read_corpus
from newstance.audit.figures import charts
from newstance.audit.names import find_names
from newstance.audit.page import Audit, render
from newstance.audit.shared import find_shared
from newstance.audit.shortcuts import fit_models
from newstance.audit.slices import compare_sides
from newstance.audit.telltale import telltale_tokens
from newstance.audit.verdict import FINDING_COLUMNS, findings
from newstance.corpus.published_outlets import Outlets
from newstance.files import write_csv, write_text
from newstance.scheme import Scheme
from newstance.settings import REPORTS, EvaluationSettings

AUDITS = REPORTS / "audit"


def audit(
    data: Mapping[str, pd.DataFrame],
    scheme: Scheme,
    out: Path = AUDITS,
    *,
    outlets: Outlets | None = None,
    settings: EvaluationSettings | None = None,
    seed: int = 1,
) -> Audit:
    """Audit a task's prepared data for leakage.

    Writes ``TASK.html`` (one self-contained page), ``TASK.md`` (the same without any article's text), ``TASK-*.csv``
    and ``TASK-*.svg``; equal data and settings give equal bytes.

    Parameters
    ----------
    data
        The tables train, validation and test (`newstance.corpus.prepared.read_prepared`).
    scheme
        The task's scheme; its name is the task's.
    out
        The folder to write to.
    outlets
        Who is who among the outlets; without it every outlet name in the data stands for itself.
    settings
        Of the bootstrap.
    seed
        Of the classifiers.

    Returns
    -------
    Audit
        Everything that was found; `newstance.audit.verdict.verdict` puts it in a sentence.

    Raises
    ------
    NewstanceError
        When the data can't be audited (`newstance.audit.corpus.read_corpus`). A missing column that says where articles
        come from is no error: the page says what can't be audited without it.
    """
    settings = settings or EvaluationSettings()
    corpus = read_corpus(data, scheme, outlets)
    shared = find_shared(corpus)
    names = find_names(corpus, shared.article_authors)
    tokens = telltale_tokens(corpus, names, settings)
    models = fit_models(corpus, shared, names, settings, seed)
    sides = compare_sides(corpus, shared, models)
    found = findings(corpus, shared, models, sides)
    result = Audit(corpus, shared, tokens, models, sides, found, settings)
    _write(result, out)
    return result


def _write(result: Audit, out: Path) -> None:
    corpus, task = result.corpus, result.corpus.scheme.name
    drawn = charts(
        task, corpus.unit, result.shared, result.tokens, result.models, result.sides, result.settings.confidence
    )
    for kind, table in _tables(result).items():
        write_csv(out / f"{task}-{kind}.csv", table)
    for chart in drawn.values():
        write_text(out / f"{chart.name}.svg", chart.svg)
    for kind, text in render(result, drawn).items():
        write_text(out / f"{task}.{kind}", text)


def _tables(result: Audit) -> dict[str, pd.DataFrame]:
    """Return the tables to keep; lines of boilerplate are text of articles, so their hashes stand for them."""
    shared = result.shared
    lines = [blake2b(line.encode(), digest_size=6).hexdigest() for line in shared.boilerplate["line"]]
    return {
        "findings": pd.DataFrame(
            [[one.subject, one.severity, one.text] for one in result.findings], columns=FINDING_COLUMNS
        ),
        "exposure": shared.exposure,
        "outlets": shared.outlets,
        "near-duplicates": shared.pairs,
        "authors": shared.authors[(shared.authors["test"] > 0) & (shared.authors["train"] > 0)],
        "boilerplate": shared.boilerplate.assign(line=lines),
        "models": result.models.table,
        "tokens": result.tokens,
        "parts": result.sides.table,
        "differences": result.sides.differences,
    }
