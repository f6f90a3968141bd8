"""Labels that have not arrived."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.checks.delay import label_delay
from holdfast.checks.limits import ReleaseLimits
from holdfast.records import Status

DAY = 86_400.0
LIMITS = ReleaseLimits()


def history(rng: np.random.Generator, days: int, base: float = 0.05, per_day: int = 500):
    """Shares that vary from day to day by a fifth."""
    time = np.sort(rng.uniform(0, days * DAY, days * per_day))
    share = base * np.exp(rng.normal(0, 0.2, days))
    return time, rng.random(len(time)) < share[(time // DAY).astype(int)]


@pytest.mark.simulation
@pytest.mark.parametrize("days", [10, 60])
def test_full_labels_seldom_warn_and_missing_ones_often(days: int) -> None:
    """At most 5% of 300 histories; where most labels of the last day are missing, 90% of 60 days, and 80% of ten."""
    rng = np.random.default_rng(0)
    warned = np.zeros(2)
    for _ in range(300):
        time, positive = history(rng, days)
        warned[0] += label_delay(time, positive, LIMITS)[0].status is Status.WARN
        late = (time > (days - 1) * DAY) & (rng.random(len(time)) < 0.85)
        warned[1] += label_delay(time, positive & ~late, LIMITS)[0].status is Status.WARN
    assert warned[0] <= 15
    assert warned[1] >= (270 if days == 60 else 240)


def test_a_delay_of_weeks_is_seen_by_weeks() -> None:
    """Half of the labels of the last week are missing, on days of few positive rows each."""
    rng = np.random.default_rng(1)
    time, positive = history(rng, 140, base=0.02, per_day=300)
    late = (time > 133 * DAY) & (rng.random(len(time)) < 0.7)
    [found] = label_delay(time, positive & ~late, LIMITS)
    assert found.status is Status.WARN
    assert "newest week" in found.message


@pytest.mark.parametrize("days", [0, 3])
def test_a_short_history_says_nothing(days: int) -> None:
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, days * DAY, 100 * days))
    assert label_delay(time, rng.random(len(time)) < 0.5, LIMITS)[0].status is Status.NOT_APPLICABLE


def test_no_positive_rows_say_nothing() -> None:
    time = np.arange(1_000) * 3_600.0
    assert label_delay(time, np.zeros(1_000, bool), LIMITS)[0].status is Status.NOT_APPLICABLE


def test_days_without_rows_are_left_out() -> None:
    rng = np.random.default_rng(0)
    time, positive = history(rng, 30)
    kept = (time // DAY) % 7 < 5
    assert label_delay(time[kept], positive[kept], LIMITS)[0].status is Status.PASS
