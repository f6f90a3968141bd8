"""Bins of a probability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import SettingError
from holdfast.profile.score_edges import ScoreEdges

EDGES = ScoreEdges.standard()


def test_bins_are_even_in_the_middle_and_finer_towards_the_ends() -> None:
    widths = np.diff(EDGES.starts)
    assert len(EDGES.starts) == 4_099
    assert (EDGES.starts[0], EDGES.starts[-1]) == (0, 1)
    assert widths.max() == 1 / 2048
    assert EDGES.starts[1] == 1 - EDGES.starts[-2] == 2.0**-22
    inner = (EDGES.starts[1:-1] > 0) & (EDGES.starts[1:-1] < 1 / 32)
    assert (widths[1:][inner] / EDGES.starts[1:-1][inner]).max() <= 1 / 64


def test_sixteenths_begin_bins() -> None:
    assert np.isin(np.arange(17) / 16, EDGES.starts).all()


@given(st.floats(0, 1))
def test_every_probability_lies_in_its_bin(score: float) -> None:
    place = int(EDGES.bins(np.array([score]))[0])
    assert EDGES.starts[place] <= score
    assert place == len(EDGES.starts) - 1 or score < EDGES.starts[place + 1]


@given(st.lists(st.floats(0, 1), max_size=5))
def test_thresholds_begin_bins(thresholds: list[float]) -> None:
    edges = ScoreEdges.standard(thresholds)
    for threshold in thresholds:
        assert edges.starts[edges.place(threshold)] == threshold


def test_places_of_always_and_never() -> None:
    assert (EDGES.place(0.0), EDGES.place(-1.0), EDGES.place(1.5), EDGES.place(1.0)) == (0, 0, 4_099, 4_098)


def test_a_threshold_inside_a_bin_is_refused() -> None:
    with pytest.raises(SettingError, match="inside a bin"):
        EDGES.place(0.3)
    with pytest.raises(SettingError, match="inside a bin"):
        EDGES.place(float("nan"))


@pytest.mark.parametrize("threshold", [-0.1, 50, float("nan")])
def test_thresholds_that_are_no_shares_are_refused(threshold: float) -> None:
    with pytest.raises(SettingError, match="from 0 to 1"):
        ScoreEdges.standard([threshold])


def test_the_digest_follows_the_bins() -> None:
    assert ScoreEdges.standard([0.3]).digest == ScoreEdges.standard([0.3, 0.5]).digest
    assert ScoreEdges.standard([0.3]).digest != EDGES.digest != ScoreEdges.standard(steps=8).digest
    assert EDGES.digest.startswith("sha256:")
