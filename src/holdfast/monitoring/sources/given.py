"""Tables of predictions and of labels, opened: ids, times and labels are read, and what is passed over is told."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.errors import SettingError
from holdfast.kinds import Role
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.sources.columns import MICROSECONDS, NEVER, Moments, column_of, moments_of, texts
from holdfast.monitoring.sources.files import FileSource
from holdfast.monitoring.sources.ledger import Keys
from holdfast.monitoring.sources.named import named
from holdfast.monitoring.sources.truths import Truths, arrivals, joined, labels_of
from holdfast.names import no_such_column
from holdfast.numerals import several
from holdfast.profile.hashing import cell_hashes, mixed
from holdfast.profile.numeric import numbers
from holdfast.tables import Table

ROWS_SEEN, LABELS_SEEN = "rows_seen", "labels_seen"
"""Folders of the ledgers, beside the counts."""


def file_source(
    predictions: Table, labels: Table | None, reference: Reference, project: Project, root: Path, until: float | None
) -> FileSource:
    """Read ids, times and labels; the other columns are read when they are asked for.

    Parameters
    ----------
    predictions, labels
        The tables; without the second one the first may have the labels, in a column called as the target, or `label`.
    root
        Folder below which is kept what was seen.
    until
        Labels that arrived later are not known yet, in seconds since 1970; None: all are.

    Raises
    ------
    SettingError
        A column that is needed is not there.
    """
    schema, there = reference.schema, predictions.schema.names
    time = column_of(project.data.time, schema.by_role(Role.TIME), "time", there)
    if time is None:
        raise no_such_column(project.data.time or "time", there, "The table of predictions")
    identity = column_of(project.data.id, schema.by_role(Role.ID), "id", there)
    if identity is None and labels is not None:
        if project.data.id is not None:
            raise no_such_column(project.data.id, there, "Labels are joined by id, and the table of predictions")
        raise SettingError("Labels are joined by id: name the column of the predictions' ids as data.id.")
    if missing := [name for name in reference.features if name not in there]:
        raise no_such_column(missing[0], there, "The table of predictions")
    target = None if labels is not None else next((n for n in (project.data.target, "label") if n in there), None)
    when, ids, own = [np.zeros(0, np.int64)], [pa.array([], pa.string())], []
    answers = named(project, schema, there, reference.answers.classes, "the table of predictions")
    shares = answers.scores if reference.answers.task != "regression" else ()
    wanted = [name for name in (time, identity, target, "arrived" if "arrived" in there else None, *shares) if name]
    came, outside = [np.zeros(0, np.int64)], dict.fromkeys(shares, 0)
    for batch in predictions.batches(list(dict.fromkeys(wanted))):
        when.append(moments_of(batch.column(time), project.data.zone))
        rows = sum(map(len, when)) - batch.num_rows
        ids.append(
            pa.array([f"row {rows + i:,}" for i in range(batch.num_rows)], pa.string())
            if identity is None
            else texts(batch.column(identity))
        )
        truth = None if target is None else batch.column(target)
        own.append(labels_of(truth, batch.num_rows, reference, f"The column {target!r} of the table of predictions"))
        came.append(moments_of(batch.column("arrived"), project.data.zone) if "arrived" in there else when[-1])
        for name in shares:
            score = numbers(batch.column(name))[0]
            outside[name] += int(np.count_nonzero((score < 0) | (score > 1)))
    moments, names = np.concatenate(when), pa.concat_arrays(ids)
    keys, undated = _keys(names, moments, named_rows=identity is not None), moments == NEVER
    again = _again(keys, names) if identity is not None else np.zeros(len(keys), bool)
    moments[again] = NEVER
    if labels is None:
        label = pa.concat_arrays(own) if own else labels_of(None, 0, reference)
        truths = Truths(label=label, arrived=arrivals(np.concatenate(came), moments, project))
    else:
        truths = joined(labels, reference, project, moments, names)
    if until is not None:
        late = truths.arrived >= int(until * MICROSECONDS)
        truths.label = pc.if_else(pa.array(late), pa.scalar(None, truths.label.type), truths.label)
    return FileSource(
        table=predictions,
        named=answers,
        reference=reference,
        project=project,
        when=moments,
        ids=names,
        keys=keys,
        truths=truths,
        passed_over=(*_passed_over(moments, undated, again & ~undated), *_no_probabilities(outside)),
        rows_seen=root / ROWS_SEEN / f"{project.name}.parquet",
        labels_seen=root / LABELS_SEEN / f"{project.name}.parquet",
    )


def _again(keys: Keys, ids: pa.Array) -> NDArray[np.bool_]:
    """Rows whose id stands in a row before."""
    _, first = np.unique(keys, return_index=True)
    found = np.asarray(ids.is_valid())
    found[first] = False
    return found


def _no_probabilities(outside: Mapping[str, int]) -> tuple[str, ...]:
    """That scores are none: they are judged as they are, since what else is in their rows is as good as ever."""
    return tuple(
        f"{several(n, 'row')} of the table of predictions {'has' if n == 1 else 'have'} a score outside 0 to 1 in {name!r}: "
        "a score is the probability of a class. They are judged as they stand: see what writes this column."
        for name, n in outside.items()
        if n
    )


def _passed_over(when: Moments, undated: NDArray[np.bool_], again: NDArray[np.bool_]) -> tuple[str, ...]:
    """What is not read of a table of predictions, and why."""
    future = int(np.count_nonzero(when > clock.time() * MICROSECONDS))
    found = {
        "of ids that came before in the table": int(np.count_nonzero(again)),
        "without a time": int(np.count_nonzero(undated)),
        "of the future": future,
    }
    return tuple(f"{several(n, 'row')} {why}: passed over." for why, n in found.items() if n)


def _keys(ids: pa.Array, when: Moments, *, named_rows: bool) -> Keys:
    """By which predictions are known again: their ids, else their times and how many of the same time came before."""
    if named_rows:
        return mixed(cell_hashes(ids))
    order = np.argsort(when, kind="stable")
    starts = np.flatnonzero(np.append(True, when[order][1:] != when[order][:-1])[: len(when)])
    place = np.empty(len(when), np.int64)
    place[order] = np.arange(len(when)) - np.repeat(starts, np.diff(starts, append=len(when)))
    return mixed(mixed(when.view(np.uint64)) ^ place.view(np.uint64))
