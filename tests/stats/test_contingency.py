"""Contingency tests against scipy, against enumeration, and under no change."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from holdfast.stats.contingency import (
    DRAWS,
    FAR_TAIL,
    FEW_EXPECTED,
    contingency,
    fisher,
    likelihood_ratio,
    merged,
    merged_cells,
    pearson,
)

large = st.lists(st.tuples(st.integers(20, 500), st.integers(20, 500)), min_size=2, max_size=12)
small = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=12)


# --- The statistics and their law ---


@settings(deadline=None)
@given(large, st.sampled_from([("chi2", "pearson"), ("g", "log-likelihood")]))
def test_large_counts_are_judged_as_by_scipy(table, names: tuple[str, str]) -> None:
    current, reference = np.transpose(table)
    expected = stats.chi2_contingency([current, reference], correction=False, lambda_=names[1])
    # The rest is drawn: see `test_the_far_tail_of_small_counts_is_drawn`.
    assume(expected.expected_freq.min() >= FEW_EXPECTED or expected.pvalue >= FAR_TAIL)
    result = contingency(current, reference, statistic=names[0])
    assert result.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert (result.degrees, result.cells) == (expected.dof, len(table))
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-5)


def test_the_far_tail_of_two_small_cells_is_exact() -> None:
    assert stats.chi2_contingency([[20, 20], [20, 52]], correction=False).pvalue == pytest.approx(0.0187, abs=1e-4)
    expected = stats.fisher_exact([[20, 20], [20, 52]]).pvalue
    assert contingency([20, 20], [20, 52]).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("table", [[(6, 60), (8, 60), (24, 60)], [(5, 50), (10, 20), (10, 30), (5, 50)]])
def test_the_far_tail_of_small_counts_is_drawn(table: list[tuple[int, int]]) -> None:
    counts = np.transpose(table)
    law = stats.chi2_contingency(counts, correction=False)
    assert law.expected_freq.min() < FEW_EXPECTED
    assert law.pvalue < FAR_TAIL
    method = stats.PermutationMethod(n_resamples=40_000, rng=np.random.default_rng(0))
    drawn = stats.chi2_contingency(counts, correction=False, method=method).pvalue
    # Both are drawn: four standard errors of the two together.
    found = contingency(*counts).p_value
    assert found == pytest.approx(drawn, abs=4 * np.sqrt(drawn * (1 / 40_000 + 1 / DRAWS)))
    assert found != pytest.approx(law.pvalue, rel=1e-9)


def test_statistics_of_many_tables_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    current, reference = rng.integers(0, 30, (2, 5, 4)).astype(float)
    current[:, 0] += 1
    reference[:, 0] += 1
    for measure in (pearson, likelihood_ratio):
        each = [float(measure(c, r)) for c, r in zip(current, reference, strict=True)]
        np.testing.assert_allclose(measure(current, reference), each, rtol=1e-12)


@settings(deadline=None)
@given(small)
def test_the_two_samples_may_be_exchanged(table) -> None:
    current, reference = np.transpose(table)
    forth, back = contingency(current, reference), contingency(reference, current)
    assert forth.p_value == pytest.approx(back.p_value, rel=1e-9, nan_ok=True)
    assert np.isnan(forth.p_value) == (current.sum() == 0 or reference.sum() == 0)


# --- Small counts ---


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_fisher_is_that_of_scipy(n: int, m: int, p: float, q: float) -> None:
    a, b = round(p * n), round(q * m)
    assert fisher(a, n, b, m) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue, rel=1e-9)


@pytest.mark.parametrize(
    ("a", "n", "b", "m"),
    [
        (500, 10**6, 600, 10**6),
        (50_000, 10**6, 25_300, 5 * 10**5),
        (10**6, 10**7, 10**6 + 3_000, 10**7),
        (500, 10**9, 600, 10**9),
        (0, 50, 5 * 10**6, 10**8),
    ],
)
def test_fisher_of_large_tables_is_that_of_scipy(a: int, n: int, b: int, m: int) -> None:
    assert fisher(a, n, b, m) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue, rel=1e-5)


@pytest.mark.parametrize(
    ("a", "n", "b", "m"), [(5 * 10**7, 10**9, 6 * 10**8, 10**9), (10**9, 10**9, 0, 10**9), (60, 1_000, 0, 10**9)]
)
def test_a_certain_difference_of_huge_tables_takes_no_memory(a: int, n: int, b: int, m: int) -> None:
    """The support between the expected and the observed count would take gigabytes."""
    assert fisher(a, n, b, m) < 1e-30


@pytest.mark.parametrize(("a", "n", "b", "m"), [(0, 10, 0, 5), (10, 10, 5, 5), (0, 0, 3, 5), (5, 10, 5, 10)])
def test_fisher_of_equal_or_empty_rows_is_one(a: int, n: int, b: int, m: int) -> None:
    assert fisher(a, n, b, m) == 1


def test_two_cells_of_small_counts_are_judged_exactly() -> None:
    expected = stats.fisher_exact([[1, 9], [90, 110]]).pvalue
    assert contingency([1, 9], [90, 110]).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("statistic", ["chi2", "g"])
@pytest.mark.parametrize("current", [[1, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 3], [1, 1, 1, 1], [0, 0, 1, 3]])
def test_fewer_than_five_rows_are_judged_over_all_tables_with_the_same_margins(
    current: list[int], statistic: str
) -> None:
    """Against the full enumeration; 10,000 draws leave an error of at most 4 standard errors."""
    reference = np.array([30, 20, 8, 2])
    now, measure = np.array(current), {"chi2": pearson, "g": likelihood_ratio}[statistic]
    totals, rows = now + reference, int(now.sum())
    tables = np.array([np.bincount(t, minlength=4) for t in combinations_with_replacement(range(4), rows)])
    chances = stats.multivariate_hypergeom.pmf(tables, totals, rows)
    extreme = measure(tables.astype(float), totals - tables) >= measure(now.astype(float), reference.astype(float)) * (
        1 - 1e-9
    )
    exact = chances[extreme].sum()
    found = contingency(now, reference, statistic=statistic).p_value
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000) + 2e-4)
    assert found == contingency(now, reference, statistic=statistic).p_value  # the draws are seeded by the counts


@pytest.mark.parametrize("rows", [10**8, 10**10])
def test_a_few_rows_against_a_huge_reference(rows: int) -> None:
    """Three different values of four equal ones are the likeliest outcome there is."""
    assert contingency([1, 1, 1, 0], [rows] * 4).p_value == 1
    assert contingency([rows] * 4, [1, 1, 1, 0]).p_value == 1
    exact = stats.multinomial.pmf([3, 0, 0, 0], 3, [0.25] * 4) * 4
    assert contingency([3, 0, 0, 0], [rows] * 4).p_value == pytest.approx(exact, abs=0.01)


# --- Edges ---


@pytest.mark.parametrize(("current", "reference"), [([0, 0], [3, 4]), ([3, 4], [0, 0]), ([0], [0]), ([], [])])
def test_without_rows_there_is_no_p_value(current: list[int], reference: list[int]) -> None:
    result = contingency(current, reference)
    assert np.isnan(result.p_value)
    assert (result.degrees, result.cells) == (0, 0)


@pytest.mark.parametrize(("current", "reference"), [([5], [9]), ([0, 7, 0], [0, 10**9, 0]), ([1, 0], [2, 0])])
def test_one_cell_says_nothing(current: list[int], reference: list[int]) -> None:
    result = contingency(current, reference)
    assert (result.p_value, result.degrees, result.cells) == (1, 0, 1)


def test_empty_cells_do_not_count() -> None:
    with_zeros, without = contingency([50, 0, 40, 0], [400, 0, 500, 0]), contingency([50, 40], [400, 500])
    assert with_zeros == without


def test_huge_counts_keep_the_law() -> None:
    """A difference of two standard errors in a trillion rows."""
    rows = 10**12
    shift = round(2 * np.sqrt(2 * rows * 0.25))
    result = contingency([rows // 2, rows // 2], [rows // 2 + shift, rows // 2 - shift])
    expected = 2 * stats.norm.sf(shift / np.sqrt(2 * rows * 0.25))
    assert result.p_value == pytest.approx(expected, rel=1e-5)


def test_equal_shares_are_certain_not_to_differ_and_disjoint_ones_to_differ() -> None:
    assert contingency([10, 20, 30], [100, 200, 300]).p_value == 1
    assert contingency([10**6, 0], [0, 10**6]).p_value == 0


# --- Joining rare cells ---


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30).filter(
        lambda table: all(sum(side) for side in zip(*table, strict=True))
    ),
    st.booleans(),
)
def test_joining_loses_no_row_and_numbers_the_cells_from_zero(table, ordered: bool) -> None:
    current, reference = np.transpose(table)
    cur, ref, cells = merged(current, reference, ordered=ordered)
    assert set(cells.tolist()) == set(range(len(cur)))
    assert cur.tolist() == [current[cells == i].sum() for i in range(len(cur))]
    assert ref.tolist() == [reference[cells == i].sum() for i in range(len(ref))]
    smaller = min(current.sum(), reference.sum())
    assert len(cur) <= max(smaller / 5 + 1e-6, 1)  # five rows a cell are expected on average
    np.testing.assert_array_equal(cells, merged_cells(current, reference, ordered=ordered))
    if ordered:
        assert (np.diff(cells) >= 0).all()


def test_neighbours_are_joined_without_a_look_at_the_window() -> None:
    """Joining by the window's counts would make a change out of noise."""
    reference = [50, 50, 50, 50, 50, 50]
    expected = [0, 0, 1, 2, 2, 3]
    for current in ([20, 0, 0, 0, 0, 0], [0, 0, 10, 0, 0, 10], [3, 3, 4, 3, 4, 3]):
        assert merged_cells(current, reference, ordered=True).tolist() == expected


