"""Which articles come in which order: at random, or as a ranked list says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from newstance.errors import NewstanceError
from newstance.labelling.decisions import shuffled


@dataclass(frozen=True)
class Queue:
    """The articles to label, in order.

    Attributes
    ----------
    order
        Numbers of articles.
    listed
        Whether somebody chose them.
    targets, reasons
        By article: the targets that the list asks about, and why the article is on it.
    """

    order: list[str]
    listed: bool = False
    targets: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

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
            table = pd.read_csv(path, dtype="str", keep_default_na=False)
        except FileNotFoundError:
            raise NewstanceError(f"{path} does not exist; `newstance labels next` writes such a list.") from None
        except (OSError, ValueError) as error:
            raise NewstanceError(f"{path} can't be read as UTF-8 CSV: {' '.join(str(error).split())}.") from None
        if "article_id" not in table:
            raise NewstanceError(f"{path}, row 1: lacks the column article_id.")
        known = set(article_ids)
        targets: defaultdict[str, list[str]] = defaultdict(list)
        reasons: dict[str, str] = {}
        for line, row in enumerate(table.to_dict("records"), start=2):
            article_id = row["article_id"].strip()
            if article_id not in known:
                raise NewstanceError(f"{path}, row {line}: there is no article '{article_id}'; remove the row.")
            reasons.setdefault(article_id, row.get("reason", ""))
            if target := row.get("target", "").strip():
                targets[article_id].append(target)
        return cls(list(reasons), listed=True, targets=dict(targets), reasons=reasons)
