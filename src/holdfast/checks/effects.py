"""How large a change of a column is: the distances that a check can be told to use, each above what chance alone gives."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import NumberEdges, mean_and_deviation
from holdfast.stats.contingency import merged
from holdfast.stats.distances import (
    hellinger,
    jensen_shannon,
    psi,
    psi_null_mean,
    total_variation,
    total_variation_null,
)
from holdfast.stats.ecdf import kolmogorov_smirnov, wasserstein

Array = NDArray[np.float64]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A distance by name: its value above chance for merged cells of two samples, its unit, and what matters by default."""

    above_chance: Callable[[Array, Array], float]
    unit: str
    minimum: float


def _total_variation(current: Array, reference: Array) -> float:
    chance = total_variation_null(current + reference, current.sum(), reference.sum())
    return float(total_variation(current, reference) - chance)


def _psi(current: Array, reference: Array) -> float:
    return float(psi(current, reference)) - _divergence_by_chance(current, reference)


def _jensen_shannon(current: Array, reference: Array) -> float:
    chance = _divergence_by_chance(current, reference) / (8 * np.log(2))
    return float(jensen_shannon(current, reference) - np.sqrt(chance))


def _hellinger(current: Array, reference: Array) -> float:
    return float(hellinger(current, reference) - np.sqrt(_divergence_by_chance(current, reference) / 8))


def _divergence_by_chance(current: Array, reference: Array) -> float:
    """Mean of the PSI without a change; the other divergences are fixed multiples of it for small changes (Cover & Thomas)."""
    return float(psi_null_mean(len(current), current.sum(), reference.sum()))


EFFECTS = {
    "total_variation": Effect(above_chance=_total_variation, unit="share", minimum=0.10),
    "psi": Effect(above_chance=_psi, unit="nats", minimum=0.10),
    "jensen_shannon": Effect(above_chance=_jensen_shannon, unit="distance", minimum=0.10),
    "hellinger": Effect(above_chance=_hellinger, unit="distance", minimum=0.10),
}
"""Distances over cells. `location`, `kolmogorov_smirnov` and `wasserstein` are of numbers, and stand below."""


def cells_of(current: ColumnProfile, reference: ColumnProfile) -> tuple[Array, Array]:
    """Counts of two profiles over cells that each hold enough rows to be compared."""
    ordered = not isinstance(reference.edges, CategoryEdges)
    now, before, _ = merged(current.grouped, reference.grouped, ordered=ordered)
    return now, before


def kolmogorov_above_chance(current: ColumnProfile, reference: ColumnProfile) -> float:
    """KS statistic above its mean without a change, `sqrt(pi / 2) ln 2 sqrt(1/n + 1/m)` (mean of Kolmogorov's law)."""
    distance = kolmogorov_smirnov(current.cells, reference.cells).value
    noise = np.sqrt(1 / current.cells.sum() + 1 / reference.cells.sum())
    return float(distance - np.sqrt(np.pi / 2) * np.log(2) * noise)


def wasserstein_in_deviations(current: ColumnProfile, reference: ColumnProfile) -> float:
    """Wasserstein-1 in reference standard deviations; NaN without a spread."""
    assert isinstance(reference.edges, NumberEdges)
    units = wasserstein(
        reference.edges.cuts,
        current.cells,
        reference.cells,
        (current.low, current.high),
        (reference.low, reference.high),
    )
    deviation = mean_and_deviation(reference)[1]
    return float(units / deviation) if deviation > 0 else np.nan


def distances(current: ColumnProfile, reference: ColumnProfile) -> dict[str, float]:
    """All distances of a column, for the evidence of its finding; NaN where a side has no rows."""
    if not (current.cells.sum() and reference.cells.sum()):
        return {}
    cur, ref = cells_of(current, reference)
    found: dict[str, float] = {
        "psi": float(psi(cur, ref)),
        "jensen_shannon": float(jensen_shannon(cur, ref)),
        "hellinger": float(hellinger(cur, ref)),
        "total_variation": float(total_variation(cur, ref)),
    }
    if isinstance(reference.edges, NumberEdges):
        bracket = kolmogorov_smirnov(current.cells, reference.cells, reference.edges.atoms)
        found |= {
            "kolmogorov_smirnov": float(bracket.value),
            "kolmogorov_smirnov_upper": float(bracket.upper),
            "wasserstein_in_deviations": wasserstein_in_deviations(current, reference),
        }
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}
