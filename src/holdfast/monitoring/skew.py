"""Training/serving skew, row by row: were rows answered from the features that the same pipeline makes of them offline?"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from holdfast.book.opening import open_book
from holdfast.errors import InputError, SettingError
from holdfast.kinds import Role
from holdfast.log.moments import Moment, moment
from holdfast.log.reading import open_log
from holdfast.monitoring.differing import Tolerance
from holdfast.monitoring.monitor import in_service
from holdfast.monitoring.reading import inputs_logged
from holdfast.monitoring.recomputed import joined
from holdfast.monitoring.reference import Reference, reference_of
from holdfast.monitoring.skewed import Skew, column_skew, finding_of
from holdfast.monitoring.source import MICROSECONDS, LogSource, Source
from holdfast.names import listed, no_such_column
from holdfast.records import Status
from holdfast.releases.store import open_store
from holdfast.site import Site, load_site
from holdfast.tables import Table, open_table

AT_MOST = 0.01
"""Share of the rows that may differ where nothing is said: what changes within seconds is seldom the same twice."""

ID = "hf_id"


def skew(
    model: str,
    recomputed: object,
    *,
    site: Site | str | os.PathLike[str] | None = None,
    id: str | None = None,  # noqa: A002  # what it is called everywhere
    since: Moment | None = None,
    until: Moment | None = None,
    at_most: float = AT_MOST,
    relative: float = 1e-6,
    absolute: float = 1e-9,
) -> Skew:
    """Compare the features that a model was served with, row by row, with the same features made again offline.

    Parameters
    ----------
    model
        Whose log is read.
    recomputed
        Features made again: any table that `open_table` reads, with the id of each prediction and columns called as those of
        the history. What it does not have is not compared.
    site
        The installation: its `Site`, or the path of `site.toml`; None: that of the current folder.
    id
        Its column with the ids; None: `hf_id`, else the id column of the history, which is then looked for in the same column
        of the log.
    since, until
        Rows that were received from this moment on, and before that one; as in `PredictionLog.predictions`.
    at_most
        Share of the rows that may differ, 0 to 1: a column fails where more do for certain.
    relative, absolute
        Numbers are the same if they are no further apart than this part of the larger one, or than this.

    Returns
    -------
    Skew
        Of each column how many rows differ and in which way, since when, by how much, and which rows.

    Raises
    ------
    SettingError
        The model is not logged, there is no such column, or a number makes no sense.
    InputError
        No id of the table was served in that time, or a column has another type than the served one.
    """
    for name, value, most in (("at_most", at_most, 1.0), ("relative", relative, 1.0), ("absolute", absolute, None)):
        if not value >= 0 or (most is not None and not value < most):
            raise SettingError(f"{name}: expected a number from 0{'' if most is None else ' to 1'}, got {value}.")
    found = site if isinstance(site, Site) else load_site(None if site is None else Path(site))
    log = open_log(found.root_path)
    if model not in log.models:
        known = f"logged: {listed(log.models)}" if log.models else "nothing is logged yet"
        raise SettingError(f"Nothing is logged of {model} in {log.root}; {known}.")
    with closing(open_book(found.book_location)) as book:
        reference = reference_of(in_service(model, book, open_store(found.path(found.releases))))
    served = found.models.get(model)
    with open_table(recomputed, name="the table of features made again") as table:
        return skew_of(
            LogSource(log, model),
            reference,
            table,
            id=id,
            hashed=() if served is None else served.hashed,
            since=0 if since is None else moment(since, "since"),
            until=int(time.time() * MICROSECONDS) + 1 if until is None else moment(until, "until"),
            at_most=at_most,
            tolerance=Tolerance(relative=relative, absolute=absolute),
        )


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
    """The same of any source of rows.

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
        As of `skew`.
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
