"""A uniform sample of rows that any order of batches and merges leaves the same."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from holdfast.profile.hashing import priorities
from holdfast.profile.sample import RowSample


def sample_of(rows: int, first: int = 0, seed: int = 0, size: int = 10) -> RowSample:
    """A table whose only column says the position of the row."""
    batch = pa.record_batch({"at": np.arange(first, first + rows)})
    return RowSample.of(batch, first, seed, size)


def test_the_rows_of_smallest_priority_are_kept_in_their_order() -> None:
    chances = priorities(0, 1_000, 3)
    expected = np.argsort(chances)[:10]
    sample = sample_of(1_000, seed=3)
    assert sample.positions.tolist() == sample.rows["at"].to_pylist() == expected.tolist()
    assert sample.priorities.tolist() == chances[expected].tolist()


def test_a_small_table_is_kept_whole() -> None:
    sample = sample_of(7)
    assert sorted(sample.positions.tolist()) == list(range(7))
    assert len(sample_of(0).positions) == 0


def test_every_row_has_the_same_chance() -> None:
    """2,000 seeds: 10 of 50 rows each; chi-square over the positions."""
    chosen = np.concatenate([sample_of(50, seed=seed * 1_000).positions for seed in range(2_000)])
    counts = np.bincount(chosen, minlength=50)
    # Sampling without replacement makes the statistic smaller by the factor 40 / 49.
    statistic = ((counts - 400) ** 2 / 400).sum() * 49 / 40
    assert stats.chi2.sf(statistic, 49) > 1e-6
    assert stats.chi2.cdf(statistic, 49) > 1e-6


@settings(deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_order_of_merging_gives_the_sample_of_the_whole_table(sizes: list[int], random) -> None:
    starts = np.cumsum([0, *sizes])
    parts = [sample_of(rows, int(first)) for first, rows in zip(starts, sizes, strict=False)]
    while len(parts) > 1:
        left, right = (parts.pop(random.randrange(len(parts))) for _ in range(2))
        parts.append(left + right)
    whole = sample_of(sum(sizes))
    assert parts[0].positions.tolist() == whole.positions.tolist()
    assert parts[0].rows.equals(whole.rows)
    assert parts[0].priorities.tolist() == whole.priorities.tolist()


def test_many_samples_merge_at_once_as_one_after_the_other() -> None:
    parts = [sample_of(8, first) for first in range(0, 80, 8)]
    at_once = RowSample.merged(parts)
    assert at_once.positions.tolist() == sample_of(80).positions.tolist()
    assert at_once.rows.equals(sample_of(80).rows)
    assert RowSample.merged([sample_of(0), sample_of(3), sample_of(0)]).rows.num_rows == 3
    assert RowSample.merged([sample_of(0)]).rows.num_rows == 0


def test_dictionaries_are_decoded() -> None:
    coded = pa.record_batch({"c": pa.array(["x", None, "x"]).dictionary_encode()})
    plain = pa.record_batch({"c": pa.array(["x", None, "x"])})
    merged = RowSample.of(coded, 0, 0) + RowSample.of(plain, 3, 0)
    assert merged.rows.schema.field("c").type == pa.string()
    assert merged.rows["c"].null_count == 2


def test_a_column_that_one_side_lacks_is_null_there() -> None:
    left = RowSample.of(pa.record_batch({"a": [1, 2], "b": ["x", "y"]}), 0, 0)
    right = RowSample.of(pa.record_batch({"a": [3]}), 2, 0)
    for merged in (left + right, right + left):
        assert merged.rows.num_rows == 3
        assert dict(zip(merged.rows["a"].to_pylist(), merged.rows["b"].to_pylist(), strict=True)) == {
            1: "x",
            2: "y",
            3: None,
        }


COLUMNS = [
    pa.array([1]),
    pa.array([1.5]),
    pa.array([True]),
    pa.array(["x"]),
    pa.array(["x"], pa.large_string()),
    pa.array([b"\xff"]),
    pa.array([dt.date(2024, 1, 1)]),
    pa.array([0], pa.timestamp("us", "UTC")),
    pa.array([0], pa.duration("s")),
    pa.array([1], pa.decimal128(5, 2)),
    pa.nulls(1),
]


@pytest.mark.parametrize("second", COLUMNS, ids=lambda a: str(a.type))
@pytest.mark.parametrize("first", COLUMNS, ids=lambda a: str(a.type))
def test_a_column_whose_type_changed_is_kept_as_text(first: pa.Array, second: pa.Array) -> None:
    """A day's profile may have read a column as numbers and the next as text: they merge all the same, in any order."""
    parts = [RowSample.of(pa.record_batch({"a": array}), i, 0) for i, array in enumerate([first, second, pa.nulls(1)])]
    left = (parts[0] + parts[1]) + parts[2]
    right = parts[2] + (parts[1] + parts[0])
    kinds = {first.type, second.type} - {pa.null()}
    expected = kinds.pop() if len(kinds) == 1 else pa.string() if kinds else pa.null()
    assert left.rows.schema.field("a").type == right.rows.schema.field("a").type == expected
    assert left.rows["a"].equals(right.rows["a"])


def test_no_columns_and_no_rows() -> None:
    nothing = RowSample.of(pa.record_batch({"a": pa.array([], pa.string())}), 0, 0)
    some = RowSample.of(pa.record_batch({"a": [1]}), 0, 0)
    assert (nothing + some).rows.equals(some.rows)
    assert (some + nothing).rows.equals(some.rows)
    bare = RowSample.of(pa.RecordBatch.from_arrays([], names=[]), 0, 0)
    assert (bare + bare).rows.num_columns == 0
