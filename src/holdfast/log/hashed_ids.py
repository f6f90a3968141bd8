"""Hashes of ids, each with a moment, in a few sorted arrays on the disk: which of many ids are known is told at once.

A tree of single entries would be written all over for each commit; these are written one after the other, and put together
when two are of about one size, so that each entry is written again only a few times.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.log.disk import whole

LARGEST_ROWS = 4_000_000
"""Entries of an array that is not put together with others any more, which bounds the memory that this takes."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS arrays(name TEXT PRIMARY KEY, of TEXT NOT NULL, rows INTEGER NOT NULL) WITHOUT ROWID;"
)

Integers: TypeAlias = NDArray[np.int64]


class Found(NamedTuple):
    """Entries that were looked for: the place of each in what was asked, and its moment."""

    places: Integers
    moments: Integers


def hashes(ids: Iterable[str]) -> Integers:
    """64 bits of each id, the same in every process.

    >>> hashes(["order-17"]).dtype, len(hashes([]))
    (dtype('int64'), 0)
    """
    return np.frombuffer(b"".join(blake2b(one.encode(), digest_size=8).digest() for one in ids), dtype=np.int64)


class HashedIds:
    """A set of hashed ids with moments. What it holds is what its database says: files that are not named there do not count.

    Parameters
    ----------
    folder
        Where its arrays lie.
    connection
        The database that names them, within a transaction of the caller when something is changed.
    name
        Of the set: a database may have several.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, name: str) -> None:
        self._folder, self._connection, self._name = folder, connection, name

    @property
    def oldest(self) -> int | None:
        """The first moment; None if there are no entries."""
        return min((int(array[1].min()) for _, array in self._arrays()), default=None)

    def find(self, keys: Integers, *, oldest: int = 0) -> Found:
        """All entries of these keys, of this moment or later."""
        places, moments = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]  # neighbours are looked for in one place of the disk
        for _, array in self._arrays():
            low, high = (np.searchsorted(array[0], ordered, side=side) for side in ("left", "right"))
            counts = high - low
            starts = np.repeat(low, counts)
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            places.append(np.repeat(order, counts))
            moments.append(np.asarray(array[1])[starts + within])
        found = Found(np.concatenate(places), np.concatenate(moments))
        late = found.moments >= oldest
        return Found(found.places[late], found.moments[late])

    def add(self, keys: Integers, moments: Integers, *, oldest: int) -> None:
        """Take in entries; those before `oldest` may be forgotten."""
        if not len(keys):
            return
        arrays = [np.stack([keys, moments])]
        rows = len(keys)
        for name, held in self._named():
            if held > 2 * rows or held + rows > LARGEST_ROWS:
                break
            arrays.append(self._load(name))
            self._connection.execute("DELETE FROM arrays WHERE name = ?", (name,))
            rows += held
        joined = np.concatenate(arrays, axis=1)
        joined = joined[:, joined[1] >= oldest]
        self._write(joined[:, np.argsort(joined[0], kind="stable")])

    def remove(self, keys: Integers) -> None:
        """Forget all entries of these keys."""
        for name, array in self._arrays():
            of_them = np.isin(array[0], keys)
            if of_them.any():
                self._connection.execute("DELETE FROM arrays WHERE name = ?", (name,))
                self._write(np.asarray(array)[:, ~of_them])

    def _write(self, array: Integers) -> None:
        if not array.shape[1]:
            return
        name = f"{token_hex(16)}.npy"
        with whole(self._folder / name) as unfinished, unfinished.open("wb") as file:
            np.save(file, array)
        self._connection.execute("INSERT INTO arrays VALUES (?, ?, ?)", (name, self._name, array.shape[1]))

    def _named(self) -> list[tuple[str, int]]:
        """The arrays, the smallest first."""
        query = "SELECT name, rows FROM arrays WHERE of = ? ORDER BY rows"
        return self._connection.execute(query, (self._name,)).fetchall()

    def _arrays(self) -> Iterator[tuple[str, Integers]]:
        for name, _ in self._named():
            yield name, self._load(name)

    def _load(self, name: str) -> Integers:
        array: Integers = np.load(self._folder / name, mmap_mode="r")
        return array


def unnamed(folder: Path, connection: sqlite3.Connection) -> list[Path]:
    """Arrays that no set names any more; to be removed when the transaction has ended."""
    named = {name for (name,) in connection.execute("SELECT name FROM arrays")}
    return [path for path in folder.glob("*.npy*") if path.name not in named]
