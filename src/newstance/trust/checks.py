"""Whether a project's labels can be trusted: everything that is wrong with them, and what may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from newstance.errors import NewstanceError
from newstance.experiment.fit import EMBEDDINGS
from newstance.experiment.noise import held_out_probabilities
from newstance.files import read_parquet
from newstance.labels.annotations import resolve
from newstance.labels.annotators import annotator_differences
from newstance.labels.history import TIME, Rows, counting, read_rows
from newstance.labels.store import check_annotator, is_future
from newstance.labels.suspects import judge
from newstance.models.embeddings import embedding_cache
from newstance.models.mentions import read_aliases
from newstance.pipeline import read_raw
from newstance.reporting import words
from newstance.reporting.results import records
from newstance.scheme import Scheme
from newstance.settings import ARTICLES, Settings

FEWEST_GROUPS = 10  # of near-duplicates, that two labels at least must have before any label is suspected
SUSPECTS_SHOWN = 20
FINDING_COLUMNS = ["severity", "kind", "task", "file", "row", "column", "text"]


class Severity(StrEnum):
    """Whether a finding must be mended, or looked at."""

    PROBLEM = "problem"
    SUSPECT = "suspect"


@dataclass(frozen=True)
class Finding:
    """What is wrong, or may be, and where; `row` is the line of the file, None for what is no single row's."""

    severity: Severity
    kind: str
    task: str
    file: str
    row: int | None
    column: str
    text: str

    def __str__(self) -> str:
        row = f", row {self.row}" if self.row is not None else ""
        column = f", column '{self.column}'" if self.column else ""
        return f"{self.file}{row}{column}: {self.text}"


def check(tasks: Iterable[str], settings: Settings, *, suspects: bool = True) -> list[Finding]:
    """Look for everything that is wrong with labels, and for what may be.

    Problems are rows that break the scheme or have too few cells, second labels of a unit by one annotator without
    times, times to come, annotators without a proper name, and articles that the corpus doesn't have. Suspects are
    annotators who differ from the rest (`newstance.labels.annotators`), units that annotators label differently and no
    reference has settled, and labels that confident learning takes for errors.

    Parameters
    ----------
    tasks
        Names of schemes.
    settings
        The project's.
    suspects
        Whether to suspect labels; needs data/clean and, the first time, minutes.

    Returns
    -------
    list of Finding
        Problems in the order of the files, then suspects, the most suspicious first.

    Raises
    ------
    NewstanceError
        When an annotation file can't be read at all.
    """
    schemes = settings.labels.load_schemes()
    corpus_ids = set(read_raw(settings.corpus)["article_id"]) if settings.corpus.sample is None else None
    problems: list[Finding] = []
    doubts: list[Finding] = []
    for scheme in (schemes[task] for task in tasks):
        rows = read_rows(scheme, settings.labels.directory)
        wrong = sorted(_problems(rows, scheme, corpus_ids), key=lambda one: one.row or 0)
        problems += wrong
        history = rows.cells.assign(row=rows.lines)
        counted = counting(history[~history["row"].isin({one.row for one in wrong})], scheme)
        doubts += _annotators(counted, scheme, settings, str(rows.path))
        doubts += _conflicts(counted, scheme, settings, str(rows.path))
        doubts += _suspects(counted, scheme, settings, str(rows.path)) if suspects else []
    return problems + doubts


def _problems(rows: Rows, scheme: Scheme, corpus_ids: set[str] | None) -> Iterator[Finding]:
    def finding(kind: str, row: int, column: str, text: str) -> Finding:
        return Finding(Severity.PROBLEM, kind, scheme.name, str(rows.path), row, column, text)

    for problem in rows.problems:
        kind = "conflict" if "second time" in problem.text else "scheme"
        yield finding(kind, problem.line, problem.column, f"{problem.text}.")
    lines = pd.Series(rows.lines, index=rows.cells.index)
    if corpus_ids is not None:
        ids = rows.cells["article_id"]
        for row in ids.index[~ids.isin(corpus_ids) & (ids != "")]:
            text = f"the corpus has no article '{ids[row]}'; correct the id, or add the article."
            yield finding("article", int(lines[row]), "article_id", text)
    times = rows.cells[TIME]
    for row in times.index[[is_future(time) for time in times]]:
        text = f"'{times[row]}' is yet to come, so that it would beat every other choice; correct it."
        yield finding("time", int(lines[row]), TIME, text)
    for name in rows.cells["annotator"].unique():
        try:
            check_annotator(name)
        except NewstanceError as error:
            if name:
                first = int(lines[rows.cells["annotator"] == name].iloc[0])
                yield finding("annotator", first, "annotator", str(error))


