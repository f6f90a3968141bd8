"""One question about one column: its effect, its p-value, and what it could have seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from holdfast.checks.channels import Channel, Pair, cells_channel, location_channels, missing_channels
from holdfast.checks.effects import EFFECTS

BINS = 32
EVEN = np.full(BINS, 500)


def pair(current, reference, windows=(), **more) -> Pair:
    counts = np.asarray(windows, dtype=np.int64).reshape(-1, len(reference))
    return Pair(current=np.asarray(current), reference=np.asarray(reference), windows=counts, **more)


def shape(of: Pair, test: str = "chi2") -> Channel:
    effect = EFFECTS["total_variation"]
    return cells_channel("shape", of, above_chance=effect.above_chance, unit="share", minimum=0.1, test=test)


def missing(gone: int, rows: int, gone_before: int, rows_before: int, windows=()) -> Channel:
    return missing_channels(
        [pair([gone, rows - gone], [gone_before, rows_before - gone_before], windows)], minimums=[0.05]
    )[0]


def at_most(rate: float, runs: int) -> float:
    """So many of the runs, and three standard errors."""
    return rate * runs + 3 * np.sqrt(rate * (1 - rate) * runs)


@pytest.mark.parametrize("counts", [(60, 100, 5, 100), (3, 40, 0, 5_000), (0, 50, 9, 60), (500, 500, 1, 1_000)])
def test_missingness_without_windows_is_fishers_test_and_newcombes_interval(counts: tuple[int, ...]) -> None:
    gone, rows, gone_before, rows_before = counts
    channel = missing(*counts)
    table = [[gone, rows - gone], [gone_before, rows_before - gone_before]]
    assert channel.p_value == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)
    assert channel.effect == gone / rows - gone_before / rows_before
    oracle = confint_proportions_2indep(gone, rows, gone_before, rows_before, method="newcomb", compare="diff")
    assert channel.interval == pytest.approx(oracle, abs=1e-9)


def test_missingness_of_nothing_is_unknown() -> None:
    channel = missing(0, 0, 5, 100)
    assert np.isnan(channel.effect)
    assert np.isnan(channel.p_value)


def test_missingness_that_varies_by_itself_is_judged_by_its_windows() -> None:
    """From 0% to 40% missing in the reference's windows: 40% is natural, 60% of a column that never had any is not."""
    shares = [0, 40, 10, 30, 20, 0, 40, 10, 30, 20]
    windows = [[s, 100 - s] for s in shares]
    assert missing(40, 100, 200, 1_000, windows).p_value > 0.05 > missing(40, 100, 200, 1_000).p_value
    steady = [[5, 95]] * 10
    assert missing(60, 100, 50, 1_000, steady).p_value < 1e-4


@pytest.mark.parametrize("shift", [-1.0, -0.5, 0.5, 1.0])
def test_location_is_the_shift_in_reference_deviations(shift: float) -> None:
    cuts = stats.norm.ppf(np.arange(1, BINS) / BINS)
    current = np.diff(stats.norm.cdf(cuts, loc=shift), prepend=0, append=1) * 1e6
    (channel,) = location_channels([pair(current.astype(int), EVEN)], [0.25])
    assert channel.effect == pytest.approx(shift, abs=0.06)  # 32 bins have no tails to tell apart
    assert channel.interval[0] < channel.effect < channel.interval[1]
    assert (channel.name, channel.unit) == ("location", "sd")


def test_location_without_rows_is_unknown() -> None:
    empty, full = np.zeros(BINS, dtype=int), EVEN
    for channel in location_channels([pair(empty, full), pair(full, empty)], [0.25, 0.25]):
        assert np.isnan(channel.effect)
        assert np.isnan(channel.p_value)


@pytest.mark.parametrize("rows", [20, 50, 100, 200, 2_000])
def test_shape_and_location_keep_their_level_on_quantile_bins(rows: int) -> None:
    """A reference is even over its own quantiles: joining cells in the order of the window's counts rejects up to 99%."""
    rng = np.random.default_rng(rows)
    windows = [pair(rng.multinomial(rows, np.full(BINS, 1 / BINS)), EVEN, ordered=True) for _ in range(600)]
    shapes = np.array([shape(window).p_value for window in windows])
    places = np.array([channel.p_value for channel in location_channels(windows, [0.25] * 600)])
    for p_values in (shapes, places):
        assert np.count_nonzero(p_values <= 0.05) <= at_most(0.05, 600)
        assert np.count_nonzero(p_values <= 0.0017) <= at_most(0.0017, 600)


