"""Predictions as JSON Lines, as a tidy Parquet table, and as a table to read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newstance.bundle.answers import Decision
from newstance.scheme import Scheme
from newstance.serving.batch_prediction.predictions import Prediction

Format = Literal["table", "jsonl", "parquet"]
FORMAT_OF_SUFFIX: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
ROW_GROUP_ROWS = 16_384
PROBABILITY = "probability"  # heads a column

TIDY_SCHEMA = pa.schema(
    {
        "article_id": pa.string(),
        "source": pa.string(),
        "row": pa.int64(),
        "scheme": pa.string(),
        "target": pa.string(),
        "proposed": pa.bool_(),
        "mentioned": pa.bool_(),
        "label": pa.string(),
        "probability": pa.float64(),
        "probabilities": pa.map_(pa.string(), pa.float64()),
        "abstain": pa.string(),
        "error": pa.string(),
        "version": pa.string(),
    }
)


class Writer(Protocol):
    """Takes predictions in the order of their rows; used in a ``with``."""

    def write(self, predictions: list[Prediction]) -> None:
        """Write further predictions."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def terminal_writer(kind: Format, schemes: Mapping[str, Scheme]) -> Writer:
    """Return what writes to standard output: a drawn table on a terminal, else text that other programs can read."""
    if kind == "table" and sys.stdout.isatty():
        return DrawnTable(schemes, Console())
    return JsonLines(sys.stdout.buffer) if kind == "jsonl" else PlainTable(schemes, sys.stdout.buffer)


def file_writer(kind: Format, schemes: Mapping[str, Scheme], path: Path) -> Writer:
    """Return what writes the file `path`."""
    if kind == "parquet":
        return TidyParquet(path)
    stream = path.open("wb")
    return JsonLines(stream) if kind == "jsonl" else PlainTable(schemes, stream)


class _ToStream:
    """Writes to a stream, and leaves it open when it is the process's own."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not sys.stdout.buffer:
            self._stream.close()

    def _put(self, lines: list[bytes]) -> None:
        self._stream.writelines(lines)
        self._stream.flush()


class JsonLines(_ToStream):
    """One JSON object a row."""

    def write(self, predictions: list[Prediction]) -> None:
        """Write further predictions."""
        self._put([json_line(prediction) for prediction in predictions])


def json_line(prediction: Prediction) -> bytes:
    """Return a prediction as one line of JSON."""
    return prediction.model_dump_json().encode("utf-8") + b"\n"


class PlainTable(_ToStream):
    """One line a row, tabs between the columns, under a heading."""

    def __init__(self, schemes: Mapping[str, Scheme], stream: BinaryIO):
        super().__init__(stream)
        self._schemes = schemes
        self._put([_tabbed(columns(schemes))])

    def write(self, predictions: list[Prediction]) -> None:
        """Write further predictions."""
        self._put([_tabbed(cells(prediction, self._schemes)) for prediction in predictions])


def _tabbed(texts: list[str]) -> bytes:
    return "\t".join(" ".join(text.split()) for text in texts).encode("utf-8") + b"\n"


class DrawnTable:
    """A table for the eye; it grows, so every piece has columns of the same width."""

    def __init__(self, schemes: Mapping[str, Scheme], console: Console):
        self._schemes = schemes
        self._console = console
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, predictions: list[Prediction]) -> None:
        """Draw further rows."""
        table = Table(box=None, expand=True, show_header=not self._begun, padding=(0, 2, 0, 0))
        for name in columns(self._schemes):
            width = self._width(name)
            share = None if width else 2 if name in self._schemes else 1
            table.add_column(Text(name), width=width, ratio=share, overflow="fold")
        for prediction in predictions:
            # Texts, since rich would read brackets as markup.
            table.add_row(*map(Text, cells(prediction, self._schemes, between="\n")))
        self._console.print(table)
        self._begun = True

    def _width(self, column: str) -> int | None:
        """Return the width of a column whose content is short; the others share the rest of the screen."""
        scheme = self._schemes.get(column)
        if column == PROBABILITY:
            return len(column)
        return max(map(len, (column, *scheme.codes))) if scheme and not scheme.has_targets else None


def columns(schemes: Mapping[str, Scheme]) -> list[str]:
    """Return the columns of a table to read: the article, its labels, its targets' labels, and a note."""
    of_article, of_targets = _by_kind(schemes)
    return ["article", *(column for name in of_article for column in (name, PROBABILITY)), *of_targets, "note"]


def _by_kind(schemes: Mapping[str, Scheme]) -> tuple[list[str], list[str]]:
    """Return the names of the schemes without, and with targets."""
    with_targets = [name for name, scheme in schemes.items() if scheme.has_targets]
    return [name for name in schemes if name not in with_targets], with_targets


def cells(prediction: Prediction, schemes: Mapping[str, Scheme], between: str = "; ") -> list[str]:
    """Return what stands in these columns, with `between` between the targets."""
    of_article, of_targets = _by_kind(schemes)
    found = [prediction.article_id or f"{prediction.source}:{prediction.row}"]
    for name in of_article:
        decision = prediction.labels.get(name)
        found += [decision.label, f"{decision.probability:.2f}"] if decision else ["", ""]
    found += [between.join(_of_targets(prediction, name)) for name in of_targets]
    note = f"error: {prediction.error}" if prediction.error else ""
    return [*found, prediction.abstain.reason if prediction.abstain else note]


def _of_targets(prediction: Prediction, scheme: str) -> Iterator[str]:
    for answer in prediction.targets:
        if decision := answer.labels.get(scheme):
            unseen = "" if answer.mentioned else ", not mentioned"
            yield f"{answer.target}: {decision.label} ({decision.probability:.2f}{unseen})"


class TidyParquet:
    """One row an article and scheme, and target where the scheme has one; an article without labels has one row."""

    def __init__(self, path: Path):
        self._writer = pq.ParquetWriter(path, TIDY_SCHEMA)
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, predictions: list[Prediction]) -> None:
        """Write further predictions, in row groups."""
        for prediction in predictions:
            self._rows += tidy(prediction)
            if len(self._rows) >= ROW_GROUP_ROWS:
                self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=TIDY_SCHEMA))
            self._rows = []


def tidy(prediction: Prediction) -> list[dict[str, Any]]:
    """Return the rows of the tidy table; what doesn't apply is left out, and becomes null."""
    row = {
        "article_id": prediction.article_id,
        "source": prediction.source,
        "row": prediction.row,
        "abstain": prediction.abstain.reason if prediction.abstain else None,
        "error": prediction.error,
        "version": prediction.version,
    }
    rows = [{**row, **_tidy_decision(scheme, decision)} for scheme, decision in prediction.labels.items()]
    for answer in prediction.targets:
        about = {**row, "target": answer.target, "proposed": answer.proposed, "mentioned": answer.mentioned}
        rows += [{**about, **_tidy_decision(scheme, decision)} for scheme, decision in answer.labels.items()]
    return rows or [row]


def _tidy_decision(scheme: str, decision: Decision) -> dict[str, Any]:
    return {
        "scheme": scheme,
        "label": decision.label,
        "probability": decision.probability,
        "probabilities": list(decision.probabilities.items()),
    }
