from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from holdfast.stats.distances import (
    DISTANCES,
    hellinger,
    jensen_shannon,
    psi,
    psi_null_mean,
    total_variation,
    total_variation_null,
)

distances = pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES.keys())
pairs = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1, max_size=20).filter(
    lambda bins: all(map(any, zip(*bins, strict=True)))
)


def test_psi_tends_to_the_plain_formula() -> None:
    current, reference = np.array([2, 3, 5]) * 10**9, np.array([4, 4, 2]) * 10**11
    plain = (0.2 - 0.4) * math.log(0.2 / 0.4) + (0.3 - 0.4) * math.log(0.3 / 0.4) + (0.5 - 0.2) * math.log(0.5 / 0.2)
    assert psi(current, reference) == pytest.approx(plain, rel=1e-8)


def test_psi_adds_half_a_row_per_used_bin_spread_as_the_pooled_rows() -> None:
    """Two bins in use with pooled shares 3/4 and 1/4: each side gets 0.75 and 0.25 rows; the third bin is not there."""
    p, q = np.array([4.75, 0.25]) / 5, np.array([2.75, 2.25]) / 5
    assert psi([4, 0, 0], [2, 2, 0]) == pytest.approx(np.sum((p - q) * np.log(p / q)))


def test_psi_of_disjoint_rows_is_finite() -> None:
    assert 0 < psi([10**12, 0], [0, 10**12]) < 60


@given(pairs)
def test_jensen_shannon_is_scipys(bins: list[tuple[int, int]]) -> None:
    current, reference = zip(*bins, strict=True)
    # scipy lets rounding make the divergence negative and takes the root of it; equal shares give NaN or 1e-8 there.
    expected = np.nan_to_num(jensenshannon(current, reference, base=2) if len(bins) > 1 else 0)
    assert jensen_shannon(current, reference) == pytest.approx(expected, abs=1e-7)


def test_hellinger_and_total_variation_by_hand() -> None:
    assert hellinger([36, 64], [100, 0]) == pytest.approx(math.sqrt(1 - 0.6))  # 1 - sum of sqrt(p * q)
    assert total_variation([36, 64], [100, 0]) == pytest.approx(0.64)


@given(pairs)
def test_total_variation_is_half_the_l1_distance_of_the_shares(bins: list[tuple[int, int]]) -> None:
    """On two bins it is also the Wasserstein-1 distance of two points one apart."""
    current, reference = np.array(bins, dtype=float).T
    p, q = current / current.sum(), reference / reference.sum()
    assert total_variation(current, reference) == pytest.approx(np.linalg.norm(p - q, 1) / 2)
    if len(bins) == 2:
        expected = wasserstein_distance([0, 1], [0, 1], current, reference)
        assert total_variation(current, reference) == pytest.approx(expected, abs=1e-12)


@given(pairs)
def test_hellinger_and_total_variation_bound_each_other(bins: list[tuple[int, int]]) -> None:
    """H^2 <= TV <= sqrt(2) H (Le Cam), and both agree with Jensen-Shannon and PSI on what is zero."""
    current, reference = zip(*bins, strict=True)
    h, tv = hellinger(current, reference), total_variation(current, reference)
    assert h**2 - 1e-12 <= tv <= math.sqrt(2) * h + 1e-12


@distances
@given(pairs)
def test_symmetric_in_range_and_free_of_bin_order(distance, bins: list[tuple[int, int]]) -> None:
    current, reference = np.array(bins).T
    value = distance(current, reference)
    assert 0 <= value <= (math.inf if distance is psi else 1)
    assert distance(reference, current) == pytest.approx(value, abs=1e-7)
    assert distance(current[::-1], reference[::-1]) == pytest.approx(value, abs=1e-7)


@distances
def test_zero_for_equal_shares_of_any_size(distance) -> None:
    assert distance([3, 0, 1], [3 * 10**12, 0, 10**12]) == pytest.approx(0, abs=1e-7)
    assert distance([7], [10**12]) == 0


@distances
def test_largest_where_no_bin_is_shared(distance) -> None:
    if distance is not psi:
        assert distance([10**12, 0, 0], [0, 1, 1]) == 1


