"""Which rows carry a loss: the segment, found in one half of the rows and confirmed in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.bands import grouped
from holdfast.evidence import Estimate
from holdfast.stats.carriers import Sample, carrier
from holdfast.stats.weighted_mean import Mean

Array: TypeAlias = NDArray[np.float64]

Z = 1.959963984540054
"""Of a 95% interval."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The segment that carries a loss.

    Attributes
    ----------
    column, value
        Which rows.
    worse
        How much worse they became, per row, in the half that confirms.
    rows, share
        Their share of the rows, and their part of the whole loss.
    """

    column: str
    value: str
    worse: Estimate
    rows: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Rows with their losses, (n,), and their weights."""

    rows: pa.Table
    loss: Array
    weight: Array


def where(new: Losses, old: Losses | None, segments: Sequence[str], unit: str, *, seed: int = 0) -> Where | None:
    """The segment whose losses rose more than those of the other rows; None if none is confirmed.

    Parameters
    ----------
    new
        Rows with what they cost now; or with what they cost more than before.
    old
        Rows with what they cost before; None where `new` has the differences.
    segments
        Columns of both, in whose values (numbers of many values: quarters of `new`) it is looked for; others are passed
        over.
    """
    there = set(new.rows.column_names) & set((new if old is None else old).rows.column_names)
    segments = [name for name in segments if name in there]
    found = [_groups(new.rows[name], None if old is None else old.rows[name]) for name in segments]
    n = len(new.loss)
    then = None if old is None else Sample(old.loss, old.weight, [codes[n:] for codes, _ in found])
    best = carrier(Sample(new.loss, new.weight, [codes[:n] for codes, _ in found]), then, np.random.default_rng(seed))
    if best is None:
        return None
    return Where(
        column=segments[best.grouping],
        value=found[best.grouping][1][best.group],
        worse=estimate(Mean(value=best.change, error=best.error), unit, n),
        rows=best.rows,
        share=best.share,
    )


def estimate(found: Mean, unit: str, rows: int, factor: float = 1.0) -> Estimate:
    """A mean with its interval; times a factor, such as the rows of a day."""
    value, half = factor * found.value, factor * Z * found.error
    return Estimate(value=value, low=value - half, high=value + half, unit=unit, rows=rows)


def _groups(new: pa.ChunkedArray, old: pa.ChunkedArray | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Code of each row, those of `new` first, and what the codes are called."""
    column, places = new.combine_chunks(), np.arange(len(new))
    if old is not None:
        column = pa.concat_arrays([column, old.combine_chunks().cast(column.type)])
    found = grouped(column, places if len(places) else None)
    return found.codes, found.values
