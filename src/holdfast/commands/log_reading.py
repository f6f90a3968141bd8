"""What `log tail` and `log query` print."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.commands.listing import facts, table
from holdfast.commands.terminal import printable, say, width
from holdfast.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from holdfast.log.reading import PredictionLog

SPANS = ("10s", "5m", "2h", "2d", None)
"""How far back the last rows are looked for, step by step."""

FOLLOW_SECONDS = 1.0
LATE = "10s"
"""How long after its time a row may come into the log, and is followed still."""

MOST_ROWS = 1_000
"""Rows of a table for people."""

_IDENTITY = ("model", "hf_id", "hf_release", "hf_route", "hf_time")


def tail(root: Path, model: str | None, rows: int, *, follow: bool, json: bool) -> None:
    """Print the last predictions, and with `follow` those that come."""
    from holdfast.log.reading import open_log

    log = open_log(root)
    models = log.models if model is None else (model,)
    if not models:
        raise InputError(f"Nothing is logged in {root} yet: `holdfast serve` logs what it answers.")
    known: set[tuple[Any, ...]] = set()
    last = _in_order(row for name in models for row in _last(log, name, rows))[-rows:]
    while True:
        new = [row for row in last if _identity(row) not in known]
        for row in new:
            _say_json(row) if json else say(_line(row))
        if not follow:
            return
        known = {*map(_identity, last), *map(_identity, new)}
        time.sleep(FOLLOW_SECONDS)
        last = _in_order(row for name in models for row in _rows(log.predictions(name, since=LATE), name))


def query(root: Path, text: str, *, json: bool) -> None:
    """Print what a query gives."""
    from holdfast.log.reading import open_log

    reader = open_log(root).query(text)
    shown: list[tuple[str, ...]] = []
    for row in _rows(reader):
        if json:
            _say_json(row)
        elif len(shown) < MOST_ROWS:
            shown.append(tuple(told(value) for value in row.values()))
        else:
            _show(reader.schema.names, shown)
            say(f"These are the first {MOST_ROWS:,} rows; --json prints all of them.")
            return
    if not json:
        _show(reader.schema.names, shown)


def _show(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Rows under their titles; one value a line where the titles alone are wider than the terminal."""
    if sum(map(len, names)) + 2 * (len(names) - 1) <= width():
        table(tuple(names), rows)
        return
    for place, row in enumerate(rows):
        if place:
            say("")
        facts(*zip(names, row, strict=True))


def _last(log: PredictionLog, model: str, rows: int) -> list[dict[str, Any]]:
    """The last predictions of a model."""
    read: list[dict[str, Any]] = []
    for span in SPANS:
        read = list(_rows(log.predictions(model, since=span), model))
        if len(read) >= rows:
            break
    return _in_order(read)[-rows:]


def _rows(reader: pa.RecordBatchReader, model: str | None = None) -> Iterator[dict[str, Any]]:
    for batch in reader:
        for row in batch.to_pylist():
            yield row if model is None else {"model": model, **row}


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["hf_time"])


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _IDENTITY)


def _line(row: dict[str, Any]) -> str:
    """A prediction in a line."""
    scores = [row[name] for name in row if name.startswith("hf_score")]
    parts = [
        f"{row['hf_time']:%Y-%m-%d %H:%M:%S}",
        f"{row['model']}/{row['hf_release']}",
        row["hf_id"],
        told(scores),
        told(row["hf_decision"]),
        f"review: {row['hf_reason']}" if row["hf_review"] else "",
    ]
    return printable("  ".join(part for part in parts if part))


def told(value: object) -> str:
    """A value of a table for people."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds")
        case list():
            return " ".join(map(told, value))
        case _:
            return str(value)


def _say_json(row: dict[str, Any]) -> None:
    import msgspec

    say(msgspec.json.encode(row).decode(), encoding="utf-8")
