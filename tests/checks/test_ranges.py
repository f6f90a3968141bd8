"""Numbers outside the reference's range, or far outside its bulk."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import holdfast as hf
from holdfast.engines.local import profile_of
from holdfast.records import Status

NAN, INF = math.nan, math.inf
UNIT = {"x": np.linspace(0, 1, 1001)}


@pytest.mark.parametrize(
    ("outside", "status"),
    [([], "pass"), ([1.5], "pass"), ([1.5, -0.5], "warn"), ([1.5] * 20, "fail")],
)
def test_values_outside_the_range_fail_beyond_one_of_a_thousand(ask, outside: list[float], status: str) -> None:
    values = [0.5] * (200 - len(outside)) + outside
    finding = ask("quality.range", UNIT, {"x": values})["x"]
    assert (finding.status, finding.value) == (status, len(outside) / 200)
    assert finding.limit == pytest.approx(2 / 1001)  # the extremes of so few rows are passed by chance
    assert finding.evidence == {"below": outside.count(-0.5), "above": outside.count(1.5)}


def test_the_ends_of_the_range_are_inside_it(ask) -> None:
    assert ask("quality.range", UNIT, {"x": [0.0, 1.0] * 50})["x"].value == 0.0
    beyond = [np.nextafter(0.0, -1), np.nextafter(1.0, 2)]
    assert ask("quality.range", UNIT, {"x": beyond * 50})["x"].value == 1.0


def test_the_tolerable_share_is_a_setting(ask) -> None:
    now = {"x": [0.5] * 100 + [1.5] * 100}
    assert ask("quality.range", UNIT, now, settings={"out_of_range": 0.6})["x"].status is Status.PASS
    assert ask("quality.range", UNIT, now, settings={"out_of_range": 0.4})["x"].status is Status.WARN
    assert ask("quality.range", UNIT, now, settings={"out_of_range": 0.1})["x"].status is Status.FAIL


def test_infinities_are_counted_by_their_own_check_alone(ask) -> None:
    """A reference with infinities is not out of its own range."""
    rows = {"x": [*np.linspace(0, 1, 99), INF]}
    assert ask("quality.range", rows, rows)["x"].value == 0.0
    assert ask("quality.range", UNIT, {"x": [INF] * 100})["x"].status is Status.NOT_APPLICABLE
    assert ask("quality.infinite", UNIT, {"x": [INF] * 100})["x"].status is Status.FAIL


@pytest.mark.parametrize("nothing", [[None] * 50, [NAN] * 50, [INF] * 50])
def test_without_numbers_on_a_side_range_and_outliers_do_not_apply(ask, nothing: list[float | None]) -> None:
    empty = {"x": pa.array(nothing, pa.float64())}
    for code in ("quality.range", "quality.outliers"):
        assert ask(code, empty, UNIT)["x"].status is Status.NOT_APPLICABLE
    assert ask("quality.range", UNIT, empty)["x"].status is Status.NOT_APPLICABLE


def test_range_is_no_question_to_categories(ask) -> None:
    words = {"k": ["a", "b"] * 20}
    assert ask("quality.range", words, words) == {}
    assert ask("quality.outliers", words, words) == {}


def test_unsigned_integers_and_decimals_have_a_range(ask) -> None:
    whole = np.arange(0, 2**63, 2**53, dtype=np.uint64) + np.uint64(2**62)
    rows = {"x": pa.array(np.repeat(whole, 2))}
    assert ask("quality.range", rows, rows)["x"].value == 0.0
    prices = pa.array(np.repeat(np.arange(100), 2)).cast(pa.decimal128(21, 2))
    assert ask("quality.range", {"x": prices}, {"x": prices})["x"].value == 0.0
    assert ask("quality.range", {"x": prices}, {"x": pa.array([500.0] * 50)})["x"].value == 1.0


@pytest.mark.parametrize(("far", "status"), [(0, "pass"), (1, "pass"), (4, "warn"), (20, "fail")])
def test_far_out_values_fail_when_their_share_has_grown(ask, far: int, status: str) -> None:
    """The quartiles of 0 to 1 are 0.25 and 0.75, so the fences stand at -1.25 and 2.25."""
    finding = ask("quality.outliers", UNIT, {"x": [0.5] * (200 - far) + [1e9] * far})["x"]
    assert (finding.status, finding.value, finding.limit) == (status, far / 200, 0.01)
    assert finding.evidence["fences"] == pytest.approx((-1.25, 2.25), abs=0.01)


def test_values_outside_the_range_but_within_the_fences_are_no_outliers(ask) -> None:
    assert ask("quality.outliers", UNIT, {"x": [1.5, -0.5] * 50})["x"].value == 0.0


def test_one_huge_value_in_the_reference_moves_no_fence(ask) -> None:
    reference = {"x": [*np.linspace(0, 1, 1001), 1e9]}
    finding = ask("quality.outliers", reference, {"x": [0.5] * 180 + [1e6] * 20})["x"]
    assert (finding.status, finding.value) == (Status.FAIL, 0.1)
    assert finding.evidence["reference"] == 1 / 1002


def test_of_a_bin_that_a_fence_cuts_only_what_lies_beyond_counts(ask) -> None:
    """All above 1 is one bin, which the fence at 2.25 cuts: one far value does not make the others far."""
    finding = ask("quality.outliers", UNIT, {"x": [0.5] * 100 + [1.5] * 99 + [9.0]})["x"]
    assert (finding.status, finding.value) == (Status.PASS, 1 / 200)
    assert (finding.evidence["at_least"], finding.evidence["at_most"]) == (0, 100)


def test_of_a_long_table_the_sample_of_rows_tells_the_share_beyond_a_fence(ask) -> None:
    values = np.repeat([0.5, 1.5, 9.0], [80_000, 10_000, 10_000])
    finding = ask("quality.outliers", UNIT, {"x": np.random.default_rng(0).permutation(values)})["x"]
    assert finding.value == pytest.approx(0.1, abs=0.01)
    assert finding.evidence["at_most"] == 20_000


def test_without_a_sample_of_rows_only_bins_beyond_the_fences_count() -> None:
    reference = hf.profile_table({"x": [*np.linspace(0, 1, 1001), 8.0, 9.0]})
    now = replace(profile_of(hf.open_table({"x": [0.5] * 97 + [8.5] * 2 + [99.0]}), reference.edges), sample=None)
    [finding] = [f for f in hf.compare(reference, now).findings if f.code == "quality.outliers"]
    assert finding.value == 3 / 100
    assert (finding.evidence["at_least"], finding.evidence["at_most"]) == (3, 3)


def test_a_constant_reference_has_no_fences(ask) -> None:
    assert ask("quality.outliers", {"x": [3.0] * 100}, {"x": [3.0, 9.0] * 50})["x"].status is Status.NOT_APPLICABLE


def test_one_huge_value_in_the_window_fails_nothing() -> None:
    rng = np.random.default_rng(0)
    result = hf.compare({"x": rng.normal(size=2000)}, {"x": [*rng.normal(size=999), 1e9]})
    assert result.passed
