"""The mean of rows that count differently, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean and its standard error, in the unit of the values."""

    value: float
    error: float

    def __sub__(self, other: Mean) -> Mean:
        """The difference of two means that do not depend on each other."""
        return Mean(value=self.value - other.value, error=float(np.hypot(self.error, other.error)))


def mean(values: ArrayLike, weight: ArrayLike | None = None) -> Mean:
    """Weighted mean of independent rows; its error is infinite for one row, and both are NaN for none.

    The error is that of a ratio of weighted sums: `sqrt(n / (n - 1) sum w^2 (x - mean)^2) / sum w`.

    Source: Cochran (1977), *Sampling techniques*, 3rd edition, section 6.4.

    Examples
    --------
    >>> found = mean([1.0, 2.0, 3.0, 4.0])
    >>> found.value, round(found.error, 4)
    (2.5, 0.6455)
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not w.sum() > 0:
        return Mean(value=float("nan"), error=float("nan"))
    value = float((w * x).sum() / w.sum())
    if len(x) < 2:
        return Mean(value=value, error=float("inf"))
    spread = float((w**2 * (x - value) ** 2).sum())
    return Mean(value=value, error=float(np.sqrt(spread * len(x) / (len(x) - 1)) / w.sum()))
