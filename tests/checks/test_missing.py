"""Missing rate, new nulls, infinities."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from holdfast.records import Severity, Status

NAN, INF = math.nan, math.inf


def with_nulls(nulls: int, rows: int = 200) -> dict[str, list[float | None]]:
    return {"x": [None] * nulls + [float(i % 10) for i in range(rows - nulls)]}


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        (0, 0, "pass"),
        (10, 20, "pass"),  # its growth is the business of drift.missing
        (10, 105, "warn"),  # more than half, but not certainly
        (10, 150, "fail"),
        (150, 160, "pass"),  # mostly empty already
        (100, 105, "warn"),
        (199, 200, "pass"),  # so is this; a single value more or less says nothing
        (10, 200, "fail"),
        (190, 200, "fail"),  # certainly emptier, and empty
    ],
)
def test_missing_rate_fails_when_most_of_a_column_has_gone(ask, before: int, now: int, status: str) -> None:
    finding = ask("quality.missing_rate", with_nulls(before), with_nulls(now))["x"]
    assert (finding.status, finding.value, finding.limit, finding.unit) == (status, now / 200, 0.5, "share")
    assert finding.evidence == {"reference": before / 200}
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize("empty", [pa.nulls(200), pa.nulls(200, pa.float64()), pa.array([NAN] * 200)])
def test_a_column_that_became_empty_fails_however_it_is_written(ask, empty: pa.Array) -> None:
    """One peer passes an all-null column, another raises nothing for an all-NaN window."""
    finding = ask("quality.missing_rate", with_nulls(0), pa.table({"x": empty}))["x"]
    assert finding.status is Status.FAIL
    assert finding.message == "The column is empty: 100.0% of the values are missing (0.0% in the reference)."


def test_missing_rate_does_not_apply_without_values_before_or_rows_now(ask) -> None:
    assert ask("quality.missing_rate", with_nulls(200), with_nulls(10))["x"].status is Status.NOT_APPLICABLE
    no_rows = {"x": pa.array([], pa.float64())}
    assert ask("quality.missing_rate", with_nulls(0), no_rows)["x"].status is Status.NOT_APPLICABLE
    assert ask("quality.missing_rate", no_rows, with_nulls(0))["x"].status is Status.NOT_APPLICABLE


def test_one_missing_row_of_one_proves_nothing_against_a_column_that_is_often_missing(ask) -> None:
    finding = ask("quality.missing_rate", with_nulls(80), {"x": pa.array([None], pa.float64())})["x"]
    assert finding.status is Status.WARN


@pytest.mark.parametrize(("nulls", "status"), [(0, "pass"), (1, "pass"), (10, "warn"), (30, "fail"), (200, "fail")])
def test_new_nulls_fail_beyond_what_so_many_reference_rows_allow(ask, nulls: int, status: str) -> None:
    """None in 200 rows still allows a share of `1 - 0.001^(1/200)`."""
    finding = ask("quality.new_nulls", with_nulls(0), with_nulls(nulls))["x"]
    assert (finding.status, finding.value) == (status, nulls / 200)
    assert finding.limit == pytest.approx(1 - 0.001 ** (1 / 200), rel=1e-9)


def test_new_nulls_do_not_apply_where_nulls_are_old(ask) -> None:
    finding = ask("quality.new_nulls", with_nulls(1), with_nulls(100))["x"]
    assert finding.status is Status.NOT_APPLICABLE
    assert finding.message == "The reference has missing values in this column too."


def test_new_nulls_of_a_long_reference_tolerate_one_row_of_a_thousand(ask) -> None:
    finding = ask("quality.new_nulls", with_nulls(0, rows=20_000), with_nulls(0))["x"]
    assert finding.limit == 0.001


def test_infinities_fail_when_the_reference_had_none(ask) -> None:
    finding = ask("quality.infinite", {"x": [1.0, 2.0] * 50}, {"x": [1.0, INF, -INF, 2.0]})["x"]
    assert (finding.status, finding.value, finding.limit) == (Status.FAIL, 0.5, 0.0)
    assert finding.message == "2 of 4 values (50.00%) are infinite (0.00% in the reference)."


def test_infinities_that_were_there_before_are_a_warning(ask) -> None:
    finding = ask("quality.infinite", {"x": [1.0, 2.0, 3.0, INF]}, {"x": [1.0, INF]})["x"]
    assert (finding.status, finding.value, finding.limit) == (Status.WARN, 0.5, 0.25)


def test_finite_numbers_pass_and_nan_is_not_infinite(ask) -> None:
    findings = ask("quality.infinite", {"x": [1.0, 2.0], "k": ["a", "b"]}, {"x": [NAN, 1e308], "k": ["a", "b"]})
    assert {name: f.status for name, f in findings.items()} == {"x": Status.PASS}
