"""An offset that follows: against the plain algorithm, in a world that changes, and within its limits."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.stats.adaptive_conformal import Following, follow, start


def test_it_is_adaptive_conformal_inference_over_a_rolling_window() -> None:
    """Row by row, as Gibbs & Candes write it, with numpy's quantile of the same definition."""
    scores = np.random.default_rng(0).exponential(size=400) * np.linspace(1, 3, 400)
    window, level, state = 20, 0.8, start(0.8, 1.5)
    offset, alpha = 1.5, 0.2
    for t, score in enumerate(scores):
        state = follow(state, [score], window=window)
        alpha += 5 / window * (0.2 - (score > offset)) if t >= 3 else 0.0
        alpha = min(max(alpha, 0.02), 0.5)
        recent = scores[max(0, t - window + 1) : t + 1]
        if t >= 3:
            rank = min((len(recent) + 1) / len(recent) * (1 - alpha), 1.0)
            offset = float(np.quantile(recent, rank, method="inverted_cdf"))
        assert (state.offset, state.asked) == (pytest.approx(offset), pytest.approx(1 - alpha if t >= 3 else level))
    assert (state.rows, len(state.scores)) == (400, window)


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_the_share_is_held_although_errors_grow_or_shrink(factor: float) -> None:
    rng = np.random.default_rng(1)
    scores = rng.exponential(size=12_000)
    scores[4_000:] *= factor
    state, held = start(0.9, 2.3), []
    for begin in range(0, len(scores), 50):
        part = scores[begin : begin + 50]
        held.append(np.mean(part <= state.offset))
        state = follow(state, part)
    assert np.mean(held) == pytest.approx(0.9, abs=0.006)
    assert min(np.convolve(held, np.ones(30) / 30, "valid")) > 0.8


def test_after_a_slow_drift_the_fixed_offset_has_lost_its_share_and_the_following_one_has_not() -> None:
    rng = np.random.default_rng(2)
    scores = np.abs(rng.normal(size=20_000)) * np.exp(np.linspace(0, 1.5, 20_000))
    state, held = start(0.9, 1.645), np.empty(20_000)
    for begin in range(0, len(scores), 24):
        held[begin : begin + 24] = scores[begin : begin + 24] <= state.offset
        state = follow(state, scores[begin : begin + 24])
    assert (scores <= 1.645).mean() < 0.7
    assert held.mean() == pytest.approx(0.9, abs=0.005)


@given(
    st.lists(st.floats(0, 1e6), max_size=300),
    st.sampled_from([0.5, 0.8, 0.9, 0.99]),
    st.integers(20, 60),
    st.floats(0, 1e6),
)
def test_it_is_never_infinite_nor_beyond_what_it_saw(
    scores: list[float], level: float, window: int, most: float
) -> None:
    state = follow(start(level, 1.0), scores, window=window, most=most)
    assert np.isfinite(state.offset)
    assert state.offset <= max(1.0, most)
    assert state.offset <= max([1.0, *scores])
    assert 1 - 3 * (1 - level) - 1e-9 <= state.asked <= 1 - 0.1 * (1 - level) + 1e-9
    assert len(state.scores) <= window


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.integers(1, 5))
def test_it_goes_on_where_it_was_stored(scores: list[float], pieces: int) -> None:
    """Cut between the pieces that it looks at, the state that went through JSON gives what one call gives."""
    cut = 10 * pieces
    first = follow(start(0.9, 1.0), scores[:cut], window=200)
    stored = msgspec.json.decode(msgspec.json.encode(first), type=Following)
    assert follow(stored, scores[cut:], window=200) == follow(start(0.9, 1.0), scores, window=200)


def test_no_rows_change_nothing() -> None:
    assert follow(start(0.9, 1.0), []) == start(0.9, 1.0)


def test_few_rows_leave_the_offset() -> None:
    assert follow(start(0.9, 1.0), np.full(99, 7.0)).offset == 1.0
    assert follow(start(0.9, 1.0), np.full(100, 7.0)).offset == 7.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="expected a truth and a prediction"):
        follow(start(0.9, 1.0), [1.0, bad])
    with pytest.raises(InputError, match="finite offset"):
        start(0.9, bad)
