"""How many of the labelled targets of an article are proposed, and how many proposals are labelled targets.

    python benchmarks/targets.py [--out benchmarks/targets.csv]

The ranking's weights were chosen on the validation articles; the gold test articles were not looked at for that. A
proposal counts when it is the annotators' canonical name, letter by letter. Annotators name one to three targets, so
three proposals can't all be right where they named fewer: `best_precision` is what perfect proposals reach. `named` is
the share of labelled targets that the article names at all; a target such as "rule of law" may be in no sentence.
Milliseconds are processor time. Needs the prepared data (`dvc repro split`); a minute.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from newstance.bundle.targets import TargetProposer, mentions
from newstance.corpus.prepared import read_prepared
from newstance.experiment.environment import hardware
from newstance.files import write_csv
from newstance.models.mentions import read_aliases
from newstance.settings import load_settings

MOST = 3
RESAMPLES = 2000


def articles(table: pd.DataFrame) -> list[tuple[str, str, list[str]]]:
    return [
        (group["title"].iloc[0], group["text"].iloc[0], list(group["target"]))
        for _, group in table.groupby("article_id")
    ]


def ratio(hits: np.ndarray, all_: np.ndarray) -> tuple[float, float, float]:
    """Hits among all, with the 95 % interval of a bootstrap over articles."""
    draws = np.random.default_rng(1).integers(0, len(hits), (RESAMPLES, len(hits)))
    low, high = np.quantile(hits[draws].sum(axis=1) / all_[draws].sum(axis=1), [0.025, 0.975])
    return hits.sum() / all_.sum(), low, high


def measure(proposer: TargetProposer, part: str, table: pd.DataFrame) -> list[dict[str, object]]:
    found = articles(table)
    started = time.process_time()
    proposed = [set(proposer.propose(title, text, MOST)) for title, text, _ in found]
    milliseconds = (time.process_time() - started) / len(found) * 1000
    known = set(proposer.known)
    named = [
        {target for target in labels if mentions(title, text, target, proposer.aliases)}
        for title, text, labels in found
    ]
    rows = []
    for targets in ("all", "known", "unseen"):

        def of(names: set[str], kind: str = targets) -> set[str]:
            return names if kind == "all" else names & known if kind == "known" else names - known

        labels = [of(set(labels)) for _, _, labels in found]
        hits = np.array([len(a & b) for a, b in zip(labels, proposed, strict=True)])
        wanted = np.array([len(names) for names in labels])
        given = np.array([len(of(names)) for names in proposed])
        recall, recall_low, recall_high = ratio(hits, wanted)
        precision, precision_low, precision_high = ratio(hits, given)
        rows.append(
            {
                "part": part,
                "targets": targets,
                "articles": len(found),
                "labelled": int(wanted.sum()),
                "named": sum(len(of(names)) for names in named) / wanted.sum(),
                "proposed": int(given.sum()),
                "recall": recall,
                "recall_low": recall_low,
                "recall_high": recall_high,
                "precision": precision,
                "precision_low": precision_low,
                "precision_high": precision_high,
                "best_precision": min(1.0, wanted.sum() / given.sum()),
                "ms_an_article": milliseconds,
                "hardware": hardware(),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    chosen = parser.parse_args()
    data = read_prepared("stance")
    aliases = read_aliases(load_settings().labels.directory / "aliases.yaml")
    proposer = TargetProposer.fit(articles(data["train"]), aliases)
    rows = [row for part in ("validation", "test") for row in measure(proposer, part, data[part])]
    write_csv(chosen.out, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
