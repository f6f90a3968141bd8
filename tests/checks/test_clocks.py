"""Numbers that only tell the time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import holdfast as hf
from holdfast.checks.clocks import clocks, follows
from holdfast.records import Status

DAY = 86_400


def table(first_day: int, rows: int = 3_000) -> pa.Table:
    """Thirty days of rows in random order."""
    rng = np.random.default_rng(first_day)
    seconds = np.sort(rng.integers(first_day * DAY, (first_day + 30) * DAY, rows))
    order = rng.permutation(rows)
    return pa.table(
        {
            "at": pa.array(seconds[order], pa.timestamp("s")),
            "seconds": (seconds - 7.5)[order],
            "day": (seconds // DAY)[order],
            "days_left": (10_000 - seconds // DAY)[order],
            "amount": rng.normal(size=rows),
            "trend": (seconds / DAY + rng.normal(size=rows))[order],
        }
    )


@pytest.fixture(scope="module")
def result() -> hf.Result:
    return hf.compare(table(0), table(30), roles={"at": "time"})


@pytest.mark.parametrize("name", ["seconds", "day", "days_left"])
def test_a_copy_of_the_time_warns_and_says_what_to_do(result: hf.Result, name: str) -> None:
    found = {f.code: f for f in result.findings if f.subject == name}
    assert {found[code].status for code in ("quality.range", "drift.numeric")} == {Status.WARN}
    words = " It follows the time column 'at', which moves on: give it the role ignore or time."
    assert found["quality.range"].message.endswith(f"are tolerable.{words}")
    assert found["drift.numeric"].message.endswith(words)
    assert not any(f.subject == name for f in result.failed)


def test_a_number_with_a_trend_still_fails(result: hf.Result) -> None:
    assert {f.code for f in result.failed if f.subject == "trend"} == {"quality.range", "drift.numeric"}


def test_only_features_are_clocks() -> None:
    roles = {"at": "time", "seconds": "score", "day": "target"}
    assert clocks(hf.profile_table(table(0), roles=roles)) == {"days_left"}


def test_without_a_time_column_or_a_sample_there_is_no_clock() -> None:
    assert clocks(hf.profile_table(table(0).drop_columns("at"))) == frozenset()
    assert clocks(hf.profile_table(table(0), roles={"at": "time"}, sample_rows=0)) == frozenset()


def test_a_few_rows_out_of_order_do_not_matter_and_a_few_steps_are_no_clock() -> None:
    when = np.arange(5_000.0)
    late = when.copy()
    late[::500] -= 3
    assert follows(late, when)
    assert not follows(when // 1_000, when)
    assert not follows(np.random.default_rng(0).normal(size=5_000), when)


@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 50, [3.0] * 50, [np.inf] * 50])
def test_what_does_not_vary_follows_nothing(values: list[float]) -> None:
    assert not follows(np.array(values, dtype=float), np.arange(len(values), dtype=float))
