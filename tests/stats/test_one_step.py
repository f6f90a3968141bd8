"""One-step predictions: against least squares of statsmodels, Student's t of SciPy, and by the law of their scores."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from holdfast.stats import one_step
from holdfast.stats.one_step import Regression, learn, learn_all, normal_score, predict, residual, unlearned

NAN = np.array([np.nan])


def series(days: int, seed: int, week: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """An AR(1) series of memory 0.6 around a weekly pattern, one value more than days, and how noisy each is."""
    rng = np.random.default_rng(seed)
    effects = np.zeros(days + 1)
    for day in range(1, days + 1):
        effects[day] = 0.6 * effects[day - 1] + rng.standard_normal()
    pattern = week * rng.standard_normal(7)
    return effects + pattern[np.arange(days + 1) % 7], rng.uniform(0.5, 3, days + 1)


def learned(values: np.ndarray, noise: np.ndarray, days: int, seasons: int = 7) -> Regression:
    known = unlearned((1,), seasons)
    for day in range(1, days + 1):
        known = learn(known, day % seasons, values[day : day + 1], values[day - 1 : day], noise=noise[day])
    return known


def weekdays(days: int) -> np.ndarray:
    return np.eye(7)[np.arange(1, days + 1) % 7]


@pytest.mark.parametrize("days", [21, 40, 119])
def test_predictions_are_those_of_weighted_least_squares(days: int) -> None:
    values, noise = series(130, seed=0)
    design = np.column_stack([weekdays(days), values[:days]])
    fit = sm.WLS(values[1 : days + 1], design, weights=1 / noise[1 : days + 1]).fit()
    new = np.append(np.eye(7)[(days + 1) % 7], values[days])
    found = predict(learned(values, noise, days), (days + 1) % 7, values[days : days + 1], noise=noise[days + 1])
    assert found.mean[0] == pytest.approx(new @ fit.params, rel=1e-9)
    assert found.variance[0] == pytest.approx(
        fit.scale * (noise[days + 1] + new @ fit.normalized_cov_params @ new), rel=1e-9
    )
    assert found.degrees[0] == fit.df_resid
    assert found.memory[0] == pytest.approx(fit.params[-1], rel=1e-9)


def test_errors_are_those_of_recursive_least_squares() -> None:
    """Standardised by the scale of the whole series, as statsmodels has them."""
    values, _ = series(60, seed=1)
    known, scale = unlearned((1,), 7), sm.OLS(values[1:], np.column_stack([weekdays(60), values[:60]])).fit().scale
    theirs = sm.RecursiveLS(values[1:], np.column_stack([weekdays(60), values[:60]])).fit().resid_recursive
    for day in range(1, 61):
        found = predict(known, day % 7, values[day - 1 : day])
        if day > 30:
            squares, degrees = residual(known)
            own = found.variance[0] / (squares[0] / degrees[0])
            assert (values[day] - found.mean[0]) / own**0.5 == pytest.approx(theirs[day - 1], rel=1e-5)
        known = learn(known, day % 7, values[day : day + 1], values[day - 1 : day])
    assert scale == pytest.approx(residual(known)[0][0] / residual(known)[1][0], rel=1e-9)


def test_seasons_that_explain_nothing_are_left_out() -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal(92)
    found = predict(learned(values, np.ones(92), 91), 3, values[91:])
    fit = sm.OLS(values[1:], sm.add_constant(values[:-1])).fit()
    assert found.mean[0] == pytest.approx(fit.params @ [1, values[91]], rel=1e-9)
    assert found.degrees[0] == 89


@pytest.mark.parametrize(("daily", "weekly", "groups"), [(1.0, 0.0, 24), (2.0, 6.0, 168), (0.0, 0.0, 1)])
def test_hours_of_the_week_are_those_of_any_day_where_weekdays_explain_too_little(
    daily: float, weekly: float, groups: int
) -> None:
    rng = np.random.default_rng(3)
    hour = np.arange(21 * 24)
    values = daily * np.sin(2 * np.pi * hour / 24) + weekly * (hour // 24 % 7 >= 5) + rng.standard_normal(len(hour))
    noise, nothing = rng.uniform(0.5, 2, len(hour)), np.full((len(hour), 1), np.nan)
    known = learn_all(168, (hour % 168).tolist(), values[:, None], nothing, noise[:, None])
    fit = sm.WLS(values, np.eye(groups)[hour % groups], weights=1 / noise).fit()
    squares, degrees = residual(known, days=7)
    assert squares[0] == pytest.approx(fit.ssr if groups == 168 else (fit.wresid**2).sum(), rel=1e-9)
    assert degrees[0] == len(hour) - groups
    for place in (0, 30, 167):
        found = predict(known, place, NAN, days=7)
        assert found.mean[0] == pytest.approx(fit.params[place % groups], rel=1e-9)
        assert found.variance[0] == pytest.approx(
            fit.scale * (1 + fit.normalized_cov_params[place % groups, place % groups]), rel=1e-9
        )


def test_seasons_that_explain_everything_are_told_apart() -> None:
    values = np.tile(np.arange(7.0), 9)
    found = predict(learned(values, np.ones(63), 61), 6, values[61:62])
    assert found.mean[0] == pytest.approx(6.0)
    assert found.variance[0] == pytest.approx(0.0, abs=1e-9)


def test_an_expected_memory_is_ridge_regression() -> None:
    """The same as more rows, whose value is their lag times the expected memory."""
    values, _ = series(40, seed=3, week=0.0)
    known = learned(values, np.ones(41), 40, seasons=1)
    squares = known.squares[0]
    worth = one_step.PRIOR_MEMORY_VALUES * squares[0] / 39
    centred = np.append(values[1:] - values[1:].mean(), worth**0.5 * 0.3)
    lags = np.append(values[:-1] - values[:-1].mean(), worth**0.5)
    found = predict(known, 0, values[40:], prior_memory=0.3)
    assert found.memory[0] == pytest.approx(sm.OLS(centred, lags).fit().params[0], rel=1e-9)
    free = predict(known, 0, values[40:])
    assert min(free.memory[0], 0.3) < found.memory[0] < max(free.memory[0], 0.3)


def test_what_is_known_of_the_variance_counts_as_degrees_of_freedom() -> None:
    values, noise = series(10, seed=4)
    known = learned(values, noise, 10, seasons=1)
    squares, degrees = residual(known)
    found = predict(known, 0, NAN, prior_variance=5.0, prior_degrees=20.0)
    without = predict(known, 0, NAN)
    assert found.degrees[0] == degrees[0] + 20
    assert found.variance[0] / without.variance[0] == pytest.approx(
        (squares[0] + 100) / (degrees[0] + 20) / (squares[0] / degrees[0])
    )


def test_nothing_is_predicted_of_a_season_that_was_never_seen() -> None:
    known = learn(unlearned((1,), 7), 0, np.array([3.0]), NAN)
    found = predict(known, 1, np.array([3.0]))
    assert np.isnan(found.mean[0])
    assert found.degrees[0] == 0
    assert normal_score(5.0 - found.mean, found.variance, found.degrees).tolist() == [0.0]


def test_a_missing_value_teaches_nothing() -> None:
    values, noise = series(20, seed=5)
    known = learned(values, noise, 20)
    after = learn(known, 6, NAN, values[19:20])
    for name in Regression.__slots__:
        np.testing.assert_array_equal(getattr(after, name), getattr(known, name))


def test_without_the_value_before_a_value_scatters_by_the_stationary_variance() -> None:
    values, _ = series(400, seed=6, week=0.0)
    known = learned(values, np.ones(401), 400, seasons=1)
    unknown, average = predict(known, 0, NAN), predict(known, 0, known.lag[:, 0])
    memory = average.memory[0]
    assert unknown.memory[0] == 0
    assert unknown.mean[0] == pytest.approx(average.mean[0])
    assert unknown.variance[0] / average.variance[0] == pytest.approx(1 / (1 - memory**2), rel=0.01)


def test_a_series_that_never_varied_has_no_memory() -> None:
    known = unlearned((1,), 1)
    for _ in range(30):
        known = learn(known, 0, np.array([0.1]), np.array([0.1]))
    found = predict(known, 0, np.array([0.1]))
    assert (found.mean[0], found.memory[0]) == (pytest.approx(0.1), 0.0)
    assert found.variance[0] == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize("degrees", [3.0, 8.0, 83.0])
def test_scores_are_near_the_exact_ones_and_smaller_in_the_tail(degrees: float) -> None:
    errors = np.array([-6.0, -3.0, -1.0, 0.0, 0.5, 2.0, 4.0])
    exact = stats.norm.ppf(stats.t.cdf(errors, degrees))
    found = normal_score(errors, np.ones(7), np.full(7, degrees))
    np.testing.assert_allclose(found, exact, atol=0.035, rtol=0)
    large = np.abs(errors) >= 2
    assert (np.abs(found) <= np.abs(exact) + 1e-3)[large].all()


def test_a_score_in_units_of_another_variance() -> None:
    one = normal_score(np.array([1.0]), np.array([0.25]), np.array([10.0]))
    assert one == pytest.approx(normal_score(np.array([2.0]), np.array([1.0]), np.array([10.0])))


def test_scores_of_a_short_series_are_independent_standard_normal() -> None:
    """However short the series is from which they are predicted: here 4 values, of 20,000 series at once."""
    rng = np.random.default_rng(7)
    known, scores = unlearned((20_000,), 1), []
    nothing = np.full(20_000, np.nan)
    for day in range(24):
        value = 5 + 3 * rng.standard_normal(20_000)
        if day >= 4:
            found = predict(known, 0, nothing)
            scores.append(normal_score(value - found.mean, found.variance, found.degrees))
        known = learn(known, 0, value, nothing)
    drawn = np.array(scores)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert (np.abs(drawn) > 3).mean() == pytest.approx(0.0027, rel=0.15)
    np.testing.assert_allclose(np.corrcoef(drawn)[np.triu_indices(20, 1)], 0, atol=0.035)


def test_many_values_at_once_teach_what_they_teach_one_by_one() -> None:
    values, noise = series(60, seed=8)
    values[[9, 30]] = np.nan
    days = np.arange(1, 61)
    lags = values[:-1, None].copy()
    whole = learn_all(7, (days % 7).tolist(), values[1:, None], lags, noise[1:, None])
    known = learned(values, noise, 60)
    np.testing.assert_array_equal(whole.seen, known.seen)
    np.testing.assert_allclose(whole.weight, known.weight)
    np.testing.assert_allclose(whole.level, known.level)
    # Where the value before is missing, the average is that of all here, and of those so far there.
    np.testing.assert_allclose(whole.squares, known.squares, rtol=0.05)
    full, noise = series(60, seed=9)
    whole = learn_all(7, (days % 7).tolist(), full[1:, None], full[:-1, None], noise[1:, None])
    for name in Regression.__slots__:
        np.testing.assert_allclose(getattr(whole, name), getattr(learned(full, noise, 60), name), rtol=1e-9)
