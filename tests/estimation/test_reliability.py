"""Whether estimates can be believed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from holdfast.estimation.estimates import Estimated
from holdfast.estimation.reliability import Reliability, judged
from holdfast.evidence import Estimate

ESTIMATED = Estimated(estimate=Estimate(value=0.5, low=0.3, high=0.7), deviation=0.1)


def after(*distances: float) -> list[Reliability]:
    """States after windows that lie so many standard errors off."""
    states = [Reliability()]
    for distance in distances:
        states.append(judged(0.5 + 0.1 * distance, ESTIMATED, states[-1]))
    return states[1:]


def test_far_off_once_is_enough() -> None:
    (state,) = after(3.31)
    assert (state.status, state.contradicts) == ("unreliable", True)
    assert after(-3.29)[-1].status == "reliable"


@pytest.mark.parametrize(
    ("distances", "status"),
    [((2.3, 2.3), "unreliable"), ((2.3, -2.3), "reliable"), ((2.3, 0.0, 2.3), "reliable"), ((2.2, 2.3), "reliable")],
)
def test_off_twice_running_on_one_side(distances: tuple[float, ...], status: str) -> None:
    assert after(*distances)[-1].status == status


def test_three_windows_that_agree_lift_it() -> None:
    states = after(4.0, 0.1, 2.3, 0.1, -0.2, 0.3)
    assert [state.status for state in states] == ["unreliable"] * 5 + ["reliable"]
    assert [state.contradicts for state in states] == [True] + [False] * 5


def test_coverage_is_kept() -> None:
    state = after(0.0, 1.0, -2.5)[-1]
    assert (state.windows, state.covered) == (3, 2)
    assert state.coverage == pytest.approx(2 / 3)
    assert Reliability().coverage is None


def test_nothing_to_compare_changes_nothing() -> None:
    (state,) = after(1.0)
    unknown = Estimated(estimate=Estimate(value=None), status="unknown", reason="few rows")
    assert judged(0.4, unknown, state) is state
    assert judged(None, ESTIMATED, state) is state


def test_few_labels_are_more_to_chance() -> None:
    assert judged(0.9, ESTIMATED, Reliability()).status == "unreliable"
    state = judged(0.89, ESTIMATED, Reliability(), labelled=0.25)
    assert (state.status, state.distance, state.covered) == ("reliable", pytest.approx(1.95), 1)


def test_what_cannot_vary_is_wrong_when_it_does() -> None:
    certain = Estimated(estimate=Estimate(value=0.5, low=0.5, high=0.5), deviation=0.0)
    assert judged(0.5, certain, Reliability()).status == "reliable"
    assert judged(0.6, certain, Reliability()).status == "unreliable"


def test_stable_streams_are_seldom_unreliable_and_wrong_ones_at_once() -> None:
    random = np.random.default_rng(0)
    stable = [state.status for _ in range(40) for state in after(*random.normal(size=100))]
    assert stable.count("unreliable") / len(stable) < 0.01
    wrong = [after(*(6 + random.normal(size=2)))[-1].status for _ in range(200)]
    assert wrong.count("unreliable") == 200


def test_state_goes_to_json_and_back() -> None:
    state = after(2.5, 3.5)[-1]
    assert msgspec.json.decode(msgspec.json.encode(state), type=Reliability) == state
