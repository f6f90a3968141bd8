"""Tests whether rows are drawn alike agree with SciPy and statsmodels, and keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from holdfast.stats.drawn_alike import drawn_alike_within, rank_sum


def test_the_rank_sum_is_that_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    cell = rng.integers(0, 12, 800)
    drawn = rng.random(800) < 0.2 + 0.02 * cell
    found = rank_sum(np.bincount(cell[drawn], minlength=12), np.bincount(cell, minlength=12))
    expected = mannwhitneyu(cell[drawn], cell[~drawn], use_continuity=False, method="asymptotic").pvalue
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_rank_sum_of_all_or_none_is_unknown_and_of_one_cell_is_one() -> None:
    assert np.isnan(rank_sum([5, 5], [5, 5]))
    assert np.isnan(rank_sum([0, 0], [5, 5]))
    assert rank_sum([3, 0], [5, 0]) == 1.0


def test_two_groups_are_tested_as_by_mantel_and_haenszel() -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    rng = np.random.default_rng(1)
    rows = rng.integers(40, 200, (2, 5))
    drawn = rng.binomial(rows, [[0.3, 0.4, 0.5, 0.6, 0.2], [0.35, 0.42, 0.5, 0.66, 0.3]])
    stacked = np.stack([drawn, rows - drawn], axis=1)  # group, drawn or not, stratum
    expected = tables.StratifiedTable(stacked.astype(float)).test_null_odds(correction=False).pvalue
    assert drawn_alike_within(drawn, rows) == pytest.approx(expected, rel=1e-9)


def test_what_strata_explain_is_no_difference_and_the_level_is_kept() -> None:
    rng = np.random.default_rng(2)
    chance, found = np.array([0.1, 0.3, 0.8]), []
    for _ in range(1_000):
        # Groups differ in their strata, and so in their share of drawn rows.
        rows = rng.poisson([[90, 40, 10], [10, 40, 90], [40, 40, 40]])
        found.append(drawn_alike_within(rng.binomial(rows, chance), rows))
    assert 0.03 <= np.mean(np.array(found) < 0.05) <= 0.07


def test_a_group_that_is_drawn_oftener_is_found() -> None:
    rows = np.full((4, 3), 100)
    drawn = np.full((4, 3), 30)
    drawn[2] = 50
    assert drawn_alike_within(drawn, rows) < 1e-6


def test_small_groups_count_as_one_and_one_group_tells_nothing() -> None:
    rows, drawn = np.array([[500], [500], [2], [3]]), np.array([[250], [250], [2], [0]])
    assert 0 < drawn_alike_within(drawn, rows) <= 1
    assert np.isnan(drawn_alike_within([[10]], [[100]]))
    assert np.isnan(drawn_alike_within([[100], [100]], [[100], [100]]))
