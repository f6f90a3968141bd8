from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from holdfast.explain.aggregates import directions, examples, shapley_shares
from holdfast.explain.shapley import Contributions


def found(values: np.ndarray, base: object = 0.0) -> Contributions:
    return Contributions(features=tuple("abcd"[: values.shape[1]]), values=values, base=np.array(base))


def test_shares_are_of_absolute_values_over_rows_and_classes() -> None:
    values = np.array([[[1.0, -1.0], [0.0, 2.0]], [[-4.0, 0.0], [0.0, 0.0]]])
    assert shapley_shares(found(values)) == {"a": 0.75, "b": 0.25}
    assert shapley_shares(found(values), np.array([1.0, 0.0])) == {"a": 0.5, "b": 0.5}
    assert shapley_shares(found(np.zeros((3, 2)))) == {"a": 0.0, "b": 0.0}


def test_direction_is_a_rank_correlation() -> None:
    """Any rising curve gives 1; without monotony it is near Spearman's, which weighs the ranks a little differently."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    values = np.column_stack([np.exp(x), -(x**3), x + 2 * rng.normal(size=400), np.zeros(400)])
    rows = pa.table(dict.fromkeys("abcd", x))
    direction = directions(found(values), rows)
    assert direction["a"] == pytest.approx(1)
    assert direction["b"] == pytest.approx(-1)
    assert direction["c"] == pytest.approx(stats.spearmanr(x, values[:, 2]).statistic, abs=0.05)
    assert direction["d"] is None


def test_what_has_no_order_has_no_direction() -> None:
    rows = pa.table({"a": ["x", "y"], "b": [1.0, 1.0], "c": pa.array([None, None], pa.float64()), "d": [True, False]})
    assert set(directions(found(np.ones((2, 4)) * [[1], [2]]), rows).values()) == {None}
    classes = found(np.zeros((2, 4, 3)), np.zeros(3))
    assert set(directions(classes, rows).values()) == {None}


def test_missing_values_take_no_part_in_the_direction() -> None:
    rows = pa.table({"a": pa.array([1, None, 3, 4], pa.int64())})
    assert directions(found(np.array([[1.0], [99.0], [3.0], [4.0]])), rows)["a"] == pytest.approx(1)


def test_examples_go_from_the_lowest_to_the_highest_score() -> None:
    values = np.array([[5.0, 0.0], [1.0, 0.0], [3.0, 1.0], [2.0, 0.0], [9.0, 0.0]])
    low, middle, high = examples(found(values, 0.5), np.array([10, 20, 30, 40, 50]), 3)
    assert (low.row, middle.row, high.row) == (20, 30, 50)
    assert (middle.base, middle.total, middle.contributions) == (0.5, 4.5, {"a": 3.0, "b": 1.0})


def test_an_example_of_several_classes_explains_the_highest() -> None:
    values = np.array([[[0.1, 0.5, 0.0]], [[0.8, 0.0, 0.0]]])
    first, second = examples(found(values, [0.1, 0.2, 0.3]), np.array([0, 1]), 9, ("x", "y", "z"))
    assert (first.output, first.total, first.base) == ("y", pytest.approx(0.7), 0.2)
    assert (second.output, second.total) == ("x", pytest.approx(0.9))
    assert examples(found(values, [0.1, 0.2, 0.3]), np.array([0, 1]), 0) == ()
