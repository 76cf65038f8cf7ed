"""Which articles come in which order: at random, or as a ranked list says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from newstance.errors import NewstanceError
from newstance.labelling.decisions import shuffled
from newstance.labels.history import TIME_FORMAT


@dataclass(frozen=True)
class Queue:
    """The articles to label, in order.

    Attributes
    ----------
    order
        Numbers of articles.
    listed
        Whether somebody chose them.
    written
        When the list was, as `newstance.labels.history.TIME_FORMAT` has it.
    targets
        By article: the targets that the list asks about.
    reasons
        By article and target ("" where the list names none): why the list has it.
    """

    order: list[str]
    listed: bool = False
    written: str = ""
    targets: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    def place(self, article_id: str) -> str:
        """Say where on the list an article is, and no more than that: a reason could tell the label."""
        if not self.listed or article_id not in self.order:
            return ""
        return f"ranked {self.order.index(article_id) + 1} of {len(self.order)}"

    def reason(self, article_id: str, target: str) -> str:
        """Return why the list has a unit; empty where it doesn't say."""
        return self.reasons.get((article_id, target)) or self.reasons.get((article_id, ""), "")

    @classmethod
    def at_random(cls, article_ids: Collection[str], seed: int) -> Queue:
        """Return all articles in an order at random, the same for the same seed."""
        return cls(shuffled(article_ids, seed))

    @classmethod
    def from_file(cls, path: Path, article_ids: Collection[str]) -> Queue:
        """Read a ranked list.

        Parameters
        ----------
        path
            A CSV with `article_id` and, where wanted, `target` and `reason`; further columns are left out.
        article_ids
            The articles that there are.

        Raises
        ------
        NewstanceError
            When there is no such file, or it is no such list, or names an article that there isn't.
        """
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime(TIME_FORMAT)
            table = pd.read_csv(path, dtype="str", keep_default_na=False)
        except FileNotFoundError:
            raise NewstanceError(f"{path} does not exist; `newstance labels next` writes such a list.") from None
        except (OSError, ValueError) as error:
            raise NewstanceError(f"{path} can't be read as UTF-8 CSV: {' '.join(str(error).split())}.") from None
        if "article_id" not in table:
            raise NewstanceError(f"{path}, row 1: lacks the column article_id.")
        known = set(article_ids)
        targets: defaultdict[str, list[str]] = defaultdict(list)
        reasons: dict[tuple[str, str], str] = {}
        for line, row in enumerate(table.to_dict("records"), start=2):
            article_id = row["article_id"].strip()
            if article_id not in known:
                raise NewstanceError(f"{path}, row {line}: there is no article '{article_id}'; remove the row.")
            target = " ".join(row.get("target", "").split())
            if target and target not in targets[article_id]:
                targets[article_id].append(target)
            reasons.setdefault((article_id, target), row.get("reason", ""))
        order = list(dict.fromkeys(article_id for article_id, _ in reasons))
        return cls(order, True, written, dict(targets), reasons)
