"""A change in the unit of its signal, and whether it matters."""

from __future__ import annotations

from math import asin, sqrt

import msgspec
import pytest

from holdfast.alarms.alarms import begin
from holdfast.alarms.budget import AlarmSettings
from holdfast.alarms.changes import Change, Past
from holdfast.alarms.measured import WITHIN, Estimate, change_of, estimated, grown
from holdfast.alarms.observation import Observation
from holdfast.alarms.state import Signal


def signal(key: str, level: float, **known: object) -> Signal:
    """One that was seen in a single window."""
    watch = begin([(0.0, {key: Observation(0.1, 0.01, 1_000)})], AlarmSettings())
    past = (Past(start=0.0, error=0.0, deviation=0.01, memory=0.0, level=level),)
    return msgspec.structs.replace(watch.signals[key], past=past, **known)


def angle(share: float) -> float:
    return asin(sqrt(share))


def estimate(effect: float, error: float) -> Estimate:
    return Estimate(effect=effect, error=error, windows=2, since=5.0, earliest=4.0, latest=5.0)


def told(one: Signal, effect: float, error: float = 0.01, offset: float = 0.0) -> Change:
    return change_of("key", one, estimate(effect, error), offset=offset, evidence=120.0)


def test_a_share_is_told_as_a_share() -> None:
    one = signal("column:a:missing", angle(0.1), minimum=0.05)
    change = told(one, angle(0.3) - angle(0.1))
    assert (change.effect, change.level, change.distance) == (
        pytest.approx(0.2),
        pytest.approx(0.3),
        pytest.approx(0.2),
    )
    assert change.low < 0.2 < change.high
    assert (change.direction, change.material, change.since, change.windows) == ("up", True, 5.0, 2)


def test_the_interval_is_the_effect_and_its_errors() -> None:
    change = told(signal("score:location", 2.0), -0.4, 0.1)
    assert (change.low, change.high) == (pytest.approx(-0.4 - 0.1 * WITHIN), pytest.approx(-0.4 + 0.1 * WITHIN))
    assert (change.direction, change.level) == ("down", pytest.approx(1.6))


def test_what_matters_is_counted_from_the_last_change_that_mattered() -> None:
    fresh = signal("score:location", 0.0, minimum=0.3)
    assert not told(fresh, 0.2).material
    assert told(fresh, 0.2, offset=0.2).material
    moved = signal("score:location", 0.0, minimum=0.3, baseline=0.4)
    assert not told(moved, 0.2, offset=0.4).material
    assert told(moved, 0.4, offset=0.4).material


def test_coming_back_is_no_incident() -> None:
    change = told(signal("score:location", 0.0, minimum=0.3, baseline=0.5), -0.45, offset=0.5)
    assert (change.recovered, change.material, change.distance) == (True, False, pytest.approx(0.05))
    beyond = told(signal("score:location", 0.0, minimum=0.3, baseline=0.5), -1.0, offset=0.5)
    assert (beyond.recovered, beyond.material) == (False, True)


def test_with_minimum_effect_zero_every_change_matters() -> None:
    assert told(signal("score:location", 0.0, minimum=0.0), 1e-9).material


@pytest.mark.parametrize(("variance", "matters"), [(0.01**2, True), (0.1**2, False)])
def test_a_noted_change_matters_when_it_is_sure_to(variance: float, matters: bool) -> None:
    one = signal("score:location", 0.0, minimum=0.3)
    found = grown(told(one, 0.25), one, offset=0.4, variance=variance)
    assert (found is not None) is matters
    if found is not None:
        assert (found.effect, found.since, found.evidence, found.material) == (pytest.approx(0.4), 5.0, 120.0, True)


def test_a_noted_change_that_went_away_does_not_matter() -> None:
    one = signal("score:location", 0.0, minimum=0.0)
    assert grown(told(one, 0.25), one, offset=0.0, variance=0.01) is None


def test_the_level_before_a_change_is_not_known_exactly() -> None:
    past = [
        Past(start=float(at), error=error, deviation=0.1, memory=0.0, level=0.0) for at, error in enumerate([0.0, 1.0])
    ]
    found = estimated(past, 0.0, 4.0)
    assert (found.since, found.windows, found.effect) == (1.0, 1, pytest.approx(1.0))
    assert found.error == pytest.approx(sqrt(0.1**2 + 0.1**2 / 4))
