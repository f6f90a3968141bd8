"""What the model has seen of what it is judged on: moments, rows, owners, rows alike."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.checks.leakage import duplicate_leakage, group_leakage, identity_leakage, time_leakage
from holdfast.checks.limits import ReleaseLimits
from holdfast.records import Status

LIMITS = ReleaseLimits()
DAYS = [np.arange(0.0, 6), np.arange(6.0, 8), np.arange(8.0, 10)]


@pytest.mark.parametrize(
    ("parts", "until", "delay", "status"),
    [
        (DAYS, 5.0, 0.0, "pass"),
        (DAYS, 5.0, 1.0, "pass"),
        (DAYS, 5.5, 1.0, "warn"),  # the labels of the last fitted rows came after the first judged row
        (DAYS, 6.0, 0.0, "fail"),
        (DAYS, None, 0.0, "warn"),
        ([DAYS[0] + 1, *DAYS[1:]], 5.0, 0.0, "fail"),
        ([DAYS[0], DAYS[2], DAYS[1]], 5.0, 0.0, "fail"),
        ([None, None, None], None, 0.0, "warn"),
    ],
)
def test_rows_are_judged_only_after_the_moment_that_the_model_was_fitted_until(parts, until, delay, status) -> None:
    [found] = time_leakage(parts, until, delay)
    assert found.status == status


def test_all_rows_that_were_fitted_are_counted() -> None:
    [found] = time_leakage(DAYS, 8.0)
    assert (found.value, found.limit, found.unit) == (3.0, 0.0, "rows")


@pytest.mark.parametrize(
    ("test", "status", "value"),
    [
        (["d", "e"], "pass", None),
        (["a", "e"], "fail", 1 / 3),
        (["c", "c"], "fail", 2 / 3),
        ([None, None], "pass", None),
    ],
)
def test_an_identifier_belongs_to_one_part(test, status, value) -> None:
    """`a` is of train, `c` of validation; a missing identifier identifies nothing."""
    ids = [pa.array(["a", "b", None]), pa.array(["c"]), pa.array(test, pa.string())]
    [found] = identity_leakage(ids)
    assert (found.status, found.value) == (status, value)


def test_without_identifiers_nothing_is_said() -> None:
    assert identity_leakage([None, None, None])[0].status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("test", "status", "value"), [([3, 4], "pass", 0.0), ([0, 3, 4, -1], "warn", 1 / 3), ([-1], "not_applicable", None)]
)
def test_owners_of_test_rows_that_train_knows_are_told(test, status, value) -> None:
    train = np.array([0, 1, 2, -1])
    [found] = group_leakage({"customer": [train, train, np.array(test)]})
    assert (found.subject, found.status, found.value) == ("customer", status, value)


def test_without_owners_nothing_is_said() -> None:
    assert group_leakage({})[0].status is Status.NOT_APPLICABLE


def drawn(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {"amount": rng.lognormal(3, 1, rows), "km": rng.normal(size=rows), "kind": rng.choice(["a", "b"], rows)}
    )


def test_copies_of_train_rows_fail_also_when_numbers_are_a_little_off() -> None:
    train, test = drawn(2_000, 0), drawn(900, 1)
    amounts = [[1.0, 2.0, 5.0, None], [1.0001, 2.0001, 4.9999, None]]
    first, second = (
        pa.table({"amount": a, "km": [0.25, 8.0, 16.0, 1.0], "kind": ["a", "b", "b", "a"]}) for a in amounts
    )
    train = pa.concat_tables([train, *[first] * 1])
    leaky = pa.concat_tables([test, *[second] * 25])
    [found] = duplicate_leakage(train, leaky, LIMITS)
    assert found.status is Status.FAIL
    assert found.evidence == {"test": 0.1, "train": 0.0, "rows": 100}


def test_clean_rows_pass_and_categories_are_compared_by_their_text() -> None:
    train, test = drawn(2_000, 0), drawn(900, 1)
    assert duplicate_leakage(train, test, LIMITS)[0].status is Status.PASS
    coded = train.slice(0, 500).set_column(2, "kind", train["kind"].slice(0, 500).dictionary_encode())
    assert duplicate_leakage(train, coded, LIMITS)[0].evidence["test"] == 1.0


def test_rows_of_few_values_repeat_by_nature() -> None:
    """Sixteen possible rows: every one has its like in train, as those of train have."""
    rng = np.random.default_rng(0)
    train, test = (pa.table({name: rng.integers(0, 2, rows) for name in "abcd"}) for rows in (2_000, 500))
    [found] = duplicate_leakage(train, test, LIMITS)
    assert (found.status, found.value) == (Status.PASS, 0.0)
    assert duplicate_leakage(train, test, LIMITS, drawn=True)[0].status is Status.WARN


def test_no_rows_of_train_are_nothing_to_look_at() -> None:
    assert duplicate_leakage(drawn(0, 0), drawn(10, 0), LIMITS)[0].status is Status.NOT_APPLICABLE


@pytest.mark.simulation
def test_rows_of_one_source_seldom_look_leaked() -> None:
    """A third of the rows repeats by nature: at most 5% of 200 splits of such rows warn or fail."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        table = pa.table({"a": np.minimum(rng.integers(0, 3_000, 1_200), 1_000), "b": rng.integers(0, 2, 1_200)})
        alarms += duplicate_leakage(table.slice(0, 800), table.slice(800), ReleaseLimits(duplicates=0.06))[
            0
        ].status in {
            Status.WARN,
            Status.FAIL,
        }
    assert alarms <= 10
