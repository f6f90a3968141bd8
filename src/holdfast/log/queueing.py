"""Fills the queue of reviews from what was committed, and tells it verdicts and outcomes that came as labels."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.log import reviews
from holdfast.log.frames import Kind, microseconds
from holdfast.log.pieces import Between, pieces_since
from holdfast.log.reviews import Asked, Settled
from holdfast.log.snapshot import Snapshot, readable, snapshot

SHADOW = "shadow"
"""Route of answers that nobody got: nobody has to decide them."""

Saved = Callable[[str, Sequence[Settled]], Sequence[float | None]]
"""What verdicts on a model's rows saved."""


def queue(root: Path, model: str, saved: Saved) -> None:
    """Take in what was committed since the last time.

    Parameters
    ----------
    root
        The folder of spools and lake.
    model
        The model.
    saved
        Tells what verdicts saved whose outcome is known.

    Raises
    ------
    LogError
        The lake cannot be read, or the queue cannot be written.
    """
    taken: dict[Kind, Snapshot] = {
        "predictions": snapshot(root, (model, "predictions"), []),
        "labels": snapshot(root, (model, "labels"), []),
    }
    with reviews.opened(root) as connection:
        _expire(connection, model, taken["predictions"])
        for rows in _new(connection, model, "predictions", taken["predictions"], _is_asked):
            reviews.add(connection, model, map(_asked, rows))
        for rows in _new(connection, model, "labels", taken["labels"], _is_known):
            for row in sorted(rows, key=lambda row: row["hf_time"]):
                _take_label(connection, model, row)
        reviews.settle(connection, model, lambda settled: saved(model, settled))


def _take_label(connection: sqlite3.Connection, model: str, row: dict[str, Any]) -> None:
    moment = microseconds(row["hf_time"])
    if row["hf_source"] != "review":
        reviews.tell(connection, model, row["hf_id"], row["hf_label"], moment)
        return
    # A server that took the verdict has written it down already.
    (decided,) = connection.execute(
        "SELECT decided FROM reviews WHERE model = ? AND id = ?", (model, row["hf_id"])
    ).fetchone()
    if decided is None:
        reviews.decide(connection, model, row["hf_id"], row["hf_label"], row["hf_giver"], moment)


def _is_asked(_: sqlite3.Connection, __: str) -> Any:
    """Whether a prediction is to be decided by a person."""
    return pc.field("hf_review") & (pc.field("hf_route") != SHADOW)


def _is_known(connection: sqlite3.Connection, model: str) -> Any:
    """Whether a label is of a review."""
    ids = [one for (one,) in connection.execute("SELECT id FROM reviews WHERE model = ?", (model,))]
    return pc.field("hf_id").isin(pa.array(ids, pa.string()))


def _new(
    connection: sqlite3.Connection,
    model: str,
    kind: Kind,
    taken: Snapshot,
    condition: Callable[[sqlite3.Connection, str], Any],
) -> Iterator[list[dict[str, Any]]]:
    """Rows that were committed since the last time, those that fulfil a condition."""
    found = connection.execute("SELECT version FROM versions WHERE model = ? AND kind = ?", (model, kind)).fetchone()
    if taken.table is None:
        return
    pieces = pieces_since(taken.table, found[0] if found else -1)
    if pieces is None:
        pieces = pieces_since(taken.table, -1) or []
    columns = {name: of for name, (_, of) in taken.columns.items()}
    if pieces:
        with readable(taken.path):
            for batch in taken.scan(pieces, columns, Between(also=condition(connection, model))):
                yield batch.to_pylist()
    connection.execute("INSERT OR REPLACE INTO versions VALUES (?, ?, ?)", (model, kind, taken.table.version))


def _asked(row: dict[str, Any]) -> Asked:
    scores = [row[name] for name in row if name.startswith("hf_score")]
    return Asked(
        id=row["hf_id"],
        release=row["hf_release"],
        time=microseconds(row["hf_time"]),
        reason=row["hf_reason"],
        expected_loss=row["hf_expected_loss"],
        decision=row["hf_decision"],
        lower=row["hf_lower"],
        upper=row["hf_upper"],
        content={
            "score": scores[0] if len(scores) == 1 else scores,
            "confidence": row["hf_confidence"],
            "set": row["hf_set"],
            "warnings": row["hf_warnings"],
            "row": {name: value for name, value in row.items() if not name.startswith("hf_")},
        },
    )


def _expire(connection: sqlite3.Connection, model: str, taken: Snapshot) -> None:
    """Remove rows that are older than the lake is."""
    days = [file.date for file in taken.table.files] if taken.table else []
    if days:
        first = int(np.datetime64(min(days), "us").astype(np.int64))
        connection.execute("DELETE FROM reviews WHERE model = ? AND time < ?", (model, first))
