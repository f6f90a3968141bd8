"""The verdict of a comparison, and the order of its columns."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pytest

from holdfast.engines.local import profile_of, reference_profile
from holdfast.profile.table import Profile
from holdfast.records import Finding, Status
from holdfast.report.summary import summary
from holdfast.schema import infer
from holdfast.tables import open_table

Columns = Mapping[str, object]


def both(before: Columns, now: Columns) -> tuple[Profile, Profile]:
    """Profiles of the current and of the reference table."""
    table = open_table(pa.table(dict(before)))
    reference = reference_profile(table, infer(table))
    return profile_of(open_table(pa.table(dict(now))), reference.edges), reference


def found(*told: tuple[str, Status, float]) -> list[Finding]:
    return [
        Finding(code="check", status=status, subject=name, message="", weight=weight) for name, status, weight in told
    ]


def test_the_worst_column_comes_first_then_the_weightiest() -> None:
    current, reference = both({"a": [1.0], "b": [1.0], "c": [1.0]}, {"a": [1.0], "b": [1.0], "new": [1.0]})
    findings = found(
        ("a", Status.PASS, 9),
        ("b", Status.FAIL, 1),
        ("b", Status.WARN, 50),
        ("c", Status.FAIL, 2),
        ("", Status.FAIL, 0.5),
        ("new", Status.WARN, 0),
    )
    told = summary(findings, current, reference)
    assert told.order == ("c", "b", "new", "a")
    assert told.statuses == (Status.FAIL, Status.FAIL, Status.WARN, Status.PASS)
    assert [(f.subject, f.status.value) for f in told.ranked] == [
        ("c", "fail"),
        ("b", "fail"),
        ("", "fail"),
        ("b", "warn"),
        ("new", "warn"),
    ]
    assert told.counts == ((Status.FAIL, 3), (Status.WARN, 2), (Status.PASS, 1))
    assert told.verdict == "3 of 6 checks fail: c and b."


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([Status.PASS, Status.PASS], "Nothing fails: 2 checks passed on 1 column."),
        ([Status.WARN, Status.PASS], "Nothing fails; 1 warning in 1 column."),
        ([Status.FAIL], "1 of 1 check fails: x."),
        ([Status.PASS, Status.ERROR], "Nothing fails: 1 check passed on 1 column (1 could not run)."),
        (
            [Status.INCONCLUSIVE, Status.ERROR],
            "No check came to a result (1 could not run and 1 could not be decided).",
        ),
        ([], "No check came to a result."),
    ],
)
def test_the_verdict_counts_nothing_as_passed_that_did_not(statuses: list[Status], verdict: str) -> None:
    profiles = both({"x": [1.0]}, {"x": [1.0]})
    assert summary(found(*(("x", status, 1) for status in statuses)), *profiles).verdict == verdict
