from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.errors import SettingError
from holdfast.testing.streams import Family, choose, day_effects, draw_days, null_table


def numbers(table: pa.Table, column: str) -> np.ndarray:
    """Values of a float column without NaN."""
    values = table[column].to_numpy()
    return values[~np.isnan(values)]


def test_a_family_that_is_not_stationary_is_refused():
    for setting in ({"phi": 1.0}, {"phi": -0.1}, {"sd": -1.0}, {"weekly_sd": -1.0}):
        with pytest.raises(SettingError, match="stationary"):
            Family(**setting)


@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_day_effects_are_stationary_with_the_stated_variance_and_memory(phi):
    """Columns are independent, so the mean square over 4,000 of them is a chi-square; limits at 4 standard errors."""
    columns = 4_000
    effects = day_effects(60, columns, Family(sd=0.1, phi=phi), np.random.default_rng(1)) / 0.1
    for day in (0, 1, 59):
        assert abs(np.mean(effects[day] ** 2) - 1) < 4 * np.sqrt(2 / columns)
    for lag in (1, 2):
        product = np.mean(effects[20] * effects[20 + lag])
        assert abs(product - phi**lag) < 4 * np.sqrt((1 + phi ** (2 * lag)) / columns)


def test_the_weekly_pattern_repeats_has_mean_zero_and_the_stated_size():
    columns = 4_000
    effects = day_effects(21, columns, Family(weekly_sd=0.3), np.random.default_rng(2))
    np.testing.assert_array_equal(effects[:7], effects[14:])
    np.testing.assert_allclose(effects[:7].sum(axis=0), 0, atol=1e-12)
    # Seven values with mean zero have six degrees of freedom.
    assert abs(np.mean(effects[:7] ** 2) / 0.09 - 1) < 4 * np.sqrt(2 / (6 * columns))


def test_day_effects_of_a_family_without_size_are_zero():
    assert not day_effects(3, 2, Family(phi=0.5), np.random.default_rng(0)).any()


def test_choose_follows_the_weights_of_each_group():
    weights = np.array([[5.0, 3.0, 2.0], [0.1, 0.2, 0.7]])
    group = np.repeat([0, 1], 10_000)
    codes = choose(weights, group, np.random.default_rng(3))
    for row in (0, 1):
        counts = np.bincount(codes[group == row], minlength=3)
        assert stats.chisquare(counts, 10_000 * weights[row] / weights[row].sum()).pvalue > 0.001


