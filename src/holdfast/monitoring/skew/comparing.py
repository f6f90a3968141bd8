"""Which columns are compared between what was served and what was made again, and how each fares."""

from __future__ import annotations

from collections.abc import Collection

from holdfast.errors import InputError, SettingError
from holdfast.kinds import Role
from holdfast.monitoring.counts.reading import inputs_logged
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.skew.differing import Tolerance
from holdfast.monitoring.skew.recomputed import joined
from holdfast.monitoring.skew.skewed import Skew, column_skew, finding_of
from holdfast.monitoring.sources.source import Source
from holdfast.names import listed, no_such_column
from holdfast.records import Status
from holdfast.tables import Table

AT_MOST = 0.01
"""Share of the rows that may differ where nothing is said: what changes within seconds is seldom the same twice."""

ID = "hf_id"


def skew_of(
    source: Source,
    reference: Reference,
    table: Table,
    *,
    id: str | None = None,  # noqa: A002
    hashed: Collection[str] = (),
    since: int,
    until: int,
    at_most: float = AT_MOST,
    tolerance: Tolerance | None = None,
) -> Skew:
    """Compare what was served with what was made again, whatever the source of the rows is.

    Parameters
    ----------
    source, reference
        What was served, and the release that answered.
    table
        Features made again.
    hashed
        Columns of which only a hash is kept.
    since, until
        In microseconds since 1970.
    id, at_most, tolerance
        As of `skew.skew`.
    """
    there, names = source.columns(), table.schema.names
    keys = _keys(reference, there, names, id)
    logged, physical = inputs_logged(reference, there), {c.name: c.physical for c in reference.schema.columns}
    columns: dict[str, tuple[str, str]] = {}
    left_out: dict[str, str] = {}
    for column in reference.schema.columns:
        own = next((one for one in (column.name, physical[column.name]) if one in names), None)
        if column.role in {Role.TARGET, Role.IGNORE, Role.ID} or own == keys[1]:
            continue
        if own is None:
            if column.name in reference.features:
                left_out[column.name] = "the table does not have it"
        elif {column.name, column.physical} & {*hashed}:
            left_out[column.name] = "only a hash of it is logged"
        elif column.name not in logged:
            left_out[column.name] = "it is not logged"
        else:
            columns[column.name] = (logged[column.name], own)
    if not columns:
        raise SettingError(
            f"{table.name} has no column that {reference.model} was served with: call them as in the history."
        )
    found = joined(
        source,
        reference,
        table,
        keys,
        columns,
        since=since,
        until=until,
        tolerance=tolerance or Tolerance(),
    )
    if not found.served:
        raise InputError(
            f"None of the {found.ids:,} ids of {table.name} was served by {reference.model} in that time: "
            f"{keys[1]!r} is compared with {keys[0]!r} of the log; name another column, or another time."
        )
    zone = reference.windows.zone
    told = [column_skew(name, one) for name, one in found.columns.items()]
    both = [(finding_of(one, at_most, reference.importance.get(one.column, 1.0), zone), one) for one in told]
    both.sort(key=lambda pair: (_URGENCY[pair[0].status], -pair[0].weight))
    return Skew(
        model=reference.model,
        release=reference.version,
        zone=zone,
        findings=tuple(finding for finding, _ in both),
        columns=tuple(one for _, one in both),
        rows=found.served,
        ids=found.ids,
        unmatched=found.unmatched,
        repeated=found.repeated,
        left_out=left_out,
    )


_URGENCY = {
    status: place
    for place, status in enumerate((Status.FAIL, Status.WARN, Status.INCONCLUSIVE, Status.PASS, Status.NOT_APPLICABLE))
}


def _keys(reference: Reference, there: list[str], names: list[str], asked: str | None) -> tuple[str, str]:
    """The columns of the ids: of what was served, and of the table."""
    own = {
        name: column.physical for column in reference.schema.by_role(Role.ID) for name in (column.name, column.physical)
    }
    if asked is not None and asked not in names:
        raise no_such_column(asked, names, "The table of features made again")
    if asked is None:
        asked = next((name for name in (ID, *own) if name in names), None)
    if asked is None:
        raise SettingError(
            f"There are no ids in the table of features made again: expected a column {listed([ID, *own])}; "
            "name the one that has them as `id`."
        )
    return (own[asked] if own.get(asked) in there else ID), asked
