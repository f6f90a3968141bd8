"""Weak segments, found on one half of the rows and confirmed on the other, so that luck is not reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.bands import grouped
from holdfast.evaluation.codes import Codes
from holdfast.evaluation.paired import mean_of
from holdfast.evidence import Direction, Estimate, Group
from holdfast.stats.multiplicity import holm

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]

MOST_VALUES = 20
"""Values of a category that are tried; more would be too rare to confirm."""
CANDIDATES = 10
"""Segments of the first half that are tried on the second."""
PAIRED_COLUMNS = 6
"""Columns whose crossings are tried: those with the weakest segments by themselves."""


def weak_segments(
    features: pa.Table, contributions: Array, direction: Direction, *, minimum_rows: int, seed: int, unit: str = ""
) -> tuple[Group, ...]:
    """Segments of one or two features in which the objective is worse than elsewhere.

    One random half of the rows proposes: the segments that are worse than the rest by the most standard errors. The
    other half judges them: each is confirmed if it is worse there too, one-sided, with Holm's correction at 5% for all
    that were proposed.

    Parameters
    ----------
    features
        (n,) rows of features; numbers are cut at the quarters of the first half, categories by their values.
    contributions
        (n,) contributions to the objective.
    direction
        Which way the objective is better.
    minimum_rows
        Of a segment, in each half.

    Returns
    -------
    tuple[Group, ...]
        Proposed segments, the weakest first. `figures` has the `objective` inside, the rest's as `elsewhere`, and
        `worse_by`, all of the half that judges.
    """
    order = np.random.default_rng(seed).permutation(len(contributions))
    first, second = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    if min(len(first), len(second)) < 2 * minimum_rows or not np.isfinite(contributions).all():
        return ()
    sign = 1.0 if direction == "lower" else -1.0
    loss = sign * contributions
    columns = {name: _cut(features[name], first) for name in features.column_names}
    proposed = _propose({k: v for k, v in columns.items() if len(v.values) > 1}, loss, first, minimum_rows)
    judged = []
    for names in proposed:
        inside = _rows(columns, names, second)
        outside = np.setdiff1d(second, inside, assume_unique=True)
        if len(inside) >= minimum_rows and len(outside) >= minimum_rows:
            judged.append((names, inside, _z(loss, inside, outside), outside))
    if not judged:
        return ()
    p_values = [_upper_tail(z) for _, _, z, _ in judged]
    confirmed = holm(p_values, 0.05).rejected
    found = []
    for (names, inside, _, outside), certain in zip(judged, confirmed, strict=True):
        figures = {
            "objective": mean_of(contributions[inside], unit=unit),
            "elsewhere": mean_of(contributions[outside], unit=unit),
            "worse_by": _difference(loss[inside], loss[outside], unit),
        }
        values = tuple(columns[column].values[code] for column, code in names)
        group = Group(
            columns=tuple(column for column, _ in names),
            values=values,
            rows=len(inside),
            figures=figures,
            confirmed=bool(certain),
        )
        found.append(group)
    return tuple(sorted(found, key=lambda group: (not group.confirmed, -(group.figures["worse_by"].value or 0.0))))


def _propose(
    columns: Mapping[str, Codes], loss: Array, rows: Rows, minimum_rows: int
) -> list[tuple[tuple[str, int], ...]]:
    """The segments that are worst on some rows, by standard errors; a crossing only where it beats both of its sides."""
    single = dict(_scored(columns, [(name,) for name in columns], loss, rows, minimum_rows))
    weakest = {name: max((z for cell, z in single.items() if cell[0][0] == name), default=0.0) for name in columns}
    paired = sorted(weakest, key=lambda name: -weakest[name])[:PAIRED_COLUMNS]
    crossed = {
        cell: z
        for cell, z in _scored(columns, list(combinations(paired, 2)), loss, rows, minimum_rows)
        if all(z > single.get((side,), 0.0) for side in cell)
    }
    scored = {**single, **crossed}
    return sorted((cell for cell, z in scored.items() if z > 0), key=lambda cell: -scored[cell])[:CANDIDATES]


def _scored(
    columns: Mapping[str, Codes], chosen: list[tuple[str, ...]], loss: Array, rows: Rows, minimum_rows: int
) -> Iterator[tuple[tuple[tuple[str, int], ...], float]]:
    """Cells of the chosen columns, and by how many standard errors each is worse than the rest, from sums alone."""
    own = loss[rows]
    total, squares, n = own.sum(), np.sum(own**2), len(own)
    for names in chosen:
        shape = [len(columns[name].values) + 1 for name in names]
        codes = np.ravel_multi_index([columns[name].codes[rows] + 1 for name in names], shape)
        size = int(np.prod(shape))
        count, mass, square = (np.bincount(codes, w, size) for w in (None, own, own**2))
        with np.errstate(divide="ignore", invalid="ignore"):
            inside, outside = mass / count, (total - mass) / (n - count)
            variance = (square / count - inside**2) / count + ((squares - square) / (n - count) - outside**2) / (
                n - count
            )
            z = (inside - outside) / np.sqrt(np.maximum(variance, 0))
        for cell in np.flatnonzero((count >= minimum_rows) & (n - count >= minimum_rows) & np.isfinite(z)):
            places = [int(place) - 1 for place in np.unravel_index(cell, shape)]
            if min(places) >= 0:  # a missing value is a matter of quality
                yield tuple(zip(names, places, strict=True)), float(z[cell])


def _cut(column: pa.ChunkedArray, rows: Rows) -> Codes:
    """Numbers by the quarters of some rows, anything else by its most frequent values there."""
    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    found = grouped(whole.combine_chunks(), rows)
    counts = np.bincount(found.codes[rows][found.codes[rows] >= 0], minlength=len(found.values))
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_VALUES])
    place = np.full(len(found.values) + 1, -1)
    place[kept] = np.arange(len(kept))
    return Codes(codes=place[found.codes], values=tuple(found.values[i] for i in kept))


def _rows(columns: Mapping[str, Codes], names: tuple[tuple[str, int], ...], rows: Rows) -> Rows:
    kept = np.ones(len(rows), bool)
    for name, code in names:
        kept &= columns[name].codes[rows] == code
    return rows[kept]


def _z(loss: Array, inside: Rows, outside: Rows) -> float:
    """Standard errors by which rows are worse than others (Welch)."""
    a, b = loss[inside], loss[outside]
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return float((a.mean() - b.mean()) / error) if error > 0 else 0.0


def _upper_tail(z: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(-z))


def _difference(inside: Array, outside: Array, unit: str) -> Estimate:
    a, b = mean_of(inside), mean_of(outside)
    assert a.value is not None
    assert b.value is not None
    if a.high is None or b.high is None:
        return Estimate(value=a.value - b.value, unit=unit)
    reach = float(np.hypot(a.high - a.value, b.high - b.value))
    value = a.value - b.value
    return Estimate(value=value, low=value - reach, high=value + reach, unit=unit, rows=len(inside))
