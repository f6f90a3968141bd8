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


def standard_error(squares: float, weight: float, weight_squares: float) -> float:
    """Standard error of a weighted mean, with the divisor n - 1 of the effective rows n.

    Parameters
    ----------
    squares
        Sum of weight squared x (number - mean) squared.
    weight, weight_squares
        Sums of the weights and of their squares.

    NaN for a single row, and where nothing varied: rows that are all alike do not say how the next one may differ.

    Source: Cochran, *Sampling Techniques*, 3rd ed. (1977), section 2.11.
    """
    rows = weight**2 / weight_squares if weight_squares > 0 else 0.0
    # Rounding leaves a little of nothing.
    if not (rows > 1 + 1e-9 and squares > 0):
        return float("nan")
    return float(np.sqrt(squares * rows / (rows - 1)) / weight)
