"""How complete the truths of a window are, beside older windows when they were as old."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.monitoring.labelled.completeness import FEWEST, with_usual
from holdfast.profile.delays import STEPS, delay_of, delays_in
from holdfast.watched import Known, Shown

DAY, HOUR = 86_400.0, 3_600.0
ROWS = 4_000


def window(day: int, now: float, delay: np.ndarray, rows: int = ROWS) -> Shown:
    """A day of rows, evenly, whose truths come with a delay each, as far as they had come by `now`."""
    start = day * DAY
    when = start + DAY * (np.arange(len(delay)) + 0.5) / len(delay)
    counts = delays_in(delay[when + delay <= now])
    return Shown(
        start=start,
        end=start + DAY,
        rows=rows,
        labelled=int(counts.sum()),
        truth=Known(observable=rows, delays=tuple((int(k), int(counts[k])) for k in np.flatnonzero(counts))),
    )


def test_what_is_usual_is_what_older_windows_had_at_that_age() -> None:
    rng, now = np.random.default_rng(0), 30 * DAY
    windows = [window(day, now, rng.exponential(3 * DAY, ROWS)) for day in range(30)]
    found = with_usual(windows, now)
    for day in (29, 27, 20):
        age = 29 - day
        # Rows of the day are between `age` and `age + 1` days old.
        expected = 1 - 3 * (np.exp(-age / 3) - np.exp(-(age + 1) / 3))
        median, low, high = found[day].truth.usual or (0.0, 0.0, 0.0)
        assert median == pytest.approx(expected, abs=0.02)
        assert low <= median <= high
        assert windows[day].labelled / ROWS == pytest.approx(median, abs=0.03)


def test_older_windows_that_were_late_do_not_say_what_is_usual_before_they_are_old_enough() -> None:
    now = 20 * DAY
    windows = [window(day, now, np.full(ROWS, 1.5 * DAY)) for day in range(20)]
    found = with_usual(windows, now)
    # Half of the rows of yesterday are older than a day and a half at the end of today.
    assert found[18].truth.usual == pytest.approx((0.5, 0.5, 0.5), abs=0.1)
    assert found[17].truth.usual == pytest.approx((1.0, 1.0, 1.0), abs=0.01)
    assert found[19].truth.usual == pytest.approx((0.0, 0.0, 0.0), abs=0.01)


def test_an_outage_of_labels_shows() -> None:
    rng, now = np.random.default_rng(1), 20 * DAY
    windows = [window(day, now, rng.exponential(DAY / 2, ROWS)) for day in range(18)]
    windows += [window(day, now, np.full(ROWS, 100 * DAY)) for day in (18, 19)]
    found = with_usual(windows, now)
    assert found[18].labelled == 0
    assert found[18].truth.usual is not None
    assert found[18].truth.usual[1] > 0.7


def test_too_few_older_windows_say_nothing() -> None:
    now = 8 * DAY
    windows = [window(day, now, np.full(ROWS, HOUR)) for day in range(8)]
    found = with_usual(windows, now)
    assert [one.truth.usual is None for one in found[:7]] == [True] * FEWEST + [False] * 2
    future = window(9, now, np.full(10, HOUR))
    silent = Shown(start=8 * DAY, end=9 * DAY)
    assert with_usual([*windows, silent, future], now)[-2:] == (silent, future)
    assert with_usual([], now) == ()


def test_a_delay_is_told_within_a_tenth() -> None:
    for true in (90.0, HOUR, 5 * DAY):
        assert delay_of(delays_in(np.full(100, true)), 0.5) == pytest.approx(true, rel=0.1)
    assert delay_of(delays_in(np.zeros(5)), 0.9) == 0
    assert delay_of(delays_in(np.full(5, 1e12)), 0.9) == pytest.approx(STEPS[-1], rel=0.1)
    assert np.isnan(delay_of(delays_in(np.empty(0)), 0.5))
