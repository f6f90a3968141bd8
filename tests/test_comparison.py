"""Two tables compared, as a user does it: every kind of table, bad input, settings, exports."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import holdfast as hf
from holdfast.checks.catalogue import TITLES
from holdfast.checks.context import Context
from holdfast.comparison import Result, run
from holdfast.engines.local import profile_of
from holdfast.errors import SettingError
from holdfast.records import Finding, Severity, Status

NAN, INF = math.nan, math.inf
ORDER = ["fail", "error", "warn", "inconclusive", "pass", "not_applicable", "skipped"]
SEVERITIES = ["high", "medium", "low"]


def table(rows: int, seed: int, shift: float = 0.0) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    return {
        "amount": np.round(rng.lognormal(3 + shift, 1, rows), 2),
        "age": rng.integers(18, 90, rows),
        "kind": rng.choice(["cash", "card", "transfer"], rows, p=[0.2, 0.7, 0.1]),
        "member": rng.choice([True, False], rows),
    }


BEFORE = table(3_000, 0)
SAME, CHANGED = table(1_000, 1), table(1_000, 2, shift=0.8)


def codes(result: Result) -> set[tuple[str, str]]:
    return {(f.code, f.subject) for f in result.failed}


def statuses(result: Result, column: str) -> dict[str, str]:
    return {f.code: str(f.status) for f in result.findings if f.subject == column}


# --- What a comparison finds ----------------------------------------------------------------------------------------


def test_tables_of_the_same_kind_pass() -> None:
    result = hf.compare(BEFORE, SAME)
    assert result.passed
    assert result.failed == ()
    assert (result.reference.rows, result.current.rows) == (3_000, 1_000)


def test_a_changed_column_fails_alone() -> None:
    result = hf.compare(BEFORE, CHANGED)
    assert not result.passed
    assert {f.subject for f in result.failed} == {"amount"}
    assert ("drift.numeric", "amount") in codes(result)
    assert set(result.rows) == {"amount"}


def test_a_table_compared_with_itself_has_nothing_but_passes_and_the_known() -> None:
    result = hf.compare(BEFORE, BEFORE)
    assert {str(status) for status, n in result.counts.items() if n} <= {"pass", "not_applicable"}


def test_an_improvement_is_no_failure() -> None:
    """A peer's automatic tests fail when missing values become fewer: here that is drift, and no failure of quality."""
    result = hf.compare({"x": [None, 1.0, 2.0, 3.0] * 250}, {"x": [1.0, 2.0, 3.0] * 250})
    assert codes(result) == {("drift.missing", "x")}
    assert [f.value for f in result.failed] == [-0.25]


def frames(rows: dict[str, object], folder: Path) -> dict[str, object]:
    arrow = pa.table(rows)
    pq.write_table(arrow, folder / "rows.parquet")
    return {
        "dict": rows,
        "pyarrow": arrow,
        "batches": pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches(100)),
        "pandas": pd.DataFrame(rows),
        "polars": pl.DataFrame(rows),
        "lazy": pl.DataFrame(rows).lazy(),
        "duckdb": duckdb.from_arrow(arrow),
        "path": folder / "rows.parquet",
        "text": str(folder / "rows.parquet"),
    }


