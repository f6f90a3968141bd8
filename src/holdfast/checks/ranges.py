"""Numbers where the reference has none: outside its range, or far outside its bulk."""

from __future__ import annotations

import numpy as np

from holdfast.checks.ask import Said, Seen, judged_share, not_applicable
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import NEGATIVE_INFINITE, POSITIVE_INFINITE, NumberEdges, finite_rows
from holdfast.stats.ecdf import quantile

FENCE = 3.0
"""Interquartile ranges beyond the quartiles from which a value is far out (Tukey 1977)."""


def out_of_range(seen: Seen) -> Said | None:
    """How many values lie outside the range of the reference?"""
    if not isinstance(seen.current.edges, NumberEdges):
        return None
    known = finite_rows(seen.reference)
    if not known:
        return not_applicable("The reference has no numbers in this column.")
    # Infinities stand in the outermost bins too, and have a check of their own.
    current = seen.current
    below = int(current.cells[0] - current.counts[NEGATIVE_INFINITE])
    above = int(current.cells[-1] - current.counts[POSITIVE_INFINITE])
    # The largest of m reference values is passed by chance now and then, the more often the smaller m is.
    limit = max(seen.context.settings.out_of_range, 2 / known)
    rows = finite_rows(current)
    return judged_share(below + above, rows, limit, "a value outside the reference's range", below=below, above=above)


def outliers(seen: Seen) -> Said | None:
    """Has the share of far-out values grown?"""
    edges = seen.current.edges
    if not isinstance(edges, NumberEdges):
        return None
    fences = _fences(seen.reference, edges)
    if fences is None:
        return not_applicable("The reference has no spread from which to tell what is far out.")
    current = seen.current
    starts, ends = np.insert(edges.cuts, 0, -np.inf), np.append(edges.cuts, np.inf)
    # A bin that a fence cuts counts, on both sides alike, when the window has something beyond that fence.
    under = current.low < fences[0] or current.counts[NEGATIVE_INFINITE] > 0
    over = current.high > fences[1] or current.counts[POSITIVE_INFINITE] > 0
    out = (starts < fences[0] if under else ends <= fences[0]) | (ends > fences[1] if over else starts >= fences[1])
    usual = float(seen.reference.cells[out].sum() / seen.reference.cells.sum())
    return judged_share(
        int(current.cells[out].sum()),
        int(current.cells.sum()),
        usual + seen.context.settings.outliers,
        f"a value more than {FENCE:g} interquartile ranges outside the reference's quartiles",
        reference=usual,
        fences=fences,
    )


def _fences(reference: ColumnProfile, edges: NumberEdges) -> tuple[float, float] | None:
    if not reference.cells.sum() or not np.isfinite(reference.low):
        return None
    low, high = quantile(edges.cuts, reference.cells, (reference.low, reference.high), [0.25, 0.75])  # type: ignore[misc]
    spread = high - low
    return (float(low - FENCE * spread), float(high + FENCE * spread)) if spread > 0 else None
