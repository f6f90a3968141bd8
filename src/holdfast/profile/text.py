"""Free text: how long, how many words, and which words, as hashed counts that reveal none of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.profile.arrays import floats, valid_text
from holdfast.profile.column import ColumnProfile
from holdfast.profile.hashing import cell_hashes
from holdfast.profile.numeric import NumberEdges

TOKENS = 8192
"""Hash buckets of words: the share of unseen words is underestimated by the share of buckets that are in use."""


@dataclass(frozen=True, eq=False)
class TextEdges:
    """Cuts of lengths and of word counts: `counts = [null, invalid, length bins..., word bins..., token buckets...]`.

    Attributes
    ----------
    lengths, words
        Cuts of the characters and of the words per text.
    """

    lengths: NumberEdges
    words: NumberEdges

    @staticmethod
    def learn(texts: pa.Array) -> TextEdges:
        """Cuts from the texts of the reference."""
        texts = valid_text(texts)
        return TextEdges(
            NumberEdges.learn(floats(pc.utf8_length(texts))), NumberEdges.learn(floats(_word_counts(texts)))
        )

    @property
    def size(self) -> int:
        """Length of the counts."""
        return 2 + len(self.lengths.cuts) + 1 + len(self.words.cuts) + 1 + TOKENS

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """The groups of the lengths."""
        return self.lengths.groups

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch of texts."""
        decoded = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        texts = valid_text(decoded.cast(pa.string(), safe=False) if not _is_text(decoded.type) else decoded)
        lengths = self.lengths.count(pc.utf8_length(texts))
        words = self.words.count(_word_counts(texts))
        counts = np.concatenate([[texts.null_count, 0], lengths.cells, words.cells, _token_counts(texts)])
        return ColumnProfile(self, counts.astype(np.int64), lengths.sums, lengths.low, lengths.high)

    def place(self, array: pa.Array) -> NDArray[np.intp]:
        """Cell of each row by its length, -1 for a missing one."""
        decoded = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        return self.lengths.place(pc.utf8_length(valid_text(decoded)))


def word_bins(profile: ColumnProfile) -> NDArray[np.int64]:
    """Rows per bin of the number of words."""
    assert isinstance(profile.edges, TextEdges)
    start = 2 + len(profile.edges.lengths.cuts) + 1
    return profile.counts[start : start + len(profile.edges.words.cuts) + 1]


def tokens(profile: ColumnProfile) -> NDArray[np.int64]:
    """Words per hash bucket, shape `(TOKENS,)`."""
    return profile.counts[-TOKENS:]


def token_sums(array: pa.Array, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each text the sum of its words' `values`, which are given per hash bucket, shape `(TOKENS,)`."""
    decoded = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    lists = _words(pc.utf8_lower(valid_text(decoded)))
    rows, words = pc.list_parent_indices(lists), pc.list_flatten(lists)
    named = pc.not_equal(words, "")
    found = pc.dictionary_encode(words.filter(named))
    value = values[_buckets(found.dictionary)][found.indices.to_numpy()]
    return np.bincount(rows.filter(named).to_numpy(), value, minlength=len(array)).astype(np.float64)


def unseen_share(current: ColumnProfile, reference: ColumnProfile) -> float:
    """Share of the current words that fall into buckets which the reference never filled; NaN without words."""
    words = tokens(current)
    total = int(words.sum())
    return float(words[tokens(reference) == 0].sum() / total) if total else np.nan


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_binary(kind) or t.is_large_binary(kind))


def _words(texts: pa.Array) -> pa.Array:
    """The words of each text; a blank text has the one word ''."""
    return pc.utf8_split_whitespace(pc.utf8_trim_whitespace(texts))


def _word_counts(texts: pa.Array) -> pa.Array:
    words = pc.list_value_length(_words(texts))
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), 0, words)


def _token_counts(texts: pa.Array) -> NDArray[np.int64]:
    words = pc.list_flatten(_words(pc.utf8_lower(texts.drop_null())))
    words = pc.dictionary_encode(words.filter(pc.not_equal(words, "")))
    rows = np.bincount(words.indices.to_numpy(), minlength=len(words.dictionary))
    return np.bincount(_buckets(words.dictionary), rows, minlength=TOKENS).astype(np.int64)


def _buckets(words: pa.Array) -> NDArray[np.intp]:
    return (cell_hashes(words) % np.uint64(TOKENS)).astype(np.intp)
