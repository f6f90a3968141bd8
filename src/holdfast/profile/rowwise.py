"""Weights and further numbers of rows, checked before they are summed: one NaN would spoil every later total."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import InputError

Floats = NDArray[np.float64]


def weights_of(weight: Floats | None, rows: int) -> Floats:
    """Weights as floats, 1 for all if there are none; `InputError` unless they are finite and 0 or more."""
    if weight is None:
        return np.ones(rows)
    weight = _numbers(weight, rows, "weight")
    negative = int((weight < 0).sum())
    if negative:
        raise InputError(f"Expected weights of 0 or more; {negative:,} of {rows:,} are negative.")
    return weight


def columns_of(columns: Mapping[str, Floats] | None, rows: int) -> list[Floats]:
    """Columns as floats; `InputError` unless they are finite."""
    return [_numbers(values, rows, name) for name, values in (columns or {}).items()]


def _numbers(values: Floats, rows: int, name: str) -> Floats:
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (rows,):
        raise InputError(f"Expected {rows:,} values of {name!r}, one for each row; got the shape {values.shape}.")
    bad = rows - int(np.isfinite(values).sum())
    if bad:
        raise InputError(f"Expected finite numbers in {name!r}; {bad:,} of {rows:,} are missing or infinite.")
    return values
