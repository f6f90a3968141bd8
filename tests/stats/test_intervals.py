from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.rates import confint_poisson

from holdfast.stats.intervals import (
    clopper_pearson,
    mean_interval,
    newcombe,
    poisson,
    skewed_mean_interval,
    wilson,
    wilson_by_variance,
    wilson_weighted,
)

SHARES = [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (1, 1_000), (481, 1_000), (10**12 // 3, 10**12), (1, 10**12)]
LEVELS = [0.5, 0.9, 0.95, 0.999]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("interval", "method"), [(wilson, "wilson"), (clopper_pearson, "beta")])
def test_intervals_of_a_share_are_those_of_statsmodels(interval, method: str, level: float) -> None:
    successes, trials = np.array(SHARES).T
    low, high = interval(successes, trials, level)
    expected = [proportion_confint(x, n, 1 - level, method=method) for x, n in SHARES]
    np.testing.assert_allclose(np.transpose([low, high]), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_intervals_of_a_share_end_exactly_at_0_and_1(interval) -> None:
    for trials in (1, 7, 1_000, 10**12):
        assert interval(0, trials)[0] == 0
        assert interval(trials, trials)[1] == 1


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 5), (1, -5), (math.nan, 5), (1, math.nan)])
def test_impossible_shares_have_no_interval(interval, successes: float, trials: float) -> None:
    assert np.isnan(interval(successes, trials)).all()


def test_clopper_pearson_covers_every_share() -> None:
    """Exact coverage, summed over the binomial law; the Wilson interval keeps it on average only."""
    n, shares = 30, np.linspace(0.005, 0.995, 199)
    counts = np.arange(n + 1)
    law = stats.binom.pmf(counts, n, shares[:, None])

    def coverage(interval) -> np.ndarray:
        low, high = interval(counts, n, 0.95)
        return (law * ((low <= shares[:, None]) & (shares[:, None] <= high))).sum(axis=1)

    assert coverage(clopper_pearson).min() >= 0.95
    assert coverage(wilson).mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("level", LEVELS)
def test_newcombe_is_that_of_statsmodels(level: float) -> None:
    for x1, n1 in SHARES:
        for x2, n2 in SHARES:
            expected = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff", alpha=1 - level)
            np.testing.assert_allclose(newcombe(x1, n1, x2, n2, level), expected, rtol=1e-9, atol=1e-12)


def test_newcombe_of_the_published_examples() -> None:
    """Newcombe (1998), table II, method 10: contrasts (a) 56/70 - 48/80, (c) 6/7 - 2/7 and (g) 10/10 - 0/20."""
    low, high = newcombe([56, 6, 10], [70, 7, 10], [48, 2, 0], [80, 7, 20])
    np.testing.assert_allclose(low, [0.0524, 0.0582, 0.6791], atol=5e-5)
    np.testing.assert_allclose(high, [0.3339, 0.8062, 1.0], atol=5e-5)


def test_newcombe_without_rows_on_a_side_is_unknown() -> None:
    assert np.isnan(newcombe(0, 0, 3, 5)).all()
    assert np.isnan(newcombe(3, 5, 0, 0)).all()


@pytest.mark.simulation
@pytest.mark.parametrize(("p1", "n1", "p2", "n2"), [(0.05, 50, 0.02, 1_000), (0.5, 30, 0.4, 30), (0.9, 200, 0.99, 500)])
def test_newcombe_covers(p1: float, n1: int, p2: float, n2: int) -> None:
    rng = np.random.default_rng(1)
    low, high = newcombe(rng.binomial(n1, p1, 20_000), n1, rng.binomial(n2, p2, 20_000), n2, 0.95)
    assert 0.94 < np.mean((low <= p1 - p2) & (p1 - p2 <= high)) < 0.98


@pytest.mark.parametrize("level", LEVELS)
def test_mean_interval_is_that_of_scipy(level: float) -> None:
    rng = np.random.default_rng(2)
    for n in (2, 3, 30, 1_000):
        values = rng.normal(5, 3, n)
        expected = stats.ttest_1samp(values, 0).confidence_interval(level)
        np.testing.assert_allclose(mean_interval(values.mean(), values.std(ddof=1), n, level), expected, rtol=1e-9)


def test_mean_interval_of_edge_cases() -> None:
    low, high = mean_interval([1.0, 1.0, 1.0, math.nan], [0.0, 1.0, math.nan, 1.0], [5, 10**12, 5, 5])
    half = stats.norm.ppf(0.975) * 1e-6
    np.testing.assert_allclose(low, [1.0, 1 - half, math.nan, math.nan], rtol=1e-12)
    np.testing.assert_allclose(high, [1.0, 1 + half, math.nan, math.nan], rtol=1e-12)
    assert np.isnan(mean_interval(1.0, 1.0, [0, 1])).all()


