"""Categories: counts over the values of the reference, and what is new.

A new value is named only when it was seen often enough that it points at nobody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.profile.arrays import text_codes
from holdfast.profile.column import ColumnProfile
from holdfast.profile.fresh import FreshValues
from holdfast.profile.hashing import cell_hashes

VOCABULARY = 2048
"""Most values of the reference that get a cell each; the rarer ones of a larger vocabulary share the cell of the others."""

NAMED_GROUPS = 255
"""Values that are a group of their own in windows; the rarer ones share one."""

BUCKETS = 64
"""Hash buckets in which the values outside a vocabulary that is not complete are told apart."""

OTHER = 2
"""Place of the count of rows whose value is not in the vocabulary."""


@dataclass(frozen=True, eq=False)
class CategoryEdges:
    """The values of the reference, commonest first: `counts = [null, invalid, other, values[0], values[1], ...]`.

    A vocabulary that is not complete has the rows of its others once more behind the values, in hash buckets.

    Attributes
    ----------
    values
        At most `VOCABULARY` of them.
    complete
        Whether these are all; then every other value is a new one.
    """

    values: tuple[str, ...]
    complete: bool = True

    @staticmethod
    def learn(counts: Counter[str]) -> CategoryEdges:
        """The commonest values; ties in the order of the alphabet."""
        ranked = sorted(counts, key=lambda value: (-counts[value], value))
        return CategoryEdges(tuple(ranked[:VOCABULARY]), len(ranked) <= VOCABULARY)

    @property
    def size(self) -> int:
        """Length of the counts."""
        return len(self.values) + 3 + (0 if self.complete else BUCKETS)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """The commonest values alone, the rarer ones together; group 0 is what the vocabulary lacks."""
        return np.minimum(np.arange(len(self.values) + 1), NAMED_GROUPS + 1)

    @cached_property
    def _places(self) -> pa.Array:
        return pa.array(self.values, pa.string())

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch: its distinct values are looked up, its rows only counted."""
        words, codes = text_codes(as_text(array))
        present = codes >= 0
        nulls = len(codes) - int(np.count_nonzero(present))
        rows = np.bincount(codes[present] if nulls else codes, minlength=len(words))
        words = words.cast(pa.string()) if len(words) else words
        found = pc.index_in(words, self._places)
        place = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        counts = np.zeros(self.size, dtype=np.int64)
        counts[OTHER : OTHER + 1 + len(self.values)] = np.bincount(place + 1, rows, minlength=len(self.values) + 1)
        counts[0] = nulls + (int(rows[word_is_null(words)].sum()) if words.null_count else 0)
        unknown = np.flatnonzero((place < 0) & (rows > 0))
        fresh = FreshValues()
        if words.null_count:
            unknown = unknown[~word_is_null(words)[unknown]]
            counts[OTHER] -= counts[0] - nulls
        if not self.complete:
            bucket = (cell_hashes(words.take(pa.array(unknown))) % np.uint64(BUCKETS)).astype(np.intp)
            counts[-BUCKETS:] = np.bincount(bucket, rows[unknown], minlength=BUCKETS)
        elif len(unknown):
            seen: Counter[str] = Counter()
            for name, n in zip(words.take(pa.array(unknown)).to_pylist(), rows[unknown].tolist(), strict=True):
                seen[name] += n
            fresh = FreshValues() + FreshValues(seen)
        return ColumnProfile(self, counts, np.empty(0), fresh=fresh)

    def place(self, array: pa.Array) -> NDArray[np.intp]:
        """Cell of each row, -1 for a missing one."""
        words, codes = text_codes(as_text(array))
        found = pc.fill_null(pc.index_in(words.cast(pa.string()), self._places), -1).to_numpy(zero_copy_only=False) + 1
        found = np.where(word_is_null(words), -1, found)
        return np.append(found, -1)[codes].astype(np.intp)


def others(profile: ColumnProfile) -> NDArray[np.int64]:
    """Rows of the values outside the vocabulary: one count when all of them are new, else one per hash bucket."""
    assert isinstance(profile.edges, CategoryEdges)
    return profile.cells[:1] if profile.edges.complete else profile.counts[-BUCKETS:]


def as_text(array: pa.Array) -> pa.Array:
    """Booleans and numbers as text; text and dictionaries of text as they are."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        decoded = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        return decoded.cast(pa.string())
    if pa.types.is_null(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array
    decoded = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    return decoded.cast(pa.string(), safe=False)


def word_is_null(words: pa.Array) -> NDArray[np.bool_]:
    """Which entries of a dictionary are null themselves (some writers store nulls that way)."""
    return np.asarray(words.is_null().to_numpy(zero_copy_only=False), dtype=bool)
