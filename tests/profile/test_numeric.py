"""Numbers between the quantiles of the reference."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from holdfast.profile.numeric import (
    BINS,
    NumberEdges,
    finite_rows,
    infinite_rows,
    mean_and_deviation,
    numbers,
)
from holdfast.stats.distances import psi
from holdfast.stats.ecdf import kolmogorov_smirnov

NAN, INF = np.nan, np.inf
LARGEST = np.finfo(float).max
TENS = NumberEdges.learn(np.arange(10.0))

anything = st.lists(st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0]), max_size=50)
finite = st.floats(allow_nan=False, allow_infinity=False)


def column(values: object) -> pa.Array:
    """A column in which NaN stays NaN."""
    return pa.array(values, pa.float64(), from_pandas=False)


# --- Edges ---


def test_few_values_are_all_cuts() -> None:
    edges = NumberEdges.learn(np.array([3.0, 1.0, 2.0]))
    assert edges.cuts.tolist() == [1.0, 2.0, 3.0, np.nextafter(3.0, INF)]
    assert edges.learned.tolist() == [0, 1, 1, 1, 0]


def test_every_value_of_the_reference_lies_within_the_cuts() -> None:
    values = np.random.default_rng(0).standard_t(2, 5_000)
    edges = NumberEdges.learn(values)
    assert (edges.learned[0], edges.learned[-1], edges.learned.sum()) == (0, 0, 5_000)
    assert edges.cuts[0] == values.min()


def test_bins_of_a_continuous_column_hold_equal_shares() -> None:
    """512 bins, and finer ones at both ends, where a long tail would otherwise be one bin wide."""
    edges = NumberEdges.learn(np.random.default_rng(0).lognormal(size=51_201))
    inner = edges.learned[(edges.learned > 0)][12:-12]
    assert set(inner.tolist()) <= {99, 100, 101}
    assert BINS + 8 <= len(edges.cuts) <= BINS + 18
    assert edges.learned[1] < 5


def test_cuts_are_sample_quantiles() -> None:
    values = np.random.default_rng(1).normal(size=10_241)
    expected = np.quantile(values, np.linspace(0, 1, BINS + 1), method="nearest")
    assert np.isin(expected, NumberEdges.learn(values).cuts).all()


def test_a_value_that_repeats_heavily_has_a_bin_of_its_own() -> None:
    values = np.concatenate([np.zeros(600), np.random.default_rng(0).normal(size=400)])
    edges = NumberEdges.learn(values)
    atom = int(np.searchsorted(edges.cuts, 0.0, side="right"))
    assert edges.learned[atom] == 600
    assert edges.atoms[atom]


def test_each_integer_of_a_small_range_has_a_bin_of_its_own() -> None:
    values = np.random.default_rng(0).integers(0, 5, 10_000).astype(float)
    profile = NumberEdges.learn(values).count(column(values))
    atoms = profile.cells[profile.edges.atoms]
    assert atoms.tolist() == np.bincount(values.astype(int)).tolist()
    assert atoms.sum() == 10_000


def test_signed_zeros_are_one_value() -> None:
    edges = NumberEdges.learn(np.array([0.0, -0.0, 0.0, -0.0]))
    profile = edges.count(column([-0.0, 0.0]))
    assert profile.cells.tolist() == [0, 2, 0]
    assert edges.place(column([-0.0, 0.0])).tolist() == [1, 1]


@pytest.mark.parametrize("values", [[], [NAN, NAN], [INF, -INF]], ids=["empty", "NaN", "infinite"])
def test_without_finite_values_there_is_one_bin(values: list[float]) -> None:
    edges = NumberEdges.learn(np.array(values))
    assert (edges.cuts.tolist(), edges.learned.tolist(), edges.size) == ([], [0], 5)
    profile = edges.count(column([1.0, NAN, None, INF]))
    assert profile.counts.tolist() == [1, 1, 2, 0, 1]
    assert edges.groups.tolist() == [0]


def test_a_constant_keeps_what_lies_below_and_above_apart() -> None:
    profile = NumberEdges.learn(np.full(100, 7.0)).count(column([6.9, 7.0, 7.0, 7.1]))
    assert profile.cells.tolist() == profile.grouped.tolist() == [1, 2, 1]


def test_the_largest_floats_are_values_like_others() -> None:
    edges = NumberEdges.learn(np.array([-LARGEST, 0.0, LARGEST, LARGEST]))
    assert np.isfinite(edges.cuts).all()
    profile = edges.count(column([LARGEST, -LARGEST, INF]))
    assert (profile.rows, infinite_rows(profile), profile.low, profile.high) == (3, 1, -LARGEST, LARGEST)
    assert (edges.place(column([LARGEST, -LARGEST])) == [len(edges.cuts), 1]).all()


def test_groups_hold_about_equal_shares_of_neighbouring_bins() -> None:
    edges = NumberEdges.learn(np.random.default_rng(0).normal(size=100_000))
    assert (np.diff(edges.groups) >= 0).all()
    rows = np.bincount(edges.groups, edges.learned)
    assert len(rows) == 32
    assert rows.min() > 0.9 * 100_000 / 32
    assert rows.max() < 1.1 * 100_000 / 32


@settings(deadline=None, max_examples=50)
@given(st.lists(finite, min_size=1, max_size=60))
def test_edges_count_their_own_values_as_learned(values: list[float]) -> None:
    edges = NumberEdges.learn(np.array(values))
    assert (np.diff(edges.cuts) > 0).all() if len(edges.cuts) < 2 else (edges.cuts[1:] > edges.cuts[:-1]).all()
    np.testing.assert_array_equal(edges.count(column(values)).cells, edges.learned)
    assert edges.groups.tolist() == sorted(edges.groups.tolist())
    assert set(edges.groups.tolist()) == set(range(edges.groups.max() + 1))


# --- Counting ---


@settings(deadline=None)
@given(anything, st.lists(finite, max_size=20))
def test_counts_agree_with_a_histogram_and_with_the_place_of_each_row(values, reference: list[float]) -> None:
    edges = NumberEdges.learn(np.array(reference))
    profile = edges.count(column(values))
    numbers_there = np.array([v for v in values if v is not None and not np.isnan(v)])
    bounds = np.concatenate([[-INF], edges.cuts, [INF]])
    expected = [((low <= numbers_there) & (numbers_there < high)).sum() for low, high in pairwise(bounds)]
    expected[-1] += (numbers_there == INF).sum()
    assert profile.cells[: len(expected)].tolist() == expected
    assert (profile.nulls, profile.invalid) == (
        values.count(None),
        len(values) - values.count(None) - len(numbers_there),
    )
    assert profile.counts[-2:].tolist() == [(numbers_there == -INF).sum(), (numbers_there == INF).sum()]
    assert profile.rows == len(values)
    places = edges.place(column(values))
    assert (places < 0).sum() == profile.missing
    np.testing.assert_array_equal(np.bincount(places[places >= 0], minlength=len(profile.cells)), profile.cells)


@settings(deadline=None)
@given(st.lists(st.none() | st.floats(), max_size=40))
def test_the_range_is_that_of_the_finite_values(values) -> None:
    profile = TENS.count(column(values))
    there = [v for v in values if v is not None and np.isfinite(v)]
    if there:
        assert (profile.low, profile.high) == (min(there), max(there))
    else:
        assert np.isnan([profile.low, profile.high]).all()
    assert finite_rows(profile) == len(there)


@pytest.mark.parametrize(
    ("array", "cells"),
    [
        (pa.array([3, 3, -1], pa.int16()), {0: 1, 4: 2}),
        (pa.array([3, 2**64 - 1], pa.uint64()), {4: 1, 11: 1}),
        (pa.array([Decimal("3.00"), Decimal("2.99")]), {3: 1, 4: 1}),
        (pa.array([True, False, True]), {1: 1, 2: 2}),
        (pa.array(["3", " 3.0 ", "3e0"]), {4: 3}),
        (pa.array(["3", "4"]).dictionary_encode(), {4: 1, 5: 1}),
        (pa.array([3, 4]).dictionary_encode(), {4: 1, 5: 1}),
        (pa.array([3.0], pa.float32()), {4: 1}),
        (pa.array([dt.timedelta(seconds=3)], pa.duration("s")), {4: 1}),
    ],
    ids=lambda x: str(x.type) if isinstance(x, pa.Array) else "",
)
def test_numbers_of_other_types_are_counted_as_numbers(array: pa.Array, cells: dict[int, int]) -> None:
    profile = TENS.count(array)
    assert {int(i): int(profile.cells[i]) for i in np.flatnonzero(profile.cells)} == cells
    assert profile.missing == 0


@pytest.mark.parametrize(
    ("array", "nulls", "invalid"),
    [
        (pa.array(["1", "n/a", "", None]), 1, 2),
        (pa.array(["x", None, "1"]).dictionary_encode(), 1, 1),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["1", None, "x"])), 2, 1),
        (pa.array([b"\xff", b"1"]).view(pa.string()), 0, 1),
        (pa.array([0, None], pa.timestamp("s")), 1, 1),
        (pa.nulls(3), 3, 0),
        (column([NAN, NAN]), 0, 2),
    ],
    ids=["text", "dictionary", "null among the words", "not UTF-8", "times", "all null", "all NaN"],
)
def test_what_is_no_number_is_invalid_and_nothing_is_lost(array: pa.Array, nulls: int, invalid: int) -> None:
    profile = TENS.count(array)
    assert (profile.nulls, profile.invalid, profile.rows) == (nulls, invalid, len(array))
    assert numbers(array)[1] == nulls
    assert (TENS.place(array) < 0).sum() == nulls + invalid


# --- Moments ---


@pytest.mark.parametrize("offset", [0.0, 1e9, -1e12])
def test_mean_and_deviation_survive_a_large_mean(offset: float) -> None:
    """Sums are taken around a middle value: naive sums of squares lose all digits at 1e9."""
    values = np.random.default_rng(0).normal(offset, 1.0, 10_000)
    mean, deviation = mean_and_deviation(NumberEdges.learn(values).count(column(values)))
    assert mean == pytest.approx(values.mean(), rel=1e-12, abs=1e-12)
    assert deviation == pytest.approx(values.std(ddof=1), rel=1e-9)


def test_moments_leave_infinities_and_missing_out() -> None:
    profile = TENS.count(column([1.0, 3.0, INF, -INF, NAN, None]))
    assert mean_and_deviation(profile) == (2.0, pytest.approx(np.sqrt(2)))
    assert (finite_rows(profile), infinite_rows(profile)) == (2, 2)


def test_moments_of_too_few_or_too_large_values_are_unknown() -> None:
    assert np.isnan(mean_and_deviation(TENS.count(column([])))).all()
    mean, deviation = mean_and_deviation(TENS.count(column([4.0])))
    assert mean == 4.0
    assert np.isnan(deviation)
    assert np.isnan(mean_and_deviation(TENS.count(column([1e200, 1.0])))[1])


# --- What equal-width bins get wrong ---


@pytest.mark.parametrize("where", ["reference", "current"])
@pytest.mark.parametrize("outlier", [1e6, 1e9, 1e300])
def test_one_huge_value_changes_no_distance_by_much(outlier: float, where: str) -> None:
    """Half a standard deviation of shift: equal-width bins of the peers see 0.000002 of the 0.199, and a PSI of 0.025."""
    rng = np.random.default_rng(0)
    sides = {"reference": rng.normal(size=50_000), "current": rng.normal(0.5, 1, 50_000)}
    sides[where][7] = outlier
    edges = NumberEdges.learn(sides["reference"])
    reference, current = (edges.count(column(sides[name])) for name in ("reference", "current"))
    distance = kolmogorov_smirnov(current.cells, reference.cells, edges.atoms)
    exact = stats.ks_2samp(sides["current"], sides["reference"]).statistic
    assert distance.lower <= exact <= distance.upper
    assert distance.value == pytest.approx(0.199, abs=0.01)
    assert float(psi(current.grouped, reference.grouped)) == pytest.approx(0.25, abs=0.02)


def test_a_doubled_heavy_tail_is_seen() -> None:
    """Pareto times two: equal-width bins see a Kolmogorov-Smirnov distance of 0.002 of the exact 0.173."""
    rng = np.random.default_rng(0)
    reference, current = rng.pareto(0.28, 50_000), 2 * rng.pareto(0.28, 50_000)
    edges = NumberEdges.learn(reference)
    distance = kolmogorov_smirnov(edges.count(column(current)).cells, edges.count(column(reference)).cells, edges.atoms)
    exact = stats.ks_2samp(current, reference).statistic
    assert distance.lower <= exact <= distance.upper
    assert distance.value == pytest.approx(exact, abs=0.005)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.integers(0, 5))
def test_coarse_groups_are_those_of_the_full_count(values: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = NumberEdges.learn(np.concatenate([rng.normal(size=seed * 40), np.zeros(seed * 10)]))
    array = pa.array([*values, *rng.normal(size=20), None, 0.0, -0.0], pa.float64())
    counted = edges.count(array)
    found = np.bincount(edges.group(array), minlength=1 + len(counted.grouped))
    assert found.tolist() == [counted.missing, *counted.grouped.tolist()]
