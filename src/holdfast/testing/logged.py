"""Groups of logged rows to fill a spool with, and what is then in the lake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.log.columns import DATE, label_layout, prediction_layout
from holdfast.log.frames import Kind, Type, encode
from holdfast.log.lake import folder
from holdfast.log.spool import Group
from holdfast.log.table import Table
from holdfast.log.tail import has_log

MORNING = 1_767_254_400_000_000
"""2026-01-01 08:00 UTC, in microseconds since 1970."""


def predictions(
    ids: Sequence[str],
    *,
    model: str = "fraud",
    given: bool = False,
    inputs: Sequence[int] | None = None,
    time: int = MORNING,
    release: int = 1,
    columns: Sequence[tuple[str, Type]] = (("amount", "float64"),),
    values: Sequence[Sequence[object]] | None = None,
) -> Group:
    """Predictions with these ids.

    Parameters
    ----------
    ids, given
        Their identifiers, and whether the client gave them.
    model, release
        The model and its version.
    inputs
        Hashes of their inputs; by default all differ.
    time
        When they came, in microseconds since 1970.
    columns, values
        Columns of the schema, and the values of each.
    """
    layout = prediction_layout(model, "binary", (), columns)
    known: dict[str, Sequence[object]] = {
        "hf_id": list(ids),
        "hf_given": [given],
        "hf_time": [time],
        "hf_release": [release],
        "hf_route": ["champion"],
        "hf_inputs": list(range(len(ids)) if inputs is None else inputs),
        **{name: of for (name, _), of in zip(columns, values or [[1.5]] * len(columns), strict=True)},
    }
    usual = {"string": "", "bool": False, "int64": 0, "float64": 0.5, "timestamp": time}
    filled = [known.get(name, [usual[kind]]) for name, kind in layout.columns]
    return Group(layout, len(ids), encode(filled))


def labels(
    ids: Sequence[str],
    *,
    model: str = "fraud",
    truths: Sequence[bool] = (True,),
    source: str = "outcome",
    time: int = MORNING,
) -> Group:
    """Labels of these ids, all true by default, which arrived at this moment."""
    layout = label_layout(model, "binary")
    return Group(layout, len(ids), encode([list(ids), list(truths), [source], ["someone"], [time], [None]]))


def in_lake(root: Path, model: str = "fraud", kind: Kind = "predictions") -> pa.Table:
    """All rows of a table, in the order of their origin."""
    path = folder(root, model, kind)
    if not has_log(path):
        return pa.table({"hf_id": pa.array([], pa.string())})
    table = Table(path)
    schema = table.arrow
    parts = []
    for file in table.files:
        rows = pq.ParquetFile(path / file.path).read()
        rows = rows.append_column(DATE, pa.array([file.date] * len(rows), pa.string()))
        columns = [rows.column(f.name) if f.name in rows.column_names else pa.nulls(len(rows), f.type) for f in schema]
        parts.append(pa.table(columns, schema=schema))
    if not parts:
        return schema.empty_table()
    return pa.concat_tables(parts).sort_by([(name, "ascending") for name in ("hf_writer", "hf_seq", "hf_row")])
