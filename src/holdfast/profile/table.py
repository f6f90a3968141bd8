"""The profile of a table: all its columns, its rows as hashes and as a sample, and its windows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.profile.calendar import covered, moments
from holdfast.profile.column import ColumnEdges, ColumnProfile
from holdfast.profile.distinct import DistinctSample
from holdfast.profile.hashing import cell_hashes, mixed, row_hashes, seed_of
from holdfast.profile.history import NO_WINDOW, Grid, History
from holdfast.profile.sample import ROWS, RowSample
from holdfast.schema import Kind, Role, Schema

T = TypeVar("T")

SAMPLED = frozenset({Kind.NUMBER, Kind.BOOLEAN, Kind.CATEGORY, Kind.TIME})
"""Kinds that the row sample holds: no free text, and no identifiers either."""


@dataclass(frozen=True)
class Edges:
    """What is fixed for a table before counting: schema, edges per column, windows, sample.

    Attributes
    ----------
    schema
        Roles and types of the reference's columns.
    columns
        Edges of each profiled column, by name.
    digest
        SHA-256 of everything that decides the meaning of the counts: profiles merge only when it is the same.
    grid
        Windows of the reference's history; None without a time column.
    sample_rows, seed
        Size and seed of the row sample.
    """

    schema: Schema
    columns: dict[str, ColumnEdges]
    digest: str
    grid: Grid | None = None
    sample_rows: int = ROWS
    seed: int = 0

    @cached_property
    def places(self) -> dict[str, slice]:
        """Entries of each column in a window of the history: one for missing rows, then the groups."""
        start, places = 0, {}
        for name, edges in self.columns.items():
            stop = start + 2 + int(edges.groups.max())
            places[name], start = slice(start, stop), stop
        return places

    @cached_property
    def sampled(self) -> list[str]:
        """Columns of the row sample."""
        kept = [c for c in self.schema.columns if c.kind in SAMPLED and not c.identifier and not c.personal]
        return [c.name for c in kept if c.role is not Role.ID]

    @cached_property
    def keys(self) -> list[str]:
        """Columns whose values should not repeat."""
        return [c.name for c in self.schema.columns if c.role is Role.ID or c.identifier]

    @cached_property
    def labelled(self) -> tuple[list[str], str] | None:
        """Features and label whose agreement is watched; None without a label of few values."""
        targets = self.schema.by_role(Role.TARGET)
        features = [c.name for c in self.schema.by_role(Role.FEATURE)]
        few = [c for c in targets if c.kind in {Kind.BOOLEAN, Kind.CATEGORY} or _is_code(c.type)]
        return (features, few[0].name) if few and features else None

    @property
    def time(self) -> str | None:
        """The column that says when a row happened."""
        columns = self.schema.by_role(Role.TIME)
        return columns[0].name if columns else None


@dataclass(frozen=True)
class Profile:
    """A mergeable summary of rows.

    Attributes
    ----------
    edges
        What the counts mean; shared by all profiles that are compared or merged.
    rows
        Number of rows.
    columns
        Profile of each column that was there.
    types
        Arrow type of every column that was there, profiled or not.
    distinct
        Sample of row hashes.
    keys
        Sample of value hashes of each identifying column.
    labelled
        Sample of hashes of (features, label).
    sample
        Uniform sample of rows.
    history
        Coarse counts per window; empty without a time column.
    mixed
        Columns that came with several Python types, and how many cells of each.
    """

    edges: Edges
    rows: int = 0
    columns: dict[str, ColumnProfile] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    distinct: DistinctSample = field(default_factory=DistinctSample.empty)
    keys: dict[str, DistinctSample] = field(default_factory=dict)
    labelled: DistinctSample = field(default_factory=DistinctSample.empty)
    sample: RowSample | None = None
    history: History = field(default_factory=History)
    mixed: dict[str, dict[str, int]] = field(default_factory=dict)

    def update(self, batch: pa.RecordBatch, first: int | None = None) -> Profile:
        """This profile with a batch more; `first` is the position of its first row in the table (default: the next)."""
        return self + count(self.edges, batch, self.rows if first is None else first)

    def __add__(self, other: Profile) -> Profile:
        """Merge: the profile of the rows of both."""
        if self.edges.digest != other.edges.digest:
            raise ProfileError(
                f"These profiles were counted over different edges ({self.edges.digest[:19]}… and "
                f"{other.edges.digest[:19]}…) and cannot be merged. Make both from the same reference."
            )
        return Profile(
            edges=self.edges,
            rows=self.rows + other.rows,
            columns=_merged(self.columns, other.columns, ColumnProfile.__add__),
            types=self.types | other.types,
            distinct=self.distinct + other.distinct,
            keys=_merged(self.keys, other.keys, DistinctSample.__add__),
            labelled=self.labelled + other.labelled,
            sample=self.sample + other.sample if self.sample and other.sample else self.sample or other.sample,
            history=self.history + other.history,
            mixed=_merged(self.mixed, other.mixed, lambda a, b: {k: a.get(k, 0) + b.get(k, 0) for k in a | b}),
        )

    def __sub__(self, other: Profile) -> Profile:
        """Counts and sums without those of `other`, which was merged into this. Ranges and the row sample stay as they are."""
        if self.edges.digest != other.edges.digest:
            raise ProfileError("Only a profile over the same edges can be subtracted.")
        return replace(
            self,
            rows=self.rows - other.rows,
            columns={k: v - other.columns[k] if k in other.columns else v for k, v in self.columns.items()},
            distinct=self.distinct - other.distinct,
            keys={k: v - other.keys[k] if k in other.keys else v for k, v in self.keys.items()},
            labelled=self.labelled - other.labelled,
            history=self.history - other.history,
        )


def count(edges: Edges, batch: pa.RecordBatch, first: int = 0) -> Profile:
    """Profile of one batch.

    Parameters
    ----------
    edges
        Made by `learn` from the reference.
    batch
        Columns of the reference, or some of them; others are noted by type only.
    first
        Position of the batch's first row in its table: it decides which rows the sample takes.
    """
    names = [name for name in edges.columns if name in batch.schema.names]
    columns, history = _counted(edges, batch, names)
    sampled = [name for name in edges.sampled if name in batch.schema.names]
    return Profile(
        edges=edges,
        rows=batch.num_rows,
        columns=columns,
        types={f.name: str(f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in batch.schema},
        distinct=DistinctSample.of(row_hashes(batch, [c for c in edges.schema.names if c in batch.schema.names])),
        keys={k: DistinctSample.of(mixed(_present(batch.column(k)))) for k in edges.keys if k in batch.schema.names},
        labelled=_labelled(edges, batch),
        sample=RowSample.of(batch.select(sampled), first, edges.seed, edges.sample_rows),
        history=history,
    )


def _counted(edges: Edges, batch: pa.RecordBatch, names: list[str]) -> tuple[dict[str, ColumnProfile], History]:
    """Column profiles of a batch and, with windows, the counts of each window."""
    if edges.grid is None or edges.time is None or edges.time not in batch.schema.names:
        return {name: edges.columns[name].count(batch.column(name)) for name in names}, History()
    total: dict[str, ColumnProfile] = {}
    windows: dict[int, NDArray[np.int64]] = {}
    for number, rows in edges.grid.slices(batch, edges.time):
        part = {name: edges.columns[name].count(rows.column(name)) for name in names}
        total = _merged(total, part, ColumnProfile.__add__)
        if number != NO_WINDOW:
            windows[number] = entries(edges, part)
    return total, History(windows)


def entries(edges: Edges, columns: Mapping[str, ColumnProfile]) -> NDArray[np.int64]:
    """One window's line of the history: of each column its missing rows, then its coarse groups."""
    parts = []
    for name, place in edges.places.items():
        if name in columns:
            parts.append(np.append(columns[name].missing, columns[name].grouped))
        else:
            parts.append(np.zeros(place.stop - place.start, dtype=np.int64))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _labelled(edges: Edges, batch: pa.RecordBatch) -> DistinctSample:
    """Hashes whose leading 48 bits stand for the features and whose last 16 for the label: sampled by the features."""
    if edges.labelled is None or not set(batch.schema.names).issuperset([*edges.labelled[0], edges.labelled[1]]):
        return DistinctSample.empty()
    features, label = edges.labelled
    known = np.asarray(batch.column(label).is_valid())
    rows = row_hashes(batch, features)[known]
    labels = mixed(cell_hashes(batch.column(label)) * seed_of(label))[known]
    return DistinctSample.of((rows & ~np.uint64(0xFFFF)) | (labels & np.uint64(0xFFFF)))