@pytest.mark.parametrize("kind", ["dict", "pyarrow", "batches", "pandas", "polars", "duckdb", "path", "text"])
def test_every_kind_of_table_gives_the_same_verdicts(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    result = hf.compare(frames(BEFORE, tmp_path / "a")[kind], frames(CHANGED, tmp_path / "b")[kind])
    expected = hf.compare(BEFORE, CHANGED)
    assert codes(result) == codes(expected)
    drift = {f.subject: f.value for f in result.findings if f.code == "drift.numeric"}
    assert drift == {f.subject: f.value for f in expected.findings if f.code == "drift.numeric"}


def test_tables_of_different_kinds_can_be_compared() -> None:
    assert hf.compare(pd.DataFrame(BEFORE), pl.DataFrame(SAME)).passed
    assert not hf.compare(pl.DataFrame(BEFORE), duckdb.from_arrow(pa.table(CHANGED))).passed


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(workers: int) -> None:
    assert hf.compare(BEFORE, CHANGED, workers=workers).findings == hf.compare(BEFORE, CHANGED).findings


def test_progress_counts_the_rows_of_both_tables() -> None:
    seen: Counter[str] = Counter()
    hf.compare(BEFORE, SAME, progress=lambda name, rows: seen.update({name: rows}))
    assert seen == {"reference": 3_000, "current": 1_000}


# --- A stored profile instead of the reference ----------------------------------------------------------------------


def test_a_profile_serves_instead_of_the_data(tmp_path: Path) -> None:
    profile = hf.profile_table(BEFORE)
    hf.save_profile(profile, tmp_path / "reference.profile")
    expected = hf.compare(BEFORE, CHANGED).findings
    for reference in (profile, tmp_path / "reference.profile", str(tmp_path / "reference.profile")):
        assert hf.compare(reference, CHANGED).findings == expected


@pytest.mark.parametrize("options", [{"roles": {"age": "target"}}, {"schema": hf.Schema(columns=())}])
def test_a_profile_has_its_own_schema(options: dict[str, object]) -> None:
    with pytest.raises(hf.SettingError, match="A stored profile has its own schema"):
        hf.compare(hf.profile_table(BEFORE), SAME, **options)


def test_a_damaged_profile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reference.profile"
    hf.save_profile(hf.profile_table(BEFORE), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(hf.ProfileError, match="damaged or cut short"):
        hf.compare(path, SAME)


def test_a_profile_is_compared_with_the_profile_of_its_edges() -> None:
    reference = hf.profile_table(BEFORE)
    with hf.open_table(CHANGED) as table:
        current = profile_of(table, reference.edges)
    findings = hf.compare(reference, current).findings
    assert findings == hf.compare(reference, CHANGED).findings
    with pytest.raises(hf.SettingError, match="not with a table"):
        hf.compare(BEFORE, current)
    with pytest.raises(hf.ProfileError, match="different edges"):
        hf.compare(hf.profile_table(CHANGED), current)


def test_a_schema_decides_what_columns_are() -> None:
    with hf.open_table(BEFORE) as opened:
        schema = hf.infer(opened, roles={"age": "ignore"})
    result = hf.compare(BEFORE, CHANGED | {"age": np.full(1_000, 900)}, schema=schema)
    assert "age" not in {f.subject for f in result.failed}


# --- Order ----------------------------------------------------------------------------------------------------------


def test_findings_come_by_status_then_severity_then_weight() -> None:
    now = CHANGED | {"kind": ["cheque"] * 1_000, "age": [None] * 1_000, "new": [1, 2] * 500}
    findings = hf.compare(BEFORE, now, settings={"skip": ["quality.freshness"]}).findings
    ranks = [(ORDER.index(f.status), SEVERITIES.index(f.severity), -f.weight) for f in findings]
    assert ranks == sorted(ranks)
    assert {"fail", "warn", "pass", "not_applicable", "skipped"} <= {str(f.status) for f in findings}


def test_importance_orders_what_fails_alike() -> None:
    before = {"a": BEFORE["amount"], "b": BEFORE["amount"]}
    now = {"a": CHANGED["amount"], "b": CHANGED["amount"]}
    options = {"skip": ["quality", "drift.joint", "drift.missing"]}
    for important, expected in (({"a": 5.0}, ["a", "b"]), ({"b": 5.0}, ["b", "a"])):
        failed = hf.compare(before, now, settings=options, importance=important).failed
        assert [f.subject for f in failed] == expected
        assert failed[0].weight == pytest.approx(5 * failed[1].weight)
    columns = {"a": {"importance": 0.5}}
    failed = hf.compare(before, now, settings=options | {"columns": columns}, importance={"a": 9.0}).failed
    assert [f.subject for f in failed] == ["b", "a"]


# --- Skipped, not applicable, error: never passed -------------------------------------------------------------------


def test_a_skipped_check_is_said_to_be_and_is_no_pass() -> None:
    result = hf.compare(BEFORE, CHANGED, settings={"skip": ["quality.range", "drift"]})
    skipped = [f for f in result.findings if f.code == "quality.range" or f.code.startswith("drift.")]
    assert {f.status for f in skipped} == {Status.SKIPPED}
    assert {f.message for f in skipped} == {"Switched off in the settings."}
    assert "amount" not in {f.subject for f in result.failed if f.code.startswith("drift")}


def test_the_report_is_text_or_a_file(tmp_path: Path) -> None:
    """Of a file nothing is returned: a notebook would print all of the page."""
    result = hf.compare(BEFORE, CHANGED)
    assert result.to_html(tmp_path / "report.html", title="A") is None
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == result.to_html(title="A")


def test_settings_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('skip = ["quality"]\n')
    assert hf.compare(BEFORE, CHANGED, settings=file).counts == hf.compare(BEFORE, CHANGED, settings=str(file)).counts
    assert hf.compare(BEFORE, CHANGED, settings=str(file)).counts[Status.SKIPPED] > 10
    file.write_text('number_distance = "psy"\n')
    with pytest.raises(
        SettingError, match=r"settings\.toml make no sense: .*`\$\.number_distance`: did you mean 'psi'\?"
    ):
        hf.compare(BEFORE, CHANGED, settings=file)
    with pytest.raises(SettingError, match=r"Cannot read the settings in absent\.toml"):
        hf.compare(BEFORE, CHANGED, settings="absent.toml")


def test_a_whole_family_can_be_switched_off() -> None:
    result = hf.compare(BEFORE, CHANGED, settings={"skip": ["quality"]})
    assert {f.status for f in result.findings if f.code.startswith("quality.")} == {Status.SKIPPED}
    assert {f.code for f in result.findings} == {c for c in TITLES if c.startswith("quality.")} | {
        "drift.numeric",
        "drift.categories",
        "drift.missing",
        "drift.joint",
    }


def test_counts_keep_the_statuses_apart() -> None:
    result = hf.compare(BEFORE, CHANGED, settings={"skip": ["drift.joint"]})
    assert list(result.counts) == ORDER
    assert sum(result.counts.values()) == len(result.findings)
    assert result.counts[Status.PASS] == sum(f.status is Status.PASS for f in result.findings)
    assert result.counts[Status.SKIPPED] == 1
    told = f"{result.counts[Status.FAIL]} fail"
    assert repr(result).startswith("Result(1,000 rows against 3,000: ")
    assert told in repr(result)


@pytest.mark.parametrize("counts", [np.arange(9), None])
def test_a_check_that_crashes_is_an_error_that_fails_and_hides_no_other_column(counts: object) -> None:
    """A profile whose counts were tampered with: what a peer counts as passed, and another does not survive."""
    reference = hf.profile_table(BEFORE)
    with hf.open_table(CHANGED) as now:
        current = profile_of(now, reference.edges)
    broken = dataclasses.replace(current.columns["age"], counts=counts)
    damaged = dataclasses.replace(current, columns=current.columns | {"age": broken})
    findings = run(damaged, reference, Context())
    result = Result(findings=findings, current=damaged, reference=reference, rows={})
    errors = [f for f in findings if f.status is Status.ERROR]
    assert {f.subject for f in errors} == {"age"}
    assert {f.severity for f in errors} == {Severity.HIGH}
    assert all(error in result.failed for error in errors)
    assert not result.passed
    whole = hf.compare(reference, CHANGED).findings
    others = {(f.code, f.subject): f.status for f in whole if f.subject not in {"age", ""} and f.code != "drift.joint"}
    assert others.items() <= {(f.code, f.subject): f.status for f in findings}.items()
    assert json.loads(result.to_json())["passed"] is False
    for finding in errors:
        assert finding.message.startswith("The check could not run (")


def test_a_table_check_that_crashes_is_an_error_of_the_table() -> None:
    reference = hf.profile_table(BEFORE)
    damaged = dataclasses.replace(reference, distinct=None)
    findings = run(damaged, reference, Context())
    (error,) = [f for f in findings if f.code == "quality.duplicate_rows"]
    assert (error.status, error.subject) == (Status.ERROR, "")
    assert {f.code for f in findings} > {"quality.range", "drift.numeric"}


def test_nothing_that_was_not_judged_is_a_pass() -> None:
    """A window of nothing but nulls, NaN and no rows."""
    for empty in ({name: pa.nulls(50) for name in BEFORE}, {name: pa.nulls(0) for name in BEFORE}):
        findings = hf.compare(BEFORE, empty).findings
        judged = [f for f in findings if f.code.startswith("drift.") and f.code != "drift.missing"]
        assert {f.status for f in judged} == {Status.NOT_APPLICABLE}
        for finding in findings:
            if finding.status is Status.PASS and finding.value is not None:
                assert math.isfinite(finding.value)


# --- Bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "current", "failing"),
    [
        pytest.param(BEFORE, {n: v[:0] for n, v in SAME.items()}, {"quality.row_count"}, id="no rows"),
        pytest.param({n: v[:0] for n, v in SAME.items()}, SAME, {"quality.row_count"}, id="no reference rows"),
        pytest.param(BEFORE, {n: v[:1] for n, v in SAME.items()}, set(), id="one row"),
        pytest.param({n: v[:1] for n, v in SAME.items()}, SAME, set(), id="one reference row"),
        pytest.param({"x": [1.0] * 300}, {"x": [1.0] * 300}, set(), id="constant"),
        pytest.param({"x": pa.nulls(300)}, {"x": pa.nulls(300)}, set(), id="all null on both sides"),
        pytest.param({"x": [NAN] * 300}, {"x": [NAN] * 300}, set(), id="all NaN on both sides"),
    ],
)
def test_poor_tables_have_a_finding_and_no_traceback(reference: object, current: object, failing: set[str]) -> None:
    result = hf.compare(reference, current)
    assert {f.code for f in result.failed} == failing
    json.loads(result.to_json(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None] * 300, {"quality.missing_rate", "quality.new_nulls", "drift.missing"}),
        ([NAN] * 300, {"quality.missing_rate", "quality.new_nulls", "drift.missing"}),
        ([INF] * 300, {"quality.infinite", "quality.outliers", "drift.numeric", "quality.constant"}),
        ([5.0] * 300, {"quality.constant", "drift.numeric"}),
    ],
)
def test_a_column_that_became_useless_fails_and_the_other_does_not(values: list[object], expected: set[str]) -> None:
    before = {"x": [i % 11 for i in np.arange(900.0)], "y": [i % 7 for i in range(900)]}
    result = hf.compare(before, {"x": pa.array(values, pa.float64()), "y": [i % 7 for i in range(300)]})
    assert {f.code for f in result.failed if f.subject == "x"} <= expected
    assert {f.code for f in result.failed if f.subject == "x"} >= expected - {"quality.constant"}
    assert not [f for f in result.failed if f.subject == "y"]


