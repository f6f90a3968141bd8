"""Which group of rows carries a difference: looked for in one half of the rows, confirmed in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

FEWEST_ROWS = 30
"""Rows that a group must have in each half of each sample."""

CONFIRMED_Z = 1.645
"""One-sided 5% of the normal law: the second half tests one group only."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of rows, (n,), their weights, and by grouping the number of each row's group, -1 where it has none."""

    value: Floats
    weight: Floats
    groups: Sequence[Codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The group whose rows changed more than the others.

    Attributes
    ----------
    grouping, group
        Which one.
    change, error
        Mean change of its rows in the half that confirms, and its standard error, in the unit of the values.
    rows
        Share of the newer rows that are in it, 0 to 1.
    share
        Part of the whole change that its rows make up in that half: above 1 where the others' change is the opposite.
    """

    grouping: int
    group: int
    change: float
    error: float
    rows: float
    share: float


def carrier(new: Sample, old: Sample | None, rng: np.random.Generator) -> Carrier | None:
    """The group that carries a rise of the mean from `old` to `new`; None if none is confirmed.

    Each sample is halved at random. In the first half every group's rise is held against that of all other rows, and the
    group with the largest standardised difference is taken; it is confirmed if the second half shows a difference, too, at
    one-sided 5%. So the choice among many groups needs no correction.

    Parameters
    ----------
    new
        The rows that changed.
    old
        The rows before, with the same groupings; None where the values are changes of the very same rows.

    Source: sample splitting for selective inference (Cox 1975, *A note on data-splitting for the evaluation of significance
    levels*, Biometrika 62).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = np.arange(4_000) % 4
    >>> value = rng.normal(size=4_000) + 2.0 * (group == 3)
    >>> found = carrier(Sample(value, np.ones(4_000), [group]), None, rng)
    >>> found.group, round(found.share)
    (3, 1)
    """
    halves = [_halved(new, rng), None if old is None else _halved(old, rng)]
    best: tuple[float, int, int] | None = None
    for grouping in range(len(new.groups)):
        contrasts = _contrasts(halves, 0, grouping)
        if contrasts is not None and np.isfinite(contrasts.z).any():
            group = int(np.nanargmax(contrasts.z))
            found = (float(contrasts.z[group]), grouping, group)
            best = found if best is None else max(best, found)
    if best is None:
        return None
    _, grouping, group = best
    contrasts = _contrasts(halves, 1, grouping)
    if contrasts is None or group >= len(contrasts.z) or not contrasts.z[group] > CONFIRMED_Z:
        return None
    return Carrier(
        grouping=grouping,
        group=group,
        change=float(contrasts.change[group]),
        error=float(contrasts.error[group]),
        rows=float(contrasts.rows[group]),
        share=float(contrasts.rows[group] * contrasts.change[group] / contrasts.whole),
    )


@dataclass(frozen=True, slots=True)
class _Contrasts:
    """By group: its change, the standard error, its share of rows, and its difference from all others in standard errors."""

    change: Floats
    error: Floats
    rows: Floats
    z: Floats
    whole: float


def _halved(sample: Sample, rng: np.random.Generator) -> tuple[Sample, Sample]:
    order = rng.permutation(len(sample.value))
    cut = len(order) // 2
    first, second = (
        Sample(sample.value[rows], sample.weight[rows], [codes[rows] for codes in sample.groups])
        for rows in (order[:cut], order[cut:])
    )
    return first, second


def _contrasts(halves: Sequence[tuple[Sample, Sample] | None], half: int, grouping: int) -> _Contrasts | None:
    pairs = [None if pair is None else pair[half] for pair in halves]
    groups = 1 + max(int(one.groups[grouping].max(initial=-1)) for one in pairs if one is not None)
    if groups < 2:
        return None
    change, variance = np.zeros(groups + 1), np.zeros(groups + 1)
    other, spread = np.zeros(groups + 1), np.zeros(groups + 1)
    rows, few, whole = np.zeros(groups + 1), np.zeros(groups + 1, bool), 0.0
    for one, sign in zip(pairs, (1.0, -1.0), strict=True):
        if one is None:
            continue
        code = np.where(one.groups[grouping] < 0, groups, one.groups[grouping])
        sums: list[Floats] = [
            np.bincount(code, one.weight**a * one.value**b, groups + 1).astype(np.float64) for a, b in _POWERS
        ]
        inside, outside = _mean(sums), _mean([total.sum() - total for total in sums])
        change, variance = change + sign * inside[0], variance + inside[1]
        other, spread = other + sign * outside[0], spread + outside[1]
        few |= np.bincount(code, minlength=groups + 1) < FEWEST_ROWS
        whole += sign * sums[1].sum() / sums[0].sum()
        rows = sums[0] / sums[0].sum() if sign > 0 else rows
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(few | ~(variance + spread > 0), np.nan, (change - other) / np.sqrt(variance + spread))
    z[groups] = np.nan  # rows that are in no group
    return _Contrasts(change, np.sqrt(variance), rows, z, whole)


_POWERS = ((1, 0), (1, 1), (2, 0), (2, 1), (2, 2))
"""Powers of weight and value whose sums give a weighted mean and its variance."""


def _mean(sums: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Weighted means, and their variances given the weights (Cochran 1977, *Sampling techniques*, the ratio estimator)."""
    w, wx, ww, wwx, wwxx = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = wx / w
        variance = np.maximum(wwxx - 2 * mean * wwx + mean**2 * ww, 0) / w**2
    return mean, variance
