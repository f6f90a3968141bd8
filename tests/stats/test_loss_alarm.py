"""Rises of a loss: against the sum over all moments, batch against rows, and by the alarms that come."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.stats.loss_alarm import FACTORS, LossDetector, detector, watch_losses

losses = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=40)


@given(losses)
def test_evidence_is_the_sum_over_all_moments_of_the_likelihood_ratio(drawn: list[float]) -> None:
    state, alarms = watch_losses(detector(0.2, threshold=1e12), drawn)
    assert not alarms
    x = np.array(drawn)
    for factor, found in zip(FACTORS, state.evidence, strict=True):
        odds = 0.25 * factor
        risk = odds / (1 + odds)
        # For a loss of 0 or 1 the ratio of Bernoulli likelihoods; between them what lies between.
        ratios = (1 - x) * (1 - risk) / 0.8 + x * risk / 0.2
        assert found == pytest.approx(sum(ratios[start:].prod() for start in range(len(x))), rel=1e-9)


@given(losses, st.integers(1, 7), st.sampled_from([detector(0.2, threshold=30.0), detector(0.2, 40, threshold=30.0)]))
def test_batches_give_what_single_rows_give(drawn: list[float], size: int, start: LossDetector) -> None:
    whole, alarms = watch_losses(start, drawn)
    state, found = start, []
    for first in range(0, len(drawn), size):
        state, more = watch_losses(state, drawn[first : first + size])
        found += [msgspec.structs.replace(alarm, place=first + alarm.place) for alarm in more]
    assert [(alarm.place, alarm.rows) for alarm in found] == [(alarm.place, alarm.rows) for alarm in alarms]
    np.testing.assert_allclose(state.evidence, whole.evidence, rtol=1e-9)
    np.testing.assert_allclose(
        [state.rows, state.total, *state.risen, *state.rows_since, *state.total_since],
        [whole.rows, whole.total, *whole.risen, *whole.rows_since, *whole.total_since],
        rtol=1e-6,
        atol=1e-9,
    )


def test_an_estimated_mean_is_bet_against_by_its_predictive_law() -> None:
    """The product of the predictive probabilities is the beta-binomial's, with Jeffreys' prior."""
    from scipy.special import betaln

    x = np.array([1.0, 0, 0, 1, 1, 0])
    state, _ = watch_losses(detector(0.25, 8, threshold=1e12), x)
    before, after = betaln(2.5, 6.5), betaln(2.5 + x.sum(), 6.5 + len(x) - x.sum())
    means = (2 + np.append(0, np.cumsum(x))[:-1] + 0.5) / (8 + np.arange(6) + 1)
    assert np.log(np.where(x == 1, means, 1 - means)).sum() == pytest.approx(after - before)
    odds = means / (1 - means) * FACTORS[0]
    ratios = np.where(x == 1, odds / (1 + odds) / means, 1 / (1 + odds) / (1 - means))
    assert state.evidence[0] == pytest.approx(sum(ratios[start:].prod() for start in range(6)))


def test_the_moment_of_a_rise_and_its_size_are_told() -> None:
    quiet, risen = [0.0] * 19 + [1.0], [1.0, 0.0]
    _, alarms = watch_losses(detector(0.05, threshold=1e5), quiet * 20 + risen * 40)
    first = alarms[0]
    assert abs(first.place + 1 - first.rows - 400) <= 2
    assert first.before == 0.05
    assert first.after == pytest.approx(0.5, abs=0.1)
    assert first.evidence >= 1e5


def test_a_rise_that_persists_alarms_once() -> None:
    rng = np.random.default_rng(0)
    state, alarms = watch_losses(detector(0.1, threshold=45_000), rng.random(20_000) < 0.3)
    assert len(alarms) == 1
    assert state.mean is None
    assert state.total / state.rows == pytest.approx(0.3, abs=0.02)


def test_a_fall_is_no_rise() -> None:
    _, alarms = watch_losses(detector(0.3, threshold=1_000), np.zeros(50_000))
    assert alarms == []


def test_an_unknown_loss_is_left_out() -> None:
    known, alarms = watch_losses(detector(0.1, threshold=500.0), [1.0] * 8)
    gaps, later = watch_losses(detector(0.1, threshold=500.0), [np.nan, 1.0] * 8)
    assert [alarm.place for alarm in later] == [2 * alarm.place + 1 for alarm in alarms]
    assert gaps == known


def test_no_losses_change_nothing() -> None:
    state = detector(0.1, threshold=500.0)
    assert watch_losses(state, []) == (state, [])
    assert watch_losses(state, [np.nan]) == (state, [])


def test_a_mean_of_which_nothing_is_known_is_learned() -> None:
    rng = np.random.default_rng(1)
    state, alarms = watch_losses(detector(0.0, 0, threshold=1e5), rng.random(3_000) < 0.2)
    assert alarms == []
    assert state.total / state.rows == pytest.approx(0.2, abs=0.02)


def test_state_goes_to_msgpack_and_back() -> None:
    for state in (detector(0.1, threshold=500.0), detector(0.1, 80, threshold=500.0)):
        after, _ = watch_losses(state, [0.0, 1.0, 0.3])
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(after), type=LossDetector) == after


@pytest.mark.parametrize("loss", [-0.1, 1.5, np.inf])
def test_a_loss_out_of_range_is_refused(loss: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        watch_losses(detector(0.1, threshold=500.0), [0.0, loss])


@pytest.mark.parametrize(
    "asked", [{"mean": 0.0}, {"mean": 1.2}, {"mean": 0.1, "rows": -1}, {"mean": 0.1, "threshold": 0.0}]
)
def test_impossible_settings_are_refused(asked: dict[str, float]) -> None:
    with pytest.raises(SettingError, match="threshold > 0"):
        detector(**{"threshold": 500.0, **asked})


@pytest.mark.parametrize("rows", [np.inf, 1_000])
def test_false_alarms_are_no_more_than_the_budget(rows: float) -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(200):
        mean = 0.1 if np.isinf(rows) else (rng.random(1_000) < 0.1).mean()
        alarms += len(watch_losses(detector(float(mean), rows, threshold=2_000), rng.random(4_000) < 0.1)[1])
    assert 0 < alarms / 200 <= 4_000 / 2_000
