"""How the values that a column was served with differ from the same values made again: row by row, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.kinds import Kind
from holdfast.profile.arrays import floats, seconds
from holdfast.profile.categorical import as_text
from holdfast.schema import as_kind
from holdfast.tables import kind_of

MILLISECOND = 0.001
"""Times that are nearer to each other, in seconds, are the same: sources keep them to different units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Numbers that are nearer to each other are the same.

    Attributes
    ----------
    relative
        Part of the larger one of the two.
    absolute
        In the column's unit.
    """

    relative: float = 1e-6
    absolute: float = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """What differs between two columns, (n,) each.

    Attributes
    ----------
    values
        Both have a value, and they are different.
    only_served, only_recomputed
        Only one of them has a value.
    difference
        Served less recomputed, of numbers in the column's unit and of times in seconds; NaN of other kinds, and where
        not both are finite.
    """

    values: NDArray[np.bool_]
    only_served: NDArray[np.bool_]
    only_recomputed: NDArray[np.bool_]
    difference: NDArray[np.float64]

    @property
    def any(self) -> NDArray[np.bool_]:
        """Whether anything differs."""
        return self.values | self.only_served | self.only_recomputed


def differing(served: pa.Array, recomputed: pa.Array, tolerance: Tolerance) -> Differing:
    """Compare two columns of the same rows; NaN counts as missing.

    Parameters
    ----------
    served
        As it is kept; its type says what the column is.
    recomputed
        Values of any type that can be read as that.
    tolerance
        Of numbers.

    Raises
    ------
    InputError
        The second column cannot be read as what the first one is.

    Examples
    --------
    >>> found = differing(pa.array([1.0, 2.0, None]), pa.array([1, 3, 4]), Tolerance())
    >>> found.any.tolist(), found.difference.tolist()
    ([False, True, True], [nan, -1.0, nan])
    """
    kind = kind_of(served.type)
    if kind in {"number", "time"}:
        read = _numbers if kind == "number" else _moments
        ours, theirs = read(served), read(recomputed)
        missing, gone = np.isnan(ours), np.isnan(theirs)
        with np.errstate(invalid="ignore"):
            difference = ours - theirs
            far = np.abs(difference) > _apart(ours, theirs, tolerance, kind)
        infinite = np.isinf(ours) | np.isinf(theirs)
        far = np.where(infinite, ours != theirs, far) & ~missing & ~gone
        difference = np.where(far & ~infinite, difference, np.nan)
    else:
        first, second = _words(served, kind), _words(recomputed, kind)
        missing, gone = np.asarray(first.is_null()), np.asarray(second.is_null())
        far = np.asarray(pc.fill_null(pc.not_equal(first, second), False))
        difference = np.full(len(far), np.nan)
    return Differing(values=far, only_served=gone & ~missing, only_recomputed=missing & ~gone, difference=difference)


def _apart(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], tolerance: Tolerance, kind: str
) -> NDArray[np.float64] | float:
    if kind == "time":
        return MILLISECOND
    return np.maximum(tolerance.absolute, tolerance.relative * np.maximum(np.abs(ours), np.abs(theirs)))


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    return floats(as_kind(column, Kind.NUMBER))


def _moments(column: pa.Array) -> NDArray[np.float64]:
    return seconds(as_kind(column, Kind.TIME))


def _words(column: pa.Array, kind: str) -> pa.Array:
    """Values as texts; numbers that are whole are written as such, whatever type they have."""
    if kind == "boolean":
        column = column.cast(pa.bool_()) if kind_of(column.type) == "number" else as_kind(column, Kind.BOOLEAN)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    found = as_text(column)
    return (found.dictionary_decode() if pa.types.is_dictionary(found.type) else found).cast(pa.string())
