"""A classifier as a second opinion: its p-value is valid, and it sees what no pair shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from holdfast.stats.classifier import Discrimination, discriminate


def p_values(table, rows: int, reference_rows: int, runs: int, windows: int = 0) -> np.ndarray:
    """P-values of windows that have not changed."""
    found = []
    for run in range(runs):
        rng = np.random.default_rng([run, rows])
        labels = np.arange(reference_rows) * windows // reference_rows if windows else None
        found.append(discriminate(table(rng, rows), table(rng, reference_rows), seed=run, windows=labels).p_value)
    return np.array(found)


TABLES = {
    "normal": lambda rng, rows: rng.normal(size=(rows, 5)),
    "correlated": lambda rng, rows: rng.normal(size=(rows, 5)) + rng.normal(size=(rows, 1)),
    "counts": lambda rng, rows: rng.poisson(1, (rows, 5)).astype(float),
    "half missing": lambda rng, rows: np.where(rng.random((rows, 5)) < 0.5, np.nan, rng.normal(size=(rows, 5))),
}


@pytest.mark.simulation
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("rows", [60, 600])
def test_p_values_of_unchanged_windows_are_uniform(table: str, rows: int) -> None:
    """A plain z over cross-fitted folds rejects 11% at 5%."""
    found = p_values(TABLES[table], rows, 1_000, 200)
    assert stats.kstest(found, "uniform").pvalue > 1e-4
    assert (found <= 0.05).mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.simulation
def test_with_windows_the_weaker_evidence_counts() -> None:
    assert (p_values(TABLES["correlated"], 300, 1_000, 200, windows=10) <= 0.05).mean() <= 0.08


@pytest.mark.simulation
def test_rows_that_are_told_apart_by_a_product_of_columns_are_found() -> None:
    """The sign of the first column times that of the second: no column has changed alone."""
    found = 0
    for run in range(20):
        rng = np.random.default_rng(run)
        current, reference = rng.normal(size=(1_000, 5)), rng.normal(size=(2_000, 5))
        current[:, 1] = np.where(rng.random(1_000) < 0.8, np.sign(current[:, 0]) * np.abs(current[:, 1]), current[:, 1])
        result = discriminate(current, reference, seed=run)
        found += result.p_value <= 0.01 and result.area > 0.6
    assert found == 20


def test_the_p_value_is_that_of_the_area() -> None:
    """Mann and Whitney without ties: sd of the area is sqrt((n + m + 1) / (12 n m)) over the held-out halves."""
    rng = np.random.default_rng(0)
    result = discriminate(rng.normal(size=(400, 3)), rng.normal(size=(800, 3)), seed=0)
    deviation = np.sqrt((200 + 400 + 1) / (12 * 200 * 400))
    assert result.p_value == pytest.approx(stats.norm.sf((result.area - 0.5) / deviation), rel=1e-9)


@pytest.mark.parametrize(
    "change",
    [lambda x: x + 3.0, lambda x: 100 * x, np.exp, lambda x: np.where(x > 2, 1e9, x)],
    ids=["shift", "unit", "shape", "1e9"],
)
def test_columns_that_change_alone_are_none_of_its_business(change) -> None:
    rng = np.random.default_rng(0)
    result = discriminate(change(rng.normal(size=(1_000, 5))), rng.normal(size=(2_000, 5)), seed=0)
    assert result.p_value > 0.01
    assert result.area < 0.58


def test_the_same_seed_gives_the_same_opinion() -> None:
    rng = np.random.default_rng(0)
    current, reference = rng.normal(size=(100, 25)), rng.normal(size=(200, 25))  # 300 pairs: the products are drawn
    assert discriminate(current, reference, seed=1) == discriminate(current, reference, seed=1)
    assert discriminate(current, reference, seed=1) != discriminate(current, reference, seed=2)


@pytest.mark.parametrize(("rows", "reference_rows"), [(9, 100), (100, 9), (0, 100), (1, 1)])
def test_too_few_rows_give_no_opinion(rows: int, reference_rows: int) -> None:
    result = discriminate(np.ones((rows, 3)), np.ones((reference_rows, 3)), seed=0)
    assert np.isnan([result.area, result.p_value]).all()
    assert isinstance(result, Discrimination)


@pytest.mark.parametrize("columns", [0, 1])
def test_fewer_than_two_columns_have_no_dependence(columns: int) -> None:
    assert np.isnan(discriminate(np.ones((50, columns)), np.ones((50, columns)), seed=0).p_value)


@pytest.mark.parametrize("windows", [None, np.repeat(np.arange(10), 20)], ids=["no windows", "windows"])
@pytest.mark.parametrize("value", [1.0, np.nan], ids=["constant", "missing"])
def test_columns_without_information_are_no_evidence(value: float, windows: np.ndarray | None) -> None:
    result = discriminate(np.full((100, 3), value), np.full((200, 3), value), seed=0, windows=windows)
    assert 0.001 < result.p_value <= 1
