"""The scan of all pairs for changed dependence: what it measures, what it finds, and how seldom it is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.stats.dependence import PairScan, pair_scan, rank_scores
from holdfast.stats.normal_scores import normal_scores

NAN = np.nan


def scan(
    current: np.ndarray,
    reference: np.ndarray,
    *,
    windows: np.ndarray | None = None,
    indicators: list[int] | None = None,
    owners: list[int] | None = None,
) -> PairScan | None:
    columns = current.shape[1]
    flags = np.zeros(columns, dtype=bool)
    flags[indicators or []] = True
    return pair_scan(
        current,
        reference,
        indicators=flags,
        owners=np.arange(columns) if owners is None else np.array(owners),
        windows=np.zeros(len(reference), dtype=int) if windows is None else windows,
    )


def correlated(
    rng: np.random.Generator, rows: int, columns: int, rho: float, pair: tuple[int, int] = (0, 1)
) -> np.ndarray:
    """Independent normal columns, but for one pair."""
    values = rng.normal(size=(rows, columns))
    values[:, pair[1]] = rho * values[:, pair[0]] + np.sqrt(1 - rho**2) * values[:, pair[1]]
    return values


# --- Rank scores ---


@given(st.lists(st.integers(0, 5) | st.just(NAN), min_size=1, max_size=30))
def test_scores_are_those_of_the_ranks_with_ties_together_and_nan_kept(values: list[float]) -> None:
    column = np.array(values, dtype=float)
    scores = rank_scores(column[:, None])[:, 0]
    present = ~np.isnan(column)
    np.testing.assert_array_equal(np.isnan(scores), ~present)
    if present.any():
        expected = dict(zip(*np.unique(column[present], return_counts=True), strict=True))
        by_value = dict(zip(expected, normal_scores(list(expected.values())), strict=True))
        assert scores[present].tolist() == [by_value[value] for value in column[present]]


def test_scores_do_not_depend_on_the_scale() -> None:
    values = np.random.default_rng(0).normal(size=(100, 3))
    np.testing.assert_array_equal(rank_scores(values), rank_scores(np.exp(5 * values)))
    np.testing.assert_allclose(rank_scores(values), -rank_scores(-values), rtol=1e-9, atol=1e-12)


# --- What is measured ---


def test_correlations_are_those_of_normal_scores() -> None:
    rng = np.random.default_rng(0)
    current, reference = correlated(rng, 1_000, 3, 0.6), correlated(rng, 3_000, 3, 0.1)
    found = scan(current, reference)
    assert found is not None
    assert (found.first, found.second, found.kind, found.tests, found.windows) == (0, 1, "values", 6, 0)
    for value, sample in [(found.current, current), (found.reference, reference)]:
        ranks = stats.norm.ppf((stats.rankdata(sample, axis=0) - 0.5) / len(sample))
        assert value == pytest.approx(np.corrcoef(ranks.T)[0, 1], abs=0.002)
    assert found.p_value < 1e-20


def test_the_p_value_is_fishers_for_normal_columns() -> None:
    """Standard error sqrt(1 / (n - 3) + 1 / (m - 3)) of the transformed correlation, Bonferroni over two tests."""
    rng = np.random.default_rng(3)
    current, reference = correlated(rng, 2_000, 2, 0.1), correlated(rng, 50_000, 2, 0.0)
    found = scan(current, reference)
    assert found is not None
    change = np.arctanh(found.current) - np.arctanh(found.reference)
    z = change / np.sqrt(1 / 1_997 + 1 / 49_997)
    assert found.deviation == pytest.approx(abs(z), rel=0.05)
    assert found.p_value == pytest.approx(min(1, 2 * 2 * stats.norm.sf(abs(z))), rel=0.5)


def test_pairs_with_missing_values_use_the_rows_where_both_are_there() -> None:
    rng = np.random.default_rng(0)
    current = correlated(rng, 4_000, 2, 0.8)
    current[rng.random((4_000, 2)) < 0.3] = NAN
    found = scan(current, rng.normal(size=(2_000, 2)))
    assert found is not None
    assert found.current == pytest.approx(0.8, abs=0.05)


# --- What is found ---


@pytest.mark.simulation
@pytest.mark.parametrize(("rho", "least"), [(0.3, 8), (0.5, 10)])
def test_a_new_dependence_of_one_pair_of_435_is_found_and_named(rho: float, least: int) -> None:
    """Ten runs of 30 columns, a window of 2,000 rows, a sample of 5,000 of the reference."""
    found = 0
    for run in range(10):
        rng = np.random.default_rng(run)
        result = scan(correlated(rng, 2_000, 30, rho, (7, 19)), rng.normal(size=(5_000, 30)))
        assert result is not None
        found += (result.first, result.second) == (7, 19) and result.p_value <= 0.02
    assert found >= least


def test_a_dependence_of_the_sizes_alone_is_found() -> None:
    """Two columns that are large together, with signs of their own: no correlation of the values shows it."""
    rng = np.random.default_rng(0)
    current = rng.normal(size=(2_000, 4))
    current[:, 2] = np.abs(current[:, 1]) * rng.choice([-1, 1], 2_000) + 0.5 * rng.normal(size=2_000)
    found = scan(current, rng.normal(size=(4_000, 4)))
    assert found is not None
    assert (found.first, found.second, found.kind) == (1, 2, "absolute values")
    assert found.p_value < 1e-6


def test_a_category_that_goes_with_a_number_is_found() -> None:
    rng = np.random.default_rng(0)
    current, reference = rng.normal(size=(2_000, 3)), rng.normal(size=(4_000, 3))
    reference[:, 2] = rng.random(4_000) < 0.3
    current[:, 2] = current[:, 0] > 0.5
    found = scan(current, reference, indicators=[2])
    assert found is not None
    assert (found.first, found.second, found.kind) == (0, 2, "values")
    assert found.p_value < 1e-20


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + np.array([5.0, 0.0, 0.0, 0.0]),
        lambda x: np.sign(x) * np.abs(x) ** 3,
        lambda x: np.where(np.arange(len(x))[:, None] == 3, 1e9, x),
        lambda x: x * np.array([100.0, 1.0, 1.0, 1.0]),
    ],
    ids=["shift", "shape", "one row of 1e9", "unit"],
)
def test_columns_that_change_alone_leave_the_scan_at_rest(change) -> None:
    rng = np.random.default_rng(1)
    current, reference = correlated(rng, 2_000, 4, 0.5), correlated(rng, 4_000, 4, 0.5)
    before, after = scan(current, reference), scan(change(current), reference)
    assert before is not None
    assert after is not None
    assert after.p_value > 0.05
    assert after.deviation == pytest.approx(before.deviation, abs=0.5)


# --- What is left out ---


def test_columns_of_one_owner_are_no_pair() -> None:
    """Indicators of one category exclude each other by construction."""
    rng = np.random.default_rng(0)
    code, other = rng.integers(0, 3, 4_000), rng.normal(size=4_000)
    table = np.column_stack([code == 0, code == 1, other]).astype(float)
    found = scan(table[:1_000], table[1_000:], indicators=[0, 1], owners=[0, 0, 1])
    assert found is not None
    assert found.tests == 2
    assert scan(table[:1_000, :2], table[1_000:, :2], indicators=[0, 1], owners=[0, 0]) is None


def test_indicators_too_rare_to_be_seen_together_are_left_out() -> None:
    rng = np.random.default_rng(0)
    table = (rng.random((2_000, 3)) < [0.5, 0.5, 0.005]).astype(float)
    found = scan(table[:500], table[500:], indicators=[0, 1, 2])
    assert found is not None
    assert found.tests == 1


@pytest.mark.parametrize(("rows", "reference_rows"), [(7, 100), (100, 7), (0, 100), (1, 1)])
def test_a_few_rows_are_not_judged(rows: int, reference_rows: int) -> None:
    assert scan(np.ones((rows, 3)), np.ones((reference_rows, 3))) is None


@pytest.mark.parametrize("value", [1.0, NAN], ids=["constant", "missing"])
def test_columns_that_do_not_vary_show_no_change(value: float) -> None:
    rng = np.random.default_rng(0)
    found = scan(np.full((100, 3), value), rng.normal(size=(500, 3)))
    assert found is not None
    assert found.p_value == 1


def test_a_column_twice_is_the_same_pair_before_and_after() -> None:
    rng = np.random.default_rng(0)
    current, reference = (np.repeat(rng.normal(size=(rows, 1)), 2, axis=1) for rows in (200, 1_000))
    found = scan(current, reference)
    assert found is not None
    assert found.p_value == 1


# --- Under no change ---

TABLES = {
    "normal": lambda rng, rows: rng.normal(size=(rows, 6)),
    "heavy tails": lambda rng, rows: rng.standard_t(2, size=(rows, 6)),
    "correlated": lambda rng, rows: rng.normal(size=(rows, 6)) + rng.normal(size=(rows, 1)),
    "sizes together": lambda rng, rows: rng.normal(size=(rows, 6)) * rng.standard_t(4, size=(rows, 1)),
    "counts": lambda rng, rows: rng.poisson(1, (rows, 6)).astype(float),
    "half missing": lambda rng, rows: np.where(rng.random((rows, 6)) < 0.5, NAN, rng.normal(size=(rows, 6))),
}


@pytest.mark.simulation
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("rows", [50, 500])
def test_five_percent_of_unchanged_windows_alarm(table: str, rows: int) -> None:
    """100 runs: 5% and 4 standard errors. Products of columns vary more than normal ones, which the moments account for."""
    alarms = 0
    for run in range(100):
        rng = np.random.default_rng([run, rows])
        result = scan(TABLES[table](rng, rows), TABLES[table](rng, 1_500))
        assert result is not None
        alarms += result.p_value <= 0.05
    assert alarms <= 13


def wandering(rng: np.random.Generator, windows: int, rows: int, spread: float) -> np.ndarray:
    """Windows one after another; the dependence of the first two columns changes from each to the next."""
    return np.concatenate([correlated(rng, rows, 5, np.tanh(spread * rng.normal())) for _ in range(windows)])


@pytest.mark.simulation
def test_a_dependence_that_varies_by_nature_alarms_seldom_when_windows_show_it() -> None:
    alarms = naive = 0
    for run in range(60):
        rng = np.random.default_rng(run)
        reference, current = wandering(rng, 12, 300, 0.3), wandering(rng, 1, 300, 0.3)
        judged = scan(current, reference, windows=np.repeat(np.arange(12), 300))
        blind = scan(current, reference)
        assert judged is not None
        assert blind is not None
        assert (judged.windows, blind.windows) == (12, 0)
        alarms += judged.p_value <= 0.05
        naive += blind.p_value <= 0.05
    assert alarms <= 9  # 5% and 4 standard errors
    assert naive >= 24


@pytest.mark.simulation
def test_a_change_beyond_natural_variation_is_still_found() -> None:
    found = 0
    for run in range(20):
        rng = np.random.default_rng(run)
        result = scan(
            correlated(rng, 1_000, 5, 0.8), wandering(rng, 12, 300, 0.05), windows=np.repeat(np.arange(12), 300)
        )
        assert result is not None
        found += (result.first, result.second) == (0, 1) and result.p_value <= 0.01
    assert found >= 18


@pytest.mark.parametrize("windows", [2, 4])
def test_fewer_than_five_windows_are_not_learned_from(windows: int) -> None:
    rng = np.random.default_rng(0)
    found = scan(rng.normal(size=(200, 3)), rng.normal(size=(400, 3)), windows=np.arange(400) % windows)
    assert found is not None
    assert found.windows == 0


@pytest.mark.simulation
@pytest.mark.parametrize("noise", [0.3, 0.1, 0.03, 0.01, 0.0])
@pytest.mark.parametrize(("rows", "reference_rows", "windows"), [(50, 1_500, 1), (500, 2_000, 1), (600, 2_000, 10)])
def test_columns_that_are_nearly_the_same_alarm_no_more_often_than_others(
    noise: float, rows: int, reference_rows: int, windows: int
) -> None:
    """One column is another plus some noise, before and after; 60 runs, 5% and 4 standard errors.

    The fewer rows are ranked together, the lower a correlation of ranks near 1: a short window looked less dependent.
    """
    alarms = 0
    for run in range(60):
        rng = np.random.default_rng([run, rows])
        current, reference = rng.normal(size=(rows, 4)), rng.normal(size=(reference_rows, 4))
        for table in (current, reference):
            table[:, 1] = table[:, 0] + noise * rng.normal(size=len(table))
        result = scan(current, reference, windows=np.arange(reference_rows) % windows)
        assert result is not None
        alarms += result.p_value <= 0.05
    assert alarms <= 9


@pytest.mark.parametrize("before", [1.0, 0.999])
def test_columns_that_are_the_same_no_longer_are_found(before: float) -> None:
    rng = np.random.default_rng(0)
    found = scan(correlated(rng, 200, 4, 0.9), correlated(rng, 1_000, 4, before))
    assert found is not None
    assert (found.first, found.second) == (0, 1)
    assert found.reference == pytest.approx(before, abs=0.005)
    assert found.p_value < 1e-6
