"""Figures of a window or segment as far as the truth is known, with their intervals."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.estimates import estimate
from holdfast.estimation.tables import Expected
from holdfast.metric_keys import OBJECTIVE
from holdfast.monitoring.reference import Reference
from holdfast.objective import Cost
from holdfast.profile.window import Counted
from holdfast.stats.intervals import wilson

Figure: TypeAlias = tuple[float, float, float]
"""Value, and the ends of its 95% interval."""
Array: TypeAlias = NDArray[np.float64]

Z = 1.959963984540054


def figures(reference: Reference, counted: Counted) -> dict[str, Figure]:
    """Figures by their keys: `loss`, and for answers `accuracy`, `precision`, `recall`; `bias` where there is one score."""
    found: dict[str, Figure] = {}
    if counted.labelled > 1:
        found["loss"] = mean(counted.losses)
    if counted.residuals[0] > 1:
        found["bias"] = mean(counted.residuals)
    size = reference.answers.answers
    if size and counted.confusion.sum():
        table = counted.confusion.reshape(size, size)
        found["accuracy"] = share(int(np.trace(table)), int(table.sum()))
        if not reference.answers.classes:
            (_, false_alarms), (missed, hits) = table.tolist()
            if hits + false_alarms:
                found["precision"] = share(hits, hits + false_alarms)
            if hits + missed:
                found["recall"] = share(hits, hits + missed)
    return found


def mean(sums: Array) -> Figure:
    """A mean from number, sum and sum of squares, with its normal interval.

    >>> [round(float(one), 3) for one in mean(np.array([4.0, 8.0, 20.0]))]
    [2.0, 0.868, 3.132]
    """
    n, total, squares = (float(one) for one in sums)
    value = total / n
    error = float(np.sqrt(max(squares / n - value**2, 0.0) / max(n - 1, 1)))
    return value, value - Z * error, value + Z * error


def share(hits: int, rows: int) -> Figure:
    """A share of rows, with Wilson's interval."""
    low, high = wilson(hits, rows)
    return hits / rows, float(low), float(high)


def estimates(reference: Reference, table: Expected) -> tuple[dict[str, Figure], dict[str, str]]:
    """Figures that are expected before the truth has come, and those of which it cannot be said what to expect, with why."""
    assert reference.fitted is not None
    objective = reference.objective
    found: dict[str, Figure] = {}
    unknown: dict[str, str] = {}
    for key, one in estimate(reference.fitted, table, objective).items():
        if key == OBJECTIVE and not isinstance(objective, Cost):
            continue
        name = "loss" if key == OBJECTIVE else key
        value, low, high = one.estimate.value, one.estimate.low, one.estimate.high
        if one.status == "known" and value is not None and low is not None and high is not None:
            found[name] = (value, low, high)
        else:
            unknown[name] = one.reason
    return found, unknown
