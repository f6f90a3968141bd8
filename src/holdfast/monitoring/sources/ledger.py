"""What was seen of tables that are given again and again: keys of rows or labels, and when each was received."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.log.disk import make_folder

Keys: TypeAlias = NDArray[np.uint64]
Moments: TypeAlias = NDArray[np.int64]
"""Microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Keys that were seen, and when the first of each was received.

    Attributes
    ----------
    keys
        Rising, (n,).
    moments
        Of the keys, (n,).
    """

    keys: Keys
    moments: Moments

    def of(self, keys: Keys, otherwise: Moments) -> Moments:
        """The moments of keys; others for those that were not seen."""
        found = otherwise.copy()
        seen = self.seen(keys)
        found[seen] = self.moments[np.searchsorted(self.keys, keys[seen])]
        return found

    def seen(self, keys: Keys) -> NDArray[np.bool_]:
        """Which keys are there."""
        spots = np.searchsorted(self.keys, keys)
        inside = spots < len(self.keys)
        found = np.zeros(len(keys), bool)
        found[inside] = self.keys[spots[inside]] == keys[inside]
        return found


def load(path: Path) -> Ledger:
    """What was seen; nothing where there is no file."""
    if not path.exists():
        return Ledger(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    table = pq.read_table(path)
    return Ledger(table["key"].to_numpy(), table["arrived"].to_numpy())


def save(path: Path, before: Ledger, keys: Keys, moments: Moments) -> None:
    """Write what was seen and what is new, whole or not at all; of a key that is there twice, the first."""
    if before.seen(keys).all():
        return
    make_folder(path.parent)
    keys, first = np.unique(np.concatenate([before.keys, keys]), return_index=True)
    moments = np.concatenate([before.moments, moments])[first]
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    pq.write_table(pa.table({"key": keys, "arrived": moments}), beside)
    beside.replace(path)
