"""The parts of a project's history: which rows are train, validation and test, and what identifies them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.random_splits import at_random, by_group
from holdfast.evaluation.splits import Split, by_time, checked, rolling
from holdfast.evidence import Part
from holdfast.profile.digest import rows_digest

if TYPE_CHECKING:
    from holdfast.config import Splitting


def split_of(rows: Labelled, asked: Splitting, trained_until: float | None = None) -> Split:
    """The split that a configuration asks for: by time where there is one, by groups, else at random.

    Raises
    ------
    SettingError
        Lengths of time or rolling origins are asked for, and the rows have no time.
    InputError
        Nothing can be chosen or judged on a part.
    """
    group = _group(rows, asked.group)
    if rows.time is not None:
        found = by_time(
            rows.time,
            validation=asked.validation,
            test=asked.test,
            delay_seconds=asked.delay_seconds,
            fitted_until=trained_until,
            group=group,
        )
        return checked(found, rows.truth, rows.task, rows.classes)
    if trained_until is not None:
        raise SettingError("model.trained_until needs the time of the rows: name data.time, or leave it out.")
    for name, needs_time in (("delay", asked.delay is not None), ("folds", asked.folds > 0)):
        if needs_time:
            raise SettingError(f"split.{name} needs the time of the rows: name data.time, or leave it out.")
    sizes: dict[str, Any] = {"validation": asked.validation, "test": asked.test, "seed": asked.seed}
    found = at_random(rows.truth, task=rows.task, **sizes) if group is None else by_group(group, **sizes)
    return checked(found, rows.truth, rows.task, rows.classes)


def folds_of(rows: Labelled, asked: Splitting) -> tuple[Split, ...]:
    """Rolling origins, the earliest first; none without a time, or where none are asked for."""
    if not asked.folds or rows.time is None:
        return ()
    return rolling(
        rows.time,
        asked.folds,
        validation=asked.validation,
        test=asked.test,
        delay_seconds=asked.delay_seconds,
        group=_group(rows, asked.group),
    )


def part_of(name: str, rows: Labelled, *, uses: int = 0) -> Part:
    """What a reader is told of a part."""
    timed = rows.time is not None and len(rows) > 0
    return Part(
        name=name,
        rows=len(rows),
        positives=rows.positives,
        start=float(rows.time[0]) if timed and rows.time is not None else None,
        end=float(rows.time[-1]) if timed and rows.time is not None else None,
        digest=digest_of(rows),
        uses=uses,
    )


def digest_of(rows: Labelled) -> str:
    """What identifies labelled rows, by their features, truth and time."""
    return str(rows_digest(_batches(rows))) if len(rows) else ""


def _batches(rows: Labelled) -> Iterator[pa.RecordBatch]:
    columns: dict[str, object] = {name: rows.features[name] for name in rows.features.column_names}
    columns["\0truth"] = pa.array(rows.truth)  # no column of a file is called so
    if rows.time is not None:
        columns["\0time"] = pa.array(rows.time)
    yield from pa.table(columns).to_batches(max_chunksize=131_072)


def _group(rows: Labelled, name: str | None) -> NDArray[np.int64] | None:
    return None if name is None else rows.groups[name].codes
