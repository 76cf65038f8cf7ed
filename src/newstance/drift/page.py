"""What was found, as a sentence, a page in Markdown without any article's text, and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from jinja2 import ChoiceLoader, PackageLoader

from newstance.drift.run import Drift
from newstance.files import write_csv, write_text
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table
from newstance.reporting.page import environment
from newstance.reporting.results import records

# Two tests look for drift, so each gets half of the level (Bonferroni).
LOOKS = 2
STRONG, CLEAR = 0.9, 0.7  # area under the ROC curve from which drift is called strong, and clear
FIRST = 10


def is_drift(found: Drift) -> bool:
    """Say whether the domain classifier or the energy distance tells new articles from the reference."""
    return min(found.domain.p, found.distance.p) <= (1 - found.settings.confidence) / LOOKS


def verdict(found: Drift) -> str:
    """Say in one sentence whether there is drift, by how much, and what it does to the labels."""
    domain = found.domain
    compared = f"{words.plural(found.sizes[1], 'new article')} from {words.count(found.sizes[0])} held-out ones"
    auc = f"{words.score(domain.auc)} {words.interval(domain.low, domain.high)}"
    told = f"a classifier tells {compared} with AUC {auc}, where shuffled ones reach {words.score(domain.chance)}"
    if not is_drift(found):
        return f"No drift seen: {told}."
    strength = "Strong" if domain.auc >= STRONG else "Clear" if domain.auc >= CLEAR else "Slight"
    level = 1 - found.settings.confidence
    shifted = [row["task"] for row in records(found.tasks) if row["p"] <= level / len(found.tasks)]
    labels = f"the labels of {' and '.join(shifted)} shift" if shifted else "no shift of the labels is seen"
    refused = f"{100 * found.abstentions[1][0]:.1f} % are refused ({100 * found.abstentions[0][0]:.1f} % held out)"
    return f"{strength} drift: {told}; {labels}, and {refused}."


def write(found: Drift, out: Path) -> None:
    """Write ``drift.md``, ``measures.csv``, ``labels.csv``, ``tasks.csv`` and ``queue-TASK.csv`` into a folder."""
    write_csv(out / "measures.csv", measures(found))
    write_csv(out / "labels.csv", found.labels)
    write_csv(out / "tasks.csv", found.tasks)
    for task, table in found.queues.items():
        write_csv(out / f"queue-{task}.csv", table)
    templates = environment()
    templates.loader = ChoiceLoader([PackageLoader("newstance.drift"), PackageLoader("newstance.reporting")])
    text = templates.get_template("page.md.j2").render(
        verdict=verdict(found),
        sizes=found.sizes,
        percent=f"{100 * found.settings.confidence:g} %",
        measures=_measures_table(found),
        shifts=[_tasks_table(found), _labels_table(found)],
        reasons=", ".join(f"{reason} {count}" for reason, count in found.reasons.most_common()),
        queues=[_queue_table(task, table) for task, table in found.queues.items() if len(table)],
    )
    write_text(out / "drift.md", text)


def measures(found: Drift) -> pd.DataFrame:
    """Return the measures of the embeddings and of abstention, a row each; `chance` is what shuffled articles reach."""
    domain, distance = found.domain, found.distance
    rows = [
        ["domain classifier, AUC", domain.auc, domain.low, domain.high, domain.chance, domain.p],
        ["energy distance", distance.value, None, None, distance.chance, distance.p],
        ["refused, held out", *found.abstentions[0], None, None],
        ["refused, new", *found.abstentions[1], None, None],
    ]
    columns = ["measure", "value", "low", "high", "chance", "p"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "float64"))


def _measures_table(found: Drift) -> Table:
    rows = [
        [
            Cell(row["measure"]),
            Cell(words.score(row["value"]), words.interval(row["low"], row["high"])),
            Cell(words.score(row["chance"])),
            Cell(words.p_value(row["p"])),
        ]
        for row in records(measures(found))
    ]
    return Table("Embeddings and refusals.", ["measure", "value", "by chance, at most", "p"], rows)


def _tasks_table(found: Drift) -> Table:
    rows = [[Cell(row["task"]), Cell(words.p_value(row["p"])), *_both_sides(row)] for row in records(found.tasks)]
    columns = ["task", "p of the labels' shift", "mean probability, held out", "mean probability, new"]
    return Table("How sure the champions are of the labels that they give.", columns, rows)


def _labels_table(found: Drift) -> Table:
    table = found.labels[(found.labels[["reference", "new"]] > 0).any(axis=1)]
    rows = [[Cell(row["task"]), Cell(row["label"]), *_both_sides(row)] for row in records(table)]
    return Table("Shares of the predicted labels.", ["task", "label", "held out", "new"], rows, texts=2)


def _both_sides(row: dict[str, object]) -> list[Cell]:
    frame = pd.Series(row)
    return [
        Cell(words.score(frame[side]), words.interval(frame[f"{side}_low"], frame[f"{side}_high"]))
        for side in ("reference", "new")
    ]


def _queue_table(task: str, table: pd.DataFrame) -> Table:
    unit = [name for name in ("article_id", "target") if name in table]
    rows = [
        [Cell(str(row["rank"])), *(Cell(str(row[name])) for name in unit), Cell(str(row["reason"]))]
        for row in records(table.head(FIRST))
    ]
    caption = f"What to label first for {task}: all {words.count(len(table))} in queue-{task}.csv."
    return Table(caption, ["rank", *unit, "reason"], rows, texts=2 + len(unit))
