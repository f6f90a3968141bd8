"""Identifiers: counted, never named."""

from __future__ import annotations

import pyarrow as pa
import pytest

from holdfast.profile.identifier import IdentifierEdges

EDGES = IdentifierEdges()


@pytest.mark.parametrize(
    ("array", "nulls", "places"),
    [
        (pa.array([7, None, 9]), 1, [0, -1, 0]),
        (pa.array(["a", None, "b"]).dictionary_encode(), 1, [0, -1, 0]),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None])), 2, [0, -1, -1]),
        (pa.nulls(2), 2, [-1, -1]),
        (pa.array([], pa.string()), 0, []),
    ],
    ids=["numbers", "dictionary", "null among the words", "all null", "empty"],
)
def test_identifiers_are_null_or_present(array: pa.Array, nulls: int, places: list[int]) -> None:
    profile = EDGES.count(array)
    assert profile.counts.tolist() == [nulls, 0, len(array) - nulls]
    assert profile.grouped.tolist() == [len(array) - nulls]
    assert EDGES.place(array).tolist() == places
