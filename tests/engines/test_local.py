"""Profiles made in the threads of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.engines.local import mapped, profile_of, reference_profile
from holdfast.profile import learn as learning
from holdfast.profile.codec import to_bytes
from holdfast.profile.table import Profile, count
from holdfast.schema import infer
from holdfast.tables import open_table

DAY = 86_400


def table_of(rows: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "at": pa.array(np.sort(rng.integers(0, 30 * DAY, rows)) * 1_000, pa.timestamp("ms")),
            "amount": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1),
            "count": rng.integers(0, 4, rows),
            "colour": pa.array(rng.choice(["red", "green", "blue"], rows)).dictionary_encode(),
        }
    )


def reference_of(table: object, **options: object) -> Profile:
    opened = open_table(table)
    return reference_profile(opened, infer(opened), **options)


def facts(profile: Profile) -> bytes:
    """All of a profile but its sums, which depend on the order of adding by rounding."""
    for column in profile.columns.values():
        column.sums[:] = 0
    return to_bytes(profile)


# --- Threads ---


@pytest.mark.parametrize("workers", [1, 2, 7, None])
def test_results_come_in_the_order_of_the_items(workers: int | None) -> None:
    assert list(mapped(lambda x: x * x, range(100), workers)) == [x * x for x in range(100)]
    assert list(mapped(len, [], workers)) == []


def test_only_a_few_items_are_in_flight() -> None:
    """Memory is bounded by what is read ahead: one item per thread, and one that waits."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for i in range(100):
            taken += 1
            yield i

    results = mapped(lambda x: x, items(), 2)
    for i in range(50):
        assert next(results) == i
        assert taken <= i + 4
    results.close()
    assert taken < 60


def test_two_workers_work_at_the_same_time() -> None:
    """Each waits for the other: alone, one would wait in vain."""
    both = threading.Barrier(2, timeout=30)
    assert sorted(mapped(lambda _: both.wait(), range(2), 2)) == [0, 1]


