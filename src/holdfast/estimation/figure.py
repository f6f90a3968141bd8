"""A metric as it is estimated: its value, what chance may make of it, and what each member of the ensemble says."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

DRAWS = 200
"""Draws of the labels."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a window whose truth is not known.

    Attributes
    ----------
    value
        Of the expected table.
    drawn
        Values of tables whose labels were drawn from their probabilities, shape (draws,).
    each
        Values of each member's table, the plain curve's last, shape (members + 1,).
    unit
        As of the metric.
    """

    value: float
    drawn: Array
    each: Array
    unit: str = "share"

    @property
    def model_error(self) -> float:
        """Standard error that the probabilities bring: the jackknife over members, and their distance to the curve.

        Source: delete-a-group jackknife, Kott, *Journal of Official Statistics* 17 (2001).
        """
        members, plain = self.each[:-1], self.each[-1]
        if not len(members):
            return 0.0
        around = members - members.mean()
        jackknife = (len(members) - 1) / len(members) * float(around @ around)
        return float(np.sqrt(jackknife + (members.mean() - plain) ** 2))


def figure(value: Array | float, drawn: Array, each: Array, unit: str = "share") -> Figure:
    """A figure from NumPy's numbers."""
    return Figure(value=float(value), drawn=drawn, each=each, unit=unit)


def normal_draws(value: Array | float, variance: Array | float) -> Array:
    """Values with this mean and variance, in even steps of probability: of sums of many rows, none needs to be drawn."""
    from scipy.special import ndtri

    steps = ndtri((np.arange(DRAWS) + 0.5) / DRAWS)
    return np.asarray(value + np.sqrt(variance) * steps / steps.std())
