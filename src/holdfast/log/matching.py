"""Labels find their predictions: late ones, corrected ones, and those that came before.

A label is of all predictions of its id, of whichever day, release and route. One whose prediction is not known is kept, and
matched when that comes.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.log import matched
from holdfast.log.coverage import Summary
from holdfast.log.hashed_ids import HashedIds, hashes
from holdfast.log.matched import UNMATCHED

BINS = 8
"""Of delays, for each doubling: what is told of them is right within 5 percent."""

DAY = 86_400_000_000

Integers: TypeAlias = NDArray[np.int64]


class Matching:
    """The labels of a model, within one transaction of its database.

    Parameters
    ----------
    place
        The folder of the database.
    connection
        To it.
    schema
        Types of what is needed of labels.
    """

    def __init__(self, place: Path, connection: sqlite3.Connection, schema: pa.Schema) -> None:
        self._connection, self._schema = connection, schema
        self._predicted, self._labelled, self._unmatched = (
            HashedIds(place, connection, name) for name in ("predicted", "labelled", "unmatched")
        )
        self._oldest = 0

    def clear(self) -> None:
        """Forget everything."""
        for table in ("arrays", "versions", "labels", "days", "delays"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # names of ours

    def keep(self, days: Collection[str], arrivals: Collection[str]) -> None:
        """Forget all days of predictions but these, and unmatched labels of other days of arrival."""
        held = [day for (day,) in self._connection.execute("SELECT day FROM days")]
        for day in set(held) - set(days):
            for table in ("labels", "days", "delays"):
                self._connection.execute(f"DELETE FROM {table} WHERE day = ?", (day,))  # noqa: S608
        self._oldest = min(map(_number, days), default=0) * DAY
        first = min(map(_number, arrivals), default=0) * DAY
        if (self._unmatched.oldest or first) < first:
            waiting = matched.of_day(self._connection, UNMATCHED, self._schema)
            late = _moments(waiting) >= first
            self._unmatched.remove(hashes(waiting.filter(pa.array(~late)).column("hf_id").to_pylist()))
            matched.replace(self._connection, UNMATCHED, waiting.filter(pa.array(late)))

    def forget(self, ids: Sequence[str]) -> None:
        """Forget some ids."""
        keys = hashes(ids)
        for of in (self._predicted, self._labelled, self._unmatched):
            of.remove(keys)
        for (day,) in self._connection.execute("SELECT DISTINCT day FROM labels").fetchall():
            rows = matched.of_day(self._connection, day, self._schema)
            others = rows.filter(pc.invert(pc.is_in(rows.column("hf_id"), value_set=pa.array(ids, pa.string()))))
            if others.num_rows < rows.num_rows:
                matched.replace(self._connection, day, others)

    def take_predictions(self, rows: pa.Table) -> None:
        """Take in predictions, `hf_id` and `hf_time` of each."""
        keys, moments = hashes(rows.column("hf_id").to_pylist()), _moments(rows)
        first = _firsts(keys, moments // DAY, moments)
        keys, moments = keys[first], moments[first]
        new = ~self._is_in(self._predicted, keys, moments)
        keys, moments = keys[new], moments[new]
        for day, count in _counts(moments):
            self._count(day, predicted=count)
        earlier = np.unique(self._unmatched.find(keys).places)
        answered_before = self._labelled.find(keys, oldest=self._oldest)
        self._predicted.add(keys, moments, oldest=self._oldest)
        if len(earlier):
            self._match(keys[earlier])
        if len(answered_before.places):
            self._share(keys, moments, dict(zip(*(part.tolist() for part in answered_before), strict=True)))

    def take_labels(self, rows: pa.Table) -> None:
        """Take in labels, with all that is needed of them."""
        keys = hashes(rows.column("hf_id").to_pylist())
        found = self._predicted.find(keys, oldest=self._oldest)
        self._put(rows, keys, *found)
        alone = np.setdiff1d(np.arange(len(keys)), found.places)
        matched.append(self._connection, UNMATCHED, rows.take(pa.array(alone)))
        self._unmatched.add(keys[alone], _moments(rows)[alone], oldest=0)

    def summary(self) -> Summary:
        """What is known now."""
        counts = self._connection.execute(
            "SELECT coalesce(sum(predicted), 0), coalesce(sum(labelled), 0), coalesce(sum(again), 0) FROM days"
        ).fetchone()
        (unmatched,) = self._connection.execute(
            "SELECT coalesce(sum(rows), 0) FROM labels WHERE day = ?", (UNMATCHED,)
        ).fetchone()
        bins = self._connection.execute("SELECT bin, sum(count) FROM delays GROUP BY bin ORDER BY bin").fetchall()
        predicted, labelled, again = counts
        return Summary(
            predicted=predicted,
            labelled=labelled,
            again=again,
            unmatched=unmatched,
            median_delay_seconds=median(dict(bins)),
        )

    def _match(self, keys: Integers) -> None:
        """Labels that were there before their predictions."""
        waiting = matched.of_day(self._connection, UNMATCHED, self._schema)
        of = hashes(waiting.column("hf_id").to_pylist())
        come = np.isin(of, keys)
        matched.replace(self._connection, UNMATCHED, waiting.filter(pa.array(~come)))
        self._unmatched.remove(keys)
        rows, of = waiting.filter(pa.array(come)), of[come]
        self._put(rows, of, *self._predicted.find(of, oldest=self._oldest))

    def _share(self, keys: Integers, moments: Integers, labelled: dict[int, int]) -> None:
        """Labels of ids that were answered before, on another day: given by place in `keys`, and moment of that answer."""
        days: dict[int, list[int]] = {}
        for place, moment in labelled.items():
            days.setdefault(moment // DAY, []).append(place)
        for day, places in days.items():
            rows = matched.of_day(self._connection, _named(day), self._schema)
            of = hashes(rows.column("hf_id").to_pylist())
            new: dict[int, list[int]] = {}
            for place in places:
                new.setdefault(int(keys[place]), []).append(int(moments[place]))
            pairs = [(row, moment) for row, key in enumerate(of.tolist()) for moment in new.get(key, ())]
            self._put(rows, of, *np.array(pairs, dtype=np.int64).reshape(-1, 2).T)

    def _put(self, rows: pa.Table, keys: Integers, places: Integers, moments: Integers) -> None:
        """Labels of predictions of some moments: given by their places in `rows`, of which some may be of several."""
        keys, arrivals, days = keys[places], _moments(rows)[places], moments // DAY
        for day in np.unique(days).tolist():
            matched.append(self._connection, _named(day), rows.take(pa.array(places[days == day])))
        first = np.zeros(len(keys), dtype=bool)
        first[_firsts(keys, days, arrivals)] = True
        first &= ~self._is_in(self._labelled, keys, moments)
        for day, count in _counts(moments[~first]):
            self._count(day, again=count)
        for day, count in _counts(moments[first]):
            self._count(day, labelled=count)
            bins = _bins((arrivals - moments)[first & (days == _number(day))])
            self._connection.executemany(
                "INSERT INTO delays VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3",
                [(day, *counted) for counted in zip(*(part.tolist() for part in bins), strict=True)],
            )
        self._labelled.add(keys[first], moments[first], oldest=self._oldest)

    def _is_in(self, of: HashedIds, keys: Integers, moments: Integers) -> NDArray[np.bool_]:
        """Which of these ids are known of the day of their moment."""
        found = of.find(keys)
        known = np.zeros(len(keys), dtype=bool)
        known[found.places[found.moments // DAY == moments[found.places] // DAY]] = True
        return known

    def _count(self, day: str, *, predicted: int = 0, labelled: int = 0, again: int = 0) -> None:
        self._connection.execute(
            "INSERT INTO days VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
            "predicted = predicted + ?2, labelled = labelled + ?3, again = again + ?4",
            (day, predicted, labelled, again),
        )


def median(bins: dict[int, int]) -> float | None:
    """The delay in seconds that half of those in the bins are below.

    >>> median({}), median({0: 5}), round(median({1 + 6 * BINS: 3, 1 + 20 * BINS: 2}))
    (None, 0.5, 67)
    """
    left = sum(bins.values()) / 2
    for number, count in sorted(bins.items()):
        left -= count
        if left <= 0:
            return 0.5 if number == 0 else math.pow(2.0, (number - 0.5) / BINS)
    return None


def _bins(delays: Integers) -> tuple[Integers, Integers]:
    """Bins of delays in microseconds, and how many are in each: below a second 0, then eight for each doubling."""
    seconds = np.maximum(delays / 1e6, 0.0)
    numbers = np.where(seconds < 1, 0, 1 + np.floor(BINS * np.log2(np.maximum(seconds, 1)))).astype(np.int64)
    found, counts = np.unique(numbers, return_counts=True)
    return found, counts


def _firsts(keys: Integers, days: Integers, moments: Integers) -> Integers:
    """Places of the first of each key and day."""
    order = np.lexsort((moments, days, keys))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(keys[order]) != 0) | (np.diff(days[order]) != 0)
    return order[new]


def _counts(moments: Integers) -> list[tuple[str, int]]:
    """How many are of each day."""
    days, counts = np.unique(moments // DAY, return_counts=True)
    return [(_named(day), count) for day, count in zip(days.tolist(), counts.tolist(), strict=True)]


def _moments(rows: pa.Table) -> Integers:
    moments: Integers = pc.fill_null(rows.column("hf_time").cast(pa.int64()), 0).to_numpy()
    return moments


def _named(day: int) -> str:
    """A day by its number since 1970."""
    return str(np.datetime64(day, "D"))


def _number(day: str) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))
