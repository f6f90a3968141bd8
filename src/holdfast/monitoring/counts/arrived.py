"""Truths that came in one window of time: the sums that are its evidence, of all rows and of groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.monitoring.counts.reading import answered, seconds_of
from holdfast.monitoring.reference import Reference
from holdfast.profile.groups import count_groups
from holdfast.profile.window import AnsweredRows, Counted, count_answers

Sums: TypeAlias = tuple[float, float, float]
"""Number, sum and sum of squares."""


class Arrived(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Truths that came in one window of time, whenever their rows were answered: the evidence of that window.

    Attributes
    ----------
    losses, residuals, slopes
        Number, sum and sum of squares, as `Counted` has them.
    confusion
        Rows by truth and answer, row by row; of numbers none.
    groups
        The same of the groups, as `column=value`.
    """

    losses: Sums = (0.0, 0.0, 0.0)
    residuals: Sums = (0.0, 0.0, 0.0)
    slopes: Sums = (0.0, 0.0, 0.0)
    confusion: tuple[int, ...] = ()
    groups: dict[str, Arrived] = {}

    def __add__(self, other: Arrived) -> Arrived:
        """Both."""
        groups = dict(self.groups)
        for name, one in other.groups.items():
            groups[name] = groups[name] + one if name in groups else one
        return Arrived(
            losses=_sum(self.losses, other.losses),
            residuals=_sum(self.residuals, other.residuals),
            slopes=_sum(self.slopes, other.slopes),
            confusion=tuple(np.add(self.confusion, other.confusion).tolist())
            if self.confusion and other.confusion
            else self.confusion or other.confusion,
            groups=groups,
        )


def arrived(reference: Reference, rows: AnsweredRows, columns: Sequence[str]) -> Arrived:
    """Truths of rows, and of the groups by some columns."""
    edges, answers = reference.profile.edges, reference.answers
    groups = count_groups(edges, answers, rows, columns, reference.values)
    return msgspec.structs.replace(
        sums_of(count_answers(edges, answers, rows)),
        groups={name: sums_of(one) for name, one in groups.items()},
    )


def newly_labelled(
    reference: Reference, batch: pa.RecordBatch, rows: AnsweredRows, since: float
) -> Iterator[tuple[float, AnsweredRows]]:
    """Rows whose first label came since a moment, by the window in which it came to be known.

    That is when it happened, where the label says so, else when it arrived. A label is evidence once, as it came first; one
    that corrects it changes what is shown, and no evidence.

    Parameters
    ----------
    reference
        Of the release that answered.
    batch, rows
        Rows of the log with their labels, first ones and newest ones; and how they are counted, with the newest.
    since
        In seconds since 1970.
    """
    arrival = seconds_of(batch.column("hf_first_label_time"))
    first, newest = batch.column("hf_first_label"), batch.column("hf_label")
    new = arrival >= since
    corrected = ~np.asarray(pc.fill_null(pc.equal(first, newest), True))
    if (new & corrected).any():
        rows = answered(reference, batch.set_column(batch.schema.get_field_index("hf_label"), "hf_label", first))
    places = np.flatnonzero(new & np.isfinite(rows.loss))
    came = known_at(batch)[places]
    starts = reference.windows.starts(np.maximum(came, reference.windows.first))
    for start in np.unique(starts[np.isfinite(starts)]).tolist():
        yield start, rows.take(places[starts == start])


def known_at(batch: pa.RecordBatch) -> NDArray[np.float64]:
    """When the first label of each row came to be known, in seconds since 1970: as it happened, else as it arrived."""
    arrival, happened = (seconds_of(batch.column(f"hf_first_{name}_time")) for name in ("label", "outcome"))
    return np.where(np.isfinite(happened), happened, arrival)


def sums_of(counted: Counted) -> Arrived:
    """Truths of rows that were counted."""
    return Arrived(
        losses=_three(counted.losses),
        residuals=_three(counted.residuals),
        slopes=_three(counted.slopes),
        confusion=tuple(counted.confusion.tolist()),
    )


def _three(sums: NDArray[np.float64]) -> Sums:
    n, total, squares = sums.tolist() or (0.0, 0.0, 0.0)  # of groups not all is counted
    return n, total, squares


def _sum(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
