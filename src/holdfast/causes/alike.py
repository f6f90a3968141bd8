"""A column at two times, read alike: both as numbers, or both as codes of the same categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.codes import codes_of
from holdfast.models.columns import is_number
from holdfast.profile.numeric import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A column before, (n,), and now, (m,).

    Attributes
    ----------
    before, now
        Numbers, NaN where there is none; or codes of categories, -1 where there is none.
    numeric
        Which of both.
    """

    before: NDArray[Any]
    now: NDArray[Any]
    numeric: bool


def alike(before: pa.ChunkedArray, now: pa.ChunkedArray) -> Alike:
    """Read a column of the reference and of a window: as numbers if the reference has numbers, else by the values' texts.

    Examples
    --------
    >>> found = alike(pa.chunked_array([["AT", "FR", None]]), pa.chunked_array([["FR", "DE"]]))
    >>> found.before.tolist(), found.now.tolist(), found.numeric
    ([0, 2, -1], [2, 1], False)
    """
    old, new = before.combine_chunks(), now.combine_chunks()
    if is_number(old.type) and not pa.types.is_boolean(old.type):
        return Alike(before=numbers(old)[0], now=numbers(new)[0], numeric=True)
    codes = codes_of(pa.concat_arrays([old.cast(pa.string()), new.cast(pa.string())])).codes
    return Alike(before=codes[: len(old)], now=codes[len(old) :], numeric=False)
