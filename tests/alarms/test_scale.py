"""The scale on which a signal is judged."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.alarms.observation import Observation
from holdfast.alarms.scale import back, onto, scale_of


@pytest.mark.parametrize(
    "key",
    ["column:a:missing", "column:a:new", "column:a:value:0", "decision:yes", "review:share", "label:2", "label:share"],
)
def test_shares_are_judged_as_angles(key: str) -> None:
    assert scale_of(key) == "share"


@pytest.mark.parametrize(
    "key", ["column:a:location", "column:a:spread", "volume", "loss", "calibration", "score:location"]
)
def test_the_others_are_judged_as_they_are(key: str) -> None:
    assert scale_of(key) == "plain"
    assert onto("plain", Observation(-0.3, 0.1, 5)) == (-0.3, 0.1)
    assert back("plain", -0.3) == -0.3


@given(st.integers(0, 5_000), st.integers(5_000, 100_000))
def test_a_share_comes_back(hits: int, rows: int) -> None:
    angle, _ = onto("share", Observation(hits / rows, 0.01, rows))
    assert back("share", angle) == pytest.approx(hits / rows, abs=0.5 / rows + 1e-9)


def test_the_deviation_of_an_angle_is_that_of_its_share() -> None:
    rng = np.random.default_rng(0)
    for share in (0.01, 0.3):
        angles = [
            onto("share", Observation(hits / 2_000, 0.01, 2_000))[0] for hits in rng.binomial(2_000, share, 4_000)
        ]
        assert np.std(angles) == pytest.approx(onto("share", Observation(share, 0.01, 2_000))[1], rel=0.05)


@pytest.mark.parametrize("scale", ["plain", "share"])
def test_a_window_that_says_nothing_has_no_place(scale: str) -> None:
    for seen in (Observation(np.nan, 0.1, 50), Observation(0.2, 0.1, 0)):
        value, deviation = onto(scale, seen)  # type: ignore[arg-type]
        assert isnan(value)
        assert isnan(deviation)


def test_an_unknown_deviation_is_nan() -> None:
    assert isnan(onto("plain", Observation(1.0, 0.0, 50))[1])
    assert isnan(onto("plain", Observation(1.0, np.nan, 50))[1])
