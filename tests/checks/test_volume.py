"""How many rows there are, and how fresh they are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import holdfast as hf
from holdfast.records import Severity, Status

START = 1_735_689_600  # 2025-01-01 00:00 UTC
DAY = 86_400


def days(counts: list[int], first: int = 0) -> pa.Table:
    """So many rows on each day, evenly over the day; every day has a row just before its end."""
    seconds = [START + DAY * (first + i) + np.linspace(0, DAY - 1, n) for i, n in enumerate(counts)]
    stamps = pa.array(np.concatenate(seconds).astype(np.int64), pa.timestamp("s", "UTC"))
    return pa.table({"timestamp": stamps, "x": np.arange(len(stamps)) % 7})


@pytest.mark.parametrize(
    ("rows", "status"), [(100, "pass"), (34, "pass"), (33, "fail"), (299, "pass"), (301, "fail"), (2, "fail")]
)
def test_a_third_or_three_times_the_usual_rows_fail(ask, rows: int, status: str) -> None:
    """Windows of one size leave the ratio that matters as the only limit."""
    finding = ask("quality.row_count", days([100] * 10), days([rows], first=10))[""]
    assert (finding.status, finding.value, finding.unit, finding.severity) == (status, rows, "rows", Severity.HIGH)
    assert finding.interval == pytest.approx((100 / 3, 300))
    assert finding.limit == pytest.approx(300 if rows > 100 else 100 / 3)


def test_windows_that_vary_widen_the_limit_to_a_prediction_interval(ask) -> None:
    """Student's limit on the logarithm of the rows."""
    counts = [500, 40, 100, 250, 60, 160, 400, 500]
    finding = ask("quality.row_count", days(counts), days([500], first=8))[""]
    logs = np.log(counts)
    reach = stats.t.ppf(0.9995, 7) * logs.std(ddof=1) * np.sqrt(1 + 1 / 8)
    assert finding.status is Status.PASS
    assert finding.interval == pytest.approx((np.exp(logs.mean() - reach), np.exp(logs.mean() + reach)), rel=1e-6)


def test_the_ratio_of_rows_is_a_setting(ask) -> None:
    finding = ask("quality.row_count", days([100] * 10), days([150], first=10), settings={"rows_ratio": 1.4})[""]
    assert (finding.status, finding.limit) == (Status.FAIL, pytest.approx(140))


def test_a_window_that_is_cut_says_nothing_of_the_usual_rows(ask) -> None:
    """The reference begins in the evening of its first day."""
    whole = days([100] * 10)
    finding = ask("quality.row_count", whole.slice(80), days([100], first=10))[""]
    assert (finding.status, finding.interval) == (Status.PASS, pytest.approx((100 / 3, 300)))
    assert "(9 windows)" in finding.message


@pytest.mark.parametrize("windows", [1, 4])
def test_with_too_few_windows_the_row_count_does_not_apply(ask, windows: int) -> None:
    finding = ask("quality.row_count", days([100] * windows), days([100], first=windows))[""]
    assert finding.status is Status.NOT_APPLICABLE
    assert "too few windows" in finding.message


def test_no_rows_fail_on_either_side(ask) -> None:
    full = days([100] * 10)
    assert ask("quality.row_count", full, full.slice(0, 0))[""].status is Status.FAIL
    assert ask("quality.row_count", full.slice(0, 0), full)[""].status is Status.FAIL


def test_two_days_are_compared_with_pairs_of_days(ask) -> None:
    finding = ask("quality.row_count", days([100] * 20), days([100, 100], first=20))[""]
    assert (finding.status, finding.value) == (Status.PASS, 200.0)


@pytest.mark.parametrize(
    ("first", "now_day", "stale_days", "status"),
    [
        (10, None, None, "pass"),
        (10, 11, 1, "pass"),
        (10, 13, 1, "fail"),  # two days old
        (10, 13, None, "pass"),  # nobody said what is too old
        (10, 5, None, "fail"),  # from the future
        (2, None, None, "warn"),  # older than the reference
    ],
)
def test_freshness(ask, first: int, now_day: int | None, stale_days: int | None, status: str) -> None:
    options = {
        "now_seconds": None if now_day is None else START + DAY * now_day,
        "settings": {"stale_after_seconds": stale_days and DAY * stale_days},
    }
    findings = ask("quality.freshness", days([100] * 10), days([100], first=first), **options)
    (finding,) = findings.values()
    assert (finding.status, finding.severity) == (status, Severity.HIGH)
    moment = dt.datetime.fromtimestamp(START + DAY * (first + 1) - 1, dt.UTC)
    assert finding.message.startswith(f"The newest row is of {moment:%Y-%m-%d %H:%M} UTC")


def test_the_age_of_stale_rows_has_its_unit(ask) -> None:
    options = {"now_seconds": START + 13 * DAY, "settings": {"stale_after_seconds": 3600.0}}
    finding = ask("quality.freshness", days([100] * 10), days([100], first=10), **options)["timestamp"]
    assert (finding.value, finding.limit, finding.unit) == (2 * DAY + 1, 3600.0, "seconds")


@pytest.mark.parametrize("time", [pa.nulls(5, pa.timestamp("s")), pa.array(["soon"] * 5)])
def test_without_a_time_freshness_does_not_apply(ask, time: pa.Array) -> None:
    now = pa.table({"timestamp": time, "x": [1] * 5})
    assert ask("quality.freshness", days([100] * 10), now)[""].status is Status.NOT_APPLICABLE
    assert ask("quality.freshness", {"x": [1, 2]}, {"x": [1, 2]})[""].status is Status.NOT_APPLICABLE


def test_a_moment_that_no_calendar_has_breaks_nothing(ask) -> None:
    far = pa.table({"timestamp": pa.array([10**12] * 5, pa.timestamp("s")), "x": [1] * 5})
    (finding,) = ask("quality.freshness", days([100] * 10), far).values()
    assert finding.status is Status.PASS
    assert finding.message == "The newest row is of a moment outside the years 1 to 9999."


def test_naive_times_are_read_as_utc() -> None:
    naive = days([100] * 10).set_column(
        0, "timestamp", days([100] * 10)["timestamp"].cast(pa.timestamp("s", "UTC")).cast(pa.timestamp("s"))
    )
    result = hf.compare(naive, days([100], first=10))
    statuses = {f.code: str(f.status) for f in result.findings if f.code in {"quality.row_count", "quality.freshness"}}
    assert statuses == {"quality.row_count": "pass", "quality.freshness": "pass"}
