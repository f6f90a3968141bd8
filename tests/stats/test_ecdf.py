from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.stats.ecdf import is_atom, kolmogorov_p, kolmogorov_smirnov, quantile, wasserstein

if TYPE_CHECKING:
    from numpy.typing import NDArray


def histogram(cuts: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Counts by the project's convention, value by value."""
    return np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)


def span(values: NDArray[np.float64]) -> tuple[float, float]:
    return (values.min(), values.max()) if len(values) else (math.nan, math.nan)


def binned_wasserstein(cuts: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return wasserstein(cuts, histogram(cuts, a), histogram(cuts, b), span(a), span(b))


def half_widths(cuts: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Half the mean width of the bins that the values lie in: what binning may change in the Wasserstein distance."""
    edges = np.clip([-np.inf, *cuts, np.inf], *span(values))
    return float(np.average(np.diff(edges), weights=histogram(cuts, values)) / 2)


def quantile_cuts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cuts at 511 quantiles, finer and finer in both tails, and each heavily repeated value in an atom."""
    tail = 0.5 ** np.arange(1, 8) / 512
    cuts = np.quantile(values, np.concatenate([tail, np.arange(1, 512) / 512, 1 - tail]), method="inverted_cdf")
    distinct, times = np.unique(cuts, return_counts=True)
    return np.union1d(distinct, np.nextafter(distinct[times > 1], np.inf))


# Few distinct values, so that ties within and between the sides, atoms and values at the cuts are all met.
small = st.integers(-6, 6).map(lambda halves: halves / 2)
sides = st.lists(small, min_size=1, max_size=30).map(np.array)
cut_sets = st.lists(small, max_size=6, unique=True).flatmap(
    lambda cuts: st.lists(st.sampled_from(cuts or [0.0]), unique=True).map(
        lambda alone: np.unique([*cuts, *np.nextafter(alone, np.inf)] if cuts else [])
    )
)


def test_is_atom() -> None:
    v = 0.1
    assert is_atom([v]).tolist() == [False, False]
    assert is_atom([v, np.nextafter(v, 1), 3.0]).tolist() == [False, True, False, False]
    assert is_atom([]).tolist() == [False]


@given(cut_sets, sides, sides)
def test_kolmogorov_smirnov_brackets_the_exact_statistic(cuts, a, b) -> None:
    exact = max(abs(np.mean(a <= x) - np.mean(b <= x)) for x in [*a, *b])
    plain = kolmogorov_smirnov(histogram(cuts, a), histogram(cuts, b))
    with_atoms = kolmogorov_smirnov(histogram(cuts, a), histogram(cuts, b), is_atom(cuts))
    assert plain.value == plain.lower == with_atoms.lower
    assert with_atoms.lower - 1e-12 <= exact <= with_atoms.upper + 1e-12
    assert with_atoms.upper <= plain.upper <= 1


def test_kolmogorov_smirnov_is_exact_on_atoms() -> None:
    """Three values, each in its own bin: the bracket closes; without the mask it stays open."""
    a, b = np.repeat([0.0, 1.0, 2.0], [5, 3, 2]), np.repeat([0.0, 1.0, 2.0], [2, 3, 5])
    cuts = np.array([v for value in (0.0, 1.0, 2.0) for v in (value, np.nextafter(value, np.inf))])
    exact = kolmogorov_smirnov(histogram(cuts, a), histogram(cuts, b), is_atom(cuts))
    assert exact.lower == exact.upper == pytest.approx(0.3)
    assert kolmogorov_smirnov(histogram(cuts, a), histogram(cuts, b)).upper == pytest.approx(0.6)


@pytest.mark.parametrize("outlier", [None, 1e9])
def test_kolmogorov_smirnov_is_close_on_quantile_bins(outlier: float | None) -> None:
    """Half a standard deviation of shift, with and without one huge value: equal-width bins would see nothing."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.5, 1, 20_000), rng.normal(0, 1, 20_000)
    if outlier:
        b[0] = outlier
    cuts = quantile_cuts(b)
    distance = kolmogorov_smirnov(histogram(cuts, a), histogram(cuts, b))
    assert distance.value == pytest.approx(stats.ks_2samp(a, b).statistic, abs=0.003)
    assert distance.upper - distance.lower < 0.01


def test_kolmogorov_smirnov_of_edge_cases() -> None:
    for current, reference in (([0, 0], [1, 2]), ([1, 2], [0, 0]), ([0], [0])):
        distance = kolmogorov_smirnov(current, reference, np.ones(len(current), dtype=bool))
        assert math.isnan(distance.lower)
        assert math.isnan(distance.upper)
    one_bin = kolmogorov_smirnov([10**12], [3])
    assert (one_bin.lower, one_bin.upper) == (0, 1)  # one bin says nothing
    apart = kolmogorov_smirnov([10**12, 0], [0, 1.0])
    assert (apart.lower, apart.upper) == (1, 1)


def test_kolmogorov_smirnov_of_batches() -> None:
    windows, reference = np.array([[1, 2, 3], [9, 0, 0], [0, 0, 0]]), [5, 5, 5]
    batch = kolmogorov_smirnov(windows, reference)
    single = [kolmogorov_smirnov(window, reference) for window in windows]
    np.testing.assert_array_equal(batch.lower, [one.lower for one in single])
    np.testing.assert_array_equal(batch.upper, [one.upper for one in single])


@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful")  # at p = 1, which rounding takes past 1
@pytest.mark.parametrize(("n", "m"), [(10, 10), (20, 20), (20, 30), (50, 50), (50, 1_000), (200, 200)])
def test_kolmogorov_p_rejects_about_as_often_as_promised(n: int, m: int) -> None:
    """The size of the test is scipy's exact p-value of the smallest distance that is rejected."""
    a, b = (np.arange(n) + 0.5) / n, (np.arange(m) + 0.5) / m
    distance, exact = np.array([stats.ks_2samp(a + shift, b) for shift in np.linspace(0, 1, 301)]).T
    p = kolmogorov_p(distance, n, m)
    for level in (0.05, 0.01, 0.0017):
        assert 0.6 * level < exact[p <= level].max() < 1.25 * level


@pytest.mark.parametrize(("n", "m"), [(10_000, 10_000), (5_000, 100_000)])
def test_kolmogorov_p_of_many_rows_is_scipys(n: int, m: int) -> None:
    rng = np.random.default_rng(9)
    for shift in (0, 0.01, 0.02, 0.05):
        oracle = stats.ks_2samp(rng.normal(shift, 1, n), rng.normal(0, 1, m), method="asymp")
        assert kolmogorov_p(oracle.statistic, n, m) == pytest.approx(oracle.pvalue, rel=0.02)


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "m"), [(50, 500_000), (200, 200), (1_000, 100_000)])
def test_kolmogorov_p_keeps_its_level(n: int, m: int) -> None:
    """Uniform rows counted over 513 bins, so the lower end of the bracket is what is tested."""
    rng, shares, repeats = np.random.default_rng(5), np.full(513, 1 / 513), 4_000
    d = kolmogorov_smirnov(rng.multinomial(n, shares, repeats), rng.multinomial(m, shares, repeats)).value
    p = kolmogorov_p(d, n, m)
    for level in (0.05, 0.01):
        rate = np.mean(p <= level)
        assert 0.5 * level < rate < level + 3 * math.sqrt(level * (1 - level) / repeats)