def test_infinities_of_the_reference_break_nothing() -> None:
    result = hf.compare({"x": [INF] * 300, "y": [1.0, 2.0] * 150}, {"x": [1.0, 2.0] * 150, "y": [1.0, 2.0] * 150})
    assert statuses(result, "x")["quality.range"] == "not_applicable"
    assert {f.subject for f in result.failed} <= {"x"}


def test_no_shared_column_is_refused() -> None:
    message = "share no column: the reference has 'a', the current one has 'b'"
    with pytest.raises(hf.InputError, match=message):
        hf.compare({"a": [1]}, {"b": [1]})


def test_columns_of_one_name_are_refused() -> None:
    twice = pa.table([[1, 2], [3, 4]], names=["a", "a"])
    with pytest.raises(hf.InputError, match="several columns named 'a'"):
        hf.compare({"a": [1, 2]}, twice)


def test_nothing_but_nested_columns_is_refused() -> None:
    with pytest.raises(hf.InputError, match="only nested columns"):
        hf.compare({"a": [[1], [2]]}, {"a": [[1], [2]]})


@pytest.mark.parametrize("side", [0, 1])
def test_a_path_that_does_not_exist_is_refused(side: int, tmp_path: Path) -> None:
    tables: list[object] = [SAME, SAME]
    tables[side] = tmp_path / "none.parquet"
    with pytest.raises(hf.InputError, match=r"none\.parquet does not exist"):
        hf.compare(*tables)


