"""Hashes: equal values have equal ones, whatever the encoding; different ones collide no more than chance."""

from __future__ import annotations

import hashlib
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from holdfast.profile.hashing import cell_hashes, mixed, priorities, row_hashes, seed_of, text_hash

MASK = 2**64 - 1
texts = st.lists(st.none() | st.text(max_size=12), max_size=30)


def splitmix(x: int) -> int:
    """The finaliser of SplitMix64 in whole numbers."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def test_mixing_gives_the_published_numbers_of_splitmix64() -> None:
    """Outputs for the seed 1234567, as the reference implementation prints them (Vigna, splitmix64.c)."""
    state = (1234567 + np.arange(1, 6, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert mixed(state).tolist() == expected


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=20))
def test_a_text_hashes_to_the_polynomial_of_its_bytes(cells: list[bytes]) -> None:
    """Stored row hashes are compared with those of other machines and versions, so the formula is fixed."""
    base = 0x100000001B3
    expected = [
        splitmix((len(cell) + sum((byte + 1) * base**i for i, byte in enumerate(cell, 1))) & MASK) for cell in cells
    ]
    assert cell_hashes(pa.array(cells, pa.binary())).tolist() == expected


@settings(deadline=None)
@given(texts)
def test_a_text_hashes_alike_in_every_encoding(cells: list[str | None]) -> None:
    plain = pa.array(cells, pa.string())
    expected = cell_hashes(plain).tolist()
    words = pa.array([*{c for c in cells if c is not None}, None], pa.string())
    places = {word: i for i, word in enumerate(words.to_pylist())}
    for other in (
        plain.cast(pa.large_string()),
        plain.cast(pa.binary()),
        pa.array(cells, pa.string_view()),
        plain.dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([places[c] for c in cells], pa.int32()), words),
    ):
        assert cell_hashes(other).tolist() == expected, other.type


@settings(deadline=None)
@given(texts, st.integers(0, 30), st.integers(0, 30))
def test_a_text_hashes_alike_in_every_batch(cells: list[str | None], i: int, j: int) -> None:
    plain = pa.array(cells, pa.string())
    start, stop = sorted((i, j))
    assert cell_hashes(plain[start:stop]).tolist() == cell_hashes(plain).tolist()[start:stop]


def test_bytes_that_are_not_utf8_have_a_hash() -> None:
    broken = pa.array([b"\xff", b"\xfe", b"\xff"]).view(pa.string())
    first, second, third = cell_hashes(broken).tolist()
    assert first == third != second


def test_zeros_are_equal_whatever_their_sign_and_so_are_nans_whatever_their_bits() -> None:
    zeros = cell_hashes(pa.array([0.0, -0.0]))
    assert zeros[0] == zeros[1]
    payloads = [
        struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8 << 48, 0xFFF8 << 48, 0x7FF8 << 48 | 9)
    ]
    nans = cell_hashes(pa.array(np.array(payloads), from_pandas=False))
    assert len(set(nans.tolist())) == 1
    assert nans[0] != cell_hashes(pa.array([None], pa.float64()))[0]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0, 1, -1, 2**62], pa.int64()),
        pa.array([0, 1, 2**64 - 1, 2**63], pa.uint64()),
        pa.array([0.0, 1.0, 2.0, np.inf, -np.inf, 1e-300, np.nan]),
        pa.array([0, 1, 2], pa.int8()),
        pa.array(np.array([0.5, 1.5, 2.5], np.float16)),
        pa.array([True, False]),
        pa.array([0, 1, 86_400], pa.timestamp("s")),
        pa.array([0, 1, 2], pa.date32()),
        pa.array([0, 86_400_000], pa.date64()),
        pa.array([0, 1], pa.time32("ms")),
        pa.array([0, 1], pa.time64("ns")),
        pa.array([0, 1], pa.duration("us")),
        pa.array([Decimal("1.50"), Decimal("1.51")]),
        pa.array([b"ab", b"ba"], pa.binary(2)),
        pa.array(["", "a", "aa", "ab", "ba", "\0"]),
    ],
    ids=lambda a: str(a.type),
)
def test_different_values_and_null_have_different_hashes_and_null_always_the_same(values: pa.Array) -> None:
    with_null = pa.concat_arrays([values, pa.nulls(1, values.type)])
    hashes = cell_hashes(with_null).tolist()
    assert len(set(hashes)) == len(with_null)
    assert hashes[-1] == cell_hashes(pa.nulls(1))[0]
    coded = with_null.dictionary_encode()
    assert cell_hashes(coded).tolist() == hashes


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.binary_view(), pa.bool_(), pa.null()])
def test_no_cells_have_no_hashes(kind: pa.DataType) -> None:
    assert cell_hashes(pa.array([], kind)).tolist() == []
    assert cell_hashes(pa.array([], pa.string()).dictionary_encode()).tolist() == []
    assert (
        cell_hashes(pa.array([None, None], pa.string()).dictionary_encode()).tolist()
        == cell_hashes(pa.nulls(2)).tolist()
    )


def test_rows_are_equal_when_all_named_cells_are() -> None:
    batch = pa.record_batch({"a": [1, 1, 2, 1], "b": ["x", "x", "x", None], "c": [1.0, 2.0, 1.0, 1.0]})
    whole = row_hashes(batch).tolist()
    assert len(set(whole)) == 4
    part = row_hashes(batch, ["a", "b"]).tolist()
    assert part[0] == part[1]
    assert len(set(part)) == 3


def test_the_order_of_columns_does_not_matter_but_the_column_of_a_value_does() -> None:
    batch = pa.record_batch({"a": [1, 2], "b": [2, 1]})
    assert row_hashes(batch).tolist() == row_hashes(batch.select(["b", "a"])).tolist()
    first, second = row_hashes(batch).tolist()
    assert first != second


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(allow_nan=True), st.none() | st.text(max_size=4), st.booleans()), max_size=20))
def test_rows_hash_alike_however_they_are_cut_and_encoded(rows: list[tuple[float, str | None, bool]]) -> None:
    number, word, flag = zip(*rows, strict=True) if rows else ((), (), ())
    schema = pa.schema({"n": pa.float64(), "w": pa.string(), "f": pa.bool_()})
    batch = pa.record_batch(
        [pa.array(number, pa.float64()), pa.array(word, pa.string()), pa.array(flag, pa.bool_())], schema
    )
    coded = pa.record_batch({"n": batch["n"], "w": batch["w"].dictionary_encode(), "f": batch["f"].dictionary_encode()})
    one_by_one = [h for i in range(len(rows)) for h in row_hashes(coded.slice(i, 1)).tolist()]
    assert row_hashes(batch).tolist() == row_hashes(coded).tolist() == one_by_one


@pytest.mark.parametrize(
    "column",
    [
        pa.array(np.arange(200_000)),
        pa.array(np.arange(200_000) * 2**32),
        pa.array(np.arange(200_000) / 8),
        pa.array(np.arange(200_000)).cast(pa.string()),
        pa.array(np.random.default_rng(0).integers(0, 2**63, 200_000)),
    ],
    ids=["counter", "high bits", "eighths", "digits", "random"],
)
def test_row_hashes_of_regular_columns_are_spread_evenly_and_do_not_collide(column: pa.Array) -> None:
    """The sample of distinct rows takes the smallest hashes: any regularity would make it a biased one."""
    hashes = row_hashes(pa.record_batch({"a": column}))
    assert len(np.unique(hashes)) == len(column)
    leading = np.bincount((hashes >> np.uint64(56)).astype(int), minlength=256)
    trailing = np.bincount((hashes & np.uint64(255)).astype(int), minlength=256)
    assert stats.chisquare(leading).pvalue > 1e-6
    assert stats.chisquare(trailing).pvalue > 1e-6


def test_pairs_of_small_numbers_do_not_collide() -> None:
    """A row's hash is a sum over its columns: equal sums of small integers must not make equal hashes."""
    a, b = (axis.ravel() for axis in np.meshgrid(np.arange(-300, 300), np.arange(-300, 300)))
    assert len(np.unique(row_hashes(pa.record_batch({"a": a, "b": b})))) == 360_000
    assert len(np.unique(row_hashes(pa.record_batch({"a": a / 4, "b": b / 4})))) == 360_000


def test_sampling_priorities_are_uniform_and_belong_to_positions() -> None:
    whole = priorities(0, 10_000, seed=3)
    parts = np.concatenate([priorities(0, 4_000, seed=3), priorities(4_000, 6_000, seed=3)])
    np.testing.assert_array_equal(whole, parts)
    assert stats.kstest(whole / 2.0**64, "uniform").pvalue > 1e-6
    assert len(np.unique(whole)) == 10_000
    assert not np.array_equal(whole, priorities(0, 10_000, seed=4))
    assert len(priorities(2**63 - 2, 5, seed=0)) == 5


def test_names_and_texts_hash_by_blake2() -> None:
    digest = hashlib.blake2b(b"amount", digest_size=8).digest()
    assert text_hash("amount") == int.from_bytes(digest, "big")
    assert int(seed_of("amount")) == int.from_bytes(digest, "big") | 1
    assert text_hash("\ud800") != text_hash("?")