def time_covered(profile: Profile) -> tuple[float, float]:
    """From when to when a profile's rows go, by its sample, in seconds since 1970; NaN without a time."""
    time = profile.edges.time
    if time is None or time not in profile.columns or not profile.columns[time].cells.any():
        return np.nan, np.nan
    if profile.sample is not None and time in profile.sample.rows.schema.names:
        return covered(moments(profile.sample.rows.column(time))[0])
    return profile.columns[time].low, profile.columns[time].high


def windows_like(current: Profile, reference: Profile) -> NDArray[np.int64]:
    """The reference's windows, as long as the time that the current table covers, shape `(windows, entries)`.

    Only those that the reference covers whole: what is cut off at its ends would vary by more than nature.
    """
    grid, (first, end) = reference.edges.grid, time_covered(reference)
    if grid is None or not np.isfinite(first):
        return np.empty((0, 0), dtype=np.int64)
    begin, stop = time_covered(current)
    factor = max(1, round((stop - begin) / grid.width_seconds)) if np.isfinite(begin) else 1
    # The grid knows the end better than a range of dates, which does not tell that the last of them is a day.
    return reference.history.matrix(grid.whole(first, max(end, grid.origin), factor), factor)


def conflicts(sample: DistinctSample) -> tuple[int, int]:
    """Rows of the sample whose features also stand with another label, and all its rows."""
    features = sample.hashes >> np.uint64(16)
    _, group, sizes = np.unique(features, return_inverse=True, return_counts=True)
    return int(sample.counts[sizes[group] > 1].sum()), int(sample.counts.sum())


def digest_of(schema: Schema, columns: Mapping[str, ColumnEdges], parts: Iterable[bytes], rest: bytes) -> str:
    """SHA-256 over the names, the kinds of edges and their numbers, and the `rest`: windows and row sample."""
    hasher = hashlib.sha256()
    hasher.update("\n".join(f"{c.name}\t{c.kind}\t{c.role}" for c in schema.columns).encode())
    for (name, edges), part in zip(columns.items(), parts, strict=True):
        hasher.update(f"\n{name}\t{type(edges).__name__}\t".encode())
        hasher.update(part)
    hasher.update(rest)
    return f"sha256:{hasher.hexdigest()}"


def _present(column: pa.Array) -> NDArray[np.uint64]:
    return cell_hashes(column.filter(column.is_valid()))


def _is_code(kind: str) -> bool:
    return kind.startswith(("int", "uint"))


def _merged(left: dict[str, T], right: dict[str, T], merge: Callable[[T, T], T]) -> dict[str, T]:
    return left | {key: merge(left[key], value) if key in left else value for key, value in right.items()}