@distances
def test_nan_where_a_side_is_empty(distance) -> None:
    for current, reference in (([0, 0], [1, 2]), ([1, 2], [0, 0]), ([0, 0], [0, 0])):
        assert math.isnan(distance(current, reference))


@distances
def test_empty_bins_on_both_sides_change_nothing(distance) -> None:
    assert distance([0, 5, 0, 1], [0, 2, 0, 2]) == pytest.approx(distance([5, 1], [2, 2]), rel=1e-12)


@distances
def test_integers_floats_and_batches_agree(distance) -> None:
    current, reference = np.array([[1, 2, 3], [0, 0, 9], [0, 0, 0]], dtype=np.uint64), [4, 5, 6]
    batch = distance(current, reference)
    assert batch.shape == (3,)
    for row, value in zip(current, batch, strict=True):
        np.testing.assert_array_equal(distance(row.astype(float), reference), value)


@distances
@pytest.mark.parametrize(("current", "reference"), [([1, 2], [1, 2, 3]), ([5], [1, 2]), ([], [])])
def test_different_bins_are_refused(distance, current: list[int], reference: list[int]) -> None:
    with pytest.raises(ValueError, match="same bins"):
        distance(current, reference)


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "m"), [(200, 100_000), (1_000, 1_000), (10_000, 10**6)])
def test_psi_null_mean_is_the_mean_without_drift(n: int, m: int) -> None:
    rng, shares = np.random.default_rng(1), np.full(20, 1 / 20)
    simulated = psi(rng.multinomial(n, shares, 4_000), rng.multinomial(m, shares, 4_000)).mean()
    assert psi_null_mean(20, n, m) == pytest.approx(simulated, rel=0.1 if n < 1_000 else 0.03)


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "m"), [(200, 200), (200, 100_000), (5_000, 10**6)])
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.7, 0.2, 0.1], np.full(30, 1 / 30)], ids=["2", "3", "30"])
def test_total_variation_null_is_the_mean_without_drift(shares: list[float], n: int, m: int) -> None:
    rng = np.random.default_rng(2)
    simulated = total_variation(rng.multinomial(n, shares, 4_000), rng.multinomial(m, shares, 4_000)).mean()
    assert total_variation_null(np.multiply(shares, 10**9), n, m) == pytest.approx(simulated, rel=0.03)


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 10**6), (1_000, 1_000)])
@pytest.mark.parametrize("bins", [200, 1_000])
def test_total_variation_null_of_sparse_bins_errs_upwards(bins: int, n: int, m: int) -> None:
    """Hundreds of categories in a small window: nearly everything differs by chance, and the null value says so."""
    rng = np.random.default_rng(3)
    zipf = 1 / np.arange(1, bins + 1)
    for shares in (np.full(bins, 1 / bins), zipf / zipf.sum()):
        simulated = total_variation(rng.multinomial(n, shares, 500), rng.multinomial(m, shares, 500)).mean()
        assert 0.98 < total_variation_null(shares * 10**9, n, m) / simulated < 1.3


def test_null_values_of_edge_cases() -> None:
    assert psi_null_mean(1, 10, 10) == 0
    assert total_variation_null([10**12], 10, 10) == 0
    assert total_variation_null([9, 0, 0], 1, 1) == 0
    assert total_variation_null([1, 1], 1, 1) == 0.5  # two single rows differ half of the time
    for n, m in ((0, 5), (5, 0), (0, 0)):
        assert math.isnan(psi_null_mean(3, n, m))
        assert math.isnan(total_variation_null([1, 2], n, m))
    assert math.isnan(total_variation_null([0, 0], 5, 5))


def test_null_values_of_batches() -> None:
    n = np.array([50, 5_000])
    expected = [total_variation_null([1, 2, 3], rows, 10_000) for rows in n]
    np.testing.assert_array_equal(total_variation_null([1, 2, 3], n, 10_000), expected)
    np.testing.assert_array_equal(total_variation_null([[1, 2, 3], [1, 2, 3]], n, 10_000), expected)
    np.testing.assert_allclose(psi_null_mean(3, n, n), [0.08, 0.0008])
