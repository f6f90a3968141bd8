"""Types: columns that changed theirs, that are missing, that are extra, or that mix several."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from holdfast.checks.ask import Said, Seen, not_applicable, passed
from holdfast.checks.context import Context
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import numbers
from holdfast.profile.table import Profile
from holdfast.records import Status
from holdfast.schema import Role

FAMILIES = {
    "bool": "boolean",
    "string": "text",
    "large_string": "text",
    "string_view": "text",
    "binary": "text",
    "large_binary": "text",
    "fixed_size_binary": "text",
    "float": "number",
    "double": "number",
    "halffloat": "number",
    "null": "nothing",
}
"""Family of each Arrow type; a change within a family is only worth a warning."""

FEW, MOST = 0.01, 0.99
"""A column of text mixes types when the share of numbers in it lies between these."""


def family(arrow_type: str) -> str:
    """Family of an Arrow type given as text."""
    if arrow_type.startswith(("int", "uint", "decimal")):
        return "number"
    if arrow_type.startswith(("timestamp", "date")):
        return "time"
    if arrow_type.startswith(("time", "duration")):
        return "number"
    return FAMILIES.get(arrow_type.partition("[")[0], "nested")


def type_change(seen: Seen) -> Said:
    """Has the column another type than in the reference?"""
    name = seen.column.name
    # A large string is a string: readers choose between them, the data do not change.
    now, before = (profile.types.get(name, "").removeprefix("large_") for profile in seen.tables)
    if now == before:
        return passed(f"The type is {now}, as before.")
    evidence: dict[str, object] = {"current": now, "reference": before}
    if family(now) == family(before):
        return Said(status=Status.WARN, message=f"The type went from {before} to {now}.", evidence=evidence)
    if family(now) == "nothing" or family(before) == "nothing":
        return Said(
            status=Status.WARN,
            message=f"The type went from {before} to {now}: no values on one side.",
            evidence=evidence,
        )
    rows = seen.current.rows
    unread = seen.current.invalid / rows if rows else 0.0
    return Said(
        status=Status.FAIL,
        message=f"The type went from {before} to {now}; {unread:.1%} of the values cannot be read as before.",
        value=unread,
        unit="share",
        evidence=evidence,
    )


def missing_columns(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """Which columns of the reference are not there?"""
    wanted = [c for c in reference.edges.schema.columns if not context.settings.of(c.name).ignore]
    gone = [c for c in wanted if c.name not in current.types]
    for column in gone:
        # A label may come later, and an answer need not be kept: these are worth a word, not a refusal.
        later = column.role in {Role.TARGET, Role.PREDICTION, Role.SCORE, Role.WEIGHT, Role.COST}
        yield Said(
            status=Status.WARN if later else Status.FAIL,
            subject=column.name,
            message=f"The column is missing ({column.kind}, role {column.role}).",
        )
    if not gone:
        yield passed(f"All {len(wanted)} columns of the reference are there.")


def extra_columns(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """Which columns does the reference not know?"""
    extra = [n for n in current.types if n not in reference.types and not context.settings.of(n).ignore]
    for name in extra:
        yield Said(
            status=Status.WARN, subject=name, message=f"The reference has no such column ({current.types[name]})."
        )
    if not extra:
        yield passed("No column is new.")


def mixed_types(seen: Seen) -> Said | None:
    """Does a column hold numbers among texts, or several Python types?"""
    name = seen.column.name
    now, before = (profile.mixed.get(name) for profile in seen.tables)
    if now:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(now.items()))
        status = Status.WARN if before else Status.FAIL
        return Said(status=status, message=f"The cells are of several types: {kinds}.", evidence={"types": dict(now)})
    if not isinstance(seen.current.edges, CategoryEdges):
        return None
    shares = [_numeric_share(profile.columns[name]) for profile in seen.tables]
    if np.isnan(shares).any():
        return not_applicable("There are no values on one of the two sides.")
    mixes = [FEW < share < MOST for share in shares]
    words = f"{shares[0]:.1%} of the values are numbers written as text ({shares[1]:.1%} in the reference)."
    status = Status.WARN if mixes[0] and not mixes[1] else Status.PASS
    return Said(status=status, message=words, value=shares[0], unit="share", evidence={"reference": shares[1]})


def _numeric_share(profile: ColumnProfile) -> float:
    edges = profile.edges
    assert isinstance(edges, CategoryEdges)
    words = [*edges.values, *profile.fresh.counts]
    rows = np.concatenate([profile.cells[1:], list(profile.fresh.counts.values())])
    if not rows.sum():
        return float("nan")
    numeric = ~np.isnan(numbers(pa.array(words, pa.string()))[0])
    return float(rows[numeric].sum() / rows.sum())
