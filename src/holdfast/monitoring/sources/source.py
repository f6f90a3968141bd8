"""Where rows come from: the log of an installation. What the monitor asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.log.ids import milliseconds
from holdfast.log.moments import Moment
from holdfast.log.reading import PredictionLog

MARGIN_SECONDS = 30.0
"""What was received so long ago is on the disk, whatever its request waited for."""

MICROSECONDS = 1_000_000
DAY = 86_400 * MICROSECONDS
CHAMPION = "champion"
"""Route of what is asked of a model without naming a version."""
ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"


class Source(Protocol):
    """Predictions and labels of a model, in the order of their receipt. Moments are microseconds since 1970."""

    def columns(self) -> list[str]:
        """What is known of a prediction."""
        ...

    def begin(self) -> int | None:
        """When the first prediction was received; None if there is none."""
        ...

    def received(self, until: int) -> int:
        """Up to when all is there that was received before a moment."""
        ...

    def rows(self, columns: list[str], release: int, since: int, until: int) -> Iterator[pa.RecordBatch]:
        """Predictions of a time: those of a release, and those that another one answered while it was champion."""
        ...

    def moments(self, release: int, since: int, until: int) -> Iterator[NDArray[np.int64]]:
        """When these rows were received, rising, within each array and from one to the next."""
        ...

    def days_of_labels(self, since: int, until: int) -> list[int]:
        """Beginnings of the UTC days of receipt of the predictions whose labels arrived in a time."""
        ...

    def labelled(self, columns: list[str], release: int, day: int, until: int) -> Iterator[pa.RecordBatch]:
        """Predictions of a day, with the labels that had arrived before a moment, the newest of each and the first."""
        ...


@dataclass(frozen=True, slots=True)
class LogSource:
    """The log of an installation, the last second too.

    Attributes
    ----------
    log, model
        The log, and the model.
    alone
        Whether only rows of the release are read, and none that another one answered while it was champion.
    """

    log: PredictionLog
    model: str
    alone: bool = False

    def columns(self) -> list[str]:
        """What is logged of a prediction."""
        return list(self.log.predictions(self.model).schema.names)

    def begin(self) -> int | None:
        """When the first prediction was received."""
        for batch in self.log.predictions(self.model, columns=["hf_time"], ahead=False):
            if batch.num_rows:
                return int(pc.min(batch.column(0)).cast(pa.int64()).as_py())
        return None

    def received(self, until: int) -> int:
        """The log has all that it acknowledged."""
        return until

    def rows(self, columns: list[str], release: int, since: int, until: int) -> Iterator[pa.RecordBatch]:
        """Predictions of a time: those of a release, and those that another one answered while it was champion."""
        wanted = list(dict.fromkeys([*columns, "hf_release", "hf_route"]))
        inputs = [name for name in columns if not name.startswith("hf_")]
        # Rows are counted in threads, for which what is read ahead would only take memory.
        found = self.log.predictions(
            self.model, since=_moment(since), until=_moment(until), columns=wanted, ahead=False, encoded=inputs
        )
        for batch in found:
            held = dict(zip(batch.schema.names, batch.columns, strict=True))
            own = pc.equal(held["hf_release"], release)
            if not self.alone:
                own = pc.or_kleene(own, pc.equal(held["hf_route"], CHAMPION))
            some = batch if pc.all(own).as_py() else batch.filter(own)
            if some.num_rows:
                yield some.select(columns)

    def moments(self, release: int, since: int, until: int) -> Iterator[NDArray[np.int64]]:
        """When these rows were received, a week at a time."""
        for week in range(_day(since), until, 7 * DAY):
            batches = self.rows(["hf_time"], release, max(since, week), min(until, week + 7 * DAY))
            found = [one.column(0).cast(pa.int64()).to_numpy() for one in batches]
            if found:
                yield np.sort(np.concatenate(found))

    def days_of_labels(self, since: int, until: int) -> list[int]:
        """Days of receipt of the predictions whose labels arrived in a time.

        An id of ours tells it. For one that a client chose, the days before are looked through, the newest first.
        """
        days: set[int] = set()
        strange: set[str] = set()
        try:
            found = self.log.labels(self.model, since=_moment(since), until=_moment(until), columns=["hf_id"])
        except InputError:  # there are no labels yet
            return []
        for batch in found:
            ids = batch.column(0)
            ours = pc.match_substring_regex(ids, ULID)
            days |= _days_of(ids.filter(ours))
            strange |= set(ids.filter(pc.invert(ours)).to_pylist())
        first = self.begin() if strange else None
        if first is not None:
            day = _day(until)
            while strange and day >= _day(first):
                there = self.log.predictions(
                    self.model, since=_moment(day), until=_moment(day + DAY), columns=["hf_id"]
                )
                held = {one for batch in there for one in batch.column(0).to_pylist() if one in strange}
                if held:
                    days.add(day)
                    strange -= held
                day -= DAY
        return sorted(days)

    def labelled(self, columns: list[str], release: int, day: int, until: int) -> Iterator[pa.RecordBatch]:
        """Predictions of a day, with the labels that had arrived before a moment."""
        yield from self.log.predictions(
            self.model,
            since=_moment(day),
            until=_moment(day + DAY),
            release=release,
            columns=columns,
            with_labels=True,
            first_labels=True,
            unlabelled=False,
            as_known_at=_moment(until - 1),
        )


def _days_of(ids: pa.Array) -> set[int]:
    """UTC days on which ids of ours were made.

    >>> days = _days_of(pa.array(["01KDY021008VT6N05CWWNT4AH3", "01KDY021008VT6N05CWWNT4AH4"]))
    >>> [str(_moment(day).date()) for day in days]
    ['2026-01-02']
    """
    days: set[int] = set()
    # Six characters leave 20 bits of milliseconds, a quarter of an hour, in which hardly ever a day begins.
    for head in pc.unique(pc.utf8_slice_codeunits(ids, 0, 6)).to_pylist():
        first, last = (_day((milliseconds(head + end * 20) or 0) * 1_000) for end in ("0", "Z"))
        if first == last:
            days.add(first)
        else:
            own = ids.filter(pc.starts_with(ids, head)).to_pylist()
            days |= {_day((milliseconds(one) or 0) * 1_000) for one in own}
    return days


def _day(moment: int) -> int:
    return moment // DAY * DAY


def _moment(moment: int) -> Moment:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
