"""The converted model, and what it costs to run."""

from __future__ import annotations

import pytest

from holdfast.checks.limits import ReleaseLimits
from holdfast.checks.sealing import parity, running
from holdfast.evidence import Parity, RunningCost
from holdfast.records import Status


@pytest.mark.parametrize(
    ("worst", "beyond", "flips", "status"),
    [
        (1e-7, 0, 0, "pass"),
        (1e-7, 0, 1, "warn"),
        (1e-7, 0, 11, "fail"),
        (0.2, 1, 0, "fail"),
        (float("nan"), 0, 0, "fail"),
    ],
)
def test_scores_and_decisions_agree(worst: float, beyond: int, flips: int, status: str) -> None:
    """One decision in ten thousand may differ by rounding."""
    found = Parity(rows=100_000, worst=worst, tolerance=1e-4, beyond=beyond, flips=flips)
    assert parity(found, ReleaseLimits())[0].status == status


def test_what_was_not_compared_does_not_pass() -> None:
    [found] = parity(None, ReleaseLimits(), "a callable model has no ONNX form")
    assert found.status is Status.WARN
    assert found.message == "The model can be judged, and it cannot be sealed: a callable model has no ONNX form."
    assert parity(Parity(rows=0, worst=0.0, tolerance=1e-4, beyond=0), ReleaseLimits())[0].status is Status.INCONCLUSIVE


COST = RunningCost(single_row_ms=0.5, batch_us_per_row=1.0, batch_rows=100, model_bytes=10, memory_mb=20.0)


@pytest.mark.parametrize(
    ("cost", "limits", "statuses"),
    [
        (COST, {}, ["pass", "pass"]),
        (COST, {"row_milliseconds": 0.5, "model_megabytes": 20}, ["pass", "pass"]),
        (COST, {"row_milliseconds": 0.4, "model_megabytes": 19}, ["fail", "fail"]),
        (None, {}, ["not_applicable"]),
        (None, {"row_milliseconds": 1.0}, ["fail"]),
    ],
)
def test_time_and_memory_are_told_and_judged_where_there_is_a_limit(cost, limits, statuses) -> None:
    assert [found.status for found in running(cost, ReleaseLimits(**limits))] == statuses


def test_a_limit_for_what_was_not_measured_fails() -> None:
    cost = RunningCost(single_row_ms=0.5, batch_us_per_row=1.0, batch_rows=100, model_bytes=10)
    assert [f.status for f in running(cost, ReleaseLimits(model_megabytes=1))] == [Status.PASS, Status.FAIL]
