"""What stands twice: rows, identifiers, columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from holdfast.checks.ask import Said, not_applicable, passed
from holdfast.checks.context import Context
from holdfast.profile.distinct import DistinctSample
from holdfast.profile.hashing import cell_hashes
from holdfast.profile.table import Profile
from holdfast.records import Status


def duplicate_rows(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """Which share of the rows repeats another one, in all columns of the reference?"""
    if not current.rows:
        yield not_applicable("There are no rows.")
        return
    if reference.rows and not len(reference.distinct.hashes):
        yield not_applicable(
            "The profile of the reference holds no row hashes, which would say how many repeats are usual."
        )
        return
    share, low, high = current.distinct.repeat_share()
    usual, _, usual_high = reference.distinct.repeat_share() if reference.rows else (0.0, 0.0, 0.0)
    limit = usual_high + context.settings.duplicates
    # Rows of few possible values repeat the more often, the more of them there are.
    grows = usual > 0 and current.rows > 2 * reference.rows
    status = Status.PASS if low <= limit else Status.WARN if grows else Status.FAIL
    yield Said(
        status=status,
        message=f"{share:.2%} of the rows repeat another row ({usual:.2%} in the reference).",
        value=share,
        limit=limit,
        interval=(low, high),
        unit="share",
        evidence={"exact": current.distinct.exact, "distinct_rows": current.distinct.distinct, "reference": usual},
    )


def duplicate_keys(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:  # noqa: ARG001
    """Do identifiers repeat?"""
    asked = False
    for name, sample in current.keys.items():
        before = reference.keys.get(name, DistinctSample.empty())
        if not len(sample.hashes) or (reference.columns[name].cells.any() and not len(before.hashes)):
            continue  # no identifiers here, or a profile of the reference without hashes
        asked = True
        repeats, usual = sample.repeats, before.repeats
        share, low, high = sample.repeat_share()
        bad = repeats > 0 and (usual == 0 or low > before.repeat_share()[2])
        yield Said(
            status=Status.FAIL if bad else Status.PASS,
            subject=name,
            message=f"{'About ' if not sample.exact else ''}{repeats:,.0f} identifiers repeat ({share:.2%} of the rows).",
            value=share,
            limit=before.repeat_share()[2] if len(before.hashes) else 0.0,
            interval=(low, high),
            unit="share",
            evidence={"exact": sample.exact},
        )
    if not asked:
        yield not_applicable("No column identifies its rows, on both sides.")


def duplicate_columns(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """Which columns are copies of another one?"""
    before = set(_copies(reference))
    found = [pair for pair in _copies(current) if not any(context.settings.of(name).ignore for name in pair)]
    for first, second in found:
        known = (first, second) in before
        yield Said(
            status=Status.WARN,
            subject=second,
            message=f"The column is a copy of {first!r}" + (", as in the reference." if known else ", which is new."),
            evidence={"copy_of": first, "new": not known},
        )
    if not found:
        yield passed("No column is a copy of another one.")


def _copies(profile: Profile) -> list[tuple[str, str]]:
    """Pairs of columns that agree in every sampled row; with fewer than two different values that says nothing."""
    if profile.sample is None or len(profile.sample.positions) < 2:
        return []
    groups: dict[bytes, list[str]] = {}
    for name in profile.sample.rows.schema.names:
        column = profile.sample.rows.column(name)
        hashes = cell_hashes(column)
        if (hashes != hashes[0]).any():
            groups.setdefault(str(column.type).encode() + hashes.tobytes(), []).append(name)
    return [pair for names in groups.values() for pair in combinations(names, 2)]