@pytest.mark.parametrize("values", [5, 50, 1_000])
@pytest.mark.parametrize("rows", [50, 1_000])
def test_categories_keep_their_level_when_both_samples_are_drawn(values: int, rows: int) -> None:
    rng = np.random.default_rng(values)
    shares = 1 / np.arange(1, values + 1)
    shares /= shares.sum()
    p_values = np.array(
        [shape(pair(rng.multinomial(rows, shares), rng.multinomial(5_000, shares))).p_value for _ in range(300)]
    )
    assert np.count_nonzero(p_values <= 0.05) <= at_most(0.05, 300)


@pytest.mark.parametrize(("test", "oracle"), [("chi2", "pearson"), ("g", "log-likelihood")])
def test_the_test_is_that_of_scipy_where_no_cell_is_rare(test: str, oracle: str) -> None:
    current, reference = [120, 90, 60, 130], [900, 1_000, 700, 1_100]
    expected = stats.chi2_contingency([current, reference], correction=False, lambda_=oracle).pvalue
    assert shape(pair(current, reference), test).p_value == pytest.approx(expected, rel=1e-9)


def test_shape_without_rows_is_unknown() -> None:
    channel = shape(pair([0, 0], [5, 5]))
    assert np.isnan(channel.effect)
    assert np.isnan(channel.p_value)


def test_the_visible_shift_is_seen_four_times_in_five() -> None:
    """Windows moved by what the channel says it would see with 80% power, at a level of 0.01."""
    rng = np.random.default_rng(11)
    rows, level, runs = 400, 0.01, 400
    cuts = stats.norm.ppf(np.arange(1, BINS) / BINS)
    reference = rng.multinomial(40_000, np.full(BINS, 1 / BINS))
    visible = location_channels([pair(reference // 100, reference)], [0.25])[0].visible_at(level)
    shares = np.diff(stats.norm.cdf(cuts, loc=visible), prepend=0, append=1)
    windows = [pair(rng.multinomial(rows, shares), reference) for _ in range(runs)]
    seen = np.mean([channel.p_value <= level for channel in location_channels(windows, [0.25] * runs)])
    assert seen == pytest.approx(0.8, abs=0.07)


def test_more_rows_and_a_laxer_level_show_smaller_effects() -> None:
    few, many = (location_channels([pair(EVEN // n, EVEN)], [0.25])[0] for n in (50, 5))
    assert many.visible_at(0.01) < few.visible_at(0.01)
    assert few.visible_at(0.05) < few.visible_at(0.01)
    assert few.certain_at(0.01) < few.visible_at(0.01)


@pytest.mark.parametrize("windows", [5, 10, 30])
def test_a_location_that_varies_by_itself_keeps_its_level_with_few_windows(windows: int) -> None:
    """Between-window deviation 0.3 of 200 rows each: three sigma of the windows gives up to 80% false alarms at K = 5."""
    rng = np.random.default_rng(windows)
    cuts = stats.norm.ppf(np.arange(1, BINS) / BINS)
    runs, hits = 300, 0
    for _ in range(runs):
        means = rng.normal(0, 0.3, windows + 1)
        counts = np.array(
            [rng.multinomial(200, np.diff(stats.norm.cdf(cuts, loc=m), prepend=0, append=1)) for m in means]
        )
        (channel,) = location_channels([pair(counts[-1], counts[:-1].sum(0), counts[:-1])], [0.25])
        hits += channel.p_value <= 0.05
    assert hits <= at_most(0.05, runs)


@pytest.mark.parametrize("field", ["current", "reference"])
def test_effective_rows_are_those_of_the_difference(field: str) -> None:
    sides = {"current": [30, 70], "reference": [30, 70]} | {field: [300, 600]}
    assert pair(**sides).effective_rows == 900 * 100 / 1_000
