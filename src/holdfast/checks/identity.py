"""Identifiers that would be learned by heart, and equal rows with different labels."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.checks.ask import Said, judged_share, not_applicable, passed
from holdfast.checks.context import Context
from holdfast.profile.table import Profile, conflicts
from holdfast.records import Status
from holdfast.schema import Role


def identifier_leakage(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:  # noqa: ARG001
    """Which features identify the row? A model can learn them by heart, and they never come again."""
    found = [c for c in reference.edges.schema.columns if c.identifier and c.role is Role.FEATURE]
    for column in found:
        yield Said(
            status=Status.WARN,
            subject=column.name,
            message="Every row has a value of its own, and the role is feature: give it the role id, or ignore it.",
        )
    if not found:
        yield passed("No feature identifies its rows.")


def conflicting_labels(current: Profile, reference: Profile, context: Context) -> Iterator[Said]:
    """How many rows have equal features and different labels?"""
    if reference.edges.labelled is None:
        yield not_applicable("No column with the role target has few values.")
        return
    if reference.rows and not len(reference.labelled.hashes):
        yield not_applicable("The profile of the reference holds no labelled rows, which would say what is usual.")
        return
    bad, rows = conflicts(current.labelled)
    bad_before, rows_before = conflicts(reference.labelled)
    usual = bad_before / rows_before if rows_before else 0.0
    yield judged_share(
        bad, rows, usual + context.settings.conflicts, "the features of another row with another label", reference=usual
    )
