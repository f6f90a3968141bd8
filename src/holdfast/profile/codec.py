"""Profiles of tables as bytes, in the envelope of `profile.envelope`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.profile.calendar import TimeEdges
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnEdges, ColumnProfile
from holdfast.profile.distinct import DistinctSample
from holdfast.profile.envelope import array_in, array_out, seal, unseal
from holdfast.profile.fresh import FreshValues
from holdfast.profile.history import Grid, History
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.sample import RowSample
from holdfast.profile.table import Edges, Profile
from holdfast.profile.text import TextEdges
from holdfast.schema import Schema

MAGIC = b"HOLDFAST-PROFILE\n"
VERSION = 1


def to_bytes(profile: Profile, *, rows: bool = True) -> bytes:
    """The profile as bytes; with `rows=False` without what stands for single rows: the row sample and the row hashes."""
    body = {
        "edges": _edges_out(profile.edges),
        "rows": profile.rows,
        "columns": {name: _column_out(column) for name, column in profile.columns.items()},
        "types": profile.types,
        "mixed": profile.mixed,
        "distinct": _distinct_out(profile.distinct) if rows else None,
        "keys": {name: _distinct_out(sample) for name, sample in profile.keys.items()} if rows else {},
        "labelled": _distinct_out(profile.labelled) if rows else None,
        "sample": _sample_out(profile.sample) if rows and profile.sample else None,
        "history": {str(number): array_out(counts) for number, counts in profile.history.windows.items()},
    }
    return seal(MAGIC, VERSION, profile.edges.digest, body)


def from_bytes(data: bytes, where: str = "these bytes") -> Profile:
    """The profile that `to_bytes` wrote.

    Raises
    ------
    ProfileError
        If the bytes are no profile, of a newer version, cut short, or changed.
    """
    return _profile_in(unseal(MAGIC, VERSION, data, where))


def save_profile(profile: Profile, path: str | Path, *, rows: bool = True) -> int:
    """Write a profile to a file; returns the number of bytes."""
    data = to_bytes(profile, rows=rows)
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise InputError(f"Cannot write the profile to {path}: {error.strerror}.") from error
    return len(data)


def load_profile(path: str | Path) -> Profile:
    """Read a profile from a file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read the profile {path}: {error.strerror}.") from error
    return from_bytes(data, str(path))


def looks_like_profile(path: str | Path) -> bool:
    """Whether a file begins like a stored profile."""
    file = Path(path)
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def _profile_in(body: dict[str, Any]) -> Profile:
    edges = _edges_in(body["edges"])
    return Profile(
        edges=edges,
        rows=body["rows"],
        columns={name: _column_in(edges.columns[name], column) for name, column in body["columns"].items()},
        types=body["types"],
        mixed=body["mixed"],
        distinct=_distinct_in(body["distinct"]),
        keys={name: _distinct_in(sample) for name, sample in body["keys"].items()},
        labelled=_distinct_in(body["labelled"]),
        sample=_sample_in(body["sample"]) if body["sample"] else None,
        history=History({int(number): array_in(counts) for number, counts in body["history"].items()}),
    )


def _edges_out(edges: Edges) -> dict[str, Any]:
    return {
        "schema": edges.schema.to_json(),
        "columns": {name: _column_edges_out(column) for name, column in edges.columns.items()},
        "digest": edges.digest,
        "grid": [edges.grid.width_seconds, edges.grid.stride, edges.grid.origin] if edges.grid else None,
        "sample_rows": edges.sample_rows,
        "seed": edges.seed,
    }


def _edges_in(stored: dict[str, Any]) -> Edges:
    return Edges(
        schema=Schema.from_json(stored["schema"]),
        columns={name: _column_edges_in(column) for name, column in stored["columns"].items()},
        digest=stored["digest"],
        grid=Grid(*stored["grid"]) if stored["grid"] else None,
        sample_rows=stored["sample_rows"],
        seed=stored["seed"],
    )


def _column_edges_out(edges: ColumnEdges) -> list[Any]:
    match edges:
        case NumberEdges():
            return ["number", array_out(edges.cuts), array_out(edges.learned)]
        case CategoryEdges():
            return ["category", list(edges.values), edges.complete]
        case TextEdges():
            return ["text", _column_edges_out(edges.lengths), _column_edges_out(edges.words)]
        case TimeEdges():
            return ["time"]
        case IdentifierEdges():
            return ["identifier"]
    raise TypeError(f"No encoding for {type(edges).__name__}.")


def _column_edges_in(stored: list[Any]) -> ColumnEdges:
    match stored:
        case ["number", cuts, learned]:
            return NumberEdges(array_in(cuts), array_in(learned))
        case ["category", values, complete]:
            return CategoryEdges(tuple(values), complete)
        case ["text", lengths, words]:
            return TextEdges(_number_in(lengths), _number_in(words))
        case ["time"]:
            return TimeEdges()
        case ["identifier"]:
            return IdentifierEdges()
    raise ValueError("unknown edges")


def _number_in(stored: list[Any]) -> NumberEdges:
    edges = _column_edges_in(stored)
    assert isinstance(edges, NumberEdges)
    return edges


def _column_out(column: ColumnProfile) -> list[Any]:
    fresh = [dict(column.fresh.counts), column.fresh.level]
    return [array_out(column.counts), array_out(column.sums), column.low, column.high, fresh]


def _column_in(edges: ColumnEdges, stored: list[Any]) -> ColumnProfile:
    counts, sums, low, high, (fresh, level) = stored
    return ColumnProfile(edges, array_in(counts), array_in(sums), low, high, FreshValues(Counter(fresh), level))


def _distinct_out(sample: DistinctSample) -> list[Any]:
    return [array_out(sample.hashes), array_out(sample.counts), sample.level]


def _distinct_in(stored: list[Any] | None) -> DistinctSample:
    if stored is None:
        return DistinctSample.empty()
    return DistinctSample(array_in(stored[0]), array_in(stored[1]), stored[2])


def _sample_out(sample: RowSample) -> list[Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sample.rows.schema) as writer:
        writer.write_batch(sample.rows)
    rows = sink.getvalue().to_pybytes()
    return [sample.size, array_out(sample.priorities), array_out(sample.positions), rows]


def _sample_in(stored: list[Any]) -> RowSample:
    size, priorities, positions, rows = stored
    with pa.ipc.open_stream(rows) as reader:
        batch = reader.read_next_batch()
    return RowSample(size, array_in(priorities), array_in(positions), batch)
