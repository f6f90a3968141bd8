"""Profiles as bytes: an exact round trip, and an error for anything else."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.engines.local import reference_profile
from holdfast.errors import InputError, ProfileError
from holdfast.profile.codec import MAGIC, VERSION, from_bytes, load_profile, looks_like_profile, save_profile, to_bytes
from holdfast.profile.column import ColumnProfile
from holdfast.profile.history import Grid
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.table import Profile, count
from holdfast.schema import infer
from holdfast.tables import open_table

RNG = np.random.default_rng(0)
ROWS = 300
TABLE = pa.table(
    {
        "at": pa.array(np.arange(ROWS) * 3_600, pa.timestamp("s")),
        "customer_id": pa.array(np.arange(ROWS)),
        "amount": pa.array(np.where(np.arange(ROWS) % 9 == 0, np.nan, RNG.normal(size=ROWS)), from_pandas=False),
        "colour": pa.array(RNG.choice(["red", "green", None], ROWS), pa.string()).dictionary_encode(),
        "secret": [f"a rather long secret note, written by person {i} to themselves" for i in range(ROWS)],
        "flag": pa.array(RNG.choice([True, False, None], ROWS), pa.bool_()),
        "day": pa.array([dt.date(2024, 1, 1)] * ROWS),
        "nothing": pa.nulls(ROWS),
    }
)


def profile_of(table: pa.Table, **options: object) -> Profile:
    opened = open_table(table)
    return reference_profile(opened, infer(opened), **options)


PROFILE = profile_of(TABLE, window_seconds=86_400)
STORED = to_bytes(PROFILE)


def assert_equal(left: Profile, right: Profile) -> None:
    """Every part of two profiles, to the last bit and the type of each array."""
    assert left.edges.digest == right.edges.digest
    assert left.edges.schema == right.edges.schema
    assert (left.edges.grid, left.edges.sample_rows, left.edges.seed) == (
        right.edges.grid,
        right.edges.sample_rows,
        right.edges.seed,
    )
    assert list(left.edges.columns) == list(right.edges.columns)
    assert (left.rows, left.types, left.mixed) == (right.rows, right.types, right.mixed)
    assert list(left.columns) == list(right.columns)
    arrays = []
    for name, mine in left.columns.items():
        other = right.columns[name]
        assert type(mine.edges) is type(other.edges)
        assert repr((mine.low, mine.high)) == repr((other.low, other.high))
        assert mine.fresh == other.fresh
        arrays += [(mine.counts, other.counts), (mine.sums, other.sums), (mine.edges.groups, other.edges.groups)]
    for mine, other in [
        (left.distinct, right.distinct),
        (left.labelled, right.labelled),
        *((left.keys[name], right.keys[name]) for name in left.keys),
    ]:
        assert mine.level == other.level
        arrays += [(mine.hashes, other.hashes), (mine.counts, other.counts)]
    assert list(left.history.windows) == list(right.history.windows)
    arrays += [(counts, right.history.windows[number]) for number, counts in left.history.windows.items()]
    assert (left.sample is None) == (right.sample is None)
    if left.sample is not None and right.sample is not None:
        assert left.sample.rows.schema == right.sample.rows.schema
        assert repr(left.sample.rows.to_pylist()) == repr(right.sample.rows.to_pylist())  # NaN is NaN
        arrays += [(left.sample.priorities, right.sample.priorities), (left.sample.positions, right.sample.positions)]
    for mine, other in arrays:
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)


def test_a_profile_comes_back_as_it_was() -> None:
    assert_equal(from_bytes(STORED), PROFILE)
    assert to_bytes(from_bytes(STORED)) == STORED


def test_what_comes_back_counts_merges_and_subtracts_like_the_original() -> None:
    again = from_bytes(STORED)
    batch = TABLE.to_batches()[0]
    assert_equal(again + count(again.edges, batch, ROWS), PROFILE + count(PROFILE.edges, batch, ROWS))
    assert (again + PROFILE - PROFILE).columns["amount"].counts.tolist() == PROFILE.columns["amount"].counts.tolist()


@pytest.mark.parametrize("rows", [0, 1])
def test_the_profiles_of_an_empty_table_and_of_one_row_come_back(rows: int) -> None:
    profile = profile_of(TABLE.slice(0, rows))
    assert_equal(from_bytes(to_bytes(profile)), profile)


def test_a_difference_of_profiles_comes_back() -> None:
    """What is subtracted may not have been there: counts are then negative, and stay so."""
    counts = np.array([-3, 0, 2**40])
    edges = replace(PROFILE.edges, columns={"key": IdentifierEdges()})
    profile = Profile(edges=edges, columns={"key": ColumnProfile(edges.columns["key"], counts, np.empty(0))})
    back = from_bytes(to_bytes(profile)).columns["key"].counts
    assert (back.dtype, back.tolist()) == (np.int64, [-3, 0, 2**40])


@pytest.mark.parametrize("largest", [2**8 - 1, 2**8, 2**16, 2**32 - 1, 2**32, 2**62])
def test_huge_counts_come_back_exactly(largest: int) -> None:
    edges = replace(PROFILE.edges, columns={"key": IdentifierEdges()})
    profile = Profile(
        edges=edges, columns={"key": ColumnProfile(edges.columns["key"], np.array([largest, 0, 1]), np.empty(0))}
    )
    back = from_bytes(to_bytes(profile)).columns["key"].counts
    assert (back.dtype, back.tolist()) == (np.int64, [largest, 0, 1])


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(STORED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_noticed(place: int, flips: int) -> None:
    damaged = bytearray(STORED)
    damaged[place] ^= flips
    with pytest.raises(ProfileError):
        from_bytes(bytes(damaged))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(STORED) - 1) | st.integers(0, 200))
def test_a_profile_that_was_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(ProfileError):
        from_bytes(STORED[:length])


def test_bytes_behind_the_end_are_noticed() -> None:
    with pytest.raises(ProfileError, match="damaged"):
        from_bytes(STORED + b"\0")


def test_a_newer_version_says_what_to_do() -> None:
    newer = MAGIC + (VERSION + 1).to_bytes(2, "little") + STORED[len(MAGIC) + 2 :]
    with pytest.raises(ProfileError, match=r"in new\.profile has version 2, .* reads up to 1: update Holdfast"):
        from_bytes(newer, "new.profile")


def test_other_files_are_no_profiles() -> None:
    for data in (b"", b"PAR1", MAGIC[:5], b"\0" * 200):
        with pytest.raises(ProfileError, match="do not begin like one"):
            from_bytes(data)


def test_the_head_tells_the_edges_without_decoding() -> None:
    start = len(MAGIC) + 2
    assert STORED[start : start + 71].decode() == PROFILE.edges.digest


def test_without_rows_nothing_stands_for_a_single_row() -> None:
    bare = from_bytes(to_bytes(PROFILE, rows=False))
    assert bare.sample is None
    assert bare.keys == {}
    assert len(bare.distinct.hashes) == len(bare.labelled.hashes) == 0
    assert bare.columns["amount"].counts.tolist() == PROFILE.columns["amount"].counts.tolist()
    assert len(bare.history.windows) == len(PROFILE.history.windows)


def test_a_profile_whose_windows_are_counted_from_1970_is_read() -> None:
    """As it was stored before its grid had an origin."""
    start = len(MAGIC) + 2 + 71
    size = int.from_bytes(STORED[start : start + 8], "little")
    body = msgspec.msgpack.decode(pa.Codec("zstd").decompress(STORED[start + 8 : -32], size, asbytes=True))
    body["edges"]["grid"] = body["edges"]["grid"][:2]
    packed = msgspec.msgpack.encode(body)
    head = STORED[:start] + len(packed).to_bytes(8, "little") + pa.Codec("zstd").compress(packed, asbytes=True)
    old = from_bytes(head + hashlib.sha256(head).digest())
    assert old.edges.grid == Grid(PROFILE.edges.grid.width_seconds, PROFILE.edges.grid.stride, 0.0)


def test_no_text_of_the_reference_is_stored() -> None:
    """Words of free text are hashed, and the sample of rows holds no text."""
    start = len(MAGIC) + 2 + 71
    size = int.from_bytes(STORED[start : start + 8], "little")
    packed = pa.Codec("zstd").decompress(STORED[start + 8 : -32], size, asbytes=True)
    assert b"secret" in packed  # the name of the column
    assert b"written" not in packed
    assert b"themselves" not in packed


def test_a_reference_profile_of_30_columns_is_at_most_400_kb_without_its_rows() -> None:
    """25 numbers of several shapes, 5 categories of 5 to 1,000 values, and 100 windows of time."""
    rng = np.random.default_rng(0)
    rows = 100_000
    numbers = {f"n{i}": rng.normal(size=rows) if i % 2 else rng.lognormal(size=rows) for i in range(24)}
    words = {
        f"c{size}": pa.array([f"value {i}" for i in range(size)]).take(pa.array(rng.integers(0, size, rows)))
        for size in (5, 20, 50, 200, 1_000)
    }
    at = {"at": pa.array(np.arange(rows) * 86, pa.timestamp("s"))}
    profile = profile_of(pa.table(at | numbers | words), window_seconds=86_400)
    assert (len(profile.columns), len(profile.history.windows)) == (30, 100)
    assert len(to_bytes(profile, rows=False)) <= 400_000


def test_files_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "reference.profile"
    assert not looks_like_profile(path)
    written = save_profile(PROFILE, path)
    assert written == path.stat().st_size == len(STORED)
    assert looks_like_profile(path)
    assert_equal(load_profile(path), PROFILE)
    assert save_profile(PROFILE, path, rows=False) < written
    path.write_bytes(b"PAR1" * 10)
    assert not looks_like_profile(path)
    assert not looks_like_profile(tmp_path)


def test_a_file_that_cannot_be_written_or_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot write the profile to .*No such file"):
        save_profile(PROFILE, tmp_path / "missing" / "reference.profile")
    with pytest.raises(InputError, match=r"Cannot read the profile .*No such file"):
        load_profile(tmp_path / "missing.profile")
    with pytest.raises(InputError, match=r"Cannot read the profile .*directory"):
        load_profile(tmp_path)
    damaged = tmp_path / "damaged.profile"
    damaged.write_bytes(STORED[:-1])
    with pytest.raises(ProfileError, match=r"damaged\.profile is damaged or cut short"):
        load_profile(damaged)