@pytest.mark.parametrize("options", [{"roles": {"agee": "target"}}, {"roles": {"age": "targt"}}])
def test_roles_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(hf.SettingError):
        hf.compare(BEFORE, SAME, **options)


@pytest.mark.parametrize("seconds", [0.0, -3600.0, NAN])
def test_a_window_without_length_is_refused(seconds: float) -> None:
    stamps = pa.array(np.arange(100) * 3600, pa.timestamp("s"))
    rows = pa.table({"timestamp": stamps, "x": np.arange(100) % 5})
    with pytest.raises(hf.SettingError, match="above 0"):
        hf.compare(rows, rows, window_seconds=seconds)
    with pytest.raises(hf.SettingError, match="above 0"):
        hf.profile_table(rows, window_seconds=seconds)
    with pytest.raises(hf.SettingError, match="has its own schema and windows"):
        hf.compare(hf.profile_table(rows), rows, window_seconds=seconds)


def test_windows_without_a_time_to_cut_by_are_refused() -> None:
    """They would be silently without effect."""
    stamps = pa.array(np.arange(100) * 3600, pa.timestamp("s"))
    rows = pa.table({"timestamp": stamps, "x": np.arange(100) % 5})
    assert hf.profile_table(rows, window_seconds=7200).edges.grid.width_seconds == 7200
    for options in ({"table": rows.select(["x"])}, {"table": rows, "roles": {"timestamp": "feature"}}):
        with pytest.raises(hf.SettingError, match="no column of the role time"):
            hf.profile_table(**options, window_seconds=7200)
    with pytest.raises(hf.SettingError, match="no column of the role time"):
        hf.compare(BEFORE, SAME, window_seconds=7200)


