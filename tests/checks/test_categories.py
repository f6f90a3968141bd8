"""Categories that are new, and columns that no longer vary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.records import Status

LETTERS = {"k": ["a", "b", "c", "d"] * 250}


@pytest.mark.parametrize(("new", "status"), [(0, "pass"), (1, "pass"), (4, "warn"), (40, "fail"), (200, "fail")])
def test_unseen_categories_fail_beyond_chance(ask, new: int, status: str) -> None:
    """No value of the reference was seen once only, so at most `1 - 0.001^(1/1000)` of the rows may be new."""
    finding = ask("quality.unseen_category", LETTERS, {"k": ["e"] * new + ["a"] * (200 - new)})["k"]
    assert (finding.status, finding.value) == (status, new / 200)
    assert finding.limit == pytest.approx(1 - 0.001 ** (1 / 1000), rel=1e-9)


def test_values_seen_once_say_how_many_new_ones_to_expect(ask) -> None:
    """Good's estimate: half of the reference rows are values seen once, so half of the new rows may be new."""
    reference = {"k": [*(f"v{i}" for i in range(500)), *["a"] * 500]}
    new = {"k": [*(f"w{i}" for i in range(400)), *["a"] * 600]}
    finding = ask("quality.unseen_category", reference, new, roles={"k": "feature"})["k"]
    assert (finding.status, finding.value) == (Status.PASS, 0.4)
    assert 0.5 < finding.limit < 0.56
    assert finding.evidence["new_values"] == 400


def test_a_new_value_is_named_only_when_it_was_seen_ten_times(ask) -> None:
    """A rare value may point at a person."""
    now = {"k": ["often"] * 10 + ["rare"] * 9 + ["a"] * 81}
    finding = ask("quality.unseen_category", LETTERS, now)["k"]
    assert finding.evidence == {"new_values": 2, "named": {"often": 10}}
    assert "often" not in finding.message


def test_the_tolerable_share_of_new_values_is_a_setting(ask) -> None:
    now = {"k": ["e"] * 50 + ["a"] * 150}
    assert ask("quality.unseen_category", LETTERS, now, settings={"new_values": 0.3})["k"].status is Status.PASS


def test_integer_codes_that_came_as_text_are_known_values(ask) -> None:
    codes = ["10", "20", "30"] * 50
    finding = ask("quality.unseen_category", {"k": codes}, {"k": pa.array([10, 20, 30, 30])})["k"]
    assert (finding.status, finding.value) == (Status.PASS, 0.0)


def test_booleans_are_never_new(ask) -> None:
    finding = ask("quality.unseen_category", {"b": [True] * 50}, {"b": [False] * 50})["b"]
    assert (finding.status, finding.value) == (Status.PASS, 0.0)


def test_a_hundred_thousand_categories_are_said_to_be_too_many(ask) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"v{i}" for i in range(100_000)])
    reference, now = ({"k": words[rng.integers(0, 100_000, 200_000)]} for _ in range(2))
    finding = ask("quality.unseen_category", reference, now)["k"]
    assert finding.status is Status.NOT_APPLICABLE
    assert finding.message == "The reference has more than 2,048 values: its rare ones are not kept."


def test_a_hundred_thousand_new_categories_are_counted(ask) -> None:
    """About: of so many values a sample is kept, chosen by hash."""
    now = {"k": [f"v{i}" for i in range(100_000)]}
    finding = ask("quality.unseen_category", LETTERS, now)["k"]
    assert (finding.status, finding.value) == (Status.FAIL, 1.0)
    assert 85_000 < finding.evidence["new_values"] < 115_000
    assert finding.evidence["named"] == {}


@pytest.mark.parametrize("side", ["reference", "current"])
def test_unseen_categories_do_not_apply_without_values(ask, side: str) -> None:
    empty = {"k": pa.array([None] * 100, pa.string())}
    tables = (empty, LETTERS) if side == "reference" else (LETTERS, empty)
    assert ask("quality.unseen_category", *tables)["k"].status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        ([1.0, 2.0] * 100, [1.0, 2.0] * 50, "pass"),
        ([1.0, 2.0] * 100, [1.0] * 100, "fail"),
        ([1.0, 2.0] * 100, [7.0] * 100, "fail"),  # one value that the reference never had
        ([1.0, 2.0] * 100, [1.0] * 10, "pass"),  # no wonder: whatever comes first, 0.5^9 for the others
        ([1.0, 2.0] * 100, [1.0] * 11, "fail"),
        ([i / 7 for i in range(400)], [9.5], "pass"),  # a single row always has one value
        (["a", "b"] * 100, ["a"] * 100, "fail"),
        (["a", "b"] * 100, ["c"] * 100, "fail"),
        ([True, False] * 100, [True] * 100, "fail"),
        ([3.0] * 100, [3.0] * 100, "warn"),
        ([3.0] * 100, [4.0, 5.0] * 50, "warn"),  # the reference was of no use
        ([0.0] * 9999 + [1.0], [0.0] * 200, "pass"),  # almost constant before, too
    ],
)
def test_a_column_that_no_longer_varies_fails(ask, before: list[object], now: list[object], status: str) -> None:
    assert ask("quality.constant", {"x": before}, {"x": now})["x"].status == status


def test_a_constant_column_has_its_share_and_the_limit(ask) -> None:
    finding = ask("quality.constant", {"x": [1.0, 2.0] * 100}, {"x": [1.0] * 999 + [2.0]})["x"]
    assert (finding.value, finding.limit, finding.unit) == (0.999, 0.999, "share")
    assert finding.evidence == {"reference": 0.5}
    strict = {"almost_constant": 1.0}
    assert (
        ask("quality.constant", {"x": [1.0, 2.0] * 100}, {"x": [1.0] * 999 + [2.0]}, settings=strict)["x"].status
        is Status.PASS
    )


def test_many_different_numbers_in_one_bin_are_not_constant(ask) -> None:
    now = {"x": 1000.0 + np.arange(500) / 7}
    assert ask("quality.constant", {"x": np.arange(500) / 7}, now)["x"].status is Status.PASS


def test_constant_does_not_apply_without_values_and_is_not_asked_of_identifiers(ask) -> None:
    empty = {"x": pa.nulls(50, pa.float64())}
    assert ask("quality.constant", {"x": [1.0, 2.0] * 50}, empty)["x"].status is Status.NOT_APPLICABLE
    rows = {"id": [f"r{i}" for i in range(200)], "x": [1.0, 2.0] * 100}
    assert list(ask("quality.constant", rows, rows)) == ["x"]
