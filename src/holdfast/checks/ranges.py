"""Numbers where the reference has none: outside its range, or far outside its bulk."""

from __future__ import annotations

import numpy as np

from holdfast.checks.ask import Said, Seen, judged_share, not_applicable
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import NEGATIVE_INFINITE, POSITIVE_INFINITE, NumberEdges, finite_rows, numbers
from holdfast.profile.table import Profile
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
    (bad, least, most), (bad_before, _, _) = (_far_out(profile, seen.column.name, fences) for profile in seen.tables)
    usual = bad_before / int(seen.reference.cells.sum())
    return judged_share(
        bad,
        int(seen.current.cells.sum()),
        usual + seen.context.settings.outliers,
        f"a value more than {FENCE:g} interquartile ranges outside the reference's quartiles",
        reference=usual,
        fences=fences,
        at_least=least,
        at_most=most,
    )


def _far_out(profile: Profile, name: str, fences: tuple[float, float]) -> tuple[int, int, int]:
    """Rows beyond the fences: how many by the sample of rows, by the bins at least, and at most.

    Of a bin that a fence cuts, the bins say only that some rows may be beyond it; the sample says which share. Without a
    sample the least is counted.
    """
    low, high = fences
    column = profile.columns[name]
    edges, cells = column.edges, column.cells
    assert isinstance(edges, NumberEdges)
    starts, ends = np.insert(edges.cuts, 0, -np.inf), np.append(edges.cuts, np.inf)
    beyond = (ends <= low) | (starts >= high)
    cut = ~beyond & ((starts < low) | (ends > high))
    shares = np.where(beyond, 1.0, 0.0)
    if profile.sample is not None and name in profile.sample.rows.schema.names:
        array = profile.sample.rows.column(name)
        values, places = numbers(array)[0], edges.place(array)
        for place in np.flatnonzero(cut & (cells > 0)):
            inside = values[places == place]
            if len(inside):
                shares[place] = np.mean((inside < low) | (inside > high))
    return round(float(cells @ shares)), int(cells[beyond].sum()), int(cells[beyond | cut].sum())


def _fences(reference: ColumnProfile, edges: NumberEdges) -> tuple[float, float] | None:
    if not reference.cells.sum() or not np.isfinite(reference.low):
        return None
    # Plain numbers: of values near the largest double the fences are infinite, and NumPy would warn of that.
    quartiles = quantile(edges.cuts, reference.cells, (reference.low, reference.high), [0.25, 0.75])
    low, high = (float(quartile) for quartile in quartiles)  # type: ignore[union-attr]
    spread = high - low
    return (low - FENCE * spread, high + FENCE * spread) if spread > 0 else None
