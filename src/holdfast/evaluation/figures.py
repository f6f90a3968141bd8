"""How the metrics of a table are written down, and how many rows its weights stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.evidence import Direction, Estimate, Metric
from holdfast.profile.scores import UNKNOWN, ScoreTable
from holdfast.stats.bootstrap import REPLICATES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How sure intervals are to be, and the resamples of those that need some."""

    level: float = 0.95
    replicates: int = REPLICATES
    seed: int = 0


def metric(
    key: str,
    title: str,
    value: Any,
    ends: tuple[Any, Any],
    *,
    rows: int,
    level: float,
    unit: str = "share",
    direction: Direction = "higher",
    formula: str = "",
) -> Metric:
    """A named figure from NumPy's numbers; what is NaN is left out."""
    low, high = (float(end) for end in ends)
    estimate = Estimate(value=float(value), low=low, high=high, level=level, unit=unit, rows=rows)
    return Metric(key=key, title=title, estimate=estimate, direction=direction, formula=formula)


def effective_rows(table: ScoreTable) -> Floats:
    """How many unweighted negative and positive rows the weights stand for, shape (2,).

    Source: Kish, *Survey Sampling* (1965), section 8.2: the squared sum over the sum of squares.
    """
    weight, squares = (table.sums_of(*names)[:UNKNOWN].sum(axis=-1) for names in (("weight",), ("weight", "weight")))
    rows: Floats = np.divide(weight**2, squares, out=np.zeros(2), where=squares > 0)
    return rows