def test_a_schema_and_roles_together_are_refused() -> None:
    """The roles would be silently without effect."""
    schema = hf.infer(hf.open_table(BEFORE))
    with pytest.raises(hf.SettingError, match="A schema has the roles of all columns"):
        hf.compare(BEFORE, SAME, schema=schema, roles={"age": "target"})


def test_a_column_that_became_text_fails_and_hides_no_other() -> None:
    words = ["n/a"] * 500 + ["12"] * 500
    result = hf.compare(BEFORE, CHANGED | {"age": words})
    assert statuses(result, "age")["quality.type"] == "fail"
    assert statuses(result, "age")["drift.missing"] == "fail"
    assert ("drift.numeric", "amount") in codes(result)


def test_mixed_objects_of_pandas_fail() -> None:
    mixed = pd.DataFrame(SAME).astype({"age": object})
    mixed.loc[::2, "age"] = "unknown"
    result = hf.compare(pd.DataFrame(BEFORE), mixed)
    assert statuses(result, "age")["quality.mixed_types"] == "fail"


def test_nested_columns_are_left_out_and_the_rest_is_compared() -> None:
    nested = {"tags": pa.array([["a"], ["b", "c"]] * 500)}
    result = hf.compare(pa.table(SAME | nested), pa.table(CHANGED | nested))
    assert statuses(result, "tags") == {"quality.type": "not_applicable"}
    assert ("drift.numeric", "amount") in codes(result)


