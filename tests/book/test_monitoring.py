"""What the monitor has done, in the book."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection, text

from holdfast.book.documents import given_back
from holdfast.book.monitoring import (
    Derived,
    Kept,
    Run,
    derived,
    forget_rows,
    incidents,
    now,
    record_again,
    record_run,
    runs,
    watch_of,
    windows,
)
from holdfast.book.opening import Book, open_book


def run(number: int, model: str = "fraud") -> Run:
    return Run(
        number=number, model=model, release=1, at=now(), received_until=5, labelled_until=7, evidence=b"\x00\xff"
    )


def test_numbers_that_are_not_finite_are_never_written(book: Book) -> None:
    """PostgreSQL refuses them, and what reads JSON does not know them."""
    nan, inf = float("nan"), float("inf")
    content = {
        "rows": 3,
        "cost": nan,
        "figures": {"loss": [1.0, -inf, 2.0], "bias": (0.0, -1.0, 1.0), "recall": [nan, 0.0, 1.0]},
        "alarms": [{"low": -inf, "changes": [[nan, 1.0], [1.0]]}],
    }
    left = Kept(watch=b"\x01", windows={10: content}, incidents={"fraud-1": {"cost": inf, "signs": [{"effect": nan}]}})
    assert record_run(book, run(1), left)
    assert windows(book, "fraud") == {10: given_back(content)}
    assert windows(book, "fraud")[10]["figures"] == {"bias": [0.0, -1.0, 1.0]}
    assert windows(book, "fraud")[10]["alarms"] == [{"changes": [None, [1.0]]}]
    assert incidents(book) == {"fraud-1": {"signs": [{}]}}
    with book.engine.connect() as connection:
        texts = connection.execute(text("SELECT CAST(content AS TEXT) FROM watched_windows")).scalars().all()
    assert not any(word in one for one in texts for word in ("NaN", "Infinity"))


def test_a_run_is_written_with_all_that_it_leaves_behind(book: Book) -> None:
    one = run(1)
    left = Kept(watch=b"\x01", windows={10: {"rows": 3, "loss": [0.1]}}, incidents={"fraud-1": {"id": "fraud-1"}})
    assert record_run(book, one, left)
    assert runs(book, "fraud") == (one,)
    assert watch_of(book, "fraud") == (1, b"\x01")
    assert windows(book, "fraud") == {10: {"rows": 3, "loss": [0.1]}}
    assert incidents(book) == incidents(book, "fraud") == {"fraud-1": {"id": "fraud-1"}}
    assert (runs(book, "churn"), watch_of(book, "churn"), windows(book, "churn"), incidents(book, "churn")) == (
        (),
        None,
        {},
        {},
    )


def test_later_runs_replace_what_they_say_anew(book: Book) -> None:
    record_run(book, run(1), Kept(watch=b"a", windows={10: {"rows": 3}, 20: {"rows": 4}}))
    record_run(book, run(2), Kept(watch=b"b", windows={20: {"rows": 5}, 30: {"rows": 6}}), after=1)
    assert windows(book, "fraud") == {10: {"rows": 3}, 20: {"rows": 5}, 30: {"rows": 6}}
    assert watch_of(book, "fraud") == (2, b"b")
    assert derived(book, "fraud").windows == {10: (1, {"rows": 3}), 20: (2, {"rows": 5}), 30: (2, {"rows": 6})}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_that_does_not_go_on_from_the_newest_is_not_written(book: Book, number: int) -> None:
    record_run(book, run(2), Kept(watch=b"a", windows={10: {"rows": 3}}))
    assert not record_run(book, run(number), Kept(watch=b"b", windows={10: {"rows": 9}}), after=0)
    assert windows(book, "fraud") == {10: {"rows": 3}}
    assert [one.number for one in runs(book, "fraud")] == [2]


def test_of_two_runs_at_once_one_is_written(book: Book, location: str) -> None:
    other, done = open_book(location), []
    start = threading.Barrier(2)

    def write(mine: Book, number: int) -> None:
        start.wait()
        done.append(record_run(mine, run(number), Kept(watch=b"", windows={number: {}})))

    both = [threading.Thread(target=write, args=args) for args in ((book, 1), (other, 2))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    other.close()
    assert sorted(done) == [False, True]
    assert len(runs(book, "fraud")) == len(windows(book, "fraud")) == 1


def test_what_belongs_to_the_run_fails_with_it(book: Book) -> None:
    def then(_: Connection) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_run(book, run(1), Kept(watch=b"", windows={10: {}}), then=then)
    assert (runs(book, "fraud"), windows(book, "fraud")) == ((), {})


def test_more_windows_than_one_statement_takes(book: Book) -> None:
    many = {start: {"rows": start} for start in range(2_001)}
    record_run(book, run(1), Kept(watch=b"", windows=many))
    record_run(book, run(2), Kept(watch=b"", windows=many), after=1)
    assert windows(book, "fraud") == many


def test_what_is_derived_is_replaced_as_a_whole_unless_a_run_came_between(book: Book) -> None:
    record_run(book, run(1), Kept(watch=b"a", windows={10: {"rows": 3}}, incidents={"fraud-1": {}}))
    record_run(book, run(9, "churn"), Kept(watch=b"c", windows={10: {"rows": 8}}))
    new = Derived(watch=(1, b"z"), windows={20: (1, {"rows": 4})}, incidents={"fraud-2": (1, {"id": "fraud-2"})})
    assert not record_again(book, "fraud", new, after=0)
    assert windows(book, "fraud") == {10: {"rows": 3}}
    assert record_again(book, "fraud", new, after=1)
    assert derived(book, "fraud") == new
    assert windows(book, "churn") == {10: {"rows": 8}}


def test_ids_of_rows_are_taken_out_of_the_incidents_of_a_model(book: Book) -> None:
    named = {"fraud-1": {"rows": ["a", "b", "c"], "cost": 1.5}, "fraud-2": {"rows": ["c"]}, "fraud-3": {}}
    record_run(book, run(1), Kept(watch=b"", incidents=named))
    record_run(book, run(2, "churn"), Kept(watch=b"", incidents={"churn-1": {"rows": ["b"]}}))
    assert forget_rows(book, "fraud", ["b", "c"]) == 2
    left = {"fraud-1": {"rows": ["a"], "cost": 1.5}, "fraud-2": {"rows": []}, "fraud-3": {}}
    assert incidents(book, "fraud") == left
    assert incidents(book, "churn") == {"churn-1": {"rows": ["b"]}}
    assert derived(book, "fraud").incidents["fraud-1"][0] == 1
    assert forget_rows(book, "fraud", ["b", "c"]) == 0
    assert incidents(book, "fraud") == left