def _annotators(counted: pd.DataFrame, scheme: Scheme, settings: Settings, file: str) -> Iterator[Finding]:
    # The reference settles where others differ, so it agrees with each of them more than they do with each other.
    peers = counted[counted["annotator"] != settings.labels.reference]
    table = annotator_differences(peers, scheme, settings.evaluation)
    for row in records(table[table["differs"].astype(bool)]):
        text = (
            f"'{row['annotator']}' agrees with the others by kappa {words.with_interval(row, 'kappa')}, they with each "
            f"other on the same units by {words.with_interval(row, 'others')}; go through the codebook together."
        )
        yield Finding(Severity.SUSPECT, "annotator differs", scheme.name, file, None, "annotator", text)


def _conflicts(counted: pd.DataFrame, scheme: Scheme, settings: Settings, file: str) -> Iterator[Finding]:
    """Find the units that annotators label differently and the reference has not settled."""
    settled = pd.MultiIndex.from_frame(counted.loc[counted["annotator"] == settings.labels.reference, scheme.unit])
    unsettled = counted[~pd.MultiIndex.from_frame(counted[scheme.unit]).isin(settled)]
    differing = unsettled.groupby(scheme.unit)[scheme.name].transform("nunique") > 1
    for unit, rows in unsettled[differing].groupby(scheme.unit, sort=False):
        said = " and ".join(f"'{row['annotator']}' says '{row[scheme.name]}'" for row in records(rows))
        target = f" toward '{unit[1]}'" if scheme.has_targets else ""
        text = f"article '{unit[0]}'{target}: {said}; settle it with newstance label --pass adjudicate."
        yield Finding(Severity.SUSPECT, "conflict", scheme.name, file, int(rows["row"].max()), scheme.name, text)


def _suspects(counted: pd.DataFrame, scheme: Scheme, settings: Settings, file: str) -> Iterator[Finding]:
    """Judge the labels that train and test, with the reference's before others."""
    order = (settings.labels.reference, *settings.labels.training)
    labels = resolve(counted.drop(columns=TIME), order, scheme)
    units = labels.merge(counted[[*scheme.unit, "annotator", "row"]], on=[*scheme.unit, "annotator"])
    units = units.merge(read_parquet(ARTICLES), on="article_id")
    groups = units.groupby(scheme.name)["group"].nunique()
    if (groups >= FEWEST_GROUPS).sum() < 2:
        return
    aliases = read_aliases(settings.labels.directory / "aliases.yaml") if scheme.has_targets else {}
    with embedding_cache(EMBEDDINGS):
        probabilities = held_out_probabilities(units, scheme, aliases)
    judged = units.assign(**judge(units[scheme.name], pd.DataFrame(probabilities, columns=scheme.codes)))
    for row in judged[judged["suspected"]].sort_values(["quality", "row"]).to_dict("records"):
        target = f" toward '{row['target']}'" if scheme.has_targets else ""
        text = (
            f"article '{row['article_id']}'{target} has the label '{row[scheme.name]}', to which a model that didn't "
            f"learn from it gives probability {row['quality']:.3f}; it says '{row['suggested']}'. Read it again."
        )
        yield Finding(Severity.SUSPECT, "label", scheme.name, file, int(row["row"]), scheme.name, text)


def as_table(found: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as a table, columns `FINDING_COLUMNS`."""
    rows = [[getattr(one, name) for name in FINDING_COLUMNS] for one in found]
    return pd.DataFrame(rows, columns=FINDING_COLUMNS).astype({"row": "Int64"})


def shown(found: Iterable[Finding]) -> list[Finding]:
    """Return every problem, and of each task and kind the first `SUSPECTS_SHOWN` suspects: a terminal holds no more."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for one in found:
        seen[one.task, one.kind] += 1
        if one.severity is Severity.PROBLEM or seen[one.task, one.kind] <= SUSPECTS_SHOWN:
            kept.append(one)
    return kept


def summary(found: Iterable[Finding]) -> str:
    """Count findings in words."""
    counts = Counter(one.severity for one in found)
    return f"{words.plural(counts[Severity.PROBLEM], 'problem')}, {words.plural(counts[Severity.SUSPECT], 'suspect')}"
