"""A log as weeks of service would have left it: rows answered by a release, each at its own time, and their labels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.log.committer import Committer
from holdfast.log.ids import Ulids
from holdfast.log.labels import Given, group
from holdfast.log.spool import Group, Spool
from holdfast.profile.calendar import moments
from holdfast.released import load_release
from holdfast.releases.folder import SealedFolder
from holdfast.serve.engine import Engine
from holdfast.serve.logged import Logged, Origin
from holdfast.serve.request import Reply

GROUP_ROWS = 2_000


def answer_rows(root: Path, sealed: SealedFolder, rows: pa.Table, time: str, *, route: str = "champion") -> list[str]:
    """Answer rows with a release as if each had been asked at its own time, and log them; what they are called.

    Parameters
    ----------
    root
        Of the log.
    sealed
        The release.
    rows
        With its columns, in the order of their times.
    time
        Column of the times.
    route
        How they were asked for.
    """
    engine = Engine(load_release(sealed))
    now = [0.0]
    logged = Logged(sealed.manifest.model, sealed.manifest.version, engine, (), (), lambda: now[0])
    names = Ulids(lambda: now[0])
    when = moments(rows[time].combine_chunks())[0]
    columns = {
        field.name: rows[field.name].to_pylist() if field.name in rows.column_names else None for field in engine.fields
    }
    spool, found = Spool(root / "spool"), []
    try:
        for first, last in _stretches(when):
            now[0] = float(when[first])
            ids = names.many(last - first)
            own = [[None] * (last - first) if values is None else values[first:last] for values in columns.values()]
            asked = engine.rows(list(zip(*own, strict=True)))
            answered = engine.answer(asked, ids)
            reply = Reply(
                model=sealed.manifest.model,
                version=sealed.manifest.version,
                ids=ids,
                answered=answered,
                first=0,
                rows=len(ids),
                problems=[],
            )
            content = logged.frame(answered, asked, ids, [None] * len(ids), [reply], Origin([route], [""], [0.001]))
            spool.write([Group(logged.layout, len(ids), content)])
            found += ids
    finally:
        spool.close()
    return found


def label_rows(
    root: Path, sealed: SealedFolder, ids: Sequence[str], truths: Sequence[Any], arrived: NDArray[np.float64]
) -> None:
    """Log the truth of rows, each as if it had arrived at its own time, in seconds since 1970."""
    task = load_release(sealed).model.task
    order = np.argsort(arrived, kind="stable")
    spool = Spool(root / "spool")
    try:
        for first, last in _stretches(arrived[order]):
            some = order[first:last].tolist()
            given = [Given(ids[place], truths[place], "outcome") for place in some]
            spool.write([group(sealed.manifest.model, task, given, "someone", float(arrived[some[0]]))])
    finally:
        spool.close()


def commit(root: Path) -> None:
    """Bring what was logged into the lake."""
    with Committer(root) as committer:
        committer.round(flush=True)


def _stretches(when: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows that are logged together: of one hour, and not too many."""
    hours = np.flatnonzero(np.diff(np.floor(when / 3600))) + 1
    ends = sorted({0, *hours.tolist(), *range(0, len(when), GROUP_ROWS), len(when)})
    return list(itertools.pairwise(ends))


def seconds(moment: str) -> float:
    """Seconds since 1970 of a moment with its zone."""
    return datetime.fromisoformat(moment).timestamp()
