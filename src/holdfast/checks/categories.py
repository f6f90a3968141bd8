"""Categories that are new, and columns that no longer vary."""

from __future__ import annotations

import numpy as np

from holdfast.checks.ask import CONFIDENCE, Said, Seen, judged_share, not_applicable, passed
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import NumberEdges
from holdfast.records import Status
from holdfast.stats.intervals import clopper_pearson

NAMED = 10
"""Rows in which a new value must have been seen to be named."""

IMPROBABLE = 0.001
"""Chance below which a window of one value only is no accident."""


def unseen_category(seen: Seen) -> Said | None:
    """How many rows have a value that the reference never had?

    Some are new by chance where categories are many: the reference's own values seen once estimate how many
    (Good 1953: the chance of something new is the share of singletons).
    """
    edges = seen.current.edges
    if not isinstance(edges, CategoryEdges):
        return None
    if not edges.complete:
        return not_applicable(f"The reference has more than {len(edges.values):,} values: its rare ones are not kept.")
    rows = int(seen.reference.cells.sum())
    if not rows:
        return not_applicable("The reference has no values in this column.")
    singletons = int(np.count_nonzero(seen.reference.cells[1:] == 1))
    chance = float(clopper_pearson(singletons, rows, CONFIDENCE)[1])
    new = int(seen.current.cells[0])
    often = seen.current.fresh.often(NAMED)
    return judged_share(
        new,
        int(seen.current.cells.sum()),
        max(seen.context.settings.new_values, chance),
        "a value that the reference does not have",
        new_values=len(seen.current.fresh.counts) << seen.current.fresh.level,
        named=dict(list(often.items())[:20]),
    )


def constant(seen: Seen) -> Said | None:
    """Does the column hold one value only, or almost?"""
    if not isinstance(seen.current.edges, NumberEdges | CategoryEdges):
        return None
    now, before = _commonest(seen.current), _commonest(seen.reference)
    rows = int(seen.current.cells.sum())
    if np.isnan(now) or np.isnan(before):
        return not_applicable("There are no values on one of the two sides.")
    numbers = {"value": now, "limit": seen.context.settings.almost_constant, "unit": "share"}
    limit = seen.context.settings.almost_constant
    if before >= limit:
        message = f"{before:.2%} of the reference has one value already: the column says next to nothing."
        return Said(status=Status.WARN if before == 1 else Status.PASS, message=message, **numbers)  # type: ignore[arg-type]
    # Whatever value comes first, each later row repeats it with at most the chance of the commonest.
    if now >= limit and before ** (now * rows - 1) < IMPROBABLE:
        message = f"{now:.2%} of the rows have one value ({before:.2%} in the reference)."
        return Said(status=Status.FAIL, message=message, evidence={"reference": before}, **numbers)  # type: ignore[arg-type]
    if now == 1:
        return passed("All rows have one value, which is no wonder with so few of them.", rows=rows)
    return passed("The column varies.")


def _commonest(profile: ColumnProfile) -> float:
    """Share of the commonest single value; bins of many values count as if their rows were all different."""
    rows = int(profile.cells.sum())
    if not rows:
        return np.nan
    if profile.low == profile.high:
        return 1.0
    single = profile.edges.atoms if isinstance(profile.edges, NumberEdges) else np.arange(len(profile.cells)) > 0
    most = int(profile.cells[single].max(initial=0))
    fresh = profile.fresh.counts.most_common(1)
    return max(most, fresh[0][1] if fresh else 0) / rows
