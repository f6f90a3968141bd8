"""Since when a share is another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from holdfast.stats.share_change import share_change


def by_hand(hits: list[int], rows: list[int]) -> np.ndarray:
    """Posterior of the first group after the change, by the beta-binomial probabilities of the counts themselves."""

    def together(some_hits: list[int], some_rows: list[int]) -> float:
        found, seen, positive = 1.0, 0, 0
        for x, n in zip(some_hits, some_rows, strict=True):
            found *= betabinom.pmf(x, n, 1 + positive, 1 + seen - positive)
            seen, positive = seen + n, positive + x
        return found

    odds = np.array(
        [together(hits[:first], rows[:first]) * together(hits[first:], rows[first:]) for first in range(len(hits))]
    )
    return odds / odds.sum()


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=5).filter(lambda c: any(map(sum, c)))
)
def test_the_moment_is_the_most_probable_one(counts: list[tuple[int, int]]) -> None:
    hits, rows = [x for x, _ in counts], [x + y for x, y in counts]
    found, probability = share_change(hits, rows), by_hand(hits, rows)
    assert probability[found.first] == pytest.approx(probability.max())
    inside = probability[found.earliest : found.latest + 1].sum()
    assert found.earliest <= found.first <= found.latest
    assert inside >= 0.95 - 1e-9


def test_a_share_that_begins_to_be_larger_is_dated() -> None:
    found = share_change([1, 0, 2, 30, 28, 33], [100] * 6)
    assert (found.first, found.earliest, found.latest) == (3, 3, 3)
    assert found.before == pytest.approx(0.01)
    assert found.after == pytest.approx(0.91 / 3)


def test_a_share_that_is_the_same_all_the_time_has_not_changed() -> None:
    found = share_change([500, 510, 490, 505], [1000] * 4)
    assert found.first == 0
    assert np.isnan(found.before)
    assert found.after == pytest.approx(0.50125)


def test_what_comes_in_one_group_is_dated_to_it() -> None:
    assert share_change([7], [10]).first == 0
    assert share_change([0, 50], [100, 100])[:3] == (1, 1, 1)


def test_the_interval_covers_the_moment_as_often_as_it_says() -> None:
    draws, covered = np.random.default_rng(0), []
    for first, _ in itertools.product(range(2, 9), range(60)):
        hits = draws.binomial(60, np.where(np.arange(10) < first, 0.1, 0.25))
        found = share_change(hits, [60] * 10)
        covered.append(found.earliest <= first <= found.latest)
    assert np.mean(covered) >= 0.93
