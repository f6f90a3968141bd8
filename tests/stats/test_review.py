from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.stats.review import review_band

EVEN = np.linspace(0, 1, 1_001)


def test_the_ends_are_chows_when_every_row_costs_the_same() -> None:
    """A row is reviewed where deciding it costs more than the review: from 2 / 20 to 1 - 2 / 5."""
    band = review_band(EVEN, 0.25, false_negative=20.0, false_positive=5.0, review=2.0)
    assert band.low == pytest.approx(0.1, abs=0.0011)
    assert band.high == pytest.approx(0.6, abs=0.0011)
    assert band.share == pytest.approx(0.5, abs=0.002)


def test_a_capacity_takes_the_rows_that_cost_most() -> None:
    """False alarms cost three times what misses cost: the last tenth goes above the threshold, where it saves more."""
    band = review_band(EVEN, 0.5, false_positive=3.0, capacity=0.1)
    assert (band.low, band.high) == (0.5, pytest.approx(0.6, abs=0.002))
    assert band.share <= 0.1


def test_nothing_is_reviewed_when_review_costs_more_or_there_is_no_capacity() -> None:
    for options in ({"review": 0.6}, {"capacity": 0.0}):
        band = review_band(EVEN, 0.5, **options)
        assert (band.low, band.high, band.share, band.saving) == (0.5, 0.5, 0, 0)


def test_everything_is_reviewed_when_it_is_free_and_always_helps() -> None:
    band = review_band([0.2, 0.4, 0.6, 0.8], 0.5)
    assert band.low == 0
    assert band.high > 1
    assert band.share == 1
    assert band.saving == pytest.approx((0.2 + 0.4 + 0.4 + 0.2) / 4)


def test_costs_of_single_rows_count() -> None:
    """The one large amount lies far below the threshold, and is worth the small ones on the way."""
    score = np.array([0.05, 0.1, 0.2, 0.3, 0.7])
    plain = review_band(score, 0.5, review=0.25)
    assert (plain.low, plain.high) == (0.3, 1.0000000000000002)
    large = review_band(score, 0.5, false_negative=[1.0, 100.0, 1.0, 1.0, 1.0], review=0.25)
    assert large.low == 0.1
    assert large.saving == pytest.approx((10 + 0.2 + 0.3 + 0.3 - 4 * 0.25) / 5)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(np.linspace(0, 1, 9).tolist()), *[st.sampled_from([0.0, 1.0, 3.0])] * 3),
        min_size=1,
        max_size=12,
    ),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.625, 1.0]),
    review=st.sampled_from([0.0, 0.25, 1.0]),
    capacity=st.sampled_from([0.0, 0.35, 0.6, 1.0]),
)
def test_no_other_band_saves_more(
    rows: list[tuple[float, float, float, float]], threshold: float, review: float, capacity: float
) -> None:
    """All bands around the threshold, one by one."""
    score, fp, fn, weight = np.array(rows).T
    weight[0] = 1
    band = review_band(
        score, threshold, false_positive=fp, false_negative=fn, review=review, capacity=capacity, weight=weight
    )
    share = weight / weight.sum()
    gain = share * (np.where(score >= threshold, (1 - score) * fp, score * fn) - review)

    def inside(low: float, high: float) -> np.ndarray:
        return (score >= low) & (score < high)

    edges = np.linspace(0, 1.125, 10)
    possible = [
        gain[inside(low, high)].sum()
        for low in [threshold, *edges[edges <= threshold]]
        for high in [threshold, *edges[edges >= threshold]]
        if share[inside(low, high)].sum() <= capacity + 1e-9
    ]
    taken = inside(band.low, band.high)
    assert band.low <= threshold <= band.high
    assert band.saving == pytest.approx(max(possible))
    assert band.saving == pytest.approx(gain[taken].sum())
    assert band.share == pytest.approx(share[taken].sum())
    assert band.share <= capacity + 1e-9


@pytest.mark.parametrize(
    ("score", "options", "error"),
    [
        ([], {}, InputError),
        ([np.nan], {}, InputError),
        ([1.5], {}, InputError),
        ([0.5], {"false_positive": -1.0}, InputError),
        ([0.5], {"false_negative": [np.inf]}, InputError),
        ([0.5], {"false_negative": [1.0, 2.0]}, InputError),
        ([0.5], {"weight": [0.0]}, InputError),
        ([0.5], {"weight": [np.nan]}, InputError),
        ([0.5], {"review": -1.0}, SettingError),
        ([0.5], {"capacity": 1.5}, SettingError),
        ([0.5], {"capacity": np.nan}, SettingError),
    ],
)
def test_what_makes_no_sense_is_refused(score, options, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected"):
        review_band(score, 0.5, **options)