@pytest.mark.simulation
def test_mean_interval_covers() -> None:
    values = np.random.default_rng(3).normal(2, 1, (20_000, 5))
    low, high = mean_interval(values.mean(axis=1), values.std(axis=1, ddof=1), 5, 0.9)
    assert np.mean((low <= 2) & (high >= 2)) == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / 20_000))


@pytest.mark.parametrize("level", LEVELS)
def test_poisson_is_that_of_statsmodels(level: float) -> None:
    counts = [0, 1, 2, 17, 1_000, 10**6, 10**12]
    expected = [confint_poisson(count, 1, method="exact-c", alpha=1 - level) for count in counts]
    np.testing.assert_allclose(np.transpose(poisson(counts, level)), np.nan_to_num(expected), rtol=1e-9)


def test_poisson_covers_every_mean() -> None:
    """Exact coverage, summed over the Poisson law."""
    counts, means = np.arange(200), np.linspace(0.05, 60, 400)[:, None]
    low, high = poisson(counts, 0.95)
    coverage = (stats.poisson.pmf(counts, means) * ((low <= means) & (means <= high))).sum(axis=1)
    assert coverage.min() >= 0.95


def test_impossible_counts_have_no_interval() -> None:
    assert np.isnan(poisson([-1, math.nan])).all()


def test_weighted_wilson_with_equal_weights_is_wilson() -> None:
    x, n = np.array([0, 3, 20, 40]), 40
    np.testing.assert_allclose(wilson_weighted(x, n - x, 1, 1), wilson(x, n), rtol=1e-12)
    np.testing.assert_allclose(wilson_weighted(7 * x, 7 * (n - x), 7, 7), wilson(x, n), rtol=1e-12)
    assert np.isnan(wilson_weighted(0, 0, 1, 1)).all()


@pytest.mark.simulation
def test_weighted_wilson_covers_the_precision_of_a_case_control_sample() -> None:
    """Positives count 1 and the negatives, of which one in fifty was kept, count 50."""
    rng = np.random.default_rng(4)
    right, wrong = rng.poisson(400, 4_000), rng.poisson(1_000 / 50, 4_000)
    low, high = wilson_weighted(right, 50 * wrong, 1, 50)
    covered = np.mean((low <= 400 / 1_400) & (high >= 400 / 1_400))
    assert 0.93 <= covered <= 0.97


def test_wilson_by_variance_is_wilson_for_the_variance_of_a_share() -> None:
    share, n = np.array([0.1, 0.5, 0.9]), 80
    np.testing.assert_allclose(wilson_by_variance(share, share * (1 - share) / n, 3), wilson(share * n, n), rtol=1e-12)


def test_wilson_by_variance_of_a_perfect_figure_is_not_certain() -> None:
    """A variance of 0 says that it cannot be had from these rows: the fewest rows that are behind the figure count."""
    np.testing.assert_allclose(wilson_by_variance([0, 1, 0.5], 0, 20), wilson([0, 20, 10], 20), rtol=1e-12)
    assert np.isfinite(wilson_by_variance(1 + 1e-15, 1e-32, 20)).all()
    assert np.isnan(wilson_by_variance([0.5, math.nan], [math.nan, 0.1], 20)).all()


def test_skewed_mean_interval_without_skewness_is_normal() -> None:
    half = stats.norm.ppf(0.975)
    low, high = skewed_mean_interval(3, 2, [0, 1e-9])
    np.testing.assert_allclose(low, 3 - 2 * half, atol=1e-5)
    np.testing.assert_allclose(high, 3 + 2 * half, atol=1e-5)


def test_skewed_mean_interval_mirrors_the_skewness() -> None:
    low, high = skewed_mean_interval(0, 1, 0.3)
    assert -low < high
    np.testing.assert_allclose(skewed_mean_interval(0, 1, -0.3), (-high, -low), rtol=1e-12)


@pytest.mark.simulation
def test_skewed_mean_interval_covers_the_mean_of_lognormal_rows() -> None:
    """50 rows with deviation 1 of the logarithm: Student's interval covers less than 92%."""
    rows = np.random.default_rng(5).lognormal(size=(4_000, 50))
    error = rows.std(axis=1) / math.sqrt(50)
    low, high = skewed_mean_interval(rows.mean(axis=1), error, stats.skew(rows, axis=1) / math.sqrt(50))
    truth = math.exp(0.5)
    plain_low, plain_high = mean_interval(rows.mean(axis=1), rows.std(axis=1, ddof=1), 50)
    plain = np.mean((plain_low <= truth) & (truth <= plain_high))
    covered = np.mean((low <= truth) & (truth <= high))
    assert plain < 0.915 < covered < 0.95
