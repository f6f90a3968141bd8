from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import percentileofscore

from holdfast.errors import InputError
from holdfast.stats.support import background, distances, support_limit


def _none(rows: int) -> np.ndarray:
    return np.empty((rows, 0), dtype=np.int64)


def _plain(known: np.ndarray, known_codes: np.ndarray, numbers: np.ndarray, codes: np.ndarray) -> list[float]:
    """The definition, row by row and feature by feature, for numbers within the range of the background."""

    def rank(column: int, value: float) -> float:
        present = known[:, column][~np.isnan(known[:, column])]
        return percentileofscore(present, value, kind="mean") / 100

    found = []
    for row, code in zip(numbers, codes, strict=True):
        totals = []
        for other, other_code in zip(known, known_codes, strict=True):
            total = float((code != other_code).sum())
            for j, (a, b) in enumerate(zip(row, other, strict=True)):
                if np.isnan(a) or np.isnan(b):
                    total += np.isnan(a) != np.isnan(b)
                else:
                    total += (rank(j, a) - rank(j, b)) ** 2
            totals.append(total)
        found.append(np.sqrt(min(totals) / (len(row) + len(code))))
    return found


def test_distances_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    known, rows = rng.integers(0, 6, (30, 3)).astype(float), rng.integers(0, 6, (40, 3)).astype(float)
    known[:2, :] = [[0], [5]]
    known[rng.random(known.shape) < 0.2], rows[rng.random(rows.shape) < 0.2] = np.nan, np.nan
    known_codes, codes = rng.integers(0, 3, (30, 2)), rng.integers(0, 4, (40, 2))
    np.testing.assert_allclose(
        distances(background(known, known_codes), rows, codes), _plain(known, known_codes, rows, codes), atol=1e-8
    )


def test_a_row_of_the_background_has_no_distance() -> None:
    rng = np.random.default_rng(0)
    known = rng.lognormal(0, 3, (500, 8))
    known[rng.random(known.shape) < 0.3] = np.nan
    codes = rng.integers(0, 5, (500, 2))
    assert not distances(background(known, codes), known, codes).any()


def test_ranks_do_not_know_units() -> None:
    rng = np.random.default_rng(0)
    known, rows = rng.random((200, 4)), rng.random((100, 4)) * 0.8 + 0.1
    first = distances(background(known, _none(200)), rows, _none(100))
    inside = (rows > known.min(axis=0)).all(axis=1) & (rows < known.max(axis=0)).all(axis=1)
    second = distances(background(np.exp(9 * known), _none(200)), np.exp(9 * rows), _none(100))
    np.testing.assert_allclose(first[inside], second[inside], atol=1e-8)


def test_values_beyond_the_range_count_by_how_far_they_are() -> None:
    """The largest has the rank 3 / 4; two ranges beyond it, 1 + ln(3). Beyond a constant, the unit is its size."""
    known = background(np.array([[0.0], [1.0]]), _none(2))
    far = distances(known, np.array([[1.0], [3.0], [-2.0], [np.inf], [-np.inf]]), _none(5))
    np.testing.assert_allclose(far[:3], [0, 0.25 + np.log(3), 0.25 + np.log(3)], atol=1e-6)
    assert np.isfinite(far).all()
    assert far[3:].min() > 500
    constant = background(np.array([[10.0], [10.0]]), _none(2))
    found = distances(constant, np.array([[10.0], [20.0], [0.0]]), _none(3))
    np.testing.assert_allclose(found, [0, 0.5 + np.log(2), 0.5 + np.log(2)], atol=1e-6)


def test_a_new_category_differs_from_all() -> None:
    known = background(np.empty((3, 0)), np.array([[0, 5], [1, 5], [2, 5]]))
    codes = np.array([[0, 5], [9, 5], [9, 9]])
    np.testing.assert_allclose(distances(known, np.empty((3, 0)), codes), np.sqrt([0, 0.5, 1]), atol=1e-8)


def test_a_number_that_was_always_missing_is_one_away() -> None:
    known = background(np.full((3, 1), np.nan), _none(3))
    assert distances(known, np.array([[np.nan], [7.0], [-1e300]]), _none(3)).tolist() == [0, 1, 1]


@given(st.integers(1, 40), st.integers(0, 3), st.integers(0, 3), st.integers(0, 10))
def test_a_row_alone_and_in_a_batch_is_equally_far(rows: int, numbers: int, categories: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers += not categories
    x, c = rng.integers(0, 4, (60, numbers)) / 3, rng.integers(0, 3, (60, categories))
    known = background(x[:20], c[:20])
    batch = distances(known, x[20:], c[20:])
    single = [distances(known, x[i : i + 1], c[i : i + 1])[0] for i in range(20, 20 + rows)]
    assert single == batch[:rows].tolist()


def test_chunks_change_nothing() -> None:
    rng = np.random.default_rng(0)
    known, rows, codes = rng.random((5, 2)), rng.random((10_000, 2)), rng.integers(0, 2, (10_000, 1))
    prepared = background(known, codes[:5])
    whole = distances(prepared, rows, codes)
    parts = [distances(prepared, rows[i : i + 999], codes[i : i + 999]) for i in range(0, 10_000, 999)]
    assert whole.tolist() == np.concatenate(parts).tolist()


def test_the_limit_lets_new_rows_pass_and_stops_strange_ones() -> None:
    """One in a hundred like rows is stopped; most of those with a broken dependence or a wrong unit are."""

    def rows(n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        factor = rng.normal(size=(n, 1))
        return factor + 0.3 * rng.normal(size=(n, 10))

    known = background(rows(1_000, 0), _none(1_000))
    limit = support_limit(distances(known, rows(2_000, 1), _none(2_000)))
    new = rows(4_000, 2)
    assert (distances(known, new, _none(4_000)) > limit).mean() == pytest.approx(0.01, abs=0.006)
    shuffled = np.random.default_rng(3).permuted(new, axis=0)
    assert (distances(known, shuffled, _none(4_000)) > limit).mean() > 0.95
    cents = new.copy()
    cents[:, 4] = 100 * np.abs(cents[:, 4]) + 100
    assert (distances(known, cents, _none(4_000)) > limit).mean() > 0.95


def test_too_few_rows_set_no_limit() -> None:
    assert support_limit(np.arange(98.0)) is None
    assert support_limit(np.arange(99.0)) == 98
    with pytest.raises(InputError, match="NaN"):
        support_limit([np.nan] * 200)


def test_no_rows_have_no_distances() -> None:
    known = background(np.zeros((1, 1)), _none(1))
    assert distances(known, np.empty((0, 1)), _none(0)).shape == (0,)


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [(np.empty((0, 1)), _none(0)), (np.empty((3, 0)), _none(3)), (np.zeros(3), _none(3)), (np.zeros((3, 1)), _none(2))],
)
def test_a_background_without_rows_or_features_is_refused(numbers: np.ndarray, codes: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected"):
        background(numbers, codes)


def test_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="1 numbers and 0 categories; got 2 and 0"):
        distances(background(np.zeros((1, 1)), _none(1)), np.zeros((1, 2)), _none(1))