def test_kolmogorov_p_of_edge_cases() -> None:
    assert kolmogorov_p(0, 5, 5) == 1
    assert kolmogorov_p(1, 10**12, 10**12) == 0
    assert math.isnan(kolmogorov_p(math.nan, 5, 5))
    assert np.isnan(kolmogorov_p(0.5, [0, 5, 0], [5, 0, 0])).all()


@given(cut_sets, sides, sides)
def test_wasserstein_is_within_the_stated_error(cuts, a, b) -> None:
    exact = stats.wasserstein_distance(a, b)
    assert abs(binned_wasserstein(cuts, a, b) - exact) <= half_widths(cuts, a) + half_widths(cuts, b) + 1e-12


@given(sides, sides)
def test_wasserstein_is_exact_on_atoms(a, b) -> None:
    values = np.union1d(a, b)
    cuts = np.union1d(values, np.nextafter(values, np.inf))
    assert binned_wasserstein(cuts, a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)


@pytest.mark.parametrize(
    ("current", "reference"),
    [
        (lambda rng: rng.normal(0.5, 1, 30_000), lambda rng: rng.normal(0, 1, 50_000)),
        (lambda rng: rng.normal(0, 1.3, 30_000), lambda rng: rng.normal(0, 1, 50_000)),
        (lambda rng: rng.lognormal(0.3, 1, 30_000), lambda rng: rng.lognormal(0, 1, 50_000)),
        (lambda rng: 2 * rng.pareto(1.5, 30_000), lambda rng: rng.pareto(1.5, 50_000)),
        (lambda rng: rng.standard_t(2, 30_000) + 1, lambda rng: rng.standard_t(2, 50_000)),
        (lambda rng: rng.poisson(3.5, 30_000) + 0.0, lambda rng: rng.poisson(3, 50_000) + 0.0),
        (
            lambda rng: np.where(rng.random(30_000) < 0.4, 0, rng.exponential(9, 30_000)),
            lambda rng: np.where(rng.random(50_000) < 0.6, 0, rng.exponential(9, 50_000)),
        ),
        (lambda rng: rng.uniform(5, 6, 30_000), lambda rng: rng.uniform(0, 1, 50_000)),
    ],
    ids=["shift", "scale", "lognormal", "pareto", "t2", "poisson", "zeros", "disjoint"],
)
def test_wasserstein_is_close_on_quantile_bins(current, reference) -> None:
    rng = np.random.default_rng(6)
    a, b = current(rng), reference(rng)
    cuts = quantile_cuts(b)
    exact = stats.wasserstein_distance(a, b)
    value = binned_wasserstein(cuts, a, b)
    assert abs(value - exact) <= half_widths(cuts, a) + half_widths(cuts, b)
    assert value == pytest.approx(exact, rel=0.02)