def test_columns_that_are_nested_in_the_reference_alone_are_mentioned_too() -> None:
    nested = {"tags": pa.array([["a"], ["b", "c"]] * 1_500)}
    result = hf.compare(pa.table(BEFORE | nested), pa.table(SAME))
    assert [f.message for f in result.findings if f.subject == "tags"] == [
        "Left out: values of type list are not read; give them columns of their own."
    ]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda v: pa.array([Decimal(int(x)) / 100 for x in v]), id="decimal"),
        pytest.param(lambda v: pa.array(v.astype(np.uint64) + np.uint64(2**63)), id="unsigned beyond int64"),
        pytest.param(lambda v: pa.array(v.astype(np.uint8)), id="unsigned"),
        pytest.param(lambda v: pa.array(v.astype(np.float16)), id="half"),
        pytest.param(lambda v: pa.array(v, pa.duration("ms")), id="duration"),
        pytest.param(lambda v: pa.array((v * 600).astype(np.int32), pa.time32("s")), id="time of day"),
        pytest.param(lambda v: pa.array(v.astype(str)), id="text"),
        pytest.param(lambda v: pa.array(v.astype(str)).dictionary_encode(), id="dictionary"),
        pytest.param(lambda v: pa.array([str(x).encode() for x in v]), id="binary"),
        pytest.param(lambda v: pa.array([dt.date(2025, 1, 1) + dt.timedelta(int(x)) for x in v]), id="date"),
        pytest.param(lambda v: pa.array(v.astype(np.int64) * 3_600, pa.timestamp("s", "Asia/Tokyo")), id="zoned"),
    ],
)
def test_every_type_is_compared(make) -> None:
    """The same values pass; with another law they fail, as a number, a category or a time."""
    rng = np.random.default_rng(3)
    before, same, other = rng.integers(0, 100, 2_000), rng.integers(0, 100, 1_000), rng.integers(0, 4, 1_000)
    column = {"value": "feature"}
    reference = pa.table({"value": make(before)})
    assert hf.compare(reference, pa.table({"value": make(same)}), roles=column, settings={"skip": ["quality"]}).passed
    assert not hf.compare(reference, pa.table({"value": make(other)}), roles=column).passed


def test_naive_and_zoned_times_are_the_same_moments() -> None:
    seconds = np.arange(2_000) * 1_800
    naive, zoned = (pa.table({"timestamp": pa.array(seconds, kind), "x": seconds % 7}) for kind in (
        pa.timestamp("s"),
        pa.timestamp("s", "UTC"),
    ))  # fmt: skip
    result = hf.compare(naive, zoned)
    assert result.passed
    assert statuses(result, "timestamp")["quality.type"] == "warn"


def test_text_that_is_not_utf8_is_compared_and_found() -> None:
    broken = pa.table({"k": pa.array([b"caf\xe9", b"tea"] * 100).view(pa.string())})
    assert hf.compare(broken, broken).passed
    assert ("quality.special_characters", "k") in codes(hf.compare({"k": ["cafe", "tea"] * 100}, broken))


def test_a_hundred_thousand_categories_are_compared() -> None:
    rng = np.random.default_rng(4)
    words = np.array([f"v{i}" for i in range(100_000)])
    before, same, rare = (
        {"k": np.where(rng.uniform(size=200_000) < common, "common", words[rng.integers(0, 100_000, 200_000)])}
        for common in (0.5, 0.5, 0.2)
    )
    assert hf.compare(before, same).passed
    assert codes(hf.compare(before, rare)) == {("drift.categories", "k")}


def test_a_hundred_thousand_categories_that_became_one_fail() -> None:
    rng = np.random.default_rng(4)
    words = np.array([f"v{i}" for i in range(100_000)])
    x = rng.normal(size=200_000)
    before = {"k": words[rng.integers(0, 100_000, 200_000)], "x": x}
    assert not hf.compare(before, {"k": ["same"] * 200_000, "x": x}).passed


def test_columns_may_have_any_name() -> None:
    names = ["a b", "π", "quality.range", "a × b", "", "\x00", "<b>", "x" * 300]
    rows = {name: np.random.default_rng(5).normal(size=300) for name in names}
    result = hf.compare(rows, {name: values + 3 for name, values in rows.items()})
    assert {f.subject for f in result.failed if f.code == "drift.numeric"} == {name or "Unnamed: 4" for name in names}


# --- Exports --------------------------------------------------------------------------------------------------------


def hard() -> Result:
    """A result with every status, empty intervals and values that JSON has no word for."""
    now = CHANGED | {"age": [NAN] * 1_000, "new": [INF] * 1_000}
    return hf.compare(BEFORE | {"gone": [1.0] * 3_000}, now, settings={"skip": ["quality.freshness"]})


