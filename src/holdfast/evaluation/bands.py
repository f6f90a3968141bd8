"""Any column as a few groups that a person can name: categories by their values, numbers by bands."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.codes import Codes, codes_of
from holdfast.numerals import number
from holdfast.profile.numeric import numbers

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]

_BAND = re.compile(r"below (\S+)|(\S+) to (\S+)|(\S+) or more")

QUARTERS = 4
FEW_VALUES = 12
"""Different values up to which a number is taken as it is: a rating, a count of children."""


def grouped(column: pa.Array, rows: Rows | None = None) -> Codes:
    """A column as codes: numbers of many values by the quarters of some rows, all else by its values.

    Parameters
    ----------
    column
        (n,) of any type.
    rows
        Places of the rows whose quarters are taken; None: all.

    Examples
    --------
    >>> grouped(pa.array(range(20))).values
    ('below 5', '5 to 10', '10 to 15', '15 or more')
    >>> grouped(pa.array([1, 2, 2])).values
    ('1', '2')
    """
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        return codes_of(column)
    values = numbers(column)[0]
    looked = values if rows is None else values[rows]
    known = looked[np.isfinite(looked)]
    if not len(known):
        return Codes(codes=np.full(len(values), -1), values=())
    if len(np.unique(known)) <= FEW_VALUES and rows is None:
        return codes_of(column)
    cuts = np.unique(np.quantile(known, np.arange(1, QUARTERS) / QUARTERS, method="higher"))
    cuts = cuts[cuts > known.min()]
    codes = np.searchsorted(cuts, values, side="right")
    return Codes(codes=np.where(np.isnan(values), -1, codes), values=_names(cuts))


def regrouped(column: pa.Array, values: Collection[str]) -> pa.Array:
    """Other rows of a column that was grouped, as texts: numbers in the same bands, all else by its values.

    Parameters
    ----------
    column
        (n,) of any type.
    values
        What `grouped` found before; the ends of bands are taken as they are written, to five digits.

    Examples
    --------
    >>> regrouped(pa.array([3, 12, None]), ("below 5", "5 to 10", "10 to 15", "15 or more")).to_pylist()
    ['below 5', '10 to 15', None]
    >>> regrouped(pa.array([2.0, 7.0]), ("1", "2")).to_pylist()
    ['2', '7']
    """
    cuts = _cuts(values)
    if cuts is None or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        found = codes_of(column)
    else:
        numbers_of = numbers(column)[0]
        codes = np.searchsorted(cuts, numbers_of, side="right")
        found = Codes(codes=np.where(np.isnan(numbers_of), -1, codes), values=_names(cuts))
    return pa.array(found.values, pa.string()).take(pa.array(found.codes, mask=found.codes < 0))


def _cuts(values: Collection[str]) -> Array | None:
    """Ends of bands from their names; None where they are no bands."""
    ends = {end for value in values if (found := _BAND.fullmatch(value)) for end in found.groups() if end}
    cuts = np.array(sorted(float(end.replace(",", "")) for end in ends))
    return cuts if values and set(values) <= set(_names(cuts)) else None


def _names(cuts: Array) -> tuple[str, ...]:
    """Bands in words; a band holds its lower end and not its upper one."""
    if not len(cuts):
        return ("all",)
    told = [f"{number(cut)}" for cut in cuts]
    middle = [f"{low} to {high}" for low, high in pairwise(told)]
    return (f"below {told[0]}", *middle, f"{told[-1]} or more")
