"""Categories over the values of the reference."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.profile.categorical import BUCKETS, NAMED_GROUPS, VOCABULARY, CategoryEdges, others

ABC = CategoryEdges(("a", "b", "c"))
cells = st.lists(st.none() | st.sampled_from(["a", "b", "c", "x", "y", "", "é", "a "]), max_size=30)


def test_values_are_ranked_by_count_then_by_alphabet() -> None:
    edges = CategoryEdges.learn(Counter(z=5, b=2, a=2, é=1))
    assert edges == CategoryEdges(("z", "a", "b", "é")) or edges.values == ("z", "a", "b", "é")
    assert edges.complete
    assert edges.size == 7


def test_counts_are_null_other_and_one_cell_per_value() -> None:
    profile = ABC.count(pa.array(["b", None, "x", "b", "a", "y", "x"]))
    assert profile.counts.tolist() == [1, 0, 3, 1, 2, 0]
    assert profile.fresh.counts == Counter(x=2, y=1)
    assert (profile.rows, profile.nulls, profile.invalid) == (7, 1, 0)


@settings(deadline=None)
@given(cells, st.sampled_from(["string", "large_string", "binary", "view", "dictionary", "null among the words"]))
def test_every_encoding_gives_the_same_counts_and_the_place_of_each_row(values, encoding: str) -> None:
    array = pa.array(values, pa.string())
    words = [*sorted({v for v in values if v is not None}), None]
    array = {
        "string": lambda: array,
        "large_string": lambda: array.cast(pa.large_string()),
        "binary": lambda: array.cast(pa.binary()),
        "view": lambda: pa.array(values, pa.string_view()),
        "dictionary": array.dictionary_encode,
        "null among the words": lambda: pa.DictionaryArray.from_arrays(
            pa.array([words.index(v) for v in values], pa.int16()), pa.array(words, pa.string())
        ),
    }[encoding]()
    profile = ABC.count(array)
    known = Counter(v for v in values if v in ABC.values)
    new = Counter(v for v in values if v is not None and v not in ABC.values)
    assert profile.counts.tolist() == [values.count(None), 0, new.total(), known["a"], known["b"], known["c"]]
    assert profile.fresh.counts == new
    expected = [-1 if v is None else ABC.values.index(v) + 1 if v in ABC.values else 0 for v in values]
    assert ABC.place(array).tolist() == expected


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([True, False, None, True]), ("true", "false")),
        (pa.array([1, 0, None, 1]), ("1", "0")),
        (pa.array([1, 0, None, 1]).dictionary_encode(), ("1", "0")),
        (pa.array([1.5, 0, None, 1.5]), ("1.5", "0")),
        (pa.array([Decimal("1.50"), Decimal("0.00"), None, Decimal("1.50")]), ("1.50", "0.00")),
        (pa.array([dt.date(2024, 1, 2), dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)]), ("2024-01-02", "2024-01-01")),
    ],
    ids=lambda x: str(x.type) if isinstance(x, pa.Array) else "",
)
def test_other_types_are_counted_by_their_text(array: pa.Array, values: tuple[str, str]) -> None:
    profile = CategoryEdges(values).count(array)
    assert profile.counts.tolist() == [1, 0, 0, 2, 1]
    assert CategoryEdges(values).place(array).tolist() == [1, 2, -1, 1]


def test_texts_that_are_not_utf8_count_under_their_replacement() -> None:
    """Two broken texts become the same one; they are one new value, seen twice."""
    broken = pa.array([b"caf\xe9", b"caf\xe8", b"a"]).view(pa.string())
    profile = ABC.count(broken)
    assert profile.counts.tolist() == [0, 0, 2, 1, 0, 0]
    assert profile.fresh.counts == {"caf\ufffd": 2}
    assert ABC.place(broken).tolist() == [0, 0, 1]


def test_a_dictionary_may_hold_words_that_no_row_has() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([1, 1]), pa.array(["x", "a", "y"]))
    profile = ABC.count(array)
    assert profile.counts.tolist() == [0, 0, 0, 2, 0, 0]
    assert profile.fresh.counts == {}


@pytest.mark.parametrize(
    ("array", "counts"),
    [(pa.nulls(3), [3, 0, 0]), (pa.array([], pa.string()), [0, 0, 0]), (pa.array(["x", None]), [1, 0, 1])],
    ids=["all null", "empty", "values"],
)
def test_a_reference_without_values(array: pa.Array, counts: list[int]) -> None:
    edges = CategoryEdges.learn(Counter())
    assert edges.count(array).counts.tolist() == counts
    assert edges.groups.tolist() == [0]
    assert len(edges.place(array)) == len(array)


def test_100_000_values_share_2048_cells_and_the_rest() -> None:
    """The rarer ones are known, though without a cell: none of them is new."""
    counts = Counter({f"v{i:06}": 2 if i < 1_000 else 1 for i in range(100_000)})
    edges = CategoryEdges.learn(counts)
    assert (len(edges.values), edges.complete, VOCABULARY) == (2_048, False, 2_048)
    assert edges.values[0] == "v000000"
    assert edges.values[-1] == "v002047"
    profile = edges.count(pa.array(list(counts.elements())))
    assert profile.cells.tolist() == [100_000 - 2_048, *[2] * 1_000, *[1] * 1_048]
    assert profile.fresh.counts == {}


def test_values_without_a_cell_are_told_apart_by_hash_buckets() -> None:
    """A large vocabulary whose rare values change is seen to change, though none of them is named."""
    edges = CategoryEdges(("a", "b"), complete=False)
    before = edges.count(pa.array(["a", None, *(f"old {i}" for i in range(6_400))]))
    after = edges.count(pa.array(["x"] * 6_400))
    assert before.counts[:5].tolist() == [1, 0, 6_400, 1, 0]
    assert len(before.counts) == edges.size == 5 + BUCKETS
    assert others(before).sum() == 6_400
    assert others(before).min() > 50
    assert sorted(others(after).tolist()) == [0] * (BUCKETS - 1) + [6_400]
    assert before.rows == 6_402
    np.testing.assert_array_equal((before + after - after).counts, before.counts)
    coded = edges.count(pa.array(["a", None, *(f"old {i}" for i in range(6_400))]).dictionary_encode())
    np.testing.assert_array_equal(coded.counts, before.counts)


def test_in_a_complete_vocabulary_all_others_are_new() -> None:
    assert others(ABC.count(pa.array(["a", "x", "y"]))).tolist() == [2]


def test_2048_values_are_a_complete_vocabulary() -> None:
    assert CategoryEdges.learn(Counter({str(i): 1 for i in range(2_048)})).complete
    assert not CategoryEdges.learn(Counter({str(i): 1 for i in range(2_049)})).complete


def test_commonest_values_are_groups_of_their_own_in_windows() -> None:
    edges = CategoryEdges(tuple(str(i) for i in range(1_000)))
    assert edges.groups[: NAMED_GROUPS + 1].tolist() == list(range(256))
    assert set(edges.groups[256:].tolist()) == {256}
    profile = edges.count(pa.array([str(i) for i in range(1_000)] + ["new"]))
    assert profile.grouped.tolist() == [1, *[1] * 255, 745]


def test_a_hundred_thousand_new_values_are_counted_and_a_sample_of_them_named() -> None:
    profile = ABC.count(pa.array([f"new {i}" for i in range(100_000)]))
    assert profile.counts[2] == 100_000
    assert len(profile.fresh.counts) <= 1_024
    assert np.array(list(profile.fresh.counts.values())).max() == 1