def test_dicts_are_plain_and_complete() -> None:
    result = hf.compare(BEFORE, CHANGED)
    dicts = result.to_dicts()
    assert [(d["code"], d["status"], d["subject"], d["message"]) for d in dicts] == [
        (f.code, str(f.status), f.subject, f.message) for f in result.findings
    ]
    assert set(dicts[0]) == set(Finding.__struct_fields__)
    assert json.loads(json.dumps(dicts, allow_nan=False)) == json.loads(result.to_json())["findings"]


def test_dicts_of_poor_tables_are_json_ready() -> None:
    json.dumps(hard().to_dicts(), allow_nan=False)


def test_json_is_valid_and_has_everything_but_values() -> None:
    result = hard()
    read = json.loads(result.to_json(), parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    assert read["passed"] is False
    assert read["counts"] == {str(status): n for status, n in result.counts.items()}
    assert (read["reference"]["rows"], read["current"]["rows"]) == (3_000, 1_000)
    assert read["edges"] == result.reference.edges.digest
    assert [(f["code"], f["subject"], f["status"]) for f in read["findings"]] == [
        (f.code, f.subject, str(f.status)) for f in result.findings
    ]
    assert {name: rows["positions"] for name, rows in read["rows"].items()} == {
        name: list(rows.positions) for name, rows in result.rows.items()
    }


def test_arrow_has_a_row_for_each_finding() -> None:
    result = hard()
    arrow = result.to_arrow()
    rows = arrow.to_pylist()
    assert [(r["code"], r["status"], r["subject"], r["value"], r["limit"], r["weight"]) for r in rows] == [
        (f.code, str(f.status), f.subject, f.value, f.limit, f.weight) for f in result.findings
    ]
    assert [(r["interval_low"], r["interval_high"]) for r in rows] == [
        f.interval or (None, None) for f in result.findings
    ]
    for row, read in zip(rows, json.loads(result.to_json())["findings"], strict=True):
        assert json.loads(row["evidence"]) == read["evidence"]
    assert pl.from_arrow(arrow).height == pa.table(arrow).num_rows == len(result.findings)


def test_no_finding_holds_nan_or_infinity() -> None:
    for result in (hard(), hf.compare(BEFORE, {n: v[:0] for n, v in SAME.items()}), hf.compare(BEFORE, SAME)):
        for finding in result.findings:
            numbers = [finding.value, finding.limit, finding.visible, finding.weight, *(finding.interval or ())]
            assert all(n is None or math.isfinite(n) for n in numbers), finding


def test_messages_hold_no_values_of_the_rows() -> None:
    secret = {"kind": ["Ada Lovelace"] * 1_000, "amount": np.full(1_000, 1815.1210)}
    result = hf.compare(BEFORE, SAME | secret)
    for finding in result.failed:
        assert "Lovelace" not in finding.message
        assert "1815" not in finding.message.replace(",", "")


values = st.one_of(
    st.lists(st.floats() | st.none(), min_size=1, max_size=30),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1, max_size=30),
    st.lists(st.text() | st.none(), min_size=1, max_size=30),
    st.lists(st.booleans() | st.none(), min_size=1, max_size=30),
    st.lists(st.datetimes() | st.none(), min_size=1, max_size=30),
)


@settings(max_examples=150, deadline=None)
@given(values, values)
@example([0.0, 7.2e307], [None])
@example([-1.7e308, 1.7e308], [1.6e308])
def test_any_two_columns_can_be_compared(before: list[object], now: list[object]) -> None:
    """Whatever their types: findings of known codes, none an error, and exports that can be read."""
    result = hf.compare({"x": before}, {"x": now})
    assert {f.code for f in result.findings} <= set(TITLES)
    assert not [f for f in result.findings if f.status is Status.ERROR]
    json.loads(result.to_json(), parse_constant=pytest.fail)
    assert result.to_arrow().num_rows == len(result.findings)


@settings(max_examples=60, deadline=None)
@given(values)
def test_a_column_never_drifts_from_itself(column: list[object]) -> None:
    assert hf.compare({"x": column}, {"x": column}, settings={"skip": ["quality"]}).passed
