"""The truth of predictions, from a table of labels or from a column beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.config import Project
from holdfast.kinds import Role
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.sources.columns import MICROSECONDS, NEVER, Moments, column_of, moments_of, texts
from holdfast.monitoring.sources.named import places, positives
from holdfast.names import no_such_column
from holdfast.profile.numeric import numbers
from holdfast.tables import Table


@dataclass(slots=True, kw_only=True)
class Truths:
    """What is known of the truth of each prediction, (n,) each.

    Attributes
    ----------
    label
        Null where it is not known.
    arrived
        When it came, as far as a table says so.
    first
        When the first label of the prediction came, which it may correct.
    strange
        Labels whose id no prediction has.
    """

    label: pa.Array
    arrived: Moments
    first: Moments = field(init=False)
    strange: int = 0

    def __post_init__(self) -> None:
        self.first = self.arrived


def joined(labels: Table, reference: Reference, project: Project, when: Moments, ids: pa.Array) -> Truths:
    """Labels beside the predictions: of several of one id the last that arrived, or the last one."""
    there = labels.schema.names
    identity = column_of(project.data.id, reference.schema.by_role(Role.ID), "id", there)
    label = next((name for name in (project.data.target, "label") if name in there), None)
    for name, usual in ((identity, project.data.id or "id"), (label, project.data.target or "label")):
        if name is None:
            raise no_such_column(usual, there, "The table of labels")
    assert identity is not None
    assert label is not None
    arrived = "arrived" if "arrived" in there else None
    own, truth, came = [pa.array([], pa.string())], [labels_of(None, 0, reference)], [np.zeros(0, np.int64)]
    for batch in labels.batches([name for name in (identity, label, arrived) if name]):
        own.append(texts(batch.column(identity)))
        truth.append(
            labels_of(batch.column(label), batch.num_rows, reference, f"The column {label!r} of the table of labels")
        )
        came.append(
            np.full(batch.num_rows, NEVER) if arrived is None else moments_of(batch.column(arrived), project.data.zone)
        )
    names, truths, moments = pa.concat_arrays(own), pa.concat_arrays(truth), np.concatenate(came)
    order = np.argsort(moments, kind="stable")[::-1]
    order = order[np.asarray(truths.is_valid())[order]]
    names, truths, moments = names.take(pa.array(order)), truths.take(pa.array(order)), moments[order]
    place = pc.index_in(ids, names)
    found = np.asarray(pc.fill_null(place, -1))
    own_moments = np.where(found >= 0, moments[found] if len(moments) else NEVER, NEVER)
    strange = int(np.count_nonzero(~np.asarray(pc.is_in(names, ids))))
    return Truths(label=truths.take(place), arrived=arrivals(own_moments, when, project), strange=strange)


def arrivals(told: Moments, when: Moments, project: Project) -> Moments:
    """When labels arrived: as it was told, else as long after their rows as is usual."""
    delay = int(project.split.delay_seconds * MICROSECONDS)
    usual = np.where(when == NEVER, NEVER, when + delay)
    return np.where(told == NEVER, usual, told)


def labels_of(column: pa.Array | None, rows: int, reference: Reference, where: str = "") -> pa.Array:
    """Labels as the log has them: true and false, names of classes, or numbers."""
    types: dict[str, Any] = {"binary": pa.bool_(), "classes": pa.string(), "regression": pa.float64()}
    task = reference.answers.task
    if column is None:
        return pa.nulls(rows, types[task])
    if task == "regression":
        values = numbers(column)[0]
        return pa.array(values, mask=~np.isfinite(values))
    if task == "binary":
        code = positives(column, reference.classes, where)
        return pa.array(code == 1, mask=code < 0)
    names = reference.answers.classes
    code = places(column, names, where)
    return pa.array(np.array([*names, ""], dtype=object)[code], pa.string(), mask=code < 0)
