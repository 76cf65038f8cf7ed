"""Plain CSV: an annotation file (`newstance.labels.history`), which any spreadsheet opens."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from newstance.files import atomic_path
from newstance.labels.exchange.content import Content, label_columns
from newstance.labels.history import TIME, counting, read_history
from newstance.labels.store import line_of
from newstance.scheme import Scheme


def write(output: Path, content: Content) -> None:
    """Write the labels; the column of times is left out where no label has one."""
    columns = label_columns(content.scheme)
    if not (content.labels[TIME] != "").any():
        columns.remove(TIME)
    lines = [columns, *content.labels[columns].to_numpy().tolist()]
    with atomic_path(output) as temporary:
        temporary.write_text("".join(map(line_of, lines)), encoding="utf-8", newline="")


def read(path: Path, scheme: Scheme) -> pd.DataFrame:
    """Read the labels that count.

    Returns
    -------
    DataFrame
        Columns `label_columns`, all text.

    Raises
    ------
    NewstanceError
        When the file is missing or a row breaks the scheme.
    """
    named = scheme.model_copy(update={"annotations": path.name})
    return counting(read_history(named, path.parent), named)
