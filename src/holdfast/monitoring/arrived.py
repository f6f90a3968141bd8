"""Truths that came in one window of time: the sums that are its evidence, of all rows and of groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.monitoring.reference import Reference
from holdfast.profile.groups import count_groups
from holdfast.profile.window import AnsweredRows, Counted, count

Sums: TypeAlias = tuple[float, float, float]
"""Number, sum and sum of squares."""


class Arrived(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Truths that came in one window of time, whenever their rows were answered: the evidence of that window.

    Attributes
    ----------
    losses, residuals
        Number, sum and sum of squares.
    confusion
        Rows by truth and answer, row by row; of numbers none.
    groups
        The same of the groups, as `column=value`.
    """

    losses: Sums = (0.0, 0.0, 0.0)
    residuals: Sums = (0.0, 0.0, 0.0)
    confusion: tuple[int, ...] = ()
    groups: dict[str, Arrived] = {}

    def __add__(self, other: Arrived) -> Arrived:
        """Both."""
        groups = dict(self.groups)
        for name, one in other.groups.items():
            groups[name] = groups[name] + one if name in groups else one
        return Arrived(
            losses=_sum(self.losses, other.losses),
            residuals=_sum(self.residuals, other.residuals),
            confusion=tuple(np.add(self.confusion, other.confusion).tolist())
            if self.confusion and other.confusion
            else self.confusion or other.confusion,
            groups=groups,
        )


def arrived(reference: Reference, rows: AnsweredRows, columns: Sequence[str]) -> Arrived:
    """Truths of rows, and of the groups by some columns."""
    edges, answers = reference.profile.edges, reference.answers
    groups = count_groups(edges, answers, rows, columns)
    return msgspec.structs.replace(
        sums_of(count(edges, answers, rows.without_inputs())),
        groups={name: sums_of(one) for name, one in groups.items()},
    )


def sums_of(counted: Counted) -> Arrived:
    """Truths of rows that were counted."""
    return Arrived(
        losses=_three(counted.losses),
        residuals=_three(counted.residuals),
        confusion=tuple(counted.confusion.tolist()),
    )


def _three(sums: NDArray[np.float64]) -> Sums:
    n, total, squares = sums.tolist()
    return n, total, squares


def _sum(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
