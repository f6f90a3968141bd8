"""Types that changed, columns that are missing or extra, mixed types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

import holdfast as hf
from holdfast.checks.types import family
from holdfast.records import Severity, Status

DAY = dt.datetime(2025, 3, 1)


@pytest.mark.parametrize(
    ("arrow_type", "name"),
    [
        (pa.uint64(), "number"),
        (pa.float16(), "number"),
        (pa.decimal128(10, 2), "number"),
        (pa.time64("us"), "number"),
        (pa.duration("s"), "number"),
        (pa.timestamp("ns", "Europe/Berlin"), "time"),
        (pa.date32(), "time"),
        (pa.bool_(), "boolean"),
        (pa.large_string(), "text"),
        (pa.binary(), "text"),
        (pa.binary(16), "text"),
        (pa.null(), "nothing"),
        (pa.list_(pa.int8()), "nested"),
    ],
)
def test_every_arrow_type_has_a_family(arrow_type: pa.DataType, name: str) -> None:
    assert family(str(arrow_type)) == name


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        (pa.array([1.0, 2.0]), pa.array([1.0, 2.0]), "pass"),
        (pa.array(["a", "b"]), pa.array(["a", "b"]).dictionary_encode(), "pass"),
        (pa.array([1, 2], pa.int64()), pa.array([1, 2], pa.uint8()), "warn"),
        (pa.array([Decimal("1.50"), Decimal("2.00")]), pa.array([1.5, 2.0]), "warn"),
        (pa.array([DAY, DAY], pa.timestamp("us")), pa.array([DAY, DAY], pa.timestamp("us", "UTC")), "warn"),
        (pa.array([1.0, 2.0]), pa.nulls(2), "warn"),
        (pa.nulls(2), pa.array([1.0, 2.0]), "warn"),
        (pa.array([1.0, 2.0]), pa.array(["1", "2"]), "fail"),
        (pa.array(["a", "b"]), pa.array([1, 2]), "fail"),
        (pa.array([True, False]), pa.array([1, 0]), "fail"),
        (pa.array([DAY, DAY]), pa.array(["x", "y"]), "fail"),
    ],
)
def test_a_change_of_family_fails_and_one_within_a_family_warns(ask, before, now, status: str) -> None:
    finding = ask("quality.type", pa.table({"x": before}), pa.table({"x": now}))["x"]
    assert finding.status == status
    assert finding.severity is Severity.HIGH


def test_a_type_change_says_how_much_can_still_be_read(ask) -> None:
    finding = ask("quality.type", {"x": [1.0, 2.0, 3.0, 4.0]}, {"x": ["1", "2", "n/a", "4"]})["x"]
    assert (finding.status, finding.value, finding.unit) == (Status.FAIL, 0.25, "share")
    assert finding.message == "The type went from double to string; 25.0% of the values cannot be read as before."
    assert finding.evidence == {"current": "string", "reference": "double"}


def test_a_missing_column_fails_and_a_missing_label_or_answer_warns(ask) -> None:
    rows = {"x": [1.0, 2.0], "k": ["a", "b"], "fraud": [0, 1], "answer": [0, 1], "w": [1.0, 1.0]}
    roles = {"fraud": "target", "answer": "prediction", "w": "weight"}
    findings = ask("quality.missing_column", rows, {"x": [1.0, 2.0]}, roles=roles)
    assert {name: str(f.status) for name, f in findings.items()} == {
        "k": "fail",
        "fraud": "warn",
        "answer": "warn",
        "w": "warn",
    }
    assert findings["k"].message == "The column is missing (category, role feature)."


def test_no_missing_column_passes_once_and_an_ignored_one_is_not_missed(ask) -> None:
    rows = {"x": [1.0, 2.0], "k": ["a", "b"]}
    assert ask("quality.missing_column", rows, rows)[""].message == "All 2 columns of the reference are there."
    ignored = ask("quality.missing_column", rows, {"x": [1.0]}, settings={"columns": {"k": {"ignore": True}}})
    assert ignored[""].status is Status.PASS


def test_a_missing_column_does_not_hide_the_others() -> None:
    result = hf.compare({"x": [1.0, 2.0] * 50, "gone": [1, 2] * 50}, {"x": [9.0, 9.0] * 50})
    assert {f.subject for f in result.failed} >= {"x", "gone"}
    unjudged = [f for f in result.findings if f.subject == "gone" and f.code.startswith("drift")]
    assert {str(f.status) for f in unjudged} == {"not_applicable"}


def test_an_extra_column_warns_unless_it_is_ignored(ask) -> None:
    rows = {"x": [1.0, 2.0]}
    findings = ask("quality.extra_column", rows, rows | {"new": ["a", "b"]})
    assert list(findings) == ["new"]
    assert (findings["new"].status, findings["new"].severity) == (Status.WARN, Severity.LOW)
    assert findings["new"].message == "The reference has no such column (string)."
    ignored = ask(
        "quality.extra_column", rows, rows | {"new": ["a", "b"]}, settings={"columns": {"new": {"ignore": True}}}
    )
    assert ignored[""].status is Status.PASS


def test_a_column_with_the_role_ignore_is_no_extra_column(ask) -> None:
    rows = {"x": [1.0, 2.0], "note": ["a", "b"]}
    assert ask("quality.extra_column", rows, rows, roles={"note": "ignore"})[""].status is Status.PASS


@pytest.mark.parametrize("before", [["a", "b", "c"], [1, 2, 3]])
def test_an_object_column_of_several_python_types_fails(ask, before: list[object]) -> None:
    """Of pandas; whether the reference has texts or numbers."""
    mixed = pd.DataFrame({"x": pd.Series([1, "a", 2.5] * 20, dtype=object)})
    finding = ask("quality.mixed_types", pd.DataFrame({"x": before * 20}), mixed)["x"]
    assert finding.status is Status.FAIL
    assert finding.message == "The cells are of several types: 20 float, 20 int, 20 str."
    assert finding.evidence == {"types": {"int": 20, "str": 20, "float": 20}}


def test_types_that_were_mixed_before_are_a_warning(ask) -> None:
    mixed = pd.DataFrame({"x": pd.Series([1, "a"] * 20, dtype=object)})
    assert ask("quality.mixed_types", mixed, mixed)["x"].status is Status.WARN


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        (["a", "b"] * 50, ["a", "b"] * 50, "pass"),
        (["a", "b"] * 50, ["a", "7"] * 50, "warn"),
        (["a", "7"] * 50, ["a", "7"] * 50, "pass"),  # as it was
        (["a", "b"] * 50, ["6", "7"] * 50, "pass"),  # numbers alone are no mixture
    ],
)
def test_numbers_among_texts_warn_when_they_are_new(ask, before: list[str], now: list[str], status: str) -> None:
    finding = ask("quality.mixed_types", {"k": before}, {"k": now})["k"]
    assert finding.status == status
    assert finding.value == sum(word.isdigit() for word in now) / 100


def test_mixed_types_is_no_question_to_plain_numbers_and_not_applicable_without_values(ask) -> None:
    assert ask("quality.mixed_types", {"x": [1.0, 2.0]}, {"x": [1.0, 2.0]}) == {}
    empty = {"k": pa.array([None, None], pa.string())}
    assert ask("quality.mixed_types", {"k": ["a", "b"]}, empty)["k"].status is Status.NOT_APPLICABLE


def test_nested_columns_are_left_out_and_said_to_be() -> None:
    rows = pa.table({"x": [1.0, 2.0] * 10, "list": [[1], [2]] * 10, "record": [{"a": 1}] * 20})
    result = hf.compare(rows, rows)
    left_out = {f.subject: f for f in result.findings if f.subject in {"list", "record"}}
    assert {name: (f.code, str(f.status)) for name, f in left_out.items()} == {
        "list": ("quality.type", "not_applicable"),
        "record": ("quality.type", "not_applicable"),
    }
    assert left_out["list"].message == ("Left out: values of type list are not read; give them columns of their own.")
    assert set(result.current.columns) == {"x"}


def test_a_column_that_became_nested_is_missing(ask) -> None:
    finding = ask("quality.missing_column", {"x": [1.0], "n": [1]}, pa.table({"x": [1.0], "n": [[1]]}))["n"]
    assert finding.status is Status.FAIL
