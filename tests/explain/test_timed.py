from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from holdfast.explain.timed import MOST_PAIRS, Sampled, timed_contributions

RNG = np.random.default_rng(0)
ROWS, KNOWN = RNG.normal(size=(4, 3)), RNG.normal(size=(50, 3))
NONE = np.zeros(4, dtype=np.intp)
NUMBERS = [11, 22, 33, 44]


def total(x: np.ndarray) -> np.ndarray:
    return x @ [1.0, -2.0, 0.0]


def product(x: np.ndarray) -> np.ndarray:
    return x[:, 0] * x[:, 1] + x[:, 2]


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by a step each time that it is asked."""
    ticks: Iterator[float] = itertools.count(0.0, step)
    return lambda: next(ticks)


def explained(
    model: Callable[[np.ndarray], np.ndarray] = product,
    rows: np.ndarray = ROWS,
    numbers: list[int] = NUMBERS,
    seconds: float = 1e9,
    clock: Callable[[], float] = lambda: 0.0,
    seed: int = 0,
) -> Sampled:
    def mixed(own: np.ndarray, row: np.ndarray, other: np.ndarray) -> np.ndarray:
        return model(np.where(own, rows[row], KNOWN[other]))

    return timed_contributions(
        mixed, 3, model(rows), model(KNOWN)[None], NONE[: len(rows)], numbers, seconds=seconds, clock=clock, seed=seed
    )


def test_values_are_near_the_enumerated_ones_and_add_up() -> None:
    found = explained()
    assert found.pairs == MOST_PAIRS
    np.testing.assert_allclose(found.values.sum(axis=1) + product(KNOWN).mean(), product(ROWS), atol=1e-12)
    x, b = ROWS[:, None], KNOWN
    first = (x[..., 0] - b[:, 0]) * (x[..., 1] + b[:, 1]) / 2
    second = (x[..., 1] - b[:, 1]) * (x[..., 0] + b[:, 0]) / 2
    expected = np.stack([first, second, x[..., 2] - b[:, 2]], axis=2).mean(axis=1)
    assert np.abs(found.values - expected).max() < 0.1
    assert (np.abs(found.values - expected) <= 3 * found.errors + 1e-9).all()


def test_a_feature_that_is_not_used_brings_nothing() -> None:
    found = explained(total)
    assert not found.values[:, 2].any()
    assert not found.errors[:, 2].any()


@pytest.mark.parametrize(("seconds", "pairs"), [(0.0, 2), (2.0, 2), (3.0, 4), (5.0, 6), (1e9, 128)])
def test_as_many_pairs_are_drawn_as_the_time_allows(seconds: float, pairs: int) -> None:
    """A second passes between two looks at the clock, so that a pair of the first rounds takes half of one."""
    assert explained(seconds=seconds, clock=ticking(1.0)).pairs == pairs


def test_without_time_the_values_add_up_all_the_same() -> None:
    found = explained(seconds=0.0, clock=ticking(1.0))
    np.testing.assert_allclose(found.values.sum(axis=1) + product(KNOWN).mean(), product(ROWS), atol=1e-12)


def test_a_row_has_the_same_values_whatever_stands_beside_it_and_another_seed_gives_others() -> None:
    together = explained()
    alone = explained(rows=ROWS[2:3], numbers=NUMBERS[2:3])
    np.testing.assert_allclose(alone.values[0], together.values[2], atol=1e-12)
    assert not np.allclose(explained(seed=1).values, together.values, atol=1e-6)


def test_rounds_that_hold_fewer_rows_at_once_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = explained(total)
    monkeypatch.setattr("holdfast.explain.timed.FLAGS", 200)
    pieces = explained(total)
    assert pieces.pairs == whole.pairs
    np.testing.assert_allclose(pieces.values, whole.values, atol=0.1)


def test_each_row_is_explained_for_its_own_score() -> None:
    def both(x: np.ndarray) -> np.ndarray:
        return np.column_stack([total(x), product(x)])

    targets = np.array([0, 1, 1, 0])

    def mixed(own: np.ndarray, row: np.ndarray, other: np.ndarray) -> np.ndarray:
        return both(np.where(own, ROWS[row], KNOWN[other]))[np.arange(len(row)), targets[row]]

    answers = both(ROWS)[np.arange(4), targets]
    found = timed_contributions(mixed, 3, answers, both(KNOWN).T, targets, NUMBERS, seconds=1e9, clock=lambda: 0.0)
    np.testing.assert_allclose(found.values[[0, 3]], explained(total).values[[0, 3]], atol=1e-12)
    np.testing.assert_allclose(found.values[[1, 2]], explained().values[[1, 2]], atol=1e-12)


def test_one_feature_brings_all() -> None:
    def mixed(*_: np.ndarray) -> np.ndarray:
        raise AssertionError("there is nothing to mix")

    known = np.array([[1.0, 3.0]])
    found = timed_contributions(mixed, 1, np.array([5.0]), known, NONE[:1], [1], seconds=0.0)
    assert found.values.tolist() == [[3.0]]
