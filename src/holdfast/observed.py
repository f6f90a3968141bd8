"""What is seen of a column while its table is read once, in bounded memory."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.column import Column
from holdfast.kinds import Kind
from holdfast.names import names_a_person, names_an_id, words_of
from holdfast.parsing import as_kind, blank, is_string, mask, strings_of, unparseable, value_type
from holdfast.tables import kind_of

MOST_CATEGORIES = 1_000
"""Columns with more distinct values have no list of categories."""

# Distinct values remembered to recognise one that comes back: the first ones; of later ones only repeats in a batch.
_REMEMBERED = 65_536
# Characters: identifiers are at most this long, and longer strings that seldom repeat are text.
_SHORT = 64
# Words of a string, on average, from which strings that seldom repeat are text.
_WORDY = 4
# Strings are measured (words, characters) on so many new values of each batch: enough for an average.
_MEASURED = 1_000
# Repeats that chance would have produced, at the least, in a column of integers without any: P(none) < exp(-10).
_REPEATS_BY_CHANCE = 10
# All-distinct strings under an ordinary name are believed to be identifiers from so many rows.
_UNIQUE_ROWS = 100


class Seen:
    """What was seen of one column so far, in bounded memory."""

    def __init__(self, arrow_type: pa.DataType) -> None:
        types = pa.types
        self.type = value_type(arrow_type)
        self.kind = Kind(kind_of(arrow_type))
        self.is_integer = types.is_integer(self.type) or (types.is_decimal(self.type) and self.type.scale == 0)
        self.rows = 0
        self.values = 0  # that are not missing
        # Of categories and integers.
        self.distinct = _Distinct()
        # Of categories, which include all strings.
        self.is_time = is_string(arrow_type)
        self.blank = 0
        self.measured = self.words = self.characters = 0
        # Of what has an order.
        self.low, self.high, self.last = math.inf, -math.inf, -math.inf
        self.binary = True  # nothing but 0 and 1
        self.ascending = True

    def update(self, values: pa.Array) -> None:
        """Look at the next values."""
        self.rows += len(values)
        if self.kind is Kind.CATEGORY:
            self._update_category(values)
        else:
            self._update_ordered(values)

    def _update_category(self, values: pa.Array) -> None:
        self.values += int(np.count_nonzero(mask(pc.is_valid(values))))
        if self.is_time:
            first = values.drop_null()[:100].cast(self.type)  # tells for most columns, without parsing a dictionary
            self.is_time = all(not unparseable(part, as_kind(part, Kind.TIME)).any() for part in (first, values))
        if self.is_time:
            self.blank += int(np.count_nonzero(blank(values)))
        new = self.distinct.update(values)[:_MEASURED]
        if len(new):
            texts = strings_of(new)
            self.measured += len(new)
            self.words += len(new) + pc.sum(pc.count_substring(texts, " ")).as_py()
            self.characters += pc.sum(pc.utf8_length(texts)).as_py()

    def _update_ordered(self, values: pa.Array) -> None:
        values = values.drop_null()
        if self.is_integer:
            self.distinct.update(values)
        read = as_kind(values, self.kind)
        ordered = (read.cast(pa.int64()) if self.kind is Kind.TIME else read).to_numpy(zero_copy_only=False)
        if self.kind is Kind.NUMBER:
            ordered = ordered[~np.isnan(ordered)]
        if len(ordered) == 0:
            return
        self.values += len(ordered)
        self.ascending = self.ascending and bool(self.last <= ordered[0] and (ordered[:-1] <= ordered[1:]).all())
        self.binary = self.binary and bool(((ordered == 0) | (ordered == 1)).all())
        self.low = min(self.low, ordered.min().item())
        self.high = max(self.high, ordered.max().item())
        self.last = ordered[-1].item()

    def describe(self, name: str, physical: str) -> Column:
        """The column, as far as it was seen; its role is still open."""
        kind = self._content()
        words = words_of(name)
        identifier = self._is_identifier(words, kind)
        personal = kind in (Kind.CATEGORY, Kind.TEXT) and names_a_person(words)
        listed = kind is Kind.CATEGORY and self.values and self.distinct.few and not (identifier or personal)
        limited = kind is Kind.NUMBER and self.values
        return Column(
            name=name,
            physical=physical,
            kind=kind,
            type=str(self.type),
            nullable=self.values - (self.blank if kind is Kind.TIME else 0) < self.rows or self.rows == 0,
            minimum=self.low if limited and math.isfinite(self.low) else None,
            maximum=self.high if limited and math.isfinite(self.high) else None,
            categories=tuple(sorted(set(strings_of(self.distinct.known).to_pylist()))) if listed else None,
            personal=personal,
            identifier=identifier,
            constant=self.distinct.found == 1 if self.kind is Kind.CATEGORY else self.low == self.high,
        )

    def _content(self) -> Kind:
        if self.kind is not Kind.CATEGORY or not self.values:
            return self.kind
        if self.is_time:
            return Kind.TIME
        long = self.words >= _WORDY * self.measured or self.characters > _SHORT * self.measured
        seldom_repeats = self.distinct.found > max(1, self.distinct.compared / 2)
        return Kind.TEXT if long and seldom_repeats else Kind.CATEGORY

    def _is_identifier(self, words: list[str], kind: Kind) -> bool:
        count = self.distinct.compared
        if count < 2 or not self.distinct.unique or kind not in (Kind.CATEGORY, Kind.NUMBER):
            return False
        if names_an_id(words):
            return True
        if kind is Kind.CATEGORY:
            return count >= _UNIQUE_ROWS
        # Birthday problem: evenly spread values repeat least, so any quantity would have repeated at least this often.
        return count * (count - 1) / 2 >= _REPEATS_BY_CHANCE * (self.high - self.low + 1)


class _Distinct:
    """The distinct values of a column, remembered while they may still be few or all different."""

    def __init__(self) -> None:
        self.known: pa.Array | None = None
        self.unique = True
        self.compared = 0  # values looked at
        self.found = 0  # distinct values among them

    @property
    def few(self) -> bool:
        """Whether every value is known, and they are few enough to be listed."""
        return self.known is not None and len(self.known) <= MOST_CATEGORIES

    def update(self, values: pa.Array) -> pa.Array:
        """Compare values with those remembered; returns the new ones, or none once comparing has become pointless."""
        if self.compared and self.known is None:
            return pa.nulls(0)
        count = len(values) - int(np.count_nonzero(mask(pc.is_null(values))))
        if pa.types.is_dictionary(values.type):  # which may hold values that no row has
            values = values.dictionary.take(values.indices.unique())
        new = values.drop_null().unique()
        self.unique = self.unique and len(new) == count
        known = new
        if self.known is not None:
            back = pc.is_in(new, value_set=self.known)
            self.unique = self.unique and not pc.any(back, min_count=0).as_py()
            new = new.filter(pc.invert(back))
            known = pa.concat_arrays([self.known, new])
        self.unique = self.unique and _all_short(new)
        self.compared += count
        self.found += len(new)
        self.known = known[:_REMEMBERED] if self.unique or len(known) <= MOST_CATEGORIES else None
        return new


def _all_short(values: pa.Array) -> bool:
    if len(values) == 0 or kind_of(values.type) != "category":
        return True
    longest: int = pc.max(pc.binary_length(values)).as_py()
    return longest <= _SHORT