def test_common_values_stay_alone() -> None:
    assert merged_cells([50, 60, 70], [500, 600, 700]).tolist() == [2, 1, 0]


def test_least_zero_joins_none() -> None:
    result = contingency([6, 1, 0, 2], [50, 1, 2, 40], least=0)
    assert result.cells == 4
    assert result.statistic == pytest.approx(stats.chi2_contingency([[6, 1, 0, 2], [50, 1, 2, 40]]).statistic)


# --- Under no change ---


def p_values_of(current: np.ndarray, reference: np.ndarray, *, ordered: bool = False) -> np.ndarray:
    return np.array([contingency(c, r, ordered=ordered).p_value for c, r in zip(current, reference, strict=True)])


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("values", "rows", "reference_rows"),
    [
        (5, 50, 500),
        (20, 50, 5_000),
        (200, 50, 5_000),
        (1_000, 200, 5_000),
        (200, 1_000, 1_000),
        (1_000, 10**6, 500_000),
    ],
)
def test_five_percent_of_unchanged_windows_of_values_are_rejected(values: int, rows: int, reference_rows: int) -> None:
    """Within 4 standard errors of 1,000 runs; the asymptotic test without joining rejects up to 38%."""
    rng = np.random.default_rng([values, rows])
    shares = 1 / np.arange(1, values + 1)
    shares /= shares.sum()
    p_values = p_values_of(rng.multinomial(rows, shares, 1_000), rng.multinomial(reference_rows, shares, 1_000))
    assert 0.0225 <= (p_values <= 0.05).mean() <= 0.0775


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("bins", "rows", "reference_rows"),
    [(32, 50, 512), (32, 50, 4_096), (32, 1_024, 1_024), (32, 10**6, 2**19)],
)
def test_five_percent_of_unchanged_windows_of_numbers_are_rejected(bins: int, rows: int, reference_rows: int) -> None:
    """Between its own quantiles the reference has equal counts, and the shares of the law are Dirichlet (Wilks 1962)."""
    rng = np.random.default_rng([bins, rows])
    reference = np.full(bins, reference_rows // bins)
    current = np.array([rng.multinomial(rows, shares) for shares in rng.dirichlet(reference, 1_000)])
    p_values = p_values_of(current, np.tile(reference, (1_000, 1)), ordered=True)
    assert 0.0225 <= (p_values <= 0.05).mean() <= 0.0775


@pytest.mark.simulation
def test_p_values_of_many_rows_are_uniform() -> None:
    rng = np.random.default_rng(0)
    shares = np.full(20, 0.05)
    p_values = p_values_of(rng.multinomial(20_000, shares, 1_000), rng.multinomial(50_000, shares, 1_000))
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4


@pytest.mark.simulation
def test_a_finite_reference_is_not_taken_for_the_truth() -> None:
    """The peers' defect: chi-square against the reference's shares as if known turns 5% into 30% and more."""
    rng = np.random.default_rng(0)
    shares = np.full(20, 0.05)
    current, reference = rng.multinomial(1_000, shares, 1_000), rng.multinomial(1_000, shares, 1_000)
    taken_for_true = stats.chi2.sf(((current - reference) ** 2 / reference).sum(1), 19)
    assert (taken_for_true <= 0.05).mean() > 0.3
    assert (p_values_of(current, reference) <= 0.05).mean() < 0.08
