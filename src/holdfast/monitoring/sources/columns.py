"""Columns of tables that nobody served through Holdfast, as the log has them: which they are, ids, and moments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.clock import seconds_of
from holdfast.evaluation.codes import codes_of

Moments: TypeAlias = NDArray[np.int64]
"""Microseconds since 1970; `NEVER` where there is none."""

MICROSECONDS = 1_000_000
NEVER = np.iinfo(np.int64).min

STAMP = pa.timestamp("us", "UTC")


def column_of(given: str | None, with_role: Any, usual: str, there: Collection[str]) -> str | None:
    """A column that the configuration names, or the schema, or that is called as usual."""
    wanted = [given, *(column.name for column in with_role), usual]
    return next((name for name in wanted if name is not None and name in there), None)


def texts(column: pa.Array) -> pa.Array:
    """Ids as texts, the same whether they were whole numbers or texts."""
    found = codes_of(column)
    return pa.array(np.array([*found.values, None], dtype=object)[found.codes], pa.string())


def moments_of(column: pa.Array, zone: str | None) -> Moments:
    """Times of a column; those without a zone are of this one."""
    seconds = seconds_of(column, zone)
    known = np.isfinite(seconds)
    return np.where(known, np.round(np.where(known, seconds, 0.0) * MICROSECONDS).astype(np.int64), NEVER)


def stamps(moments: Moments) -> pa.Array:
    """Moments as the log has them."""
    return pa.array(moments, mask=moments == NEVER).cast(STAMP)