def test_an_error_reaches_the_caller_and_stops_the_rest() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(1_000):
            taken.append(i)
            yield i

    def fail(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(mapped(fail, items(), 2))
    assert len(taken) < 20


# --- Profiles ---


def test_a_reference_counts_every_row_once() -> None:
    profile = reference_of(table_of(5_000))
    assert profile.rows == 5_000
    assert [column.rows for column in profile.columns.values()] == [5_000] * 4
    assert profile.columns["amount"].counts[2:-2].tolist() == profile.edges.columns["amount"].learned.tolist()
    assert sum(int(counts[0] + counts[1:29].sum()) for counts in profile.history.windows.values()) == 5_000


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("row_group", [1, 333, 5_000])
def test_batches_and_workers_make_no_difference(tmp_path: Path, row_group: int, workers: int) -> None:
    """The same rows from memory in one batch, and from a file in many, have the same profile, and the same bytes."""
    table = table_of(40) if row_group == 1 else table_of(5_000)
    path = tmp_path / "table.parquet"
    pq.write_table(table, path, row_group_size=row_group)
    whole = reference_of(table, workers=1)
    opened = open_table(path)
    assert facts(reference_profile(opened, infer(opened), workers=workers)) == facts(whole)
    assert facts(profile_of(open_table(path), whole.edges, workers=workers)) == facts(whole)


def test_a_large_reference_is_read_twice_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a small reference are kept for the counting, those of a larger one are read again."""
    kept = reference_of(table_of(2_000))
    monkeypatch.setattr(learning, "BLOCK_BYTES", 8 * 2_000)
    assert facts(reference_of(table_of(2_000))) == facts(kept)


def test_a_very_large_reference_counts_all_rows_over_edges_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "EXACT_ROWS", 1_000)
    monkeypatch.setattr(learning, "SAMPLED_ROWS", 500)
    profile = reference_of(table_of(5_000))
    assert profile.rows == profile.columns["amount"].rows == 5_000
    assert 400 < profile.edges.columns["count"].learned.sum() < 600


def test_progress_is_told_in_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(table_of(1_000), path, row_group_size=100)
    rows: list[int] = []
    profile = profile_of(open_table(path), reference_of(table_of(50)).edges, progress=rows.append)
    assert sum(rows) == profile.rows == 1_000


def test_a_table_without_rows_still_has_its_columns() -> None:
    reference = reference_of(table_of(100))
    empty = profile_of(open_table(table_of(0)), reference.edges)
    assert (empty.rows, list(empty.columns)) == (0, list(reference.columns))
    assert empty.types == reference.types
    alone = reference_of(table_of(0))
    assert (alone.rows, [column.rows for column in alone.columns.values()]) == (0, [0] * 4)


def test_unknown_columns_are_noted_by_type_and_missing_ones_left_out() -> None:
    reference = reference_of(table_of(100))
    changed = table_of(60).drop_columns(["colour"]).append_column("extra", pa.array(range(60)))
    profile = profile_of(open_table(changed), reference.edges)
    assert profile.rows == 60
    assert list(profile.columns) == ["at", "amount", "count"]
    assert profile.types == {"at": "timestamp[ms]", "amount": "double", "count": "int64", "extra": "int64"}


def test_columns_whose_type_changed_lose_no_row() -> None:
    reference = reference_of(table_of(100))
    changed = pa.table(
        {
            "at": [f"2024-01-0{1 + i % 9} 10:00:00" for i in range(60)],
            "amount": pa.array(["n/a", "1.5", None] * 20),
            "count": pa.array([Decimal("1.0")] * 60),
            "colour": list(range(60)),
        }
    )
    profile = profile_of(open_table(changed), reference.edges)
    assert [column.rows for column in profile.columns.values()] == [60] * 4
    assert (profile.columns["amount"].nulls, profile.columns["amount"].invalid) == (20, 20)
    assert profile.columns["colour"].fresh.counts.total() == 60
    assert (reference + profile).rows == 160


ODD = {
    "all null": pa.nulls(50),
    "all null numbers": pa.nulls(50, pa.float64()),
    "all NaN": pa.array(np.full(50, np.nan), from_pandas=False),
    "all infinite": pa.array([np.inf, -np.inf] * 25),
    "constant": pa.array([7] * 50),
    "decimals": pa.array([Decimal("1.5"), None] * 25),
    "unsigned": pa.array([2**64 - 1, 0] * 25, pa.uint64()),
    "dates": pa.array([0, 19_000] * 25, pa.date32()),
    "zoned": pa.array([0, 10**15] * 25, pa.timestamp("us", "Europe/Berlin")),
    "naive": pa.array([0, -(10**9)] * 25, pa.timestamp("s")),
    "booleans": pa.array([True, None] * 25),
    "not UTF-8": pa.array([b"\xff\xfe", b"a"] * 25).view(pa.string()),
    "binary": pa.array([b"\xff\xfe", None] * 25),
    "null in the dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1] * 25), pa.array(["a", None])),
    "durations": pa.array([1, 2] * 25, pa.duration("ms")),
    "extreme": pa.array([1.7e308, -1.7e308] * 25),
}


@pytest.mark.parametrize("current", ODD)
@pytest.mark.parametrize("reference", ODD)
def test_no_pair_of_odd_columns_stops_a_profile_or_loses_a_row(reference: str, current: str) -> None:
    """Counts, places of rows, merging and storing, whatever the column was before and is now."""
    before = reference_of(pa.table({"a": ODD[reference], "b": range(50)}))
    opened = open_table(pa.table({"a": ODD[current], "b": range(50)}))
    now = profile_of(opened, before.edges, workers=1)
    column = now.columns["a"]
    assert column.rows == 50
    (batch,) = opened.batches(["a"])
    places = before.edges.columns["a"].place(batch["a"])
    np.testing.assert_array_equal(np.bincount(places[places >= 0], minlength=len(column.cells)), column.cells)
    assert (before + now - now).columns["a"].counts.tolist() == before.columns["a"].counts.tolist()
    assert len(to_bytes(now)) > 0


def test_100_000_categories() -> None:
    """They are too many for a cell each, and none of the known ones is new."""
    table = pa.table({"c": pa.array([f"v{i % 100_000}" for i in range(200_000)]).dictionary_encode()})
    profile = reference_of(table)
    column = profile.columns["c"]
    assert (column.rows, len(column.cells)) == (200_000, 2_049)
    assert column.cells[0] == 200_000 - 2 * 2_048
    assert column.fresh.counts == {}


def test_a_stream_of_days_minus_its_first_is_the_stream_without_it() -> None:
    """A window that moves on: merge each day, subtract the oldest."""
    reference = reference_of(table_of(500))
    days = [count(reference.edges, table_of(100, seed).to_batches()[0], 100 * seed) for seed in range(3)]
    moved = days[0] + days[1] + days[2] - days[0]
    expected = days[1] + days[2]
    for name, column in expected.columns.items():
        assert moved.columns[name].counts.tolist() == column.counts.tolist()
        np.testing.assert_allclose(moved.columns[name].sums, column.sums, atol=1e-9)
    assert moved.distinct.distinct == expected.distinct.distinct == 200