def test_wasserstein_integrates_crossing_lines_exactly() -> None:
    """Uniform on 0 to 1 against uniform on 1/4 to 3/4: the quantile functions cross at the median."""
    assert wasserstein([0.0], [0, 7], [0, 10**12], (0.25, 0.75), (0.0, 1.0)) == pytest.approx(1 / 8, rel=1e-12)


def test_wasserstein_does_not_depend_on_unit_origin_or_size() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(1, 1, 500), rng.normal(0, 1, 500)
    cuts = np.linspace(-2, 2, 30)
    distance = binned_wasserstein(cuts, a, b)
    assert binned_wasserstein(1e6 * cuts + 1e6, 1e6 * a + 1e6, 1e6 * b + 1e6) == pytest.approx(1e6 * distance)
    many = wasserstein(cuts, 10**12 * histogram(cuts, a), histogram(cuts, b).astype(float), span(a), span(b))
    assert many == pytest.approx(distance, rel=1e-12)


def test_wasserstein_of_edge_cases() -> None:
    nothing = (math.nan, math.nan)
    assert math.isnan(wasserstein([1.0], [0, 0], [1, 2], nothing, (0.0, 2.0)))
    assert math.isnan(wasserstein([1.0], [1, 2], [0, 0], (0.0, 2.0), nothing))
    assert math.isnan(wasserstein([1.0], [1, 2], [1, 2], nothing, (0.0, 2.0)))  # rows, but nobody knows where
    assert wasserstein([], [5], [3], (2.0, 2.0), (5.0, 5.0)) == 3
    assert wasserstein([1.0], [5, 0], [0, 3], (-1e308, -1e308), (5.0, 5.0)) == pytest.approx(1e308)


@given(cut_sets, sides, st.floats(0, 1))
def test_quantile_is_within_a_bin_of_the_exact_one(cuts, values, level) -> None:
    """The exact one by inversion of the distribution function; both lie in the same bin, cut off at the range."""
    exact = np.quantile(values, level, method="inverted_cdf")
    estimate = quantile(cuts, histogram(cuts, values), span(values), level)
    edges = np.clip([-np.inf, *cuts, np.inf], *span(values))
    bin_of_exact = np.searchsorted(cuts, exact, side="right")
    assert edges[bin_of_exact] <= estimate <= edges[bin_of_exact + 1]


def test_quantile_of_normal_values() -> None:
    values = np.random.default_rng(8).normal(0, 1, 50_000)
    cuts = quantile_cuts(values)
    levels = [0.0, 0.001, 0.05, 0.5, 0.777, 0.999, 1.0]
    estimates = quantile(cuts, histogram(cuts, values), span(values), levels)
    np.testing.assert_allclose(estimates, np.quantile(values, levels), atol=0.02)
    assert (estimates[0], estimates[-1]) == span(values)


def test_quantile_of_edge_cases() -> None:
    v = 0.1
    atom = [v, np.nextafter(v, 1)]
    assert quantile(atom, [0, 10**12, 0], (v, v), [0, 0.3, 1]).tolist() == [v, v, v]
    assert quantile([], [2], (1.0, 3.0), 0.5) == 2
    assert math.isnan(quantile([1.0], [0, 0], (math.nan, math.nan), 0.5))
    assert np.isnan(quantile([1.0], [0, 0], (math.nan, math.nan), [0.1, 0.5])).all()


@pytest.mark.parametrize("level", [-0.1, 1.1, 50, math.nan])
def test_quantile_refuses_levels_outside_0_to_1(level: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        quantile([1.0], [1, 1], (0.0, 2.0), [0.5, level])


def test_values_near_the_largest_double_do_not_overflow() -> None:
    most = 1.7e308
    assert quantile([], [5], (-most, most), [0.0, 0.25, 1.0]) == pytest.approx([-most, -most / 2, most])
    assert wasserstein([0.0], [5, 0], [5, 5], (-most, -most / 2), (-most, most)) == pytest.approx(0.75 * most)