@given(
    weights=st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_choose_never_gives_a_code_without_weight(weights, seed):
    weights = np.array(weights, dtype=float)
    group = np.arange(50) % len(weights)
    codes = choose(weights, group, np.random.default_rng(seed))
    assert (weights[group, codes] > 0).all()


def test_equal_arguments_give_equal_tables():
    arguments = {"windows": 4, "window_sd": 0.2, "phi": 0.5, "weekly_sd": 0.1, "shift": {"student_2": 1.0}}
    # Arrow takes NaN for unequal to itself, pandas does not.
    first, again, other = (null_table(400, seed, **arguments).to_pandas() for seed in (7, 7, 8))
    assert first.equals(again)
    assert not first.equals(other)


def test_schema_of_the_null_table():
    table = null_table(10)
    dictionary = pa.dictionary(pa.int32(), pa.string())
    assert table.column_names[:4] == ["normal_0", "lognormal_1", "student_2", "normal_3"]
    assert table.column_names[25:] == [f"category_{size}" for size in (5, 20, 50, 200, 1_000)]
    assert table.schema.types == [pa.float64()] * 25 + [dictionary] * 5
    assert null_table(10, windows=2).schema.field(0) == pa.field("time", pa.timestamp("us", "UTC"))


@pytest.mark.parametrize("rows", [0, 1])
def test_tiny_null_tables(rows):
    assert null_table(rows).num_rows == rows
    assert null_table(rows, windows=3).num_rows == rows


@pytest.mark.parametrize(
    ("column", "distribution"),
    [("normal_0", stats.norm()), ("lognormal_1", stats.lognorm(1)), ("student_2", stats.t(3))],
)
def test_numbers_follow_their_distribution(column, distribution):
    table = null_table(50_000, 4, numeric=3, categories=[])
    assert stats.kstest(numbers(table, column), distribution.cdf).pvalue > 0.001


def test_the_student_columns_are_heavy_to_the_end():
    """With 400,000 rows the largest value of t(3) lies near 66; its law in closed form gives the limits."""
    table = null_table(400_000, 5, numeric=3, categories=[], missing=0.0)
    largest = np.abs(table["student_2"].to_numpy()).max()
    low, high = stats.t(3).isf(np.array([8.0, 0.001]) / 800_000)
    assert low < largest < high


def test_two_in_a_hundred_numbers_are_missing_and_no_string_is():
    table = null_table(2_000, 6)
    missing = sum(2_000 - len(numbers(table, name)) for name in table.column_names[:25])
    assert stats.binomtest(missing, 50_000, 0.02).pvalue > 0.001
    assert all(table[name].null_count == 0 for name in table.column_names)


def test_category_weights_follow_zipfs_law():
    table = null_table(20_000, 7, numeric=0, categories=[5, 50])
    for size in (5, 50):
        counts = {row["values"]: row["counts"] for row in pc.value_counts(table[f"category_{size}"]).to_pylist()}
        weights = 1 / np.arange(1, size + 1)
        observed = [counts[f"v{i}"] for i in range(size)]
        assert stats.chisquare(observed, 20_000 * weights / weights.sum()).pvalue > 0.001


def test_a_shift_moves_the_normal_score_by_its_size_and_nothing_else():
    plain = null_table(500, 8)
    shifted = null_table(500, 8, shift={"normal_0": 0.5, "lognormal_1": 0.25, "student_2": -0.5})
    np.testing.assert_allclose(numbers(shifted, "normal_0") - numbers(plain, "normal_0"), 0.5, rtol=1e-12)
    np.testing.assert_allclose(numbers(shifted, "lognormal_1") / numbers(plain, "lognormal_1"), np.exp(0.25))
    scores = [stats.norm.ppf(stats.t(3).cdf(numbers(table, "student_2"))) for table in (plain, shifted)]
    np.testing.assert_allclose(scores[1] - scores[0], -0.5, atol=1e-4)
    for name in plain.column_names[3:]:
        np.testing.assert_array_equal(shifted[name].to_numpy(), plain[name].to_numpy())


def test_an_effect_changes_its_day_and_its_column_only():
    """Three numbers and a string: effects 0 to 2 move the level, 3 to 5 the missing share, 6 the weights."""
    quiet = np.zeros((2, 7))
    options = {"numeric": 3, "categories": [50], "missing": 0.1}
    plain = draw_days(2_000, quiet, np.random.default_rng(9), **options)
    for channel, column in enumerate(["normal_0", "lognormal_1", "student_2"] * 2 + ["category_50"]):
        effects = quiet.copy()
        effects[1, channel] = 1.0
        moved = draw_days(2_000, effects, np.random.default_rng(9), **options)
        assert moved.slice(0, 1_000).to_pandas().equals(plain.slice(0, 1_000).to_pandas())
        others = [name for name in plain.column_names if name != column]
        assert moved.select(others).to_pandas().equals(plain.select(others).to_pandas())
        assert not moved.select([column]).to_pandas().equals(plain.select([column]).to_pandas())


def test_an_effect_on_the_missing_share_multiplies_its_odds():
    effects = np.array([[0.0, np.log(6.0)]])
    table = draw_days(20_000, effects, np.random.default_rng(10), numeric=1, categories=[], missing=0.1)
    missing = 20_000 - len(numbers(table, "normal_0"))
    assert stats.binomtest(missing, 20_000, 0.4).pvalue > 0.001  # odds 1/9 x 6 = 2/3


def test_windows_are_days_of_equal_size_in_order_of_time():
    times = null_table(600, 11, windows=3)["time"].to_pylist()
    assert times == sorted(times)
    assert [time.date() for time in times[::200]] == [date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)]
    assert [time.date() for time in times[199::200]] == [date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)]


def test_days_can_start_at_another_date():
    start = datetime(2024, 2, 29, tzinfo=UTC)
    table = draw_days(2, np.zeros((2, 2)), np.random.default_rng(0), start=start, numeric=1, categories=[])
    assert [time.date() for time in table["time"].to_pylist()] == [date(2024, 2, 29), date(2024, 3, 1)]


def test_window_means_vary_by_the_stated_sd_and_the_noise_of_their_rows():
    """100 normal columns in 30 windows of 50 rows: variance 0.3^2 + 1 / 50, from 3,000 independent means."""
    table = null_table(1_500, 12, windows=30, window_sd=0.3, numeric=300, categories=[], missing=0.0)
    means = np.array([table[f"normal_{i}"].to_numpy().reshape(30, 50).mean(axis=1) for i in range(0, 300, 3)])
    assert abs(np.mean(means**2) / (0.09 + 1 / 50) - 1) < 4 * np.sqrt(2 / 3_000)


def test_effects_of_the_wrong_shape_and_unknown_columns_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(SettingError, match=r"\(days, 55\), got \(2, 3\)"):
        draw_days(4, np.zeros((2, 3)), rng)
    with pytest.raises(SettingError, match="category_5"):
        null_table(4, shift={"category_5": 1.0})
