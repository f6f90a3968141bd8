"""Missing and infinite values."""

from __future__ import annotations

from holdfast.checks.ask import CONFIDENCE, Said, Seen, judged_share, not_applicable, passed
from holdfast.profile.numeric import NumberEdges, infinite_rows
from holdfast.records import Status
from holdfast.stats.intervals import clopper_pearson

MOSTLY = 0.5
"""Share of missing values above which a column is said to be mostly empty."""

TOLERATED = 0.001
"""New nulls that may come from a single bad row of a thousand."""


def missing_rate(seen: Seen) -> Said:
    """Is the column empty, or mostly so, while the reference is not?"""
    rows, gone = seen.current.rows, seen.current.missing
    before = seen.reference.missing / seen.reference.rows if seen.reference.rows else 1.0
    if rows == 0:
        return not_applicable("There are no rows.")
    share = gone / rows
    if before == 1:
        return not_applicable("The reference has no values in this column either.")
    low, high = (float(x) for x in clopper_pearson(gone, rows, CONFIDENCE))
    numbers = {"value": share, "limit": MOSTLY, "interval": (low, high), "unit": "share"}
    words = f"{share:.1%} of the values are missing ({before:.1%} in the reference)"
    evidence: dict[str, object] = {"reference": before}
    if (gone == rows and low > before) or (low > MOSTLY and before <= MOSTLY):
        empty = "The column is empty: " if gone == rows else "Most of the column is missing: "
        return Said(status=Status.FAIL, message=f"{empty}{words}.", evidence=evidence, **numbers)  # type: ignore[arg-type]
    status = Status.WARN if share > MOSTLY >= before else Status.PASS
    return Said(status=status, message=f"{words}.", evidence=evidence, **numbers)  # type: ignore[arg-type]


def new_nulls(seen: Seen) -> Said:
    """Are there nulls where the reference had none?"""
    if seen.reference.missing:
        return not_applicable("The reference has missing values in this column too.")
    if not seen.reference.rows:
        return not_applicable("The reference has no rows.")
    # None in m rows still allows for a few in the long run.
    possible = float(clopper_pearson(0, seen.reference.rows, CONFIDENCE)[1])
    return judged_share(
        seen.current.missing, seen.current.rows, max(possible, TOLERATED), "no value where none was missing"
    )


def infinite(seen: Seen) -> Said | None:
    """Are there infinities? Most models cannot take them."""
    if not isinstance(seen.current.edges, NumberEdges):
        return None
    here, before = infinite_rows(seen.current), infinite_rows(seen.reference)
    if here == 0:
        return passed("No infinite values.")
    rows = seen.current.rows
    share, usual = here / rows, before / max(seen.reference.rows, 1)
    return Said(
        status=Status.WARN if before else Status.FAIL,
        message=f"{here:,} of {rows:,} values ({share:.2%}) are infinite ({usual:.2%} in the reference).",
        value=share,
        limit=usual,
        unit="share",
    )
